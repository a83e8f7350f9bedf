"""Vectors with an error: its code, its position, and for damage how the stream ended."""

import struct

from . import flatbuffer, stream
from .cases_common import (OTHER_ID, corrupt, cut_out, flip, header, new_writer, places, put, refused,
                           region, region_with, sample, scattered, started, stream_of)
from .stream import CLOSED, CONTROL_BIT, RESUMED


# --- Header region --------------------------------------------------------------------------------------

def not_streams():
    whole = stream_of([b"a"])
    yield refused("empty_file", 10, "no bytes at all", b"", "not_a_stream", 0)
    yield refused("one_byte", 10, "one byte of a stream", whole[:1], "not_a_stream", 0)
    yield refused("eleven_bytes", 10, "one byte less than what tells a stream", whole[:11], "not_a_stream", 0)
    png = bytes.fromhex("89504e470d0a1a0a") + struct.pack(">I", 13) + b"IHDR" + sample(40)
    yield refused("other_file_png", 10, "a file of another format", png, "not_a_stream", 0)
    yield refused("identifier_of_another_version", 10, "FLS2 instead of FLS1", put(whole, 8, b"FLS2"), "not_a_stream",
                  0)
    yield refused("zeros_only", 10, "preallocated storage that was never written", bytes(64), "not_a_stream", 0)


def header_lengths():
    whole = stream_of([b"a"])
    for name, n, about in (("too_small", 4, "N = 4"), ("not_aligned", 101, "N mod 8 is 5"),
                           ("multiple_of_8", 96, "N instead of 4 + N is a multiple of 8"),
                           ("over_1_mib", (1 << 20) + 4, "N of 1 MiB + 4")):
        yield refused("header_length_" + name, 3, about, put(whole, 0, struct.pack("<I", n)), "header_length", 0)
    cut = 40
    yield refused("header_truncated", 10, "the data end inside the header region", whole[:cut], "header_incomplete",
                  cut)
    n = len(region()) - 4
    yield refused("header_truncated_before_the_check", 10, "the check is not there", whole[:n], "header_incomplete", n)
    yield refused("header_12_bytes", 10, "just enough to know a stream", whole[:12], "header_incomplete", 12)


def header_checks():
    whole = stream_of([b"a"])
    n = len(region()) - 4
    yield refused("header_check_flipped", 3, "one bit of the check flipped", flip(whole, n, 0), "header_check", n)
    yield refused("header_bit_flipped", 3, "one bit of the FlatBuffer flipped", flip(whole, 20, 5), "header_check", n)
    yield refused("header_check_zero", 3, "a check that was never filled in", put(whole, n, bytes(4)), "header_check",
                  n)


def malformed(name, about, buffer_or_table):
    data = stream.header_region(buffer_or_table)
    return refused("header_malformed_" + name, 3, about, data, "header_malformed", 4)


def header_buffers():
    good = flatbuffer.build(flatbuffer.header_table(header(writer="abc")), flatbuffer.IDENTIFIER)
    yield malformed("root_beyond_the_end", "the root offset points behind the buffer", put(good, 0, b"\xf0\0\0\0"))
    yield malformed("empty_buffer", "nothing but root offset and identifier", put(good[:8], 0, bytes(4)))
    root = struct.unpack_from("<I", good)[0]
    yield malformed("vtable_before_the_start", "the vtable lies before the buffer",
                    put(good, root, struct.pack("<i", 4096)))
    end_of_text = good.index(b"abc") + 3
    yield malformed("string_without_zero", "a string without the zero at its end", put(good, end_of_text, b"!"))
    yield malformed("string_too_long", "a string longer than the buffer",
                    put(good, end_of_text - 7, struct.pack("<I", 0xFFFF)))
    keyless = header()
    table = flatbuffer.header_table(keyless)
    table[flatbuffer.METADATA_SLOT] = ("tables", [flatbuffer.Table({1: ("string", "value")})])
    yield malformed("metadata_without_key", "a required key is missing", table)
    for name, slots, about in (("version_absent", {0: None}, "version must be present"),
                               ("version_zero", {0: ("u16", 0)}, "there is no version 0"),
                               ("checksum_absent", {1: None}, "checksum must be present, None too")):
        yield refused("header_" + name, 3, about, region_with(slots), "header_malformed", 4)


