"""The checksum ids of docs/format/spec.md, section 5, and their digests."""

from __future__ import annotations

import zlib
from typing import Callable, Dict, Mapping, Optional

from .constants import MASK_32
from .crc32c import Bytes, crc32c
from .xxh3 import xxh3
from .xxh64 import xxh64

Digest = Callable[[Bytes], int]

NONE = 0
CRC32C = 1
XXH64 = 2
CRC32 = 3
XXH3 = 4
PRIVATE_MIN = 128

_NAMES = {NONE: "none", CRC32C: "crc32c", XXH64: "xxh64", CRC32: "crc32", XXH3: "xxh3"}


def _none(_body: Bytes) -> int:
    return 0


def _xxh64_low(body: Bytes) -> int:
    return xxh64(body) & MASK_32


def _xxh3_low(body: Bytes) -> int:
    return xxh3(body) & MASK_32


_DIGESTS: Dict[int, Digest] = {
    NONE: _none,
    CRC32C: crc32c,
    XXH64: _xxh64_low,
    CRC32: zlib.crc32,
    XXH3: _xxh3_low,
}


def digest_of(checksum_id: int, private: Optional[Mapping[int, Digest]] = None) -> Optional[Digest]:
    """The function of a checksum id, or None where there is none.

    `private` maps ids of 128..255 to functions from a body to a u32.
    """
    if checksum_id in _DIGESTS:
        return _DIGESTS[checksum_id]
    if private is not None and PRIVATE_MIN <= checksum_id <= 255:
        return private.get(checksum_id)
    return None


def name_of(checksum_id: int) -> str:
    """The name of an id as vector files write it (section 20)."""
    if checksum_id >= PRIVATE_MIN:
        return f"private:{checksum_id}"
    return _NAMES.get(checksum_id, f"unknown:{checksum_id}")
