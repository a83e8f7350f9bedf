"""Reads, recovers and writes flatstream files (docs/format/spec.md)."""

from .errors import CallerError, End, LimitError, ReopenRefused, StreamError, WriterFailed
from .header import Header
from .reader import Reader
from .recover import RecoveringReader
from .reopening import reopen
from .reports import Gap, HeaderIgnored, OtherStream, Pad, SecondStream, Skipped
from .walk import Control, Message, Sync
from .writer import Writer

__all__ = [
    "CallerError",
    "Control",
    "End",
    "Gap",
    "Header",
    "HeaderIgnored",
    "LimitError",
    "Message",
    "OtherStream",
    "Pad",
    "Reader",
    "RecoveringReader",
    "ReopenRefused",
    "SecondStream",
    "Skipped",
    "StreamError",
    "Sync",
    "Writer",
    "WriterFailed",
    "reopen",
]