def header_of_a_later_version():
    """What a later version may look like is not this reader's to judge: the numbers come first."""
    later = flatbuffer.build(flatbuffer.header_table(header(writer="abc")._replace(version=2)), flatbuffer.IDENTIFIER)
    broken = put(later, later.index(b"abc") + 3, b"!")
    yield refused("header_version_2_before_a_broken_string", 3, "version 2, and a string version 1 would not have",
                  stream.header_region(broken), "version_unsupported", 4)
    yield refused("header_version_2_before_checksum_absent", 3, "version 2, and no checksum",
                  region_with({0: ("u16", 2), 1: None}), "version_unsupported", 4)
    feature = flatbuffer.build(flatbuffer.header_table(header(required_features=1, writer="abc")), flatbuffer.IDENTIFIER)
    yield refused("header_feature_before_a_broken_string", 3, "a required feature, and a string that is not well formed",
                  stream.header_region(put(feature, feature.index(b"abc") + 3, b"!")), "feature_unsupported", 4)


def header_unsupported():
    feature, checksum = "feature_unsupported", "checksum_unsupported"
    for name, slots, code, about in (
            ("version_2", {0: ("u16", 2)}, "version_unsupported", "a later version"),
            ("version_2_before_features", {0: ("u16", 2), 3: ("u32", 1), 1: ("u8", 5)}, "version_unsupported",
             "version, feature and checksum are unknown: the version is reported"),
            ("feature_bit_0", {3: ("u32", 1)}, feature, "required feature bit 0, kept for compressed chunks"),
            ("feature_bit_31", {3: ("u32", 1 << 31)}, feature, "required feature bit 31"),
            ("feature_before_alignment", {3: ("u32", 2), 2: ("u8", 4)}, feature,
             "feature and alignment are unknown: the feature is reported"),
            ("alignment_4", {2: ("u8", 4)}, "alignment_unsupported", "alignment_log2 is 4"),
            ("alignment_0", {2: ("u8", 0)}, "alignment_unsupported", "alignment_log2 is 0, which is not absent"),
            ("checksum_5", {1: ("u8", 5)}, checksum, "the first checksum id that is free"),
            ("checksum_127", {1: ("u8", 127)}, checksum, "the last checksum id that is free"),
            ("checksum_private_200_without_hasher", {1: ("u8", 200)}, checksum,
             "a private checksum that the reader was not given")):
        yield refused("header_" + name, 3, about, region_with(slots), code, 4)


# --- Damage in the middle -------------------------------------------------------------------------------

HEAD = len(region())
FIRST = HEAD + 64            # the first message behind the first sync
STEP = 8 + 24                # frames of 24 bytes of body


def plain(messages=6, **fields):
    """A closed stream of messages of 24 bytes, all at known places."""
    writer = started(region(**fields), messages=messages)
    writer.finish()
    data = bytes(writer.data)
    assert places(data)[1:-1] == [FIRST + STEP * index for index in range(messages)]
    return data


def third(code, name, about, data, **more):
    """Damage in the third message, with good frames behind it."""
    return scattered(name, 11, about, data, code, FIRST + 2 * STEP, 2, **more)


