"""Section 20: a strict reader finds exactly the facts of every vector file."""

import io
import unittest

from tests.implementation import IS_PURE
from tests.vectors import Pieces, load, names, read_facts, recover_facts

KEYS = ("checksum", "header_len", "header_check", "max_message_len", "sync_interval", "clock",
        "message", "error", "end") + (("sync", "control") if IS_PURE else ())


class TestVectors(unittest.TestCase):
    def test_there_are_vectors(self):
        self.assertGreaterEqual(len(names("valid")), 90)
        self.assertGreaterEqual(len(names("invalid")), 110)

    def check(self, group, make_file):
        for name in names(group):
            with self.subTest(group=group, name=name):
                vector = load(group, name)
                self.assertEqual(int(vector.fact("length")), len(vector.data))
                self.assertEqual(read_facts(make_file(vector.data)), vector.all(*KEYS))

    def test_valid_vectors_read_without_an_error(self):
        self.check("valid", io.BytesIO)

    def test_invalid_vectors_give_their_one_error(self):
        self.check("invalid", io.BytesIO)

    def check_recovered(self, make_file):
        for name in names("invalid"):
            with self.subTest(name=name):
                vector = load("invalid", name)
                meant = [value for key, value in vector.facts if key == "recover"]
                if meant:
                    self.assertEqual(recover_facts(make_file(vector.data)), meant)

    def test_damaged_vectors_are_recovered(self):
        self.check_recovered(io.BytesIO)

    def test_damaged_vectors_are_recovered_from_single_bytes(self):
        self.check_recovered(lambda data: Pieces(data, [1]))

    def test_single_bytes_change_nothing(self):
        for group in ("valid", "invalid"):
            self.check(group, lambda data: Pieces(data, [1]))

    def test_odd_pieces_change_nothing(self):
        for group in ("valid", "invalid"):
            self.check(group, lambda data: Pieces(data, [7, 1, 64, 3, 1000]))
