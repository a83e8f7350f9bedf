"""Reads, follows, recovers and writes flatstream files (docs/format/spec.md) at the speed of Rust.

The classes of headers, ends and errors are those of the package `flatstream`.
"""

from flatstream import (
    CallerError,
    End,
    Header,
    HeaderIgnored,
    LimitError,
    OtherStream,
    ReopenRefused,
    SecondStream,
    Skipped,
    StreamError,
    WriterFailed,
)

from ._errors import Gone, MessageError
from ._header import new_header
from ._native import Columns, Follower, Message, Reader, RecoveringReader, Writer, __version__, follow, reopen
from ._reports import Contradiction, Displaced, Dropped, Lost, Noticed, Pad

__all__ = [
    "CallerError",
    "Columns",
    "Contradiction",
    "Displaced",
    "Dropped",
    "End",
    "Follower",
    "Gone",
    "Header",
    "HeaderIgnored",
    "LimitError",
    "Lost",
    "Message",
    "MessageError",
    "Noticed",
    "OtherStream",
    "Pad",
    "Reader",
    "RecoveringReader",
    "ReopenRefused",
    "SecondStream",
    "Skipped",
    "StreamError",
    "Writer",
    "WriterFailed",
    "__version__",
    "follow",
    "new_header",
    "reopen",
]
