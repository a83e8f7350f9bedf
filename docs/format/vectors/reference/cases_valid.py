"""Vectors without an error: what a strict reader takes, and the ordinary ways in which a stream ends."""

from .cases_common import (OTHER_ID, SECOND, START, STREAM_ID, TAI, UNIX_UTC, closed, flip, new_writer,
                           opened, put, region, region_with, sample, started, stream_of, telemetry, ticks, torn)
from .stream import CLOSED, RESUMED, encode_sync, seal_region, write_stream

AUTOMATIC, EXPLICIT, NO = "automatic", "explicit", "no"


def spec_example():
    head = region(max_message_len=65536, clock=UNIX_UTC, writer="flatstream 0.1",
                  message_type="Telemetry.TelemetryEvent")
    events = [telemetry(START, "pump-1", 21.5), telemetry(START + 500_000_000, "pump-2", -0.25)]
    return closed("spec_example", 17, "the worked example of the text: two telemetry messages, closed",
                  write_stream(head, STREAM_ID, events, ticks()), 2, AUTOMATIC)


# --- Checksums ------------------------------------------------------------------------------------------

# Every branch of XXH3 and XXH64: the lengths at which the algorithms change.
_XXH_LENGTHS = (1, 3, 4, 8, 9, 16, 17, 32, 33, 64, 65, 96, 97, 128, 129, 240, 241, 1024, 1025, 1100)
_SHORT_LENGTHS = tuple(range(1, 10))


def checksum_case(name, about, checksum, lengths):
    bodies = [sample(length, length) for length in lengths]
    return closed(name, 5, about, stream_of(bodies, region(checksum)), len(bodies), AUTOMATIC)


def checksums():
    yield checksum_case("checksum_none_has_the_mask_alone", "None: the check word of a message is the mask",
                        "none", (1, 2, 7, 8, 9, 64))
    yield checksum_case("checksum_crc32c_lengths_1_to_9", "CRC-32C at every length of pad", "crc32c", _SHORT_LENGTHS)
    yield checksum_case("checksum_crc32c_longer", "CRC-32C of 15 to 1000 bytes, over two sync frames",
                        "crc32c", (15, 16, 17, 63, 64, 65, 255, 1000))
    yield checksum_case("checksum_crc32_is_the_one_of_zlib",
                        "CRC-32/ISO-HDLC, not CRC-32C; control frames keep CRC-32C",
                        "crc32", _SHORT_LENGTHS + (16, 31, 100))
    yield checksum_case("checksum_xxh64_all_branches", "XXH64, low 32 bits, at the lengths where its code changes",
                        "xxh64", _XXH_LENGTHS)
    yield checksum_case("checksum_xxh3_all_branches", "XXH3_64bits, low 32 bits, at the lengths where its code changes",
                        "xxh3", _XXH_LENGTHS)
    yield checksum_case("checksum_private_128_adler32", "private id 128, here Adler-32",
                        128, (1, 2, 8, 9, 100))


# --- Identity: salt and mask ----------------------------------------------------------------------------

def identity_case(name, about, stream_id, epoch):
    writer = started(stream_id=stream_id, epoch=epoch, messages=3)
    writer.finish()
    return closed(name, 6, about, writer.data, 3, EXPLICIT if epoch else AUTOMATIC)


def identities():
    for stream_id in (8, 16):
        for epoch in (0, 1, 2):
            yield identity_case("stream_id_%d_epoch_%d" % (stream_id, epoch),
                                "a small stream id, as firmware has, and the first epoch is %d" % epoch,
                                stream_id, epoch)
    yield identity_case("stream_id_greatest_epoch_2_32_minus_2",
                        "the sum and the product of the salt wrap at 64 bits", 2**64 - 1, 2**32 - 2)
    yield identity_case("epoch_greatest", "epoch 2^32-1: readable, but cannot be reopened", STREAM_ID, 2**32 - 1)
    yield identity_case("stream_id_1", "the least stream id", 1, 0)


# --- Placement of sync frames ---------------------------------------------------------------------------