def flipped_bits():
    data, d = plain(), FIRST + 2 * STEP
    for name, offset, bit, about in (
            ("body_bit_flipped", 8 + 11, 6, "one bit of a body"),
            ("check_bit_flipped", 0, 0, "one bit of a check word"),
            ("length_bit_flipped_shorter", 4, 3, "length 16 instead of 24"),
            ("length_bit_flipped_longer", 4, 5, "length 56 instead of 24"),
            ("control_bit_flipped", 7, 7, "a message becomes a control frame")):
        yield third("frame_check", name, about, flip(data, d + offset, bit), notes={d + offset: "bit %d flipped" % bit})
    yield third("incomplete", "length_flipped_beyond_the_end", "a length beyond the end, with good frames behind it",
                flip(data, d + 6, 0), notes={d + 6: "bit 0 flipped"})
    yield third("frame_length", "length_zero", "a length of 0", put(data, d + 4, bytes(4)))
    yield third("frame_length", "control_length_over_1_mib", "a control frame longer than any may be",
                put(data, d + 4, struct.pack("<I", CONTROL_BIT | (1 << 20) + 1)))
    for name in ("none", "xxh3"):
        other = bytes(stream_of([sample(24, index) for index in range(6)], region(name)))
        head = len(region(name))
        place = head + 64 + 2 * STEP
        yield scattered("length_bit_flipped_under_" + name, 6, "the mask protects the length for every checksum",
                        flip(other, place + 4, 0), "frame_check", place, 2)


def pads():
    data, d = stream_of([b"a", b"b", b"c"]), FIRST + 16
    yield scattered("pad_not_zero", 4, "a pad byte is not zero, the check holds", flip(data, d + 15, 0),
                    "frame_pad", d, 1, notes={d + 15: "bit 0 flipped"})
    tail = data[:FIRST + 3 * 16]
    d = FIRST + 2 * 16
    yield scattered("pad_not_zero_in_the_last_frame", 11, "the frame itself is the evidence: its check holds",
                    flip(tail, d + 9, 7), "frame_pad", d, 2)


def moved_frames():
    data, d = plain(), FIRST + 2 * STEP
    frame, behind = data[d:d + STEP], data[d + STEP:d + 2 * STEP]
    yield third("frame_check", "messages_swapped", "two messages of the same length change places",
                put(data, d, behind + frame))
    yield scattered("message_duplicated", 11, "a frame stands twice; all behind it is displaced",
                    data[:d + STEP] + data[d:], "frame_check", d + STEP, 3)
    yield third("frame_check", "message_removed", "a frame is gone; all behind it is displaced",
                cut_out(data, d, d + STEP))
    yield third("frame_check", "message_overwritten_by_an_earlier_one", "a stale copy of another message",
                put(data, d, data[FIRST:FIRST + STEP]))
    yield third("incomplete", "bytes_inserted", "3 bytes inserted: the CLOSED sync is displaced, but ours",
                data[:d] + b"\x11\x22\x33" + data[d:], notes={d: "3 bytes inserted"})
    yield third("frame_check", "bytes_lost", "5 bytes lost in a body", cut_out(data, d + 10, d + 15),
                notes={d + 10: "5 bytes lost"})
    yield third("incomplete", "sector_lost_up_to_the_closed_sync", "all up to the last sync is overwritten",
                put(data, d, sample(4 * STEP, 3)))


def blanks():
    data, d = plain(), FIRST + 2 * STEP
    yield third("blank", "zeros_in_the_middle", "a zeroed frame, with good frames behind it", put(data, d, bytes(STEP)))
    yield third("blank", "ff_in_the_middle", "an erased frame, with good frames behind it",
                put(data, d, b"\xff" * STEP))
    yield third("blank", "blank_head_only", "only the head is zeroed", put(data, d, bytes(8)))
    yield third("frame_length", "zeroed_head_but_one_bit", "length 0 with a check word", put(data, d, b"\1" + bytes(7)))


def promises():
    writer = started(region(max_message_len=32), messages=1)
    d = writer.position
    writer.plain_message(sample(33))
    writer.message(b"behind")
    writer.finish()
    yield scattered("message_over_the_promise", 4, "longer than max_message_len, though its check holds",
                    writer.data, "frame_length", d, 1)
    writer = started(region(max_message_len=32), messages=1)
    d = writer.position
    for body in (sample(40), sample(33), b"evidence"):
        writer.plain_message(body)
    yield scattered("message_over_the_promise_twice", 11,
                    "two messages over the promise are no evidence; the good one behind them is",
                    writer.data, "frame_length", d, 1)


