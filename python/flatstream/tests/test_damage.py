"""What damage may do: every truncation, every flipped bit, strict and recovering."""

import unittest

from flatstream import Header, StreamError
from tests.streams import delivered, flips, make, numbered, recover, strict
from tests.vectors import PRIVATE, load

SMALL = ("spec_example", "drop_frames", "epochs_closed_resumed_closed", "sync_grown_to_59_with_pad")
LONGER = SMALL + ("checksum_xxh64_all_branches", "sync_interval_8_before_every_message",
                  "header_with_all_fields", "checksum_private_128_adler32")
CLOSED_LEN = 64


class TestTruncations(unittest.TestCase):
    def test_every_cut_leaves_exactly_the_whole_messages_before_it(self):
        for name in LONGER:
            data = load("valid", name).data
            good = delivered(data, private=PRIVATE)
            header_len = int(load("valid", name).fact("header_len"))
            for cut in range(len(data)):
                whole = [m for m in good if m[0] + 8 + (len(m[1]) + 7 & ~7) <= cut]
                got, end, error = strict(data[:cut], private=PRIVATE)
                self.assertEqual(got, whole, (name, cut))
                if cut < header_len:
                    self.assertEqual((error.code, error.position),
                                     ("not_a_stream", 0) if cut < 12
                                     else ("header_incomplete", cut), (name, cut))
                else:
                    self.assertIsNone(error, (name, cut))
                    self.assertIn(end.kind, ("open", "torn", "closed"))
                    self.assertLessEqual(end.position + end.size, cut)

    def test_a_cut_stream_recovers_to_the_same_messages_and_end(self):
        for name in SMALL:
            data = load("valid", name).data
            header_len = int(load("valid", name).fact("header_len"))
            for cut in range(header_len, len(data)):
                got, end, _ = strict(data[:cut])
                messages, reader, _ = recover(data[:cut])
                self.assertEqual((messages, reader.end, reader.lost), (got, end, 0), (name, cut))


class TestFlips(unittest.TestCase):
    def test_a_strict_reader_notices_every_flip_and_delivers_nothing_wrong(self):
        for name in SMALL:
            data = load("valid", name).data
            good = delivered(data)
            for bit, damaged in flips(data):
                got, end, error = strict(damaged)
                self.assertEqual(got, good[:len(got)], (name, bit))
                if error is None:
                    self.assertEqual(end.kind, "torn", (name, bit))
                    self.assertGreaterEqual(bit // 8, len(data) - CLOSED_LEN, (name, bit))

    def test_recovery_loses_at_most_one_message_and_counts_it(self):
        streams = {name: load("valid", name).data for name in SMALL}
        for checksum in (2, 3, 4):
            streams[checksum] = make(numbered(5, 13), Header(checksum, sync_interval=96))
        for name, data in streams.items():
            good = delivered(data)
            for bit, damaged in flips(data):
                got, reader, _ = recover(damaged)
                self.assertEqual(len(set(got)), len(got), (name, bit))
                self.assertLessEqual(set(got), set(good), (name, bit))
                self.assertLessEqual(len(good) - len(got), 1, (name, bit))
                self.assertEqual(reader.lost, len(good) - len(got), (name, bit))
                self.assertEqual(got, sorted(got), (name, bit))
                self.assertTrue(reader.lost_is_exact)

    def test_under_none_every_changed_length_is_noticed(self):
        data = make(numbered(4), Header(checksum=0, sync_interval=64))
        good = delivered(data)
        for bit, damaged in flips(data):
            got, reader, _ = recover(damaged)
            self.assertEqual(len(got) + reader.lost, len(good), bit)
            bodies = {position: body for position, body in good}
            for position, body in got:
                self.assertEqual(len(body), len(bodies[position]), bit)

    def test_flips_in_the_last_sync_leave_all_messages(self):
        data = make(numbered(3))
        for bit, damaged in flips(data):
            if bit // 8 >= len(data) - CLOSED_LEN:
                got, end, error = strict(damaged)
                self.assertEqual((len(got), error, end.kind), (3, None, "torn"))


class TestRanges(unittest.TestCase):
    def setUp(self):
        self.messages = numbered(300, 60)
        self.data = make(self.messages, Header(sync_interval=1024))
        self.good = delivered(self.data)

    def check(self, damaged, most):
        got, reader, _ = recover(damaged)
        self.assertEqual(len(set(got)), len(got))
        self.assertLessEqual(set(got), set(self.good))
        lost = len(self.good) - len(got)
        self.assertLessEqual(lost, most)
        if reader.lost_is_exact and reader.end.kind != "torn":
            self.assertEqual(reader.lost, lost)
        return reader

    def test_overwritten_sectors_lose_only_what_they_touch(self):
        for fill in (bytes(512), b"\xff" * 512, bytes(i * 7 % 256 for i in range(512))):
            for at in range(0, len(self.data), 512):
                damaged = self.data[:at] + fill + self.data[at + 512:]
                self.check(damaged[:len(self.data)], 9)

    def test_sectors_copied_elsewhere_deliver_nothing_twice(self):
        for at in range(1024, len(self.data) - 512, 1536):
            for source in (512, 4096, 9216):
                sector = self.data[source:source + 512]
                self.check(self.data[:at] + sector + self.data[at + 512:], 9)

    def test_lost_and_inserted_bytes_lose_only_what_they_touch(self):
        for at in range(0, len(self.data) - 64, 997):
            for count in (1, 5, 8, 63):
                self.check(self.data[:at] + self.data[at + count:], 3)
                self.check(self.data[:at] + b"\xa5" * count + self.data[at:], 2)

    def test_an_overwritten_header_region_loses_nothing(self):
        damaged = b"\x55" * 48 + self.data[48:]
        reader = self.check(damaged, 0)
        self.assertIsNone(reader.region)
        self.assertEqual((reader.end.kind, reader.lost), ("closed", 0))

    def test_without_any_sync_and_header_nothing_can_be_read(self):
        damaged = b"\x55" * len(self.data)
        with self.assertRaises(StreamError):
            recover(damaged)

    def test_the_header_of_another_stream_loses_nothing(self):
        other = make([], Header(checksum=4))
        self.assertEqual(len(other), 48 + 128)
        self.check(other[:48] + self.data[48:], 0)

    def test_the_header_and_first_sync_of_another_stream_deliver_nothing_wrong(self):
        other = make([], Header(checksum=4), stream_id=9)
        got, reader, _ = recover(other[:112] + self.data[112:])
        self.assertEqual((got, reader.end.kind), ([], "scattered"))