def placement():
    bodies = [sample(120, index) for index in range(60)]
    yield closed("sync_interval_0_first_and_last_only", 9, "no sync frame but the first and the last",
                 stream_of(bodies[:20], region(sync_interval=0)), 20, AUTOMATIC)
    yield closed("sync_early_1_2_4_kib_apart", 9, "the distance of early sync frames doubles",
                 stream_of(bodies, region()), 60, AUTOMATIC)
    yield closed("sync_interval_256", 9, "a sync_interval below 1024 holds from the start",
                 stream_of([sample(40, index) for index in range(20)], region(sync_interval=256)), 20, AUTOMATIC)
    yield closed("sync_interval_8_before_every_message", 9, "a sync_interval shorter than a sync frame",
                 stream_of(bodies[:3], region(sync_interval=8)), 3, AUTOMATIC)
    # 64 + 960 = 1024: the second message would start exactly 1024 behind the first byte of the first sync.
    yield closed("sync_due_at_exactly_1024", 9, "the next message would start exactly 1024 bytes behind the sync",
                 stream_of([sample(952), b"next"]), 2, AUTOMATIC)
    yield closed("sync_not_due_at_1016", 9, "8 bytes less than the distance: no sync frame",
                 stream_of([sample(944), b"next"]), 2, AUTOMATIC)
    yield closed("sync_not_repeated_for_a_long_message", 9, "one sync frame, however far the last one is behind",
                 stream_of([sample(5000), b"a", b"b"]), 3, AUTOMATIC)
    writer = started(messages=1)
    writer.sync()
    writer.sync()
    writer.message(b"x")
    writer.finish()
    yield closed("sync_twice_in_a_row", 9, "a writer may place more sync frames than are due",
                 writer.data, 2, EXPLICIT)
    yield closed("closed_without_messages", 9, "first sync and CLOSED sync, nothing between", stream_of([]), 0,
                 AUTOMATIC)
    yield closed("first_sync_is_closed", 10, "the first sync may have any flags", started_with(flags=CLOSED).data, 0,
                 EXPLICIT)
    yield opened("first_sync_is_resumed_epoch_5", 10, "the first sync may have any flags and any epoch",
                 started_with(flags=RESUMED, epoch=5).data, 0, EXPLICIT)


def started_with(flags=0, epoch=0, **changes):
    writer = new_writer(epoch=epoch)
    writer.sync(flags, **changes)
    return writer


# --- Sync fields ----------------------------------------------------------------------------------------

def sync_fields():
    writer = started(messages=2)
    middle = writer.position
    writer.sync(durable=middle)
    writer.message(b"behind")
    writer.finish(durable=middle + 64)
    yield closed("sync_durable_up_to_its_position", 8, "durable equal to the position, and below it",
                 writer.data, 3, EXPLICIT)
    yield closed("sync_time_none", 8, "the writer has no clock: time is i64::MIN",
                 write_stream(region(), STREAM_ID, [b"a", b"b"]), 2, AUTOMATIC)
    yield closed("sync_time_negative", 8, "a time before 1970",
                 stream_of([b"a"], region(clock=UNIX_UTC), times=ticks(-5 * SECOND)), 1, AUTOMATIC)
    writer = started(messages=1)
    writer.finish(time=START - 1)
    yield closed("sync_time_goes_back", 8, "a writer must not do this, but readers do not check time",
                 writer.data, 1, NO)
    yield closed("clock_tai", 3, "sync times are TAI", stream_of([b"a"], region(clock=TAI)), 1, AUTOMATIC)
    writer = started(messages=1)
    writer.sync(flags=0xF4)
    writer.message(b"x")
    writer.finish()
    yield closed("sync_unknown_flag_bits", 8, "flags 0xf4: unknown bits are ignored", writer.data, 2, NO)
    writer = started(messages=1)
    writer.sync(grown_by=bytes(range(1, 9)))
    writer.message(b"x")
    writer.finish()
    yield closed("sync_grown_to_64", 8, "a sync body of 64 bytes: a later version's field behind the known ones",
                 writer.data, 2, NO)
    writer = started(messages=1)
    writer.sync(grown_by=sample(1016 - 56))
    writer.finish()
    yield closed("sync_grown_to_1016", 8, "the greatest sync body", writer.data, 1, NO)
    writer = started(messages=1)
    writer.sync(grown_by=b"odd")
    writer.finish()
    yield closed("sync_grown_to_59_with_pad", 8, "a sync body that needs a pad", writer.data, 1, NO)


# --- Epochs ---------------------------------------------------------------------------------------------

