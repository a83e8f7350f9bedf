"""A strict reader and the judgement how a stream ended (spec.md, sections 10 and 11).

It is given all the bytes at once and says what a strict reader delivers, where it stopped, and why.
"""

import struct
from typing import List, NamedTuple, Optional, Union

from . import checksums, flatbuffer
from .checksums import MASK64
from .stream import (ALIGNMENT_LOG2, CLOSED, CONTROL_BIT, CONTROL_BODY_LIMIT, CONTROL_BODY_MIN, FORMAT_VERSION,
                     HEADER_LEN_MAX, RESUMED, SYNC_BODY_LEN, SYNC_BODY_MAX, Sync, decode_sync, frame_size, mask)

BLANK_HEADS = (bytes(8), b"\xff" * 8)


class SyncFrame(NamedTuple):
    position: int
    size: int
    sync: Sync


class MessageFrame(NamedTuple):
    position: int
    size: int
    sequence: int
    body: bytes


class ControlFrame(NamedTuple):
    position: int
    size: int
    kind: str
    body: bytes


class End(NamedTuple):
    """`size` is the number of bytes from the position to the end of the data."""
    state: str
    position: int
    size: int


class Error(NamedTuple):
    code: str
    position: int


class Header(NamedTuple):
    length: int
    check: int
    fields: flatbuffer.StreamHeader
    spans: list


class Result(NamedTuple):
    header: Optional[Header]
    frames: List[Union[SyncFrame, MessageFrame, ControlFrame]]
    end: Optional[End]
    error: Optional[Error]

    @property
    def messages(self):
        return [frame for frame in self.frames if isinstance(frame, MessageFrame)]

    @property
    def syncs(self):
        return [frame for frame in self.frames if isinstance(frame, SyncFrame)]


class HeaderError(Exception):
    """Nothing can be read behind it."""

    def __init__(self, code, position):
        super().__init__(code)
        self.error = Error(code, position)


class Stop(Exception):
    """Reading ends at D for this reason; what lies behind decides whether that is an error."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class Refused(Exception):
    """An error at once: nothing is searched behind it."""


# --- Opening --------------------------------------------------------------------------------------------

def region_length(data, at=0):
    """Length of an intact header region at `at`; HeaderError if there is none. Steps 1 to 4 of Opening."""
    if len(data) - at < 12 or data[at + 8:at + 12] != flatbuffer.IDENTIFIER:
        raise HeaderError("not_a_stream", at)
    n = struct.unpack_from("<I", data, at)[0]
    if n % 8 != 4 or n < 12 or n > HEADER_LEN_MAX:
        raise HeaderError("header_length", at)
    if len(data) - at < 4 + n:
        raise HeaderError("header_incomplete", len(data))
    if checksums.crc32c(data[at:at + n]) != struct.unpack_from("<I", data, at + n)[0]:
        raise HeaderError("header_check", at + n)
    return 4 + n


def open_header(data, private):
    """Numbers first: the rest of a header that only a later version understands is not this reader's to judge."""
    length = region_length(data)
    try:
        check_numbers(flatbuffer.read_numbers(data[4:length - 4]))
        fields, spans = flatbuffer.read_header(data[4:length - 4])
    except flatbuffer.Malformed:
        raise HeaderError("header_malformed", 4)
    if checksums.hasher(fields.checksum, private) is None:
        raise HeaderError("checksum_unsupported", 4)
    return Header(length, struct.unpack_from("<I", data, length - 4)[0], fields, spans)


def check_numbers(numbers):
    if not numbers["version"]:
        raise HeaderError("header_malformed", 4)
    if numbers["version"] > FORMAT_VERSION:
        raise HeaderError("version_unsupported", 4)
    if numbers["checksum"] is None:
        raise HeaderError("header_malformed", 4)
    if numbers["required_features"]:
        raise HeaderError("feature_unsupported", 4)
    if numbers["alignment_log2"] != ALIGNMENT_LOG2:
        raise HeaderError("alignment_unsupported", 4)
    if 4 < numbers["checksum"] < 128:
        raise HeaderError("checksum_unsupported", 4)


# --- Frames: what is true of them wherever they stand ---------------------------------------------------

