"""What a recovering reader reports: docs/format/spec.md, section 12."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional


@dataclass(frozen=True)
class Skipped:
    """A range of offsets that was passed over, and the reason of the stop before it."""

    start: int
    end: int
    reason: str


@dataclass(frozen=True)
class Pad:
    """A pad that is not zero, behind a good frame."""

    position: int
    offset: int
    pad: bytes


@dataclass(frozen=True)
class HeaderIgnored:
    """The header is damaged or another stream's: what it promises is unknown.

    `offset` is that of the sync frame that tells the checksum.
    """

    offset: int
    reason: str


@dataclass(frozen=True)
class SecondStream:
    """A second stream begins at an offset. It is not read: open the data from there on."""

    offset: int


@dataclass(frozen=True)
class OtherStream:
    """Nothing more of the stream follows, but a sync of another one, in its place. It is not read."""

    offset: int
    stream_id: int


@dataclass
class Gap:
    """Damage that was passed over. It comes behind all that was salvaged from it.

    `sync` is the position of the sync where reading goes on, if one follows. `lost` is exact, or
    None if it is unknown because no sync follows. `contradiction` counts messages that are more
    than the next sync allows. `end` is "scattered" or "corrupt"; a sync far behind the gap can
    still make it "corrupt".
    """

    position: int
    offset: int
    reason: str
    skipped: int = 0
    salvaged: int = 0
    sync: Optional[int] = None
    lost: Optional[int] = None
    contradiction: int = 0
    end: str = field(default="scattered")
