"""Section 12: single rules of recovery."""

import io
import unittest

from flatstream import (
    Gap, Header, HeaderIgnored, OtherStream, SecondStream, Skipped,
)
from flatstream import StreamError
from flatstream.constants import SYNC_FLAG_RESUMED
from flatstream.header import build_region
from flatstream.frame import encode_control, encode_message
from flatstream.checksum import digest_of
from flatstream.mask import salt
from flatstream.sync import SyncFields, encode_sync
from tests.implementation import IS_PURE, RecoveringReader, pure_only
from tests.streams import delivered, make, numbered, recover
from tests.vectors import Pieces, PRIVATE, frame_fact, is_a, load, names


FRAMES = ("message", "sync", "control") if IS_PURE else ("message",)


class Builder:
    """Writes single frames, at any place and of any epoch."""

    def __init__(self, header=None):
        self.data = bytearray(build_region(header or Header()))
        self.check = int.from_bytes(self.data[-4:], "little")
        self.salt = 0
        self.epoch = 0

    def sync(self, sequence, epoch=0, flags=0, durable=0, position=None):
        position = len(self.data) if position is None else position
        self.epoch = epoch
        self.salt = salt(0x1234, epoch)
        self.data += encode_sync(SyncFields(self.check, 1, epoch, 0x1234, position, sequence,
                                            durable=durable, flags=flags))
        return self

    def message(self, body, epoch=None):
        use = self.salt if epoch is None else salt(0x1234, epoch)
        self.data += encode_message(body, use, len(self.data), digest_of(1))
        return self

    def control(self, body):
        self.data += encode_control(body, self.salt, len(self.data))
        return self

    def raw(self, data):
        self.data += data
        return self


def bodies(data, **options):
    return [body for _, body in recover(bytes(data), **options)[0]]


def gaps_of(events):
    """The one `Gap`, of an implementation that reports such."""
    gaps = [e for e in events if isinstance(e, Gap)]
    assert len(gaps) == IS_PURE
    return gaps


class TestVectors(unittest.TestCase):
    def test_recovery_of_a_valid_vector_is_strict_reading(self):
        for name in names("valid"):
            vector = load("valid", name)
            _, reader, events = recover(vector.data, private=PRIVATE)
            self.assertEqual([frame_fact(e) for e in events if not is_a(e, "Dropped")],
                             vector.all(*FRAMES), name)
            self.assertEqual(reader.end.kind, vector.fact("end").split()[0], name)

    def test_recovery_delivers_what_a_strict_reader_does_and_more(self):
        for name in names("invalid"):
            vector = load("invalid", name)
            if vector.fact("end") is None or any(key == "recover" and fact.startswith("error")
                                                 for key, fact in vector.facts):
                continue
            got, reader, events = recover(vector.data, private=PRIVATE)
            facts = [frame_fact(e) for e in events if is_a(e, "Sync") or is_a(e, "Message")]
            strict = vector.all(*[key for key in FRAMES if key != "control"])
            self.assertEqual(facts[:len(strict)], strict, name)
            self.assertEqual(len(set(got)), len(got), name)
            if not IS_PURE:
                continue
            gaps = [e for e in events if isinstance(e, Gap)]
            kind, place = vector.fact("end").split()[:2]
            if gaps:
                self.assertEqual(f"position={gaps[0].position}", place, name)
                self.assertTrue(gaps[0].end == kind or gaps[0].sync is None, name)
                self.assertEqual(gaps[0].reason, vector.fact("error").split()[0], name)
            else:
                self.assertTrue(any(is_a(e, "Pad") for e in events), name)

    def test_pieces_of_the_input_change_nothing(self):
        for group in ("valid", "invalid"):
            for name in names(group):
                data = load(group, name).data
                answers = []
                for file in (io.BytesIO(data), Pieces(data, [1]), Pieces(data, [13, 1, 100])):
                    try:
                        reader = RecoveringReader(file, private=PRIVATE)
                        answers.append((list(reader.events()), reader.end, reader.lost))
                    except StreamError as error:
                        answers.append(str(error))
                self.assertEqual(answers[1:], answers[:1] * 2, name)


