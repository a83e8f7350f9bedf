"""Reads, recovers and writes flatstream files (docs/format/spec.md)."""

from .errors import CallerError, End, LimitError, ReopenRefused, StreamError, WriterFailed
from .header import Header
from .reader import Reader
from .walk import Control, Message, Sync

__all__ = [
    "CallerError",
    "Control",
    "End",
    "Header",
    "LimitError",
    "Message",
    "Reader",
    "ReopenRefused",
    "StreamError",
    "Sync",
    "WriterFailed",
]