class RawFrame(NamedTuple):
    """A frame that is whole; nothing else is known of it yet."""
    position: int
    check: int
    length_word: int
    body: bytes
    size: int

    @property
    def is_control(self):
        return bool(self.length_word & CONTROL_BIT)

    @property
    def is_sync_sized(self):
        """A control frame of kind sync that is checked by its own salt and position."""
        return self.is_control and self.body[:4] == b"sync" and SYNC_BODY_LEN <= len(self.body) <= SYNC_BODY_MAX


def sync_fields_in_range(sync):
    """The part of `sync_field` that does not depend on the header."""
    return (sync.version == FORMAT_VERSION and sync.alignment_log2 == ALIGNMENT_LOG2
            and sync.position % 8 == 0 and sync.durable <= sync.position and sync.stream_id != 0)


def sync_check_holds(raw, sync):
    return raw.check == checksums.crc32c(raw.body) ^ mask(sync.salt, sync.position, raw.length_word)


def intact_syncs(data, start):
    """(offset, size, sync) of all sync frames from an offset on that are whole, right by their own word, in range."""
    found = data.find(b"sync", start + 8)
    while found >= 0:
        at = found - 8
        check, word = struct.unpack_from("<II", data, at)
        length = word & ~CONTROL_BIT
        raw = RawFrame(at, check, word, data[found:found + length], frame_size(length))
        if raw.is_sync_sized and at + raw.size <= len(data):
            sync = decode_sync(raw.body)
            if sync_fields_in_range(sync) and sync_check_holds(raw, sync):
                yield at, raw.size, sync
        found = data.find(b"sync", found + 1)