class TestRules(unittest.TestCase):
    def test_an_unsupported_kind_is_not_passed_over(self):
        b = Builder().sync(0).message(b"a").raw(b"\x11" * 16).control(b"CHNKxxxx").sync(2)
        with self.assertRaises(StreamError) as caught:
            bodies(b.data)
        self.assertEqual(caught.exception.code, "kind_unsupported")

    def test_frames_of_the_old_epoch_behind_the_new_one_are_stale(self):
        b = Builder().sync(0).message(b"a").raw(b"\x11" * 64)
        b.message(b"new", epoch=1).message(b"stale", epoch=0)
        b.sync(2, epoch=1, flags=SYNC_FLAG_RESUMED)
        self.assertEqual(bodies(b.data), [b"a", b"new"])

    def test_a_stale_frame_that_is_found_first_is_not_delivered_either(self):
        b = Builder().sync(0).message(b"a").raw(b"\x11" * 64)
        b.message(b"new" * 100, epoch=1).message(b"stale", epoch=0)
        b.sync(2, epoch=1, flags=SYNC_FLAG_RESUMED)
        self.assertEqual(bodies(b.data), [b"a", b"new" * 100])

    def test_a_stale_sync_of_a_lower_epoch_is_not_the_next_one(self):
        b = Builder().sync(0).sync(0, epoch=1, flags=SYNC_FLAG_RESUMED).message(b"a")
        b.raw(b"\x11" * 16).sync(5, epoch=0).message(b"stale").sync(1, epoch=1)
        got, reader, _ = recover(bytes(b.data))
        self.assertEqual(([body for _, body in got], reader.lost), ([b"a"], 0))

    def test_a_copy_of_a_sync_below_the_last_good_frame_is_not_the_next_one(self):
        b = Builder().sync(0).message(b"a").message(b"b")
        copied = encode_sync(SyncFields(b.check, 1, 0, 0x1234, 112 + 8, 0))
        b.raw(b"\x11" * 16).raw(copied).message(b"c").sync(3)
        got, reader, _ = recover(bytes(b.data))
        self.assertEqual(([body for _, body in got], reader.lost), ([b"a", b"b", b"c"], 0))

    def test_frames_of_the_old_epoch_before_the_resumed_sync_are_salvaged(self):
        b = Builder().sync(0).message(b"a").raw(b"\x11" * 64).message(b"old", epoch=0)
        b.sync(2, epoch=1, flags=SYNC_FLAG_RESUMED)
        self.assertEqual(bodies(b.data), [b"a", b"old"])

    def test_old_frames_are_not_tried_if_the_resumed_sync_is_lost(self):
        b = Builder().sync(0).message(b"a").raw(b"\x11" * 64).message(b"perhaps stale", epoch=0)
        b.sync(2, epoch=1)
        self.assertEqual(bodies(b.data), [b"a"])

    def test_a_sync_in_its_place_goes_before_a_displaced_one(self):
        b = Builder().sync(0).message(b"a").raw(b"\x11" * 16)
        b.sync(7, position=len(b.data) + 800).message(b"kept").sync(3)
        got, reader, _ = recover(bytes(b.data))
        self.assertEqual([body for _, body in got], [b"a", b"kept"])
        self.assertEqual(reader.lost, 1)

    def test_more_messages_than_the_sync_allows_are_a_contradiction(self):
        b = Builder().sync(0).message(b"a").message(b"b").sync(1)
        _, reader, events = recover(bytes(b.data))
        self.assertEqual((reader.lost, reader.contradictions), (0, 1))
        for gap in gaps_of(events):
            self.assertEqual((gap.lost, gap.contradiction), (0, 1))

    def test_a_pad_is_reported_and_its_message_delivered(self):
        b = Builder().sync(0).message(b"a")
        b.data[-1] = 1
        b.message(b"b")
        _, reader, events = recover(bytes(b.data))
        found = [type(e).__name__ for e in events if not is_a(e, "Sync")]
        self.assertEqual(found, ["Pad", "Message", "Message"])
        self.assertEqual(reader.end.kind, "open")

    def test_without_a_sync_behind_it_the_loss_is_unknown(self):
        b = Builder().sync(0).message(b"a").raw(b"\x11" * 16).message(b"b")
        got, reader, events = recover(bytes(b.data))
        self.assertEqual([body for _, body in got], [b"a", b"b"])
        self.assertFalse(reader.lost_is_exact)
        self.assertEqual((reader.end.kind, reader.end.position), ("open", len(b.data)))
        for gap in gaps_of(events):
            self.assertIsNone(gap.lost)
        salvaged = [e for e in events if is_a(e, "Message")][-1]
        self.assertTrue(salvaged.salvaged)

    def test_a_careful_reader_leaves_a_salvaged_frame_that_stands_alone(self):
        b = Builder().sync(0).raw(b"\x11" * 16).message(b"alone").raw(b"\x22" * 16)
        b.message(b"one").message(b"two").sync(3)
        self.assertEqual(bodies(b.data), [b"alone", b"one", b"two"])
        got, reader, _ = recover(bytes(b.data), careful=True)
        self.assertEqual([body for _, body in got], [b"one", b"two"])
        self.assertEqual(reader.lost, 1)

    def test_a_careful_reader_calls_an_end_scattered_that_a_strict_one_calls_so(self):
        b = Builder().sync(0).message(b"a").raw(b"\x11" * 16).message(b"alone")
        got, reader, _ = recover(bytes(b.data), careful=True)
        self.assertEqual([body for _, body in got], [b"a"])
        self.assertEqual((reader.end.kind, reader.lost_is_exact), ("scattered", False))

    def test_the_stream_that_is_meant_is_read_behind_the_beginning_of_another(self):
        own = make(numbered(9), Header(sync_interval=64))
        other = make(numbered(9), Header(sync_interval=64), stream_id=9)
        damaged = other[:176] + own[176:]
        got, reader, events = recover(damaged)
        self.assertEqual(len(got), 1)
        self.assertEqual([e.stream_id for e in events if isinstance(e, OtherStream)], [0x1234])
        got, reader, events = recover(damaged, stream_id=0x1234)
        self.assertEqual((len(got), reader.lost, reader.end.kind), (8, 1, "closed"))

    def test_a_stale_sync_of_the_stream_itself_is_no_other_stream(self):
        _, _, events = recover(load("invalid", "stale_sync_of_the_lost_epoch").data)
        self.assertFalse(any(isinstance(e, OtherStream) for e in events))

    def test_ranges_and_salvaged_messages_cover_the_gap(self):
        b = Builder().sync(0).raw(b"\x11" * 16).message(b"m").raw(b"\x22" * 24).sync(3)
        _, reader, events = recover(bytes(b.data))
        ranges = [(e.start, e.end) for e in events if isinstance(e, Skipped)]
        self.assertEqual(ranges, [(112, 128), (144, 168)])
        self.assertEqual(reader.lost, 2)
        for gap in gaps_of(events):
            self.assertEqual((gap.skipped, gap.salvaged, gap.lost), (40, 1, 2))

    @pure_only
    def test_a_later_sync_makes_an_earlier_gap_corrupt(self):
        b = Builder().sync(0).raw(b"\x11" * 16).sync(0).message(b"a")
        b.sync(1, durable=len(b.data))
        _, _, events = recover(bytes(b.data))
        self.assertEqual([e.end for e in events if isinstance(e, Gap)], ["corrupt"])

    def test_a_second_stream_is_reported_where_it_begins(self):
        first, second = make(numbered(2)), make(numbered(3), stream_id=9)
        got, reader, events = recover(first + second)
        self.assertEqual(len(got), 2)
        self.assertEqual([e for e in events if isinstance(e, SecondStream)],
                         [SecondStream(len(first))])

    def test_a_stream_in_a_damaged_message_is_not_delivered(self):
        for stream_id in (0x1234, 9):
            nested = make(numbered(5), stream_id=stream_id)
            data = bytearray(make([b"a", nested, b"b"], Header(sync_interval=64)))
            at = data.index(nested) - 1
            for bit in (0, 3, 5):
                damaged = bytearray(data)
                damaged[at - 3 if bit else at - 7] ^= 1 << bit
                got, reader, _ = recover(bytes(damaged))
                self.assertLessEqual({body for _, body in got}, {b"a", nested, b"b"})

    def test_a_bounded_window_still_goes_on_at_the_sync(self):
        data = bytearray(make(numbered(400), Header(sync_interval=0)))
        data[200:12000] = b"\x77" * 11800
        got, reader, _ = recover(bytes(data), window_max=4096)
        full, whole, _ = recover(bytes(data))
        self.assertEqual((got, reader.lost, whole.lost), (full, 400 - len(got), 400 - len(full)))

    def test_a_small_window_follows_a_chain_of_any_length(self):
        data = bytearray(make(numbered(400), Header(sync_interval=0)))
        data[150] ^= 1
        got, reader, _ = recover(bytes(data), window_max=4096)
        self.assertEqual((len(got), reader.lost), (399, 1))

    def test_an_ignored_header_is_reported(self):
        data = b"\x55" * 48 + make(numbered(2))[48:]
        _, _, events = recover(data)
        self.assertTrue(any(isinstance(e, HeaderIgnored) for e in events))