# --- Control frames -------------------------------------------------------------------------------------

def with_control(body, messages=1, behind=1):
    """A control frame between messages; its position is returned, too."""
    writer = started(messages=messages)
    d = writer.position
    writer.control(body)
    for index in range(behind):
        writer.message(sample(24, 50 + index))
    writer.finish()
    return bytes(writer.data), d


def control_frames():
    data, d = with_control(b"CHNK" + sample(20))
    yield refused("control_critical_kind_chnk", 7, "an unknown kind with an upper-case first letter", data,
                  "kind_unsupported", d, messages=1)
    data, d = with_control(b"Zzzz" + sample(4), behind=0)
    yield refused("control_critical_kind_other", 7, "only the first letter counts", data, "kind_unsupported", d, 1)
    for name, body, about in (
            ("body_4_bytes", b"meta", "a body shorter than 8 bytes, with a good check"),
            ("body_7_bytes", b"meta\0\0\0", "a body of 7 bytes, with a good check"),
            ("critical_body_4_bytes", b"CHNK", "too short comes before unknown"),
            ("kind_with_a_digit", b"me1a" + bytes(4), "a kind that is not four letters"),
            ("kind_with_a_high_byte", b"met\xe4" + bytes(4), "a letter of Latin-1 is not an ASCII letter")):
        data, d = with_control(body)
        yield scattered("control_" + name, 7, about, data, "control_kind", d, 1)
    for name, body, about in (
            ("sync_of_48_bytes", b"sync" + bytes(44), "a sync body below 56 bytes, good by the current salt"),
            ("sync_of_1017_bytes", b"sync" + bytes(1013), "a sync body over 1016 bytes, good by the current salt")):
        data, d = with_control(body)
        yield scattered("control_" + name, 8, about, data, "sync_field", d, 1)


# --- Sync frames ----------------------------------------------------------------------------------------

def with_sync(first_epoch=0, **changes):
    """A second sync frame with some fields changed, right by its own salt and position, and good frames behind."""
    writer = started(messages=2, epoch=first_epoch)
    d = writer.position
    writer.sync(**changes)
    writer.message(b"behind it")
    writer.finish()
    return bytes(writer.data), d


def sync_frames():
    d = FIRST + 2 * STEP
    for name, code, changes, about in (
            ("stream_id_of_another", "sync_stream", dict(stream_id=OTHER_ID), "a sync of another stream"),
            ("stream_id_zero", "sync_field", dict(stream_id=0), "stream id 0 does not exist"),
            ("header_check_of_another", "sync_header", dict(header_check=0x12345678), "a sync of another header"),
            ("epoch_lower", "sync_epoch", dict(first_epoch=3, epoch=2), "the epoch falls"),
            ("epoch_lower_with_resumed", "sync_epoch", dict(first_epoch=3, epoch=2, flags=RESUMED),
             "RESUMED does not allow a lower epoch"),
            ("epoch_higher_without_resumed", "sync_epoch", dict(epoch=1), "the epoch rises without RESUMED"),
            ("sequence_too_high", "sync_sequence", dict(sequence=3), "one message is missing before it"),
            ("sequence_too_low", "sync_sequence", dict(sequence=1), "one message too many before it"),
            ("version_2", "sync_field", dict(version=2), "a sync of version 2"),
            ("checksum_contradicts_the_header", "sync_field", dict(checksum=2), "Xxh64, where the header says Crc32c"),
            ("alignment_4", "sync_field", dict(alignment_log2=4), "alignment_log2 is 4"),
            ("position_not_a_multiple_of_8", "sync_field", dict(position=d + 1), "a position that no frame has"),
            ("position_8_too_high", "sync_position", dict(position=d + 8), "a position that is not its own"),
            ("durable_beyond_its_position", "sync_field", dict(durable=d + 8), "durable above position"),
            ("field_before_stream", "sync_field", dict(version=2, stream_id=OTHER_ID), "two faults: the first rule"),
            ("stream_before_header", "sync_stream", dict(header_check=1, stream_id=OTHER_ID, sequence=9),
             "three faults: the first rule")):
        data, place = with_sync(**changes)
        assert place == d
        yield scattered("sync_" + name, 10, about, data, code, d, 2)