def epochs():
    writer = started(messages=2)
    writer.finish()
    writer.resume(1)
    writer.message(b"second epoch")
    writer.finish()
    yield closed("epochs_closed_resumed_closed", 9, "closed, reopened for append, closed again", writer.data, 3,
                 EXPLICIT)
    writer.resume(2)
    yield opened("epochs_closed_then_resumed_without_messages", 9, "reopened a second time, nothing appended yet",
                 writer.data, 3, EXPLICIT)
    writer = started(messages=2)
    writer.resume(1)
    writer.message(b"x")
    yield opened("epochs_resumed_behind_an_open_end", 9, "the first writer never finished", writer.data, 3, EXPLICIT)
    writer = started(messages=2)
    writer.resume(3)
    writer.message(b"x")
    writer.finish()
    yield closed("epochs_raised_by_3", 10, "RESUMED may raise the epoch by more than one", writer.data, 3, EXPLICIT)
    writer = started(messages=2)
    writer.resume(0)
    writer.message(b"x")
    writer.finish()
    yield closed("epochs_resumed_with_the_same_epoch", 10, "RESUMED may keep the epoch", writer.data, 3, EXPLICIT)
    writer = started(messages=1)
    writer.finish()
    writer.resume(1, flags=RESUMED | CLOSED)
    yield closed("epochs_resumed_and_closed_in_one_sync", 10, "one sync with both flags", writer.data, 1, EXPLICIT)
    writer = started(messages=1)
    writer.resume(1, time=START - 1)
    writer.finish()
    yield closed("epochs_time_starts_over", 8, "time may be lower in a new epoch", writer.data, 1, EXPLICIT)


# --- Header ---------------------------------------------------------------------------------------------

def headers():
    full = dict(optional_features=0, max_message_len=4096, sync_interval=4096, clock=UNIX_UTC,
                message_type="Telemetry.TelemetryEvent", message_identifier="TELE", schema=sample(37),
                writer="flatstream 0.1", metadata=(("site", "Zürich"), ("empty", ""), ("flag", None), ("site", "2")))
    yield closed("header_with_all_fields", 3, "every field; metadata with a repeated key, an empty and no value",
                 stream_of([b"a"], region(**full)), 1, AUTOMATIC)
    yield closed("header_least", 3, "only version and checksum (None, so both are forced out)",
                 stream_of([b"a"], region("none", sync_interval=0)), 1, AUTOMATIC)
    yield closed("header_unknown_optional_features", 3, "unknown bits of optional_features are ignored",
                 stream_of([b"a"], region(optional_features=0x80000001)), 1, AUTOMATIC)
    yield closed("header_unknown_field", 3, "a field behind metadata, from a later version",
                 stream_of([b"a"], region_with({13: ("u32", 0xABCD), 14: ("string", "later")})), 1, AUTOMATIC)
    yield closed("header_unknown_clock", 3, "a clock of a later version is read as unspecified",
                 stream_of([b"a"], region(clock=9)), 1, AUTOMATIC)
    yield closed("header_fill_behind_the_flatbuffer", 3, "32 more zero bytes between FlatBuffer and check",
                 stream_of([b"a"], refilled(region(), 32)), 1, AUTOMATIC)
    yield closed("message_4_kib_without_promise", 3, "max_message_len 0 promises nothing",
                 stream_of([sample(4096)], region(max_message_len=0)), 1, AUTOMATIC)
    yield closed("message_exactly_at_the_promise", 3, "a message of max_message_len bytes",
                 stream_of([sample(100)], region(max_message_len=100)), 1, AUTOMATIC)


def refilled(head, more):
    """The header region with more zero bytes before its check."""
    n = int.from_bytes(head[:4], "little") + more
    return seal_region(n.to_bytes(4, "little") + head[4:-4] + bytes(more))


def drop(messages, size):
    """The body of a drop frame."""
    return b"drop" + bytes(4) + messages.to_bytes(8, "little") + size.to_bytes(8, "little")


# --- Messages and control frames ------------------------------------------------------------------------

