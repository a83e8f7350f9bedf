"""The implementation that is tested: this package, or another one of the same names (FLATSTREAM_IMPLEMENTATION)."""

import importlib
import os
import unittest

NAME = os.environ.get("FLATSTREAM_IMPLEMENTATION", "flatstream")
_module = importlib.import_module(NAME)

Reader = _module.Reader
RecoveringReader = _module.RecoveringReader
Writer = _module.Writer
reopen = _module.reopen

# Another one may give messages and reports, but no sync frames, and has a writer that gathers.
IS_PURE = NAME == "flatstream"
pure_only = unittest.skipUnless(IS_PURE, "it is about what only this package offers")
