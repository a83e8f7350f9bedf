"""The state of a reader and a frame at D: docs/format/spec.md, section 10."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple, Union

from .checksum import Digest
from .constants import (
    CONTROL_BODY_LIMIT,
    CONTROL_BODY_MIN,
    HEAD_LEN,
    KIND_DROP,
    KIND_SYNC,
    MASK_64,
)
from .errors import StreamError
from .frame import (
    body_len,
    check_word,
    frame_len,
    greatest_body,
    is_blank,
    is_control,
    is_kind,
    is_legal,
    may_be_skipped,
)
from .source import Source
from .sync import SyncFields, decode_drop, decode_sync, is_sync_len

END = "end"
LIMIT = "limit"


@dataclass(frozen=True)
class Message:
    """A message. `sequence` is None where it was salvaged: then it is unknown."""

    position: int
    offset: int
    body: bytes
    sequence: Optional[int]

    @property
    def salvaged(self) -> bool:
        """Was the message found behind damage, so that its sequence is unknown?"""
        return self.sequence is None


@dataclass(frozen=True)
class Sync:
    """An accepted sync frame."""

    position: int
    offset: int
    fields: SyncFields


@dataclass(frozen=True)
class Control:
    """A control frame that is no sync: skipped, or a drop frame with its numbers."""

    position: int
    offset: int
    kind: str
    body: bytes

    @property
    def dropped(self) -> Optional[Tuple[int, int]]:
        """Messages and bytes that a drop frame tells of, else None."""
        return decode_drop(self.body) if self.kind == "drop" else None


@dataclass(frozen=True)
class Stop:
    """Reading ends at D, for a reason of section 10 (or `END`, or `LIMIT`)."""

    reason: str
    expected: str = ""
    found: str = ""
    length_word: int = 0


Frame = Union[Message, Sync, Control]


class Walk:
    """Walks from frame to frame. position = offset + shift (section 12)."""

    def __init__(self, source: Source, limit: Optional[int],
                 wanted_id: Optional[int] = None) -> None:
        self.source = source
        self.limit = limit
        self.wanted_id = wanted_id
        self.max_message_len = 0
        self.header_check: Optional[int] = None
        self.checksum: Optional[int] = None
        self.digest: Optional[Digest] = None
        self.offset = 0
        self.shift = 0
        self.known = False
        self.stream_id = 0
        self.epoch = 0
        self.salt = 0
        self.count = 0
        self.closed = False
        self.last_sync: Optional[int] = None

    @property
    def position(self) -> int:
        """D, counted from the stream's first byte."""
        return self.position_of(self.offset)

    def position_of(self, offset: int) -> int:
        """The position of an offset, by the shift that the reader has."""
        return (offset + self.shift) & MASK_64

    @property
    def expected_id(self) -> Optional[int]:
        """Whose syncs are taken, once that is known."""
        return self.stream_id if self.known else self.wanted_id

    def step(self, accept_pad: bool = False) -> Union[Frame, Stop]:
        """The frame at D, accepted, or why reading stops there."""
        stop, length_word = self._measure()
        if stop is not None:
            return stop
        body = self._body(length_word)
        stop = self._check(body, length_word)
        if stop is None and not accept_pad:
            stop = self._pad(length_word)
        if stop is None:
            stop = self._control(body, length_word)
        if stop is not None:
            return Stop(stop.reason, stop.expected, stop.found, length_word)
        return self._accept(body, length_word)

    def _measure(self) -> Tuple[Optional[Stop], int]:
        """Steps 1 to 4."""
        at = self.offset
        if not self.source.need(at + HEAD_LEN):
            left = self.source.filled - at
            return (Stop(END) if left == 0 else Stop("incomplete", "8 bytes", f"{left}")), 0
        check, length_word = self.source.head(at)
        if is_blank(check, length_word):
            return Stop("blank", "a head", f"eight bytes {check & 0xFF:02x}"), length_word
        length = body_len(length_word)
        if not is_legal(length_word, self.max_message_len):
            most = greatest_body(length_word, self.max_message_len)
            return Stop("frame_length", f"1 to {most}", str(length)), length_word
        if self._is_over_limit(length_word):
            return Stop(LIMIT, f"at most {self.limit}", str(length), length_word), length_word
        whole = frame_len(length_word)
        if not self.source.need(at + whole):
            left = self.source.filled - at
            return Stop("incomplete", f"{whole} bytes", f"{left}", length_word), length_word
        return None, length_word

    def _is_over_limit(self, length_word: int) -> bool:
        """The reader's own limit; control frames of up to CONTROL_BODY_LIMIT are within it."""
        if self.limit is None:
            return False
        limit = self.limit
        if is_control(length_word):
            limit = max(limit, CONTROL_BODY_LIMIT)
        return body_len(length_word) > limit

    def _body(self, length_word: int) -> bytes:
        start = self.offset + HEAD_LEN
        return self.source.bytes(start, start + body_len(length_word))

    def _check(self, body: bytes, length_word: int) -> Optional[Stop]:
        """Steps 5 and 6."""
        salt, position = self.salt, self.position
        if is_sync(body, length_word):
            fields = decode_sync(body)
            salt, position = fields.salt, fields.position
        elif not self.known:
            return Stop("sync_missing", "a sync frame", _describe(body, length_word))
        assert self.digest is not None
        check = check_word(body, salt, position, length_word, self.digest)
        stored = self.source.word(self.offset)
        if check != stored:
            return Stop("frame_check", f"0x{check:08x}", f"0x{stored:08x}")
        return None

    def _pad(self, length_word: int) -> Optional[Stop]:
        """Step 7."""
        pad = self.pad_at(self.offset, length_word)
        return Stop("frame_pad", "zero bytes", pad.hex()) if any(pad) else None

    def pad_at(self, offset: int, length_word: int) -> bytes:
        """The pad of the frame at an offset."""
        start = offset + HEAD_LEN + body_len(length_word)
        return self.source.bytes(start, offset + frame_len(length_word))

    def _control(self, body: bytes, length_word: int) -> Optional[Stop]:
        """Steps 8 to 10."""
        stop = None
        resumes = False
        if is_control(length_word):
            stop = control_fault(body, length_word)
            if stop is None and unsupported(body):
                raise kind_unsupported(body, self.position)
            if stop is None and body[:4] == KIND_SYNC:
                fields = decode_sync(body)
                stop = self._sync_fault(fields)
                resumes = fields.resumed and fields.epoch > self.epoch
        if stop is None and self.closed and not resumes:
            return Stop("after_closed", "a RESUMED sync of a higher epoch",
                        _describe(body, length_word))
        return stop

    def _sync_fault(self, fields: SyncFields) -> Optional[Stop]:
        """Step 9."""
        fault = fields.field_fault(self.checksum)
        if fault is not None:
            return Stop("sync_field", *fault)
        expected = self.expected_id
        if expected is not None and fields.stream_id != expected:
            return Stop("sync_stream", f"0x{expected:016x}", f"0x{fields.stream_id:016x}")
        if fields.header_check != self.header_check:
            return Stop("sync_header", f"0x{self.header_check or 0:08x}",
                        f"0x{fields.header_check:08x}")
        if fields.position != self.position:
            return Stop("sync_position", str(self.position), str(fields.position))
        if self.known and not self._epoch_fits(fields):
            return Stop("sync_epoch", f"epoch {self.epoch}, or higher with RESUMED",
                        f"epoch {fields.epoch}, flags {fields.flags}")
        if fields.sequence != self.count:
            return Stop("sync_sequence", str(self.count), str(fields.sequence))
        return None

    def _epoch_fits(self, fields: SyncFields) -> bool:
        return fields.epoch == self.epoch or (fields.epoch > self.epoch and fields.resumed)

    def _accept(self, body: bytes, length_word: int) -> Frame:
        position, offset = self.position, self.offset
        self.offset += frame_len(length_word)
        if is_sync(body, length_word):
            fields = decode_sync(body)
            self.take_sync(fields)
            return Sync(position, offset, fields)
        self.closed = False
        if is_control(length_word):
            return Control(position, offset, body[:4].decode("ascii"), body)
        sequence = self.count
        self.count = (sequence + 1) & MASK_64
        return Message(position, offset, body, sequence)

    def take_sync(self, fields: SyncFields) -> None:
        """What an accepted sync sets."""
        self.known = True
        self.stream_id = fields.stream_id
        self.epoch = fields.epoch
        self.salt = fields.salt
        self.last_sync = fields.position
        self.closed = fields.closed