def contents():
    other = stream_of([b"inner 1", b"inner 2"], stream_id=OTHER_ID)
    yield closed("message_contains_another_stream", 6, "a whole stream in a body is not read as frames",
                 stream_of([b"before", other, b"behind"]), 3, AUTOMATIC)
    writer = started(messages=2)
    writer.message(bytes(writer.data[len(writer.region):]))
    writer.message(b"behind")
    writer.finish()
    yield closed("message_contains_earlier_frames_of_this_stream", 6, "copied frames do not fit their new place",
                 writer.data, 4, AUTOMATIC)
    yield closed("message_begins_with_sync", 7, "without the control bit it is a message",
                 stream_of([b"sync" + bytes(52), b"sync"]), 2, AUTOMATIC)
    yield closed("message_of_zeros_and_of_ff", 4, "bodies of 00 and of FF are not blank: only a head can be",
                 stream_of([bytes(40), b"\xff" * 40]), 2, AUTOMATIC)
    writer = started(messages=1)
    writer.control(b"note" + bytes(4))
    writer.control(b"nOTE" + sample(9))
    writer.message(b"x")
    writer.finish()
    yield closed("control_unknown_lower_case_skipped", 7, "a kind that may be skipped; it takes no sequence number",
                 writer.data, 2, NO)
    writer = started(region("none"), messages=1)
    for kind in (b"meta", b"indx", b"drop", b"seal"):
        writer.control(kind + sample(8))
    writer.finish()
    yield closed("control_reserved_kinds_skipped_under_none", 7, "control frames have CRC-32C under None, too",
                 writer.data, 1, NO)
    writer = started(messages=2)
    writer.control(drop(3, 192))
    writer.message(sample(24, 2))
    writer.control(drop(2 ** 64 - 1, 1 << 40))
    writer.finish()
    yield closed("drop_frames", 8, "3 messages of 192 bytes were dropped; then more than anyone could count",
                 writer.data, 3, EXPLICIT)
    writer = started(messages=1)
    writer.control(drop(1, 24) + sample(8))
    writer.finish()
    yield closed("drop_frame_that_has_grown", 8, "a later version's drop frame: its first 24 bytes are as before",
                 writer.data, 1, NO)
    writer = started(region(max_message_len=64), messages=1)
    writer.control(b"meta" + sample(100))
    writer.finish()
    yield closed("control_longer_than_max_message_len", 7, "max_message_len does not bound control frames below 1 MiB",
                 writer.data, 1, NO)


# --- Ends -----------------------------------------------------------------------------------------------

def blank_ends():
    whole = stream_of([b"a", b"b"])
    running = bytes(started(messages=3).data)
    end, open_end = len(whole), len(running)
    yield closed("closed_then_zeros", 11, "zero-filled storage behind the CLOSED sync", whole + bytes(96), 2, NO,
                 at=end)
    yield closed("closed_then_ff", 11, "erased storage behind the CLOSED sync", whole + b"\xff" * 64, 2, NO, at=end)
    yield closed("closed_then_3_ff", 11, "fewer than 8 bytes of FF", whole + b"\xff" * 3, 2, NO, at=end)
    yield opened("open_then_zeros", 11, "preallocated storage behind an open end", running + bytes(200), 3, NO,
                 at=open_end)
    yield opened("open_then_3_zeros", 11, "fewer than 8 zero bytes", running + bytes(3), 3, NO, at=open_end)
    yield opened("open_then_ff", 11, "erased storage behind an open end", running + b"\xff" * 77, 3, NO, at=open_end)
    yield torn("torn_zeros_then_ff", 11, "a blank head, but zeros and FF mixed are not an end",
               running + bytes(32) + b"\xff" * 32, 3, open_end)
    yield torn("torn_blank_then_garbage", 11, "a blank head, and something behind it that is no evidence",
               running + bytes(32) + sample(40), 3, open_end)
    head = region()
    yield opened("header_then_zeros", 11, "preallocated storage, and no sync yet", head + bytes(64), 0, NO,
                 at=len(head))


def open_ends():
    yield opened("open_at_a_frame_boundary", 11, "the writer has not finished yet", started(messages=3).data, 3,
                 EXPLICIT)
    first = bytes(started().data)
    head = len(region())
    yield opened("open_behind_the_first_sync", 11, "a stream that was just created", first, 0, EXPLICIT)
    yield opened("cut_in_the_first_sync", 11, "created, and cut in the first sync: open and empty",
                 first[:head + 40], 0, NO, at=head)
    yield opened("cut_in_the_first_head", 11, "5 bytes behind the header region", first[:head + 5], 0, NO, at=head)
    lone = started(messages=1).data[head + 64:]
    yield opened("cut_message_without_any_sync", 11, "incomplete where the first sync should be: open, not torn",
                 region() + lone[:-8], 0, NO, at=head)
    yield opened("header_region_only", 11, "nothing behind the header region", region(), 0, NO, at=head)


