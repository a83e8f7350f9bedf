"""Section 9, "Reopening for append": what becomes of each kind of tail."""

import dataclasses
import io
import tempfile
import unittest
from pathlib import Path

from flatstream import CallerError, Header, Reader, ReopenRefused, StreamError, Sync
from flatstream.constants import SYNC_FLAG_CLOSED, SYNC_FLAG_RESUMED
from flatstream.header import build_region
from flatstream.sync import encode_sync
from tests.implementation import IS_PURE, Writer, reopen
from tests.streams import delivered, make, numbered
from tests.vectors import load

try:
    import fcntl
except ImportError:
    fcntl = None


@unittest.skipIf(fcntl is None, "needs flock")
class TestReopening(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name) / "stream.fls"

    def reopen_and_append(self, data, message=b"new", **options):
        self.path.write_bytes(data)
        writer, tail = reopen(self.path, **options)
        with writer:
            writer.append(message)
        return tail, self.path.read_bytes()

    def bodies(self, data):
        return [body for _, body in delivered(data)]

    def refused(self, data, **options):
        self.path.write_bytes(data)
        before = sorted(self.path.parent.iterdir())
        with self.assertRaises(ReopenRefused) as caught:
            reopen(self.path, **options)
        self.assertEqual(self.path.read_bytes(), data)
        self.assertEqual(sorted(self.path.parent.iterdir()), before)
        return caught.exception

    def test_open_and_closed_streams_go_on_in_a_new_epoch(self):
        for finish in (True, False):
            old = make(numbered(3), finish=finish)
            tail, data = self.reopen_and_append(old)
            self.assertEqual((tail.end, tail.kept), ("closed" if finish else "open", None))
            self.assertEqual(data[:len(old)], old)
            self.assertEqual(self.bodies(data), numbered(3) + [b"new"])
            syncs = [f.fields for f in Reader(io.BytesIO(data)).frames() if isinstance(f, Sync)]
            resumed = syncs[-2]
            self.assertEqual((resumed.flags, resumed.epoch, resumed.sequence, resumed.position),
                             (SYNC_FLAG_RESUMED, 1, 3, len(old)))
            self.assertEqual((syncs[-1].flags, syncs[-1].sequence), (SYNC_FLAG_CLOSED, 4))

    def test_a_stream_can_be_reopened_many_times(self):
        data = make([b"0"])
        for number in range(1, 6):
            _, data = self.reopen_and_append(data, b"%d" % number)
        self.assertEqual(self.bodies(data), [b"%d" % i for i in range(6)])

    def test_blank_storage_behind_the_end_is_cut_and_not_kept(self):
        old = make(numbered(2), finish=False)
        for blank in (bytes(5000), b"\xff" * 3):
            tail, data = self.reopen_and_append(old + blank)
            self.assertEqual((tail.kept, tail.size), (None, len(blank)))
            self.assertEqual(self.bodies(data), numbered(2) + [b"new"])

    def test_a_torn_tail_is_kept_beside_the_file(self):
        old = make(numbered(3), finish=False)
        tail, data = self.reopen_and_append(old[:-5] + b"\x99" * 300)
        self.assertEqual((tail.end, tail.position), ("torn", len(old) - 32))
        self.assertEqual(tail.kept.read_bytes(), (old[:-5] + b"\x99" * 300)[len(old) - 32:])
        self.assertEqual(self.bodies(data), numbered(2) + [b"new"])

    def test_two_tails_do_not_overwrite_each_other(self):
        old = make(numbered(3), finish=False)
        first, _ = self.reopen_and_append(old[:-5])
        second, _ = self.reopen_and_append(old[:-6])
        self.assertNotEqual(first.kept, second.kept)
        self.assertEqual((first.kept.stat().st_size, second.kept.stat().st_size), (27, 26))

    def test_a_scattered_tail_is_cut_and_its_messages_counted(self):
        old = bytearray(make(numbered(5), finish=False))
        old[len(old) - 4 * 32 + 10] ^= 1
        tail, data = self.reopen_and_append(bytes(old))
        self.assertEqual((tail.end, tail.whole_messages), ("scattered", 3))
        self.assertEqual(self.bodies(data), [numbered(1)[0], b"new"])
        self.refused(bytes(old), refuse_always=True)
        if IS_PURE:
            self.refused(bytes(old), kept_max=100)

    def test_a_corrupt_stream_is_refused(self):
        vector = load("invalid", "corrupt_durable_1_byte_beyond_d")
        self.assertEqual(self.refused(vector.data).position, 176)

    def test_lost_bytes_and_other_streams_are_refused(self):
        for name in ("bytes_inserted", "bytes_lost", "second_stream_appended", "first_sync_zeroed",
                     "scattered_by_a_foreign_sync_at_its_place"):
            with self.subTest(name=name):
                self.refused(load("invalid", name).data)

    def test_a_stale_copy_of_the_first_block_is_cut(self):
        old = make(numbered(2))
        tail, data = self.reopen_and_append(old + old[:48 + 64])
        self.assertEqual(tail.end, "scattered")
        self.assertEqual(self.bodies(data), numbered(2) + [b"new"])

    def test_a_displaced_sync_of_a_lower_epoch_is_a_stale_block(self):
        for epoch, is_stale in ((0, True), (1, False), (2, False)):
            _, data = self.reopen_and_append(make(numbered(2)))
            first = next(iter(Reader(io.BytesIO(data)).frames())).fields
            other = dataclasses.replace(first, epoch=epoch, position=len(data) + 800)
            damaged = data + b"\x99" * 16 + encode_sync(other)
            with self.subTest(epoch=epoch):
                if not is_stale:
                    self.refused(damaged)
                    continue
                self.assertEqual(self.reopen_and_append(damaged)[0].end, "scattered")

    def test_a_sync_whole_sectors_from_its_place_is_a_stale_block(self):
        vector = load("invalid", "stale_sync_in_the_block_before")
        tail, data = self.reopen_and_append(vector.data)
        self.assertEqual(tail.end, "scattered")
        self.assertEqual(self.bodies(data)[-1], b"new")

    def test_the_epoch_is_above_that_of_a_sync_that_lies_below_its_place(self):
        old = make(numbered(2), finish=False)
        first = next(iter(Reader(io.BytesIO(old)).frames())).fields
        stale = dataclasses.replace(first, epoch=5, position=8)
        _, data = self.reopen_and_append(old + b"\x99" * 16 + encode_sync(stale))
        syncs = [f.fields.epoch for f in Reader(io.BytesIO(data)).frames() if isinstance(f, Sync)]
        self.assertEqual(syncs[-1], 6)

    def test_the_epoch_is_above_that_of_stale_syncs(self):
        vector = load("invalid", "stale_sync_of_the_lost_epoch")
        tail, data = self.reopen_and_append(vector.data)
        self.assertEqual(tail.end, "scattered")
        epochs = [f.fields.epoch for f in Reader(io.BytesIO(data)).frames() if isinstance(f, Sync)]
        self.assertEqual(epochs[-1], max(epochs[:-2]) + 1)

    def test_the_last_epoch_cannot_be_reopened(self):
        data = load("valid", "epoch_greatest").data
        self.refused(data)
        self.refused(data[:-3])

    def test_a_stream_without_a_first_sync_gets_one(self):
        region = build_region(Header())
        _, data = self.reopen_and_append(region + b"\x12\x34")
        first = next(iter(Reader(io.BytesIO(data)).frames()))
        self.assertEqual((first.position, first.fields.flags, first.fields.epoch),
                         (len(region), 0, 0))
        self.assertEqual(self.bodies(data), [b"new"])

    def test_half_a_header_cannot_be_reopened(self):
        self.path.write_bytes(build_region(Header())[:30])
        with self.assertRaises(StreamError):
            reopen(self.path)

    def test_a_second_writer_is_refused(self):
        self.path.write_bytes(make(numbered(1)))
        writer, _ = reopen(self.path)
        with self.assertRaises(ReopenRefused):
            reopen(self.path)
        writer.close()
        writer, _ = reopen(self.path)
        writer.close()
        with self.assertRaises(CallerError):
            writer.append(b"a")

    def test_a_long_tail_is_gone_behind_the_resumed_sync(self):
        old = make(numbered(2), finish=False)
        self.path.write_bytes(old + b"\x99" * 5000)
        writer, _ = reopen(self.path)
        writer.close()
        self.assertEqual(self.path.stat().st_size, len(old) + 64)

    def test_a_file_writer_says_what_is_durable(self):
        with open(self.path, "wb") as file:
            with Writer.create(file) as writer:
                writer.append(b"a")
        syncs = [f.fields for f in Reader(io.BytesIO(self.path.read_bytes())).frames()
                 if isinstance(f, Sync)]
        self.assertEqual(syncs[-1].durable, syncs[-1].position)
