"""Views that share memory, sources that misbehave, and files of the pure package in both directions."""

import io
import tempfile
import threading
import unittest
import zlib
from pathlib import Path

import flatstream
import flatstream_native as native

MESSAGES = [bytes([number % 256]) * (1 + number * 37 % 700) for number in range(2000)]


class WithFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "stream.fls"

    def write(self, messages=MESSAGES, **fields):
        with native.Writer(self.path, **fields) as writer:
            for message in messages:
                writer.append(message)
        return self.path


class TestBothDirections(WithFolder):
    def test_the_pure_package_reads_what_the_wheel_writes(self):
        for checksum in ("none", "crc32c", "xxh64", "crc32", "xxh3"):
            with self.subTest(checksum=checksum):
                self.write(MESSAGES[:300], checksum=checksum, sync_interval=4096, message_type="A.B",
                           metadata={"k": "v"}, replace=True)
                with open(self.path, "rb") as file:
                    reader = flatstream.Reader(file)
                    self.assertEqual([message.body for message in reader], MESSAGES[:300])
                self.assertEqual((reader.end.kind, reader.header.message_type), ("closed", "A.B"))
                self.assertEqual(reader.header.metadata, (("k", "v"),))

    def test_the_wheel_reads_what_the_pure_package_writes(self):
        for checksum in range(5):
            with self.subTest(checksum=checksum):
                header = flatstream.Header(checksum, sync_interval=4096, schema=b"x", metadata=(("k", None),))
                with open(self.path, "wb") as file, flatstream.Writer.create(file, header) as writer:
                    for message in MESSAGES[:300]:
                        writer.append(message)
                reader = native.Reader(self.path)
                self.assertEqual([bytes(message) for message in reader], MESSAGES[:300])
                self.assertEqual((reader.end.kind, reader.header), ("closed", header))

    def test_an_error_is_of_the_class_and_with_the_facts_of_the_pure_package(self):
        data = bytearray(self.write(MESSAGES[:50], sync_interval=1024).read_bytes())
        data[len(data) // 2] ^= 1
        errors = []
        for module in (native, flatstream):
            with self.assertRaises(flatstream.StreamError) as caught:
                list(module.Reader(io.BytesIO(data)))
            errors.append(caught.exception)
        # What is found behind the damage may be called by either of two names: a good frame, or a sync frame.
        facts = [(e.code, e.position, e.expected, e.found, e.kind, e.evidence.split()[-1]) for e in errors]
        self.assertEqual(facts[0], facts[1])
        ends = [(e.end.kind, e.end.position) for e in errors]
        self.assertEqual(ends[0], ends[1])


class TestViews(WithFolder):
    def test_views_stay_good_when_reader_file_and_message_are_gone(self):
        reader = native.Reader(self.write())
        views = [message.body for message in reader]
        del reader
        self.path.unlink()
        self.assertEqual(views, MESSAGES)

    def test_a_view_can_not_be_written_to(self):
        body = next(native.Reader(self.write())).body
        self.assertTrue(body.readonly)
        with self.assertRaises(TypeError):
            body[0] = 1

    def test_a_view_is_no_copy_and_is_aligned(self):
        numpy = __import__("numpy")
        for message in native.Reader(self.write()):
            places = {numpy.frombuffer(view, "u1").ctypes.data for view in (message, message.body, message.body)}
            self.assertEqual(len(places), 1)
            self.assertEqual(places.pop() % 8, 0)

    def test_bodies_are_the_bodies_of_the_messages(self):
        path = self.write()
        self.assertEqual(list(native.Reader(path).bodies()), [m.body for m in native.Reader(path)])

    def test_messages_are_equal_by_place_and_bytes(self):
        path = self.write([b"a", b"a"])
        (first, second), (again, _) = native.Reader(path), native.Reader(path)
        self.assertEqual((first == again, first != again, first == second), (True, False, False))
        self.assertEqual(hash(first), hash(again))

    def test_two_threads_at_one_reader_are_an_error_or_served_but_nothing_twice(self):
        reader = native.Reader(self.write())
        found = []

        def read():
            try:
                found.extend(message.sequence for message in reader)
            except RuntimeError:
                pass
        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(set(found)), len(found))