def torn_ends():
    running = started(messages=3)
    d = running.position
    running.message(sample(43))  # 8 + 43 + 5
    whole = bytes(running.data)
    yield torn("torn_in_a_head", 11, "cut behind 4 bytes of a head", whole[:d + 4], 3, d)
    yield torn("torn_behind_a_head", 11, "a head and nothing of its body", whole[:d + 8], 3, d)
    yield torn("torn_in_a_body", 11, "cut in a body", whole[:d + 30], 3, d)
    yield torn("torn_in_a_pad", 11, "the whole body, but not the whole pad", whole[:d + 53], 3, d)
    yield torn("torn_with_garbage", 11, "cut in a body, and garbage in its place and behind it",
               whole[:d + 30] + sample(150, 7), 3, d)
    yield torn("torn_body_became_zeros", 11, "the head reached the disk, the body did not",
               whole[:d + 8] + bytes(48), 3, d)
    yield torn("torn_last_body_bit_flipped", 11, "damage in the last frame cannot be told from a torn end",
               flip(whole, d + 20, 3), 3, d, notes={d + 20: "bit 3 flipped"})
    yield torn("torn_last_length_flipped", 11, "a length that reaches beyond the end, and nothing behind it",
               flip(whole, d + 5, 2), 3, d, notes={d + 5: "bit 2 flipped"})
    yield torn("torn_last_length_zero", 11, "a length of 0 with nothing behind it",
               put(whole[:d + 8], d + 4, bytes(4)), 3, d)
    closed_writer = started(messages=2)
    closed_writer.finish()
    end = closed_writer.position
    closed_writer.resume(1)
    yield torn("torn_behind_closed_half_a_resumed_sync", 11, "cut while a closed stream was reopened",
               closed_writer.data[:end + 32], 2, end)
    head = region()
    orphan = started(messages=1)
    yield torn("torn_message_without_any_sync", 11, "a message where the first sync should be, and no sync at all",
               head + bytes(orphan.data[len(head) + 64:]), 0, len(head))


def nested_torn_ends():
    """Torn in a message that holds frames: they are no evidence."""
    other = stream_of([b"inner 1", b"inner 2"], stream_id=OTHER_ID)
    writer = started(messages=1)
    d = writer.position
    writer.message(other + b"tail")
    yield torn("torn_in_message_with_another_stream", 11, "the nested stream is not at its place: no evidence",
               writer.data[:-8], 1, d)
    writer = started(messages=1)
    d = writer.position
    writer.message(bytes(writer.data) + b"tail")
    yield torn("torn_in_message_with_a_copy_of_this_stream", 11,
               "a copied sync that does not stand above the last accepted one is no evidence", writer.data[:-8], 1, d)


def stale_ends():
    """Crash, resume, crash: messages of the lost epoch come back behind the new one."""
    lost = started()
    for index in range(8):
        lost.message(sample(56, index))  # frames of 64 bytes, like a sync: the old frames fall into step
    old = bytes(lost.data)
    writer = started()
    for index in range(3):
        writer.message(sample(56, index))
    writer.resume(1)
    writer.message(sample(56, 99))
    d = writer.position
    yield torn("torn_then_stale_messages_of_the_lost_epoch", 6,
               "messages of epoch 0 at their place behind epoch 1 have another salt",
               bytes(writer.data) + old[d:], 4, d, notes={d: "stale"})
    displaced = encode_sync(lost.next_sync(epoch=0, position=len(lost.region)))
    yield torn("torn_then_stale_sync_below_the_last_one", 11, "a sync that names a position below the last sync",
               bytes(writer.data) + sample(24) + displaced, 4, d)


def cases():
    groups = (checksums, identities, placement, sync_fields, epochs, headers, contents, blank_ends, open_ends,
              torn_ends, nested_torn_ends, stale_ends)
    return [spec_example()] + [case for group in groups for case in group()]