def copied_syncs():
    writer = started(messages=2)
    d = writer.position
    writer.data += writer.data[HEAD:FIRST]
    writer.message(b"behind it")
    writer.finish()
    yield scattered("sync_copied_further_back", 10, "the first sync once more: intact, but not at its place",
                    writer.data, "sync_position", d, 2, notes={d: "a copy of the first sync"})
    writer = started(messages=2)
    first = writer.next_sync(sequence=1)
    data = writer.data[:HEAD] + stream.encode_sync(first._replace(position=HEAD)) + writer.data[FIRST:]
    yield scattered("sync_first_sequence_not_0", 10, "a first sync that counts messages before it", data,
                    "sync_sequence", HEAD, 0)


# --- The first sync -------------------------------------------------------------------------------------

def first_syncs():
    def two_syncs(**changes):
        writer = started(messages=2)
        writer.sync(**changes)
        writer.message(b"x")
        writer.finish()
        return bytes(writer.data)

    data = two_syncs()
    yield scattered("first_frame_is_a_message", 10, "no sync behind the header, but later ones",
                    message_first(), "sync_missing", HEAD, 0)
    yield scattered("first_sync_damaged", 10, "a bit flipped in the first sync; the second one is the evidence",
                    flip(data, HEAD + 30, 2), "frame_check", HEAD, 0, notes={HEAD + 30: "bit 2 flipped"})
    yield scattered("first_sync_too_long", 10, "a length beyond the end in the first sync, and a second sync",
                    flip(data, HEAD + 6, 1), "incomplete", HEAD, 0)
    yield scattered("first_sync_kind_damaged", 10, "the kind of the first sync is damaged",
                    flip(data, HEAD + 8, 0), "sync_missing", HEAD, 0)
    yield scattered("first_sync_zeroed", 10, "zeros in place of the first sync", put(data, HEAD, bytes(64)),
                    "blank", HEAD, 0)
    yield corrupt("first_sync_damaged_was_durable", 11, "the second sync says the first one was durable",
                  flip(two_syncs(durable=FIRST), HEAD + 30, 2), "frame_check", HEAD, 0)
    yield scattered("first_sync_of_another_header", 10, "the first sync belongs to another header",
                    first_with(header_check=7), "sync_header", HEAD, 0)


def message_first():
    """A message with the right check in place of the first sync."""
    writer = new_writer()
    writer.plain_message(sample(24))
    writer.sync()
    writer.finish()
    return bytes(writer.data)


def first_with(**changes):
    writer = new_writer()
    writer.sync(**changes)
    writer.message(b"x")
    writer.finish()
    return bytes(writer.data)


# --- Behind CLOSED --------------------------------------------------------------------------------------

def behind_closed():
    def closed_writer():
        writer = started(messages=1)
        writer.finish()
        return writer, writer.position

    writer, d = closed_writer()
    writer.plain_message(b"late")
    yield scattered("closed_then_message", 11, "a good message behind the CLOSED sync", writer.data, "after_closed",
                    d, 1)
    writer, d = closed_writer()
    writer.control(b"note" + bytes(4))
    yield scattered("closed_then_unknown_control", 11, "not even a control frame that may be skipped",
                    writer.data, "after_closed", d, 1)
    writer, d = closed_writer()
    writer.control(b"CHNK" + bytes(4))
    yield refused("closed_then_critical_control", 10, "the unknown kind is reported, as its rule comes first",
                  writer.data, "kind_unsupported", d, 1)
    writer, d = closed_writer()
    writer.finish()
    yield scattered("closed_twice", 11, "a second CLOSED sync of the same epoch", writer.data, "after_closed", d, 1)
    writer, d = closed_writer()
    writer.resume(0)
    yield scattered("closed_then_resumed_in_the_same_epoch", 11, "RESUMED behind CLOSED must raise the epoch",
                    writer.data, "after_closed", d, 1)
    writer, d = closed_writer()
    writer.data += bytes(64)
    writer.resume(1)
    writer.message(b"x")
    yield scattered("closed_then_zeros_then_resumed", 11, "zeros are an end only if nothing else follows",
                    writer.data, "blank", d, 1)
    writer, d = closed_writer()
    other = stream_of([b"other"], stream_id=OTHER_ID)
    yield scattered("second_stream_appended", 11, "cat a.fls b.fls: a header region begins at D",
                    bytes(writer.data) + other, "frame_check", d, 1, notes={d: "the second stream"})
    yield scattered("same_stream_appended", 11, "cat a.fls a.fls", bytes(writer.data) * 2, "frame_check", d, 1)