def is_sync(body: bytes, length_word: int) -> bool:
    """A control frame of kind `sync` with a body of SYNC_BODY_LEN..SYNC_BODY_MAX bytes."""
    return is_control(length_word) and is_sync_len(len(body)) and body[:4] == KIND_SYNC


def control_fault(body: bytes, length_word: int) -> Optional[Stop]:
    """Step 8, but for kinds that are unknown."""
    if len(body) < CONTROL_BODY_MIN:
        return Stop("control_kind", f"{CONTROL_BODY_MIN} bytes or more", str(len(body)))
    if not is_kind(body[:4]):
        return Stop("control_kind", "four ASCII letters", repr(body[:4]))
    if body[:4] == KIND_SYNC and not is_sync(body, length_word):
        return Stop("sync_field", "a body of 56 to 1016 bytes", str(len(body)))
    return None


def unsupported(body: bytes) -> bool:
    """An unknown kind with an upper-case first letter."""
    return body[:4] not in (KIND_SYNC, KIND_DROP) and not may_be_skipped(body[:4])


def kind_unsupported(body: bytes, position: int) -> StreamError:
    """The error that names a kind which may not be skipped."""
    return StreamError("kind_unsupported", position, "a kind the reader knows",
                       body[:4].decode("ascii"))


def _describe(body: bytes, length_word: int) -> str:
    if is_control(length_word):
        return f"a control frame {body[:4]!r} of {len(body)} bytes"
    return f"a message of {len(body)} bytes"
