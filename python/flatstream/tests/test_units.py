"""Section 20, "Units first": digests, masks, and frames."""

import random
import unittest
import zlib

from flatstream.checksum import digest_of
from flatstream.crc32c import crc32c
from flatstream.frame import frame_len, is_blank, is_kind, is_legal, may_be_skipped
from flatstream.mask import mask, salt
from flatstream.sync import decode_drop, decode_sync, encode_sync
from flatstream.xxh3 import xxh3
from flatstream.xxh64 import xxh64

MASKS = """
0x0000000000000008 0x0 0x40 0x00000001 0xd56b1fbb9ceba9e8 0xe9a7f9a2
0x0000000000000010 0x0 0x58 0x00000001 0xd9844bcecca4a8bd 0x6f0b3b4e
0x0000000000000008 0x0 0x40 0x00000002 0xd56b1fbb9ceba9e8 0x12befae9
0x0000000000000008 0x0 0x48 0x00000001 0xd56b1fbb9ceba9e8 0x1d22ea5a
0x0000000000000008 0x1 0x40 0x00000001 0x8711dcfba8d5e037 0xb40c5b60
0x0000000000000008 0x2 0x40 0x00000001 0x80e155c6a3a45c31 0x01d008a8
0x0000000000000010 0x0 0x40 0x80000038 0xd9844bcecca4a8bd 0x985fcf6e
0x0123456789abcdef 0x0 0xb8 0x80000038 0xb2c058e4ebb5112c 0xbe1b7dea
0x0123456789abcdef 0x0 0xf8 0x00000038 0xb2c058e4ebb5112c 0xf8a8aa09
0x0123456789abcdef 0x1 0xf8 0x00000038 0x352df769e6f74531 0x2e0045f9
0x0123456789abcdef 0x2 0x10000 0x7fffffff 0x6881f44c08881f33 0x14d139f5
0xffffffffffffffff 0x0 0x100000000 0x00001234 0xb4d055fcf2cbbd7b 0x5006a3a9
0xffffffffffffffff 0x1 0x7ffffffffffffff8 0x80000038 0xf266013d2aef0136 0x6707047c
0xffffffffffffffff 0x2 0x40 0xffffffff 0xedc4761fed7cbb35 0xacf350bf
"""


class TestDigests(unittest.TestCase):
    def test_check_values_of_the_text(self):
        wanted = {0: 0, 1: 0xE3069283, 2: 0x40E6AE83, 3: 0xCBF43926, 4: 0x67A17DFF}
        for checksum_id, value in wanted.items():
            self.assertEqual(digest_of(checksum_id)(b"123456789"), value)
        self.assertEqual(xxh64(b"123456789"), 0x8CB841DB40E6AE83)
        self.assertEqual(xxh3(b"123456789"), 0x72DCB18B67A17DFF)

    def test_the_tables_agree_with_the_definition_bit_by_bit(self):
        rng = random.Random(1)
        for length in list(range(20)) + [65535, 65536, 65537, 65541]:
            data = rng.randbytes(length)
            self.assertEqual(crc32c(data), slow_crc32c(data), length)

    def test_a_view_has_the_digest_of_its_bytes(self):
        data = bytes(range(256)) * 5
        for checksum_id in range(5):
            digest = digest_of(checksum_id)
            for length in (1, 7, 16, 100, 200, 1025):
                view = memoryview(data)[3:3 + length]
                self.assertEqual(digest(view), digest(bytes(view)))

    def test_ids_without_a_function_have_none(self):
        for checksum_id in (5, 127, 128, 255):
            self.assertIsNone(digest_of(checksum_id))
        self.assertIsNone(digest_of(5, {5: zlib.crc32}))
        self.assertIs(digest_of(128, {128: zlib.adler32}), zlib.adler32)


def slow_crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 & -(crc & 1))
    return crc ^ 0xFFFFFFFF


class TestMask(unittest.TestCase):
    def test_rows_of_the_text(self):
        rows = [[int(word, 16) for word in row.split()] for row in MASKS.split("\n") if row]
        self.assertEqual(len(rows), 14)
        for stream_id, epoch, position, length_word, salt_value, mask_value in rows:
            self.assertEqual(salt(stream_id, epoch), salt_value)
            self.assertEqual(mask(salt_value, position, length_word), mask_value)


class TestFrame(unittest.TestCase):
    def test_frame_lengths_are_multiples_of_8_without_the_control_bit(self):
        for length, whole in ((1, 16), (8, 16), (9, 24), (0x80000038, 64), (0x7FFFFFFF, 2**31 + 8)):
            self.assertEqual(frame_len(length), whole)

    def test_only_eight_equal_bytes_of_00_or_ff_are_blank(self):
        self.assertTrue(is_blank(0, 0) and is_blank(0xFFFFFFFF, 0xFFFFFFFF))
        self.assertFalse(is_blank(0, 1) or is_blank(0, 0xFFFFFFFF))
        self.assertFalse(is_blank(0x01010101, 0x01010101))

    def test_the_promise_bounds_messages_and_not_short_control_frames(self):
        self.assertFalse(is_legal(0, 0) or is_legal(0x80000000, 0))
        self.assertTrue(is_legal(100, 100) and is_legal(0x80000000 | 1048576, 100))
        self.assertFalse(is_legal(101, 100) or is_legal(0x80000000 | 1048577, 100))
        self.assertTrue(is_legal(0x80000000 | 1048577, 1048577) and is_legal(0x7FFFFFFF, 0))

    def test_a_kind_is_four_ascii_letters_and_its_first_one_decides(self):
        self.assertTrue(is_kind(b"aZzA"))
        for kind in (b"abc", b"abc1", b"ab\xe9d", b"ab d"):
            self.assertFalse(is_kind(kind))
        self.assertTrue(may_be_skipped(b"nOTE") and not may_be_skipped(b"Note"))

    def test_a_sync_body_is_read_as_it_was_written(self):
        frame = encode_sync(decode_sync(b"sync" + bytes(range(1, 53))))
        self.assertEqual(frame[8:], b"sync" + bytes(range(1, 53)))

    def test_a_short_drop_body_tells_nothing(self):
        self.assertIsNone(decode_drop(b"drop" + bytes(19)))
        self.assertEqual(decode_drop(b"drop" + bytes(4) + b"\x03" + bytes(15)), (3, 0))
