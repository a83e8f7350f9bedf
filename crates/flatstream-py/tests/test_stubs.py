"""The type stubs name what there is, and nothing else."""

import ast
import unittest
from pathlib import Path

import flatstream_native as native

STUBS = Path(native.__file__).with_name("_native.pyi")


def public(names):
    return {name for name in names if not name.startswith("_")}


class TestStubs(unittest.TestCase):
    def test_every_method_of_every_class_is_in_both(self):
        tree, checked = ast.parse(STUBS.read_text(encoding="utf-8")), 0
        for stub in tree.body:
            if isinstance(stub, ast.ClassDef):
                there = public(vars(getattr(native, stub.name)))
                named = public(node.name for node in stub.body if isinstance(node, ast.FunctionDef))
                self.assertEqual(named, there, stub.name)
                checked += 1
            elif isinstance(stub, ast.FunctionDef):
                self.assertTrue(callable(getattr(native, stub.name)))
        self.assertEqual(checked, 6)

    def test_the_package_is_marked_as_typed(self):
        self.assertTrue(STUBS.with_name("py.typed").exists())


if __name__ == "__main__":
    unittest.main()
