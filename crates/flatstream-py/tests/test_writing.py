"""The writer where it differs from the pure package's: files by name, and what is gathered."""

import io
import unittest

import flatstream
import flatstream_native as native
from tests.test_reading import WithFolder


class TestFiles(WithFolder):
    def test_a_file_is_never_replaced_unasked(self):
        self.write([b"a"])
        with self.assertRaises(FileExistsError):
            native.Writer(self.path)
        self.write([b"b"], replace=True)
        self.assertEqual([bytes(m) for m in native.Reader(self.path)], [b"b"])

    def test_a_file_that_is_written_is_locked(self):
        with native.Writer(self.path):
            for other in (lambda: native.Writer(self.path, replace=True), lambda: native.reopen(self.path)):
                with self.assertRaises(flatstream.ReopenRefused):
                    other()

    def test_every_bytes_like_object_is_a_message(self):
        with native.Writer(self.path) as writer:
            for message in (b"abc", bytearray(b"abc"), memoryview(b"abc"), memoryview(b"abcde")[:3]):
                writer.append(message)
            self.assertEqual((writer.sequence, writer.header.clock), (4, 1))
            for nothing in ("abc", 3, None):
                with self.assertRaises((TypeError, BufferError)):
                    writer.append(nothing)
        self.assertEqual([bytes(m) for m in native.Reader(self.path)], [b"abc"] * 4)

    def test_what_a_reader_gives_can_be_appended(self):
        self.write([b"abc"])
        with native.Writer(io.BytesIO()) as writer:
            for message in native.Reader(self.path):
                self.assertEqual((writer.append(message), writer.append(message.body)), (0, 1))

    def test_a_block_left_by_an_exception_is_open_and_has_its_messages(self):
        with self.assertRaises(KeyError), native.Writer(self.path) as writer:
            writer.append(b"a")
            raise KeyError
        reader = native.Reader(self.path)
        self.assertEqual(([bytes(m) for m in reader], reader.end.kind), ([b"a"], "open"))

    def test_synced_messages_are_counted_and_a_flush_is_read(self):
        with native.Writer(self.path) as writer:
            writer.append(b"a")
            self.assertEqual(writer.sync(), 1)
            self.assertEqual(writer.durable_position, writer.position)
            writer.append(b"b")
            self.assertEqual(len(list(native.Reader(self.path))), 1)
            writer.flush()
            self.assertEqual(len(list(native.Reader(self.path))), 2)

    def test_dropped_messages_are_told_to_the_reader(self):
        with native.Writer(self.path) as writer:
            writer.append(b"a")
            writer.drop(3, 192)
        reader = native.RecoveringReader(self.path)
        reports = [event for event in reader.events() if isinstance(event, native.Dropped)]
        self.assertEqual([(report.messages, report.size) for report in reports], [(3, 192)])
        self.assertEqual((reader.dropped_messages, reader.dropped_bytes), (3, 192))

    def test_a_header_or_its_fields_but_not_both(self):
        for arguments, fields in (((flatstream.Header(),), {"checksum": 1}), ((), {"colour": "red"})):
            with self.assertRaises(TypeError):
                native.Writer(self.path, *arguments, **fields)
        with self.assertRaisesRegex(ValueError, "crc99"):
            native.Writer(self.path, checksum="crc99")
        self.assertFalse(self.path.exists())

    def test_a_clock_that_fails_is_told_and_ends_the_writer(self):
        times = iter([1])
        writer = native.Writer(self.path, clock=lambda: next(times), sync_interval=64)
        writer.append(b"a")
        with self.assertRaises(RuntimeError):
            writer.append(b"b")
        with self.assertRaises(flatstream.WriterFailed):
            writer.append(b"c")
        writer.close()

    def test_a_finished_writer_says_so(self):
        writer = native.Writer(self.path)
        writer.finish()
        for call in (writer.finish, writer.flush, writer.sync, lambda: writer.append(b"a"), lambda: writer.stream_id):
            with self.assertRaises(flatstream.CallerError):
                call()
        writer.close()


if __name__ == "__main__":
    unittest.main()
