"""Vectors about what a recovering reader makes of damage (section 12); strict readers give one error for each.

`recovers` states by hand what is to come out: messages, of these salvaged, lost (None: unknown), end.
"""

import struct

from . import flatbuffer, stream
from .cases_common import (OTHER_ID, STREAM_ID, corrupt, cut_out, flip, header, new_writer, put, refused, region, sample,
                           scattered, started, stream_of)
from .stream import CLOSED, CONTROL_BIT, RESUMED

HEAD = len(region())
FIRST = HEAD + 64            # the first message behind the first sync
STEP = 8 + 24                # frames of 24 bytes of body


def groups(*counts, **options):
    """So many messages of 24 bytes in front of each further sync, the last of which is CLOSED."""
    writer = started(**options)
    places = []
    for count in counts:
        for _ in range(count):
            places.append(writer.position)
            writer.plain_message(sample(24, len(places)))
        places.append(writer.position)
        writer.sync(CLOSED if len(places) == sum(counts) + len(counts) else 0)
    return bytes(writer.data), places


# --- The header -----------------------------------------------------------------------------------------

def headers():
    data, _ = groups(3, 3)
    yield refused("header_overwritten", 12, "the first sync says what the header would, but for its promises",
                  put(data, 0, sample(HEAD, 1)), "not_a_stream", 0, recovers=(6, 0, 0, "closed"))
    yield refused("header_and_first_sync_overwritten", 12, "the second sync tells; what lies before it is salvaged",
                  put(data, 0, sample(FIRST, 1)), "not_a_stream", 0, recovers=(6, 3, 0, "closed"))
    yield refused("header_lost_with_the_first_sector", 12, "512 bytes lost: no sync stands where it says",
                  groups(14, 6, 2)[0][512:], "not_a_stream", 0, recovers=(9, 1, 13, "closed"))
    own = region(writer="a program")
    whole = stream_of([sample(24, index) for index in range(5)], own)
    lying = region(writer="A program")
    assert len(lying) == len(own)
    yield scattered("header_of_another_stream", 12, "a header that no sync is of: it is another stream's, and they win",
                    put(whole, 0, lying), "sync_header", len(own), 0, recovers=(5, 0, 0, "closed"))
    data, _ = groups(3, 3)
    yield scattered("first_sync_of_another_stream", 12, "another stream's first sync, good for the reader: the rest is told",
                    put(data, HEAD, bytes(started(stream_id=OTHER_ID).data[HEAD:])), "frame_check", FIRST, 0,
                    recovers=(0, 0, None, "scattered"))
    other = bytes(started(messages=20, stream_id=OTHER_ID).data)
    yield scattered("first_sector_of_another_stream", 12,
                    "another stream of the same program over the first 512 bytes: its messages are read, the rest is told",
                    put(groups(20, 4)[0], 0, other[:512]), "frame_check", FIRST + 12 * STEP, 12,
                    recovers=(12, 0, None, "scattered"))


# --- Bytes that were moved ------------------------------------------------------------------------------

def moved():
    data, places = groups(6, 6)
    place = places[2]
    yield scattered("bytes_lost_before_a_sync", 12, "16 bytes lost: the next sync tells by how much all is displaced",
                    cut_out(data, place + 8, place + 24), "frame_check", place, 2, recovers=(11, 3, 1, "closed"))
    yield scattered("bytes_inserted_before_a_sync", 12, "7 bytes inserted in the middle of a message",
                    data[:place + 13] + b"seven b" + data[place + 13:], "frame_check", place, 2,
                    recovers=(11, 3, 1, "closed"))
    yield scattered("bytes_came_twice", 12, "two messages and a sync come again: nothing is given twice",
                    data[:places[7]] + data[places[4]:places[7]] + data[places[7]:], "frame_check", places[7], 6,
                    recovers=(12, 6, 0, "closed"))
    lost = cut_out(data, place + 8, place + 24)
    foreign = new_writer().next_sync(stream_id=OTHER_ID, position=len(data))
    yield scattered("other_stream_behind_lost_bytes", 12, "its place is told as an offset, which is 16 less now",
                    lost + stream.encode_sync(foreign), "frame_check", place, 2, recovers=(11, 3, None, "scattered"))
    data, places = groups(*[12] * 5)
    sector = data[1024:1536]
    yield scattered("sector_displaced", 12, "a sector in place of another: the sync in its place goes before the other's",
                    put(data, 512, sector), "frame_check", places[12], 12, recovers=(47, 11, 13, "closed"))
    data, places = groups(*[6] * 4, header_region=region(sync_interval=64, max_message_len=64))
    d = places[7]
    data = put(data, d, data[places[13]:places[13] + 64])
    yield scattered("sync_displaced_far_from_the_next_one", 12,
                    "no sync stands in its place near the displaced one: it is taken", data, "sync_position", d, 6,
                    recovers=(18, 6, 6, "closed"))


