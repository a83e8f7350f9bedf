"""What a recovering reader reports beside `Skipped`, `HeaderIgnored`, `SecondStream` and `OtherStream`.

Offsets count the bytes of the source, positions those of the stream as it was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Lost:
    """So many messages were lost before the sync frame at `position`.

    `messages` is None if no sync frame follows that tells; they were then lost behind the offset `position`.
    """

    messages: Optional[int]
    position: int


@dataclass(frozen=True)
class Contradiction:
    """The sync frame at `position` counts fewer messages than were delivered, the lost ones included."""

    position: int
    counted: int
    delivered: int


@dataclass(frozen=True)
class Displaced:
    """Bytes were lost (above 0) or inserted (below 0) before the sync frame at `offset`."""

    offset: int
    by: int


@dataclass(frozen=True)
class Pad:
    """The pad of a good frame is not zero."""

    position: int


@dataclass(frozen=True)
class Dropped:
    """The writer says that it dropped messages here: they have no sequence numbers."""

    position: int
    messages: int
    size: int


@dataclass(frozen=True)
class Noticed:
    """Something else, as a sentence."""

    text: str
