"""The README's examples run."""

import contextlib
import io
import re
import tempfile
import unittest
from pathlib import Path

import flatstream_native as native
from tests import telemetry

README = Path(__file__).resolve().parents[1] / "README.md"


class TestReadme(unittest.TestCase):
    def test_every_example_runs(self):
        examples = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
        self.assertEqual(len(examples), 5)
        names, printed = {"bfbs": telemetry.BFBS}, io.StringIO()
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            telemetry.write(native, "a.fls", 100)
            data = bytearray(Path("a.fls").read_bytes())
            data[-200] ^= 1
            Path("damaged.fls").write_bytes(data)
            for example in examples:
                with self.subTest(example=example), contextlib.redirect_stdout(printed):
                    exec(example, names)
            names["writer"].close()
        for found in ("kind='closed'", "24.75", "Skipped(", "Lost(messages=1"):
            self.assertIn(found, printed.getvalue())


if __name__ == "__main__":
    unittest.main()