# --- Epochs ---------------------------------------------------------------------------------------------

def reopened(stale):
    """A stream that was cut at D and went on in epoch 1; `stale` bytes of what was cut come back behind its end."""
    lost = started(messages=12)
    lost.sync()
    writer = started(messages=3)
    d = writer.position
    writer.resume(1)
    for index in range(2):
        writer.message(sample(24, 100 + index))
    data = bytes(writer.data)
    return data, d, bytes(lost.data)[len(data):len(data) + stale]


def epochs():
    data, d, stale = reopened(3 * STEP)
    writer = started(epoch=2)
    writer.data += bytes(len(data) + len(stale) - len(writer.data))
    writer.sequence = 5
    writer.sync(epoch=2)
    later = writer.data[len(data) + len(stale):]
    yield scattered("resumed_sync_damaged_behind_stale_frames", 12,
                    "S is two epochs on: frames of epoch 0 are not tried, as they may be stale",
                    flip(data, d + 20, 3) + stale + later, "frame_check", d, 3, recovers=(3, 0, 2, "open"),
                    notes={d + 20: "bit 3 flipped", len(data): "stale"})
    data, d, stale = reopened(2 * STEP)
    writer = new_writer(epoch=1)
    writer.data += bytes(len(data) + len(stale) - HEAD)
    writer.sequence = 5
    writer.sync()
    yield scattered("stale_frames_behind_a_damaged_resumed_sync", 12,
                    "S is of epoch 1 and not RESUMED: only its salt is tried, and the two messages of epoch 1 are found",
                    flip(data, d + 20, 3) + stale + writer.data[len(data) + len(stale):], "frame_check", d, 3,
                    recovers=(5, 2, 0, "open"), notes={d + 20: "bit 3 flipped", len(data): "stale"})
    writer = started(messages=4)
    d = FIRST + 2 * STEP
    writer.resume(1)
    writer.message(sample(24, 9))
    writer.finish()
    yield scattered("damage_in_front_of_a_resumed_sync", 12, "S is RESUMED and the next epoch: both salts are tried",
                    flip(bytes(writer.data), d + 9, 1), "frame_check", d, 2, recovers=(4, 1, 1, "closed"))


# --- What is in a damaged region ------------------------------------------------------------------------