# --- Scattered and corrupt ------------------------------------------------------------------------------

def with_durable(durable):
    """The third message is damaged; the CLOSED sync says how far the stream was durable."""
    writer = started(messages=6)
    writer.finish(durable=durable)
    return flip(bytes(writer.data), FIRST + 2 * STEP + 20, 1)


def durability():
    d = FIRST + 2 * STEP
    yield corrupt("corrupt_durable_beyond_the_damage", 11, "damage below what a later sync calls durable",
                  with_durable(d + STEP), "frame_check", d, 2)
    yield corrupt("corrupt_durable_1_byte_beyond_d", 11, "durable is D + 1", with_durable(d + 1), "frame_check", d, 2)
    yield scattered("scattered_durable_up_to_d", 11, "durable is D: what lies behind was never promised",
                    with_durable(d), "frame_check", d, 2)
    yield scattered("scattered_durable_unknown", 11, "no sync knows what is durable", with_durable(0), "frame_check",
                    d, 2)
    data = with_durable(d + STEP)
    yield corrupt("corrupt_by_a_displaced_sync", 11, "bytes lost: the displaced sync still says durable > D",
                  cut_out(data, d + 3, d + 6), "incomplete", d, 2)
    writer = started(messages=3)
    d = writer.position
    writer.data += sample(24, 1)
    foreign = writer.next_sync(CLOSED, stream_id=OTHER_ID, position=writer.position, durable=writer.position)
    writer.data += stream.encode_sync(foreign)
    yield scattered("scattered_by_a_foreign_sync_at_its_place", 11,
                    "a sync of another stream at its place is evidence (iii), but its durable is not ours",
                    writer.data, "incomplete", d, 3)


def stale_sync():
    """Crash, resume, crash: a sync of the lost epoch comes back above the last one."""
    lost = started()
    for index in range(9):
        lost.message(sample(56, index))
    lost.sync()
    old = bytes(lost.data)
    writer = started()
    for index in range(3):
        writer.message(sample(56, index))
    writer.resume(1)
    d = writer.position
    yield scattered("stale_sync_of_the_lost_epoch", 11, "a sync of epoch 0 at its place, above the RESUMED sync",
                    bytes(writer.data) + old[d:], "frame_check", d, 3, notes={d: "stale from here on"})


def stale_block():
    """Crash while reopening: a block holds what the next one held, of the same epoch. A writer may go on at D."""
    writer = started()
    for index in range(16):
        writer.message(sample(56, index))
    writer.sync()
    data = bytes(writer.data)
    number = (512 - FIRST) // 64
    yield scattered("stale_sync_in_the_block_before", 9,
                    "a sync 512 bytes from its place: evidence, but no sign that bytes were lost",
                    data[:512] + data[1024:], "frame_check", FIRST + 64 * number, number,
                    notes={512: "what was at 1024"})


def cases():
    groups = (not_streams, header_lengths, header_checks, header_buffers, header_of_a_later_version,
              header_unsupported, flipped_bits, pads, moved_frames, blanks, promises, control_frames, sync_frames, copied_syncs, first_syncs, behind_closed,
              durability, stale_sync, stale_block)
    return [case for group in groups for case in group()]