class Reader:
    def __init__(self, data, private=None, header=None):
        self.data = bytes(data)
        self.obey(header or open_header(self.data, private), private)
        self.position = self.header.length  # an offset: see `place`
        self.shift = 0             # of a recovering reader: what positions are above offsets
        self.frames = []
        self.last = None           # last accepted sync
        self.salt = None           # of the current epoch
        self.count = 0             # messages so far
        self.closed = False        # the last accepted frame is a CLOSED sync

    def obey(self, header, private):
        self.header = header
        self.digest = checksums.hasher(header.fields.checksum, private)
        promise = header.fields.max_message_len
        self.message_limit = promise or CONTROL_BIT - 1
        self.control_limit = max(promise, CONTROL_BODY_LIMIT)

    def place(self, offset):
        """The position of an offset."""
        return (offset + self.shift) & MASK64

    def length_is_legal(self, word):
        length = word & ~CONTROL_BIT
        return 0 < length <= (self.control_limit if word & CONTROL_BIT else self.message_limit)

    def raw_frame(self, at):
        """Steps 1 to 4: a whole frame of legal length, or Stop."""
        if len(self.data) - at < 8:
            raise Stop("incomplete")
        if self.data[at:at + 8] in BLANK_HEADS:
            raise Stop("blank")
        check, word = struct.unpack_from("<II", self.data, at)
        if not self.length_is_legal(word):
            raise Stop("frame_length")
        length = word & ~CONTROL_BIT
        if at + frame_size(length) > len(self.data):
            raise Stop("incomplete")
        return RawFrame(at, check, word, self.data[at + 8:at + 8 + length], frame_size(length))

    def placed_check_holds(self, raw):
        """By the current salt and the place where the frame stands."""
        digest = checksums.crc32c if raw.is_control else self.digest
        return raw.check == digest(raw.body) ^ mask(self.salt, self.place(raw.position), raw.length_word)

    # --- One frame at D, in the order of section 10 ---

    def next_frame(self, despite_pad=False):
        raw = self.raw_frame(self.position)
        sync = decode_sync(raw.body) if raw.is_sync_sized else None
        if self.last is None and sync is None:
            raise Stop("sync_missing")
        if not (sync_check_holds(raw, sync) if sync else self.placed_check_holds(raw)):
            raise Stop("frame_check")
        if not despite_pad and self.pad_is_wrong(raw.position, raw.size):
            raise Stop("frame_pad")
        if raw.is_control:
            self.refuse_bad_kind(raw)
        if sync:
            self.refuse_wrong_sync(sync)
        if self.closed and not (sync and sync.flags & RESUMED and sync.epoch > self.last.epoch):
            raise Stop("after_closed")
        self.accept(raw, sync)

    def pad_is_wrong(self, at, size):
        length = struct.unpack_from("<I", self.data, at + 4)[0] & ~CONTROL_BIT
        return any(self.data[at + 8 + length:at + size])

    @staticmethod
    def refuse_bad_kind(raw):
        kind = raw.body[:4]
        if len(raw.body) < CONTROL_BODY_MIN or not (kind.isalpha() and kind.isascii()):
            raise Stop("control_kind")
        if kind == b"sync" and not raw.is_sync_sized:
            raise Stop("sync_field")
        if kind != b"sync" and kind[:1].isupper():
            raise Refused("kind_unsupported")

    def refuse_wrong_sync(self, sync):
        last = self.last
        if not self.sync_in_range(sync):
            raise Stop("sync_field")
        if last and sync.stream_id != last.stream_id:
            raise Stop("sync_stream")
        if sync.header_check != self.header.check:
            raise Stop("sync_header")
        if sync.position != self.place(self.position):
            raise Stop("sync_position")
        if last and (sync.epoch < last.epoch or (sync.epoch > last.epoch and not sync.flags & RESUMED)):
            raise Stop("sync_epoch")
        if sync.sequence != self.count:
            raise Stop("sync_sequence")

    def sync_in_range(self, sync):
        return sync_fields_in_range(sync) and sync.checksum == self.header.fields.checksum

    def accept(self, raw, sync):
        at = self.place(self.position)
        if sync:
            self.last, self.salt = sync, sync.salt
            self.frames.append(SyncFrame(at, raw.size, sync))
        elif raw.is_control:
            self.frames.append(ControlFrame(at, raw.size, raw.body[:4].decode("ascii"), raw.body))
        else:
            self.frames.append(MessageFrame(at, raw.size, self.count, raw.body))
            self.count += 1
        self.closed = bool(sync and sync.flags & CLOSED)
        self.position += raw.size

    # --- How it ended (section 11) ---

    def read(self):
        try:
            while self.position < len(self.data):
                self.next_frame()
            return self.result(self.boundary_state())
        except Refused as refused:
            return self.result(None, str(refused))
        except Stop as stop:
            return self.judge(stop.reason)

    def boundary_state(self):
        return "closed" if self.closed else "open"

    def result(self, state, code=None):
        place = self.place(self.position)
        end = End(state, place, len(self.data) - self.position) if state else None
        error = Error(code, place) if code else None
        return Result(self.header, self.frames, end, error)

    def judge(self, reason):
        tail = self.data[self.position:]
        if tail in (bytes(len(tail)), b"\xff" * len(tail)):
            return self.result(self.boundary_state())
        syncs = list(self.evident_syncs())
        if syncs or self.second_header() or self.good_frame_behind():
            corrupt = any(self.is_ours(sync) and sync.durable > self.place(self.position) for sync in syncs)
            return self.result("corrupt" if corrupt else "scattered", reason)
        if self.last is None and reason == "incomplete":
            return self.result("open")
        return self.result("torn")

    def is_ours(self, sync):
        """This stream's id and header; before the first sync only the header is known."""
        return sync.header_check == self.header.check and (
            self.last is None or sync.stream_id == self.last.stream_id)

    def evident_syncs(self):
        """Evidence (ii) and (iii): intact sync frames from D on."""
        for at, _, sync in intact_syncs(self.data, self.position):
            if self.is_displaced_evidence(sync) or self.is_placed_evidence(sync, at):
                yield sync

    def is_displaced_evidence(self, sync):
        """(ii): this stream's, above the last accepted sync, wherever it lies."""
        if not self.sync_in_range(sync):
            return False
        if self.last is None:
            return sync.header_check == self.header.check
        return sync.stream_id == self.last.stream_id and sync.position > self.last.position

    def is_placed_evidence(self, sync, at):
        """(iii): any stream's, at the position it names (a multiple of 8, as the fields are in range)."""
        return sync.position == self.place(at)

    def second_header(self):
        """(iv): exactly at D."""
        try:
            region_length(self.data, self.position)
            return True
        except HeaderError:
            return False

    def good_frame_behind(self):
        """(i): a frame of this stream at its place, from D on."""
        if self.last is None:
            return False  # no salt is known
        for at in range(self.position + -self.place(self.position) % 8, len(self.data) - 8, 8):
            try:
                if self.placed_check_holds(self.raw_frame(at)):
                    return True
            except Stop:
                pass
        return False


def read_stream(data, private=None):
    """What a strict reader makes of these bytes: a Result."""
    try:
        return Reader(data, private).read()
    except HeaderError as refused:
        return Result(None, [], None, refused.error)
