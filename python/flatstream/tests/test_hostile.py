"""Hostile input: no wrong message, no unbounded memory, no other exception."""

import io
import random
import struct
import unittest

from flatstream import Header, LimitError, StreamError
from flatstream.flatbuffer import Buffer, Malformed
from flatstream.header import build_region, parse_region
from flatstream.crc32c import crc32c
from tests.implementation import IS_PURE, Reader, RecoveringReader, pure_only
from tests.streams import delivered, make, numbered, recover, strict


# Another implementation may not say why a stream is torn.
INCOMPLETE = "incomplete" if IS_PURE else None


class Endless(io.RawIOBase):
    """A head of bytes, then many bytes of one value. Counts nothing as held itself."""

    def __init__(self, head, value, length):
        self._head = head
        self._value = value
        self._left = length

    def read(self, size=-1):
        if self._head:
            piece, self._head = self._head[:size], self._head[size:]
            return piece
        count = min(size, self._left)
        self._left -= count
        return bytes([self._value]) * count


class Watched(Reader):
    """Remembers the most bytes that were held."""

    def __init__(self, file, **options):
        super().__init__(file, **options)
        self.most = 0
        need = self._walk.source.need

        def watched(end):
            answer = need(end)
            self.most = max(self.most, self._walk.source.filled - self._walk.source.base)
            return answer
        self._walk.source.need = watched


class TestMemory(unittest.TestCase):
    @pure_only
    def test_preallocated_storage_is_not_held(self):
        for value in (0, 255):
            reader = Watched(Endless(make(numbered(3), finish=False), value, 40 << 20))
            self.assertEqual(len(list(reader)), 3)
            self.assertEqual(reader.end.kind, "open")
            self.assertLess(reader.most, 1 << 20)

    @pure_only
    def test_a_length_over_the_promise_does_not_fill_memory(self):
        start = make(numbered(1), Header(max_message_len=100), finish=False)
        reader = Watched(Endless(start + b"\1\2\3\4\xff\xff\xff\x7f", 0x41, 12 << 20))
        list(reader)
        self.assertEqual((reader.end.kind, reader.end.reason), ("torn", "frame_length"))
        self.assertLess(reader.most, 3 << 20)

    def test_a_length_over_the_limit_of_the_reader_is_its_own_error(self):
        start = make(numbered(1), Header(max_message_len=1 << 20), finish=False)
        head = b"\1\2\3\4" + (900000).to_bytes(4, "little")
        reader = Reader(Endless(start + head, 0x41, 2 << 20), limit=1000)
        with self.assertRaises(LimitError) as caught:
            list(reader)
        self.assertEqual((caught.exception.length, caught.exception.position), (900000, len(start)))

    def test_a_long_promise_lets_no_control_frame_fill_memory(self):
        start = make(numbered(1), Header(max_message_len=0xFFFFFFFF), finish=False)
        head = b"\1\2\3\4" + (0x80000000 | 1100000).to_bytes(4, "little")
        with self.assertRaises(LimitError):
            strict(start + head + bytes(1200000) + b"\1", limit=1000)
        got, end, _ = strict(start + head + bytes(1000000) + b"\1", limit=1000)
        self.assertEqual((len(got), end.reason), (1, INCOMPLETE))

    def test_a_length_over_the_limit_is_not_trusted_if_the_data_end(self):
        start = make(numbered(1), finish=False)
        got, end, error = strict(start + b"\1\2\3\4\xff\xff\xff\x7f" + b"A" * 5000, limit=1000)
        self.assertEqual((len(got), end.kind, end.reason, error), (1, "torn", INCOMPLETE, None))

    def test_a_length_over_the_limit_is_not_trusted_if_a_sync_lies_inside(self):
        data = bytearray(make(numbered(30), Header(sync_interval=256)))
        data[48 + 64 + 6] ^= 0x02
        _, _, error = strict(bytes(data) + b"A" * 200000, limit=1000)
        self.assertEqual((error.code, error.position), ("incomplete", 48 + 64))


