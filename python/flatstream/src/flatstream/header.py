"""The header region: docs/format/spec.md, sections 3 and 10 ("Opening")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Mapping, Optional, Sequence, Tuple

from .checksum import CRC32C, Digest, digest_of
from .constants import (
    ALIGNMENT_LOG2,
    FILE_IDENTIFIER,
    FORMAT_VERSION,
    HEADER_LEN_MAX,
    SYNC_INTERVAL_DEFAULT,
)
from .crc32c import crc32c
from .errors import CallerError, StreamError
from .flatbuffer import Buffer, Fields, Malformed, Number, Table, build
from .source import Source

REGION_MIN = 12
CHECKSUM_FREE_MIN = 5
CHECKSUM_FREE_MAX = 127
CLOCKS = ("unspecified", "unix_utc", "monotonic", "tai")

Pairs = Sequence[Tuple[str, Optional[str]]]


@dataclass(frozen=True)
class Header:
    """The fields of a StreamHeader."""

    checksum: int = CRC32C
    max_message_len: int = 0
    sync_interval: int = SYNC_INTERVAL_DEFAULT
    clock: int = 0
    message_type: Optional[str] = None
    message_identifier: Optional[str] = None
    schema: Optional[bytes] = None
    writer: Optional[str] = None
    metadata: Pairs = ()
    optional_features: int = 0


@dataclass(frozen=True)
class HeaderRegion:
    """A header region: its bytes, its check, and what its FlatBuffer says."""

    raw: bytes
    header: Header

    @property
    def header_check(self) -> int:
        """The u32 at the end of the region."""
        return int.from_bytes(self.raw[-4:], "little")

    def __len__(self) -> int:
        return len(self.raw)


def is_region_length(n: int) -> bool:
    """The rules of N (section 3)."""
    return n % 8 == 4 and REGION_MIN <= n <= HEADER_LEN_MAX


def take_region(source: Source, start: int = 0) -> bytes:
    """The bytes of the header region: steps 1 to 4 of Opening. Positions count from `start`."""
    have = source.have(start + 12) - start
    identifier = source.bytes(start + 8, start + 12)
    if have < 12 or identifier != FILE_IDENTIFIER:
        found = f"{have} bytes" if have < 12 else repr(identifier)
        raise StreamError("not_a_stream", 0, f"{FILE_IDENTIFIER!r} at byte 8", found)
    n = source.word(start)
    if not is_region_length(n):
        raise StreamError("header_length", 0, f"N mod 8 = 4, 12 to {HEADER_LEN_MAX}", str(n))
    have = source.have(start + 4 + n) - start
    if have < 4 + n:
        raise StreamError("header_incomplete", have, f"{4 + n} bytes", f"{have} bytes")
    raw = source.bytes(start, start + 4 + n)
    check = crc32c(raw[:n])
    stored = int.from_bytes(raw[n:], "little")
    if check != stored:
        raise StreamError("header_check", n, f"0x{check:08x}", f"0x{stored:08x}")
    return raw


def parse_region(raw: bytes, private: Optional[Mapping[int, Digest]] = None) -> HeaderRegion:
    """The header of a region whose check holds: steps 5 to 7 of Opening."""
    buffer = Buffer(raw[4:-4])
    try:
        root = buffer.root()
        numbers = _numbers(root)
        header = _rest(root, numbers)
    except Malformed as error:
        raise StreamError("header_malformed", 4, "a well formed FlatBuffer", str(error)) from error
    if digest_of(header.checksum, private) is None:
        raise StreamError("checksum_unsupported", 4, "a checksum the reader has",
                          str(header.checksum))
    return HeaderRegion(raw, header)


def _numbers(root: Table) -> Header:
    """Step 5: the numbers of the root table alone, in the order of the text."""
    version = root.number(0, 2)
    checksum = root.number(1, 1)
    alignment_log2 = root.number(2, 1)
    required_features = root.number(3, 4) or 0
    optional_features = root.number(4, 4) or 0
    max_message_len = root.number(5, 4) or 0
    sync_interval = root.number(6, 4) or 0
    clock = root.number(7, 1) or 0
    if not version:
        raise Malformed("version is absent or 0")
    if version > FORMAT_VERSION:
        raise StreamError("version_unsupported", 4, str(FORMAT_VERSION), str(version))
    if checksum is None:
        raise Malformed("checksum is absent")
    if required_features:
        bits = [str(bit) for bit in range(32) if required_features >> bit & 1]
        raise StreamError("feature_unsupported", 4, "no required feature",
                          "bit " + ", ".join(bits))
    if alignment_log2 not in (None, ALIGNMENT_LOG2):
        raise StreamError("alignment_unsupported", 4, str(ALIGNMENT_LOG2), str(alignment_log2))
    if CHECKSUM_FREE_MIN <= checksum <= CHECKSUM_FREE_MAX:
        raise StreamError("checksum_unsupported", 4, "an id of section 5", str(checksum))
    return Header(checksum, max_message_len, sync_interval,
                  clock if clock < len(CLOCKS) else 0, optional_features=optional_features)


def _rest(root: Table, numbers: Header) -> Header:
    """Step 6: strings, vectors and metadata."""
    message_type = root.text(8)
    identifier = root.text(9)
    if identifier is not None and len(identifier.encode("utf-8")) != 4:
        raise Malformed("message_identifier does not have 4 bytes")
    schema = root.block(10)
    writer = root.text(11)
    metadata = [_pair(table) for table in root.tables(12)]
    return Header(numbers.checksum, numbers.max_message_len, numbers.sync_interval,
                  numbers.clock, message_type, identifier, schema, writer, tuple(metadata),
                  numbers.optional_features)


def _pair(table: Table) -> Tuple[str, Optional[str]]:
    key = table.text(0)
    if key is None:
        raise Malformed("an entry of metadata has no key")
    return key, table.text(1)


def read_header(source: Source, private: Optional[Mapping[int, Digest]] = None) -> HeaderRegion:
    """Open a stream: all steps of Opening, in their order."""
    return parse_region(take_region(source), private)


def _or_none(value: int, size: int, default: int = 0) -> Optional[Number]:
    return None if value == default else Number(value, size)


def build_region(header: Header) -> bytes:
    """A header region: version and checksum are always there, defaults are left out."""
    metadata: List[Fields] = [[key, value] for key, value in header.metadata]
    fields: Fields = [
        Number(FORMAT_VERSION, 2),
        Number(header.checksum, 1),
        None,
        None,
        _or_none(header.optional_features, 4),
        _or_none(header.max_message_len, 4),
        _or_none(header.sync_interval, 4),
        _or_none(header.clock, 1),
        header.message_type,
        header.message_identifier,
        header.schema,
        header.writer,
        metadata or None,
    ]
    while fields[-1] is None:
        fields.pop()
    flatbuffer = build(fields, FILE_IDENTIFIER)
    n = len(flatbuffer) + (-len(flatbuffer)) % 8 + 4
    if not is_region_length(n):
        raise CallerError(f"a header region of {n} bytes; at most {HEADER_LEN_MAX}")
    region = n.to_bytes(4, "little") + flatbuffer.ljust(n - 4, b"\0")
    return region + crc32c(region).to_bytes(4, "little")
