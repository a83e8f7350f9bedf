"""What a stream is made of: header region, check word, frames, sync frames, and a writer (sections 3 to 9)."""

import struct
from typing import NamedTuple

from . import checksums, flatbuffer
from .checksums import MASK64

HEADER_LEN_MAX = 1 << 20
CONTROL_BIT = 0x80000000
CONTROL_BODY_MIN = 8
CONTROL_BODY_LIMIT = 1 << 20
SYNC_BODY_LEN = 56
SYNC_BODY_MAX = 1016
SYNC_FRAME_LEN = 64
SYNC_GAP_MIN = 1024
FORMAT_VERSION = 1
ALIGNMENT_LOG2 = 3
CLOSED = 1
RESUMED = 2
TIME_NONE = -(1 << 63)


# --- Header region (section 3) --------------------------------------------------------------------------

def header_region(table_or_header):
    """Length, FlatBuffer, fill, check. Takes a StreamHeader, a builder's table, or a finished FlatBuffer."""
    buffer = table_or_header
    if isinstance(buffer, flatbuffer.StreamHeader):
        buffer = flatbuffer.header_table(buffer)
    if isinstance(buffer, flatbuffer.Table):
        buffer = flatbuffer.build(buffer, flatbuffer.IDENTIFIER)
    buffer += bytes(-len(buffer) % 8)  # 4 + the buffer + 4 is a multiple of 8
    return seal_region(struct.pack("<I", len(buffer) + 4) + buffer)


def seal_region(without_check):
    return without_check + struct.pack("<I", checksums.crc32c(without_check))


def region_check(region):
    return struct.unpack_from("<I", region, len(region) - 4)[0]


# --- Check word (section 6) -----------------------------------------------------------------------------

def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK64
    return z ^ (z >> 31)


def salt_of(stream_id, epoch):
    return mix((stream_id + epoch * 0xA0761D6478BD642F) & MASK64)


def mask(salt, position, length_word):
    x = ((salt ^ position) * 0x9E3779B97F4A7C15) & MASK64
    x = ((x ^ (x >> 32) ^ length_word) * 0xD6E8FEB86659FD93) & MASK64
    return x >> 32


# --- Frames (sections 4 and 7) --------------------------------------------------------------------------

def frame_size(body_len):
    return 8 + ((body_len + 7) & ~7)


def encode_frame(salt, position, body, digest, control=False):
    length_word = len(body) | (CONTROL_BIT if control else 0)
    check = digest(body) ^ mask(salt, position, length_word)
    return struct.pack("<II", check, length_word) + body + bytes(-len(body) % 8)


def encode_control(salt, position, body):
    """The digest of a control frame is CRC-32C whatever the header's checksum is."""
    return encode_frame(salt, position, body, checksums.crc32c, control=True)


# --- Sync frames (section 8) ----------------------------------------------------------------------------

_SYNC = struct.Struct("<4sIBBBBIQQQqQ")


class Sync(NamedTuple):
    """The fields of a sync body, in their order behind the kind."""
    header_check: int
    version: int
    checksum: int
    alignment_log2: int
    flags: int
    epoch: int
    stream_id: int
    position: int
    sequence: int
    time: int
    durable: int

    @property
    def salt(self):
        return salt_of(self.stream_id, self.epoch)


def sync_body(sync):
    return _SYNC.pack(b"sync", *sync)


def decode_sync(body):
    """Bytes behind the fields that version 1 knows are ignored."""
    return Sync(*_SYNC.unpack_from(body)[1:])


def encode_sync(sync, grown_by=b""):
    return encode_control(sync.salt, sync.position, sync_body(sync) + grown_by)


# --- Writer (section 9) ---------------------------------------------------------------------------------

class Writer:
    """Builds one stream in memory.

    `message` places sync frames by the distance row of "When"; `plain_message`, `sync` and `control` do only
    what they are told, so that a case can put frames anywhere.
    """

    def __init__(self, region, stream_id, times=None, private=None, epoch=0):
        self.region = region
        self.header, _ = flatbuffer.read_header(region[4:])
        self.digest = checksums.hasher(self.header.checksum, private)
        self.stream_id, self.epoch = stream_id, epoch
        self.times = iter(times) if times is not None else None
        self.last_time = None
        self.sequence, self.last_sync = 0, None
        self.data = bytearray(region)

    @property
    def position(self):
        return len(self.data)

    @property
    def salt(self):
        return salt_of(self.stream_id, self.epoch)

    def _now(self):
        """One reading of the clock per sync frame; never decreasing within an epoch."""
        now = TIME_NONE if self.times is None else next(self.times)
        self.last_time = now if self.last_time is None else max(now, self.last_time)
        return self.last_time

    def next_sync(self, flags=0, **changes):
        """The fields of a sync frame here; `changes` replaces some of them."""
        if "time" not in changes:
            changes["time"] = self._now()
        return Sync(region_check(self.region), FORMAT_VERSION, self.header.checksum, ALIGNMENT_LOG2, flags,
                    self.epoch, self.stream_id, self.position, self.sequence, 0, 0)._replace(**changes)

    def sync(self, flags=0, grown_by=b"", **changes):
        self.last_sync = self.position
        self.data += encode_sync(self.next_sync(flags, **changes), grown_by)

    def resume(self, epoch, flags=RESUMED, **changes):
        self.epoch, self.last_time = epoch, None
        self.sync(flags, **changes)

    def finish(self, **changes):
        self.sync(CLOSED, **changes)

    def plain_message(self, body):
        self.data += encode_frame(self.salt, self.position, body, self.digest)
        self.sequence += 1

    def control(self, body):
        self.data += encode_control(self.salt, self.position, body)

    def sync_is_due(self):
        interval, last = self.header.sync_interval, self.last_sync
        if interval == 0 or self.position == last + SYNC_FRAME_LEN:
            return False  # never directly behind another, however small the interval is
        return self.position - last >= min(interval, max(SYNC_GAP_MIN, last))

    def message(self, body):
        if self.sync_is_due():
            self.sync()
        self.plain_message(body)


def write_stream(region, stream_id, messages, times=None, private=None):
    """A whole closed stream, with automatic sync frames."""
    writer = Writer(region, stream_id, times, private)
    writer.sync()
    for body in messages:
        writer.message(body)
    writer.finish()
    return bytes(writer.data)


def self_check():
    """Rows of the table in section 6, and the sizes everything rests on."""
    rows = (
        (0x8, 0, 0x40, 0x00000001, 0xE9A7F9A2),
        (0x8, 1, 0x40, 0x00000001, 0xB40C5B60),
        (0x0123456789ABCDEF, 0, 0xB8, 0x80000038, 0xBE1B7DEA),
        (0x0123456789ABCDEF, 2, 0x10000, 0x7FFFFFFF, 0x14D139F5),
        (MASK64, 2, 0x40, 0xFFFFFFFF, 0xACF350BF),
    )
    for stream_id, epoch, position, word, value in rows:
        if mask(salt_of(stream_id, epoch), position, word) != value:
            raise AssertionError("mask of stream 0x%x, epoch %d" % (stream_id, epoch))
    assert _SYNC.size == SYNC_BODY_LEN and frame_size(1) == 16 and frame_size(8) == 16