class TestRandom(unittest.TestCase):
    def test_random_bytes_behind_a_header_are_never_a_message(self):
        rng = random.Random(2)
        start = make(numbered(2), finish=False)
        for length in (1, 7, 8, 100, 5000, 200000):
            noise = rng.randbytes(length)
            got, end, error = strict(start + noise)
            self.assertEqual((len(got), end.kind, error), (2, "torn", None))
            self.assertEqual(len(recover(start + noise)[0]), 2)

    def test_random_files_are_no_streams(self):
        rng = random.Random(3)
        for length in (0, 1, 11, 12, 4096, 100000):
            data = rng.randbytes(length)
            for kind in (Reader, RecoveringReader):
                with self.assertRaises(StreamError):
                    list(kind(io.BytesIO(data)))

    def test_random_damage_never_delivers_a_wrong_message(self):
        rng = random.Random(4)
        data = make(numbered(60, 40), Header(sync_interval=512))
        good = delivered(data)
        for _ in range(400):
            damaged = bytearray(data)
            for _ in range(rng.randrange(1, 5)):
                at, count = rng.randrange(len(damaged)), rng.randrange(1, 200)
                piece = rng.choice((b"", rng.randbytes(count), damaged[:count], bytes(count)))
                damaged[at:at + rng.choice((0, count))] = piece
            try:
                got, reader, _ = recover(bytes(damaged))
            except StreamError as error:
                self.assertEqual(error.kind, "header")
                continue
            bodies = [body for _, body in got]
            self.assertEqual(len(set(bodies)), len(bodies))
            self.assertLessEqual(set(got), set(good))
            if reader.lost_is_exact and reader.end.kind == "closed" and not reader.contradictions:
                self.assertEqual(reader.lost, len(good) - len(got))

    def test_many_syncs_and_lengths_that_lie_are_passed_over(self):
        rng = random.Random(5)
        start = make(numbered(2), finish=False)
        junk = b"".join(rng.randbytes(4) + rng.choice((b"\x38\0\0\x80sync", b"\x40\0\0\0"))
                        for _ in range(3000))
        got, end, error = strict(start + junk)
        self.assertEqual((len(got), error), (2, None))
        self.assertEqual(len(recover(start + junk)[0]), 2)


class TestHeaders(unittest.TestCase):
    def test_no_byte_of_a_header_can_crash_the_parser(self):
        rng = random.Random(6)
        region = build_region(Header(message_type="A.B", schema=b"123", writer="w",
                                     metadata=(("a", "b"), ("c", None))))
        codes = set()
        for at in range(4, len(region) - 4):
            for value in (0, 1, 127, 128, 255, rng.randrange(256)):
                changed = bytearray(region)
                changed[at] = value
                changed[-4:] = crc32c(changed[:-4]).to_bytes(4, "little")
                try:
                    parse_region(bytes(changed))
                except StreamError as error:
                    codes.add(error.code)
        self.assertIn("header_malformed", codes)
        self.assertIn("version_unsupported", codes)

    def test_a_vector_or_number_outside_or_unaligned_is_malformed(self):
        schema = Buffer(struct.pack("<I", 5) + b"1234")
        with self.assertRaises(Malformed):
            schema.block(0)
        self.assertEqual(Buffer(struct.pack("<I", 4) + b"1234").block(0), b"1234")
        for at, size in ((1, 2), (2, 4), (6, 4), (8, 1), (-1, 1)):
            with self.assertRaises(Malformed):
                Buffer(bytes(8)).number(at, size)

    def test_a_message_identifier_has_four_bytes(self):
        for identifier in ("", "ABC", "ABCDE", "\u00e9BCD"):
            with self.assertRaises(StreamError) as caught:
                parse_region(build_region(Header(message_identifier=identifier)))
            self.assertEqual(caught.exception.code, "header_malformed")

    def test_shared_parts_are_bounded_by_what_they_unfold_to(self):
        text = 4096
        body = bytearray(b"\0" * (text + 8))
        struct.pack_into("<I", body, 0, text)
        buffer = Buffer(bytes(body))
        for _ in range(4096):
            buffer.text(0)
        with self.assertRaises(Malformed):
            buffer.text(0)

    def test_more_tables_than_allowed_are_malformed(self):
        buffer = Buffer(struct.pack("<HHi", 4, 4, 4))
        for _ in range(65536):
            buffer.table(4)
        with self.assertRaises(Malformed):
            buffer.table(4)
