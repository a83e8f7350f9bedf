"""The command: python3 -m flatstream info|cat|verify."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

from flatstream.__main__ import main
from tests.vectors import ROOT, load


def run(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return code, out.getvalue(), err.getvalue()


class TestCommand(unittest.TestCase):
    def test_verify_tells_the_end_or_the_error(self):
        self.assertEqual(run("verify", ROOT / "valid" / "spec_example.hex"),
                         (0, "closed position=376 bytes=0\n", ""))
        code, out, err = run("verify", ROOT / "invalid" / "pad_not_zero.hex")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("frame_pad at position 128", err)

    def test_cat_prints_what_is_skipped_and_lost(self):
        code, out, _ = run("cat", ROOT / "invalid" / "body_bit_flipped.hex")
        self.assertEqual(code, 0)
        self.assertIn("skipped 176..208 reason=frame_check", out)
        self.assertIn("lost=1", out)
        self.assertIn("end closed", out)

    def test_info_prints_the_header_of_a_stream_file(self):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "a.fls"
            path.write_bytes(load("valid", "header_with_all_fields").data)
            code, out, _ = run("info", path)
        self.assertEqual(code, 0)
        self.assertIn("writer 'flatstream 0.1'", out)
        self.assertIn("metadata 'flag' = None", out)
        self.assertIn("messages 1", out)

    def test_a_missing_file_is_no_traceback(self):
        code, _, err = run("verify", ROOT / "missing.fls")
        self.assertEqual(code, 2)
        self.assertIn("error:", err)
