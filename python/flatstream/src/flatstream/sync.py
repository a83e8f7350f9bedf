"""The sync frame and the drop frame: docs/format/spec.md, section 8."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Iterator, NamedTuple, Optional, Tuple

from .constants import (
    ALIGNMENT,
    ALIGNMENT_LOG2,
    DROP_BODY_LEN,
    FORMAT_VERSION,
    HEAD_LEN,
    KIND_DROP,
    KIND_SYNC,
    SYNC_BODY_LEN,
    SYNC_BODY_MAX,
    SYNC_FLAG_CLOSED,
    SYNC_FLAG_RESUMED,
    TIME_NONE,
)
from .crc32c import Bytes, crc32c
from .frame import body_len, encode_control, frame_len, is_control
from .mask import mask, salt
from .source import Source

_BODY = struct.Struct("<4sIBBBBIQQQqQ")
_DROP = struct.Struct("<4sIQQ")


@dataclass(frozen=True)
class SyncFields:
    """The fields of a sync body."""

    header_check: int
    checksum: int
    epoch: int
    stream_id: int
    position: int
    sequence: int
    time: int = TIME_NONE
    durable: int = 0
    flags: int = 0
    version: int = FORMAT_VERSION
    alignment_log2: int = ALIGNMENT_LOG2

    @property
    def closed(self) -> bool:
        """The flag CLOSED."""
        return self.flags & SYNC_FLAG_CLOSED != 0

    @property
    def resumed(self) -> bool:
        """The flag RESUMED."""
        return self.flags & SYNC_FLAG_RESUMED != 0

    @property
    def salt(self) -> int:
        """The salt that the body itself names."""
        return salt(self.stream_id, self.epoch)

    def field_fault(self, checksum: Optional[int]) -> Optional[Tuple[str, str]]:
        """The first field out of range, as (expected, found): "sync_field" of section 10.

        `checksum` is the header's id, or None to leave it out.
        """
        if self.version != FORMAT_VERSION:
            return f"version {FORMAT_VERSION}", str(self.version)
        if self.alignment_log2 != ALIGNMENT_LOG2:
            return f"alignment_log2 {ALIGNMENT_LOG2}", str(self.alignment_log2)
        if checksum is not None and self.checksum != checksum:
            return f"checksum {checksum}", str(self.checksum)
        if self.position % ALIGNMENT:
            return "a position that is a multiple of 8", str(self.position)
        if self.durable > self.position:
            return f"durable of at most {self.position}", str(self.durable)
        if self.stream_id == 0:
            return "a stream_id that is not 0", "0"
        return None


def is_sync_len(length: int) -> bool:
    """Is the body of a length that a sync frame may have?"""
    return SYNC_BODY_LEN <= length <= SYNC_BODY_MAX


def decode_sync(body: Bytes) -> SyncFields:
    """The fields of a sync body of 56 bytes or more; bytes behind them are ignored."""
    (_, header_check, version, checksum, alignment_log2, flags, epoch, stream_id,
     position, sequence, time, durable) = _BODY.unpack_from(body)
    return SyncFields(header_check, checksum, epoch, stream_id, position, sequence, time,
                      durable, flags, version, alignment_log2)


def encode_sync(fields: SyncFields) -> bytes:
    """The sync frame with these fields, 64 bytes, checked with its own salt and position."""
    body = _BODY.pack(
        KIND_SYNC, fields.header_check, fields.version, fields.checksum, fields.alignment_log2,
        fields.flags, fields.epoch, fields.stream_id, fields.position, fields.sequence,
        fields.time, fields.durable,
    )
    return encode_control(body, fields.salt, fields.position)


def decode_drop(body: Bytes) -> Optional[Tuple[int, int]]:
    """Messages and bytes of a drop body, or None if it is shorter than 24 bytes."""
    if len(body) < DROP_BODY_LEN:
        return None
    _, _, messages, size = _DROP.unpack_from(body)
    return messages, size


def encode_drop(messages: int, size: int, salt_value: int, position: int) -> bytes:
    """A drop frame."""
    return encode_control(_DROP.pack(KIND_DROP, 0, messages, size), salt_value, position)


class IntactSync(NamedTuple):
    """A sync frame that is right by its own salt and position, wherever it lies."""

    offset: int
    fields: SyncFields
    length_word: int

    @property
    def end(self) -> int:
        """Offset behind the frame with its pad."""
        return self.offset + frame_len(self.length_word)

    @property
    def shift(self) -> int:
        """position = offset + shift (section 12)."""
        return self.fields.position - self.offset


def intact_sync_at(source: Source, offset: int, end: int) -> Optional[IntactSync]:
    """The sync frame at an offset, if it lies below `end` as a whole and its check holds.

    Its fields are in range, whatever its checksum id. Cheap tests come first (section 11).
    """
    if offset + HEAD_LEN + SYNC_BODY_LEN > end:
        return None
    check, length_word = source.head(offset)
    length = body_len(length_word)
    if not is_control(length_word) or not is_sync_len(length):
        return None
    if offset + frame_len(length_word) > end:
        return None
    body = source.bytes(offset + HEAD_LEN, offset + HEAD_LEN + length)
    if body[:4] != KIND_SYNC:
        return None
    fields = decode_sync(body)
    if fields.field_fault(None) is not None:
        return None
    if crc32c(body) ^ mask(fields.salt, fields.position, length_word) != check:
        return None
    return IntactSync(offset, fields, length_word)


def intact_syncs(source: Source, start: int, stop: int, end: int) -> Iterator[IntactSync]:
    """All intact syncs that begin in start..stop, at every byte, and end at or before `end`."""
    at = start
    while at < stop:
        kind = source.find(KIND_SYNC, at + HEAD_LEN, min(stop + HEAD_LEN + 3, end))
        if kind < 0:
            return
        sync = intact_sync_at(source, kind - HEAD_LEN, end)
        if sync is not None:
            yield sync
        at = kind - HEAD_LEN + 1
