"""Errors and the ends of a stream: docs/format/spec.md, sections 11 and 19."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

HEADER = "header"
UNSUPPORTED = "unsupported"
DAMAGE = "damage"

CLOSED = "closed"
OPEN = "open"
TORN = "torn"
SCATTERED = "scattered"
CORRUPT = "corrupt"

_KIND_OF_CODE = {
    "not_a_stream": HEADER,
    "header_length": HEADER,
    "header_incomplete": HEADER,
    "header_check": HEADER,
    "header_malformed": HEADER,
    "version_unsupported": UNSUPPORTED,
    "feature_unsupported": UNSUPPORTED,
    "alignment_unsupported": UNSUPPORTED,
    "checksum_unsupported": UNSUPPORTED,
    "kind_unsupported": UNSUPPORTED,
    "incomplete": DAMAGE,
    "blank": DAMAGE,
    "frame_length": DAMAGE,
    "sync_missing": DAMAGE,
    "frame_check": DAMAGE,
    "frame_pad": DAMAGE,
    "control_kind": DAMAGE,
    "sync_field": DAMAGE,
    "sync_stream": DAMAGE,
    "sync_header": DAMAGE,
    "sync_position": DAMAGE,
    "sync_epoch": DAMAGE,
    "sync_sequence": DAMAGE,
    "after_closed": DAMAGE,
}


def kind_of(code: str) -> str:
    """The kind of a code: "header", "unsupported" or "damage" (section 19)."""
    return _KIND_OF_CODE[code]


@dataclass(frozen=True)
class End:
    """How a stream ended (section 11). `position` is D, `size` the bytes not understood."""

    kind: str
    position: int
    size: int = 0
    reason: Optional[str] = None
    search_was_bounded: bool = False


class StreamError(Exception):
    """An error of section 19: a code, a position, and what was expected and found."""

    def __init__(
        self,
        code: str,
        position: int,
        expected: str = "",
        found: str = "",
        end: Optional[End] = None,
        evidence: Optional[str] = None,
    ) -> None:
        self.code = code
        self.position = position
        self.expected = expected
        self.found = found
        self.end = end
        self.evidence = evidence
        super().__init__(self._text())

    @property
    def kind(self) -> str:
        """The kind of the code: "header", "unsupported" or "damage"."""
        return kind_of(self.code)

    def _text(self) -> str:
        text = f"{self.code} at position {self.position}"
        if self.expected or self.found:
            text += f": expected {self.expected or '-'}, found {self.found or '-'}"
        if self.evidence:
            text += f"; evidence: {self.evidence}"
        if self.end is not None:
            text += f"; the stream is {self.end.kind}"
        return text


class LimitError(Exception):
    """A frame above the reader's own limit. It is no damage (section 10)."""

    def __init__(self, position: int, length: int, limit: int) -> None:
        self.position = position
        self.length = length
        self.limit = limit
        super().__init__(
            f"the body of the frame at position {position} has {length} bytes; the reader's limit is {limit}"
        )


class CallerError(ValueError):
    """The caller asked for something the format does not allow. Nothing was written."""


class WriterFailed(Exception):
    """A write, flush or sync failed before: the writer refuses everything (section 9)."""


class ReopenRefused(Exception):
    """The tail of a stream is not one that may be cut (section 9, "Reopening for append")."""

    def __init__(self, text: str, position: int, evidence: Optional[int] = None) -> None:
        self.position = position
        self.evidence = evidence
        super().__init__(text)