def regions():
    for name, stream_id in (("own", STREAM_ID), ("other", OTHER_ID)):
        nested = stream_of([sample(24, index) for index in range(3)], stream_id=stream_id)
        writer = started(messages=1)
        d = writer.position
        writer.message(nested)
        writer.message(b"behind")
        writer.finish()
        yield scattered("nested_stream_of_%s_id_in_a_damaged_message" % name, 12,
                        "frames of the stream that is stored in the message are not where they say",
                        flip(bytes(writer.data), d, 7), "frame_check", d, 1, recovers=(2, 1, 1, "closed"))
    writer = started(messages=1)
    d = writer.position
    numbers = struct.pack("<300I", *(index * 7 % 180 for index in range(300)))
    for body in (numbers, sample(24, 0), sample(24, 1), sample(24, 2)):
        writer.plain_message(body)
    writer.finish()
    yield scattered("numbers_that_look_like_lengths", 12, "a message of small numbers whose head is damaged",
                    flip(bytes(writer.data), d + 4, 2), "frame_check", d, 1, recovers=(4, 3, 1, "closed"))
    writer = started(messages=1)
    numbers = struct.pack("<600I", *(60 + index * 7 % 41 for index in range(600)))
    for body in (numbers, sample(24, 0), sample(24, 1), sample(24, 2)):
        writer.plain_message(body)
    yield scattered("numbers_that_look_like_lengths_and_no_sync", 12,
                    "the bound allows for each of them once: a reader that hashes some twice does not get behind them",
                    flip(bytes(writer.data), d + 4, 2), "frame_check", d, 1, recovers=(4, 3, None, "open"))
    writer = started(messages=1)
    d = writer.position
    for body in (sample(3000, 5), sample(24, 0), sample(24, 1), sample(24, 2)):
        writer.plain_message(body)
    writer.finish()
    yield scattered("long_message_whose_length_reaches_too_far", 12, "a length is never followed past a sync",
                    flip(bytes(writer.data), d + 5, 7), "incomplete", d, 1, recovers=(4, 3, 1, "closed"))
    writer = started(messages=1)
    d = writer.position
    writer.message(b"a")
    writer.message(b"bad pad")
    writer.message(b"c")
    writer.sync(grown_by=b"later")
    writer.finish()
    data = flip(bytes(writer.data), d, 0)
    data = flip(flip(data, d + 31, 4), d + 48 + 64 + 7, 0)
    yield scattered("pads_behind_damage", 12, "pads that are not zero, of a salvaged message and of the next sync",
                    data, "frame_check", d, 1, recovers=(3, 2, 1, "closed"))
    writer = started(messages=2)
    d = writer.position
    writer.message(sample(24, 2))
    image = writer.position + 64
    inner = writer.next_sync(position=image, sequence=9)
    writer.sync(grown_by=stream.encode_sync(inner) + sample(24, 8))
    writer.message(sample(24, 3))
    writer.finish()
    yield scattered("sync_inside_of_a_sync", 12, "a long sync holds the image of another: S is the one that begins first",
                    flip(bytes(writer.data), d + 9, 0), "frame_check", d, 2, recovers=(3, 0, 1, "closed"),
                    notes={image: "the image, which is not looked at"})
    writer = started(messages=2)
    d = writer.position
    writer.data += sample(32, 8)
    writer.control(b"meta" + sample(12))
    writer.control(b"me1a" + sample(12))
    writer.message(sample(24, 3))
    writer.finish()
    yield scattered("control_frames_behind_damage", 12, "one is salvaged; one has a kind that is none, and is no frame",
                    bytes(writer.data), "incomplete", d, 2, recovers=(3, 1, 0, "closed"))
    writer = started(messages=2)
    writer.data += sample(32, 8)
    writer.message(sample(24, 3))
    writer.control(b"CHNK" + sample(12))
    writer.message(sample(24, 4))
    writer.finish()
    yield scattered("control_critical_behind_damage", 12, "a kind that may not be skipped ends recovery, too",
                    bytes(writer.data), "incomplete", d, 2, recovers=(3, 1, 0, None))


# --- Without a sync behind ------------------------------------------------------------------------------

def ends():
    writer = started(messages=6)
    data, d = bytes(writer.data), FIRST + 2 * STEP
    yield scattered("zeros_in_the_middle_of_an_open_stream", 12, "no sync follows: what was lost is unknown",
                    put(data, d, bytes(STEP)), "blank", d, 2, recovers=(5, 3, None, "open"))
    yield scattered("damage_in_front_of_a_torn_end", 12, "the stop moves behind what was salvaged: there it is torn",
                    flip(data, d + 9, 0)[:-5], "frame_check", d, 2, recovers=(4, 2, None, "torn"))
    yield scattered("damage_in_front_of_zeros", 12, "and there it is open", flip(data, d + 9, 0) + bytes(100),
                    "frame_check", d, 2, recovers=(5, 3, None, "open"))
    other = stream_of([b"other"], stream_id=OTHER_ID)
    yield scattered("damage_in_front_of_a_second_stream", 12, "there the second stream is told",
                    flip(data, d + 9, 0) + other, "frame_check", d, 2, recovers=(5, 3, None, "scattered"))
    data, places = groups(4, 4, 4, 4)
    data = flip(flip(flip(data, places[1] + 12, 5), places[5], 1), places[10] + 4, 0)
    data = put(data, places[16], bytes(24))[:-70]
    yield scattered("several_stops", 12, "three damages with a sync behind, and one with none", data, "frame_check",
                    places[1], 1, recovers=(11, 9, None, "torn"))
    writer = started(messages=4)
    writer.sync(durable=FIRST + 3 * STEP)
    writer.message(sample(24, 9))
    writer.finish()
    d = FIRST + STEP
    yield corrupt("damage_to_durable_bytes_recovered", 12, "a strict reader says corrupt; behind it the stream goes on",
                  flip(bytes(writer.data), d + 8, 0), "frame_check", d, 1, recovers=(4, 2, 1, "closed"))


def cases():
    return [case for group in (headers, moved, epochs, regions, ends) for case in group()]