class TestSeeking(WithFolder):
    def test_each_way_of_seeking_lands_where_it_says(self):
        reader = native.Reader(self.write(sync_interval=4096))
        for seek, expected in ((lambda: reader.seek_to_sequence(1234), 1234), (lambda: reader.seek_to_last(3), 1997),
                               (reader.seek_to_start, 0), (reader.seek_to_end, 2000)):
            self.assertEqual(seek(), expected)
            self.assertEqual(reader.sequence, expected)
            self.assertEqual([bytes(m) for m in reader], MESSAGES[expected:])

    def test_a_time_leads_to_the_sync_frame_before_it(self):
        times = iter(range(0, 10 ** 9, 1000))
        reader = native.Reader(self.write(sync_interval=4096, clock=lambda: next(times)))
        landed = reader.seek_to_time(5000)
        self.assertTrue(0 < landed < 2000)
        self.assertEqual(next(reader).sequence, landed)

    def test_a_file_object_is_sought_by_its_own_method(self):
        reader = native.Reader(io.BytesIO(self.write(sync_interval=4096).read_bytes()))
        self.assertEqual(reader.seek_to_sequence(1500), 1500)

    def test_a_source_that_can_not_seek_raises_its_own_error(self):
        class Pipe(io.RawIOBase):
            data = io.BytesIO(self.write().read_bytes())

            def read(self, size=-1):
                return self.data.read(size)
        reader = native.Reader(Pipe())
        with self.assertRaises(io.UnsupportedOperation):
            reader.seek_to_sequence(5)


class TestSources(WithFolder):
    def test_what_a_source_raises_comes_out(self):
        class Bad(io.RawIOBase):
            def read(self, size=-1):
                raise KeyError("mine")
        with self.assertRaisesRegex(KeyError, "mine"):
            native.Reader(Bad())

    def test_a_source_that_gives_too_much_or_no_bytes_is_an_error(self):
        for answer in (bytes(1 << 20), "text", 5):
            class Bad(io.RawIOBase):
                def read(self, size=-1):
                    return answer
            with self.subTest(answer=type(answer)), self.assertRaises(TypeError):
                native.Reader(Bad())

    def test_a_source_without_bytes_now_can_be_asked_again(self):
        data, turns = io.BytesIO(self.write(MESSAGES[:20]).read_bytes()), iter(range(10 ** 6))

        class Slow(io.RawIOBase):
            def read(self, size=-1):
                turn = next(turns)
                return None if turn > 3 and turn % 2 else data.read(min(size, 500))
        reader, found = native.Reader(Slow()), []
        while reader.end is None:
            try:
                found.extend(bytes(message) for message in reader)
            except BlockingIOError:
                continue
        self.assertEqual(found, MESSAGES[:20])

    def test_a_source_that_reads_the_reader_is_an_error_and_no_crash(self):
        data, held = io.BytesIO(self.write().read_bytes()), []

        class Crossed(io.RawIOBase):
            def read(self, size=-1):
                for reader in held:
                    next(reader)
                return data.read(min(size, 500))
        held.append(native.Reader(Crossed()))
        with self.assertRaises(RuntimeError):
            list(held[0])

    def test_a_source_that_raises_stop_iteration_does_not_look_like_the_end(self):
        data = io.BytesIO(self.write().read_bytes()[:5000])

        class Stopping(io.RawIOBase):
            def read(self, size=-1):
                piece = data.read(min(size, 500))
                if not piece:
                    raise StopIteration
                return piece
        with self.assertRaises(RuntimeError):
            list(native.Reader(Stopping()))

    def test_bytes_are_no_path(self):
        with self.assertRaisesRegex(TypeError, "BytesIO"):
            native.Reader(b"data")

    def test_a_missing_file_is_named(self):
        with self.assertRaises(FileNotFoundError) as caught:
            native.Reader(self.path)
        self.assertEqual(caught.exception.filename, str(self.path))

    def test_a_private_function_that_raises_is_told(self):
        self.write(MESSAGES[:9], checksum=200, private={200: zlib.crc32})
        self.assertEqual(len(list(native.Reader(self.path, private={200: zlib.crc32}))), 9)

        def bad(_body):
            raise LookupError("no digest")
        with self.assertRaisesRegex(LookupError, "no digest"):
            list(native.Reader(self.path, private={200: bad}))
        with self.assertRaises(flatstream.StreamError) as caught:
            native.Reader(self.path)
        self.assertEqual(caught.exception.code, "checksum_unsupported")

    def test_an_end_without_the_mark_is_an_error_where_that_is_asked(self):
        with native.Writer(self.path) as writer:
            writer.append(b"a")
            writer.close()
        reader = native.Reader(self.path, require_closed=True)
        self.assertEqual(bytes(next(reader)), b"a")
        with self.assertRaises(flatstream.CallerError):
            next(reader)
        self.assertEqual(native.Reader(self.path).end, None)
