"""XXH64 with seed 0, of the xxHash specification (docs/format/spec.md, section 5)."""

from __future__ import annotations

import struct
from typing import List

from .constants import MASK_64
from .crc32c import Bytes

PRIME64_1 = 0x9E3779B185EBCA87
PRIME64_2 = 0xC2B2AE3D27D4EB4F
PRIME64_3 = 0x165667B19E3779F9
PRIME64_4 = 0x85EBCA77C2B2AE63
PRIME64_5 = 0x27D4EB2F165667C5


def rotate_left(x: int, bits: int) -> int:
    """Rotate a u64."""
    return ((x << bits) | (x >> (64 - bits))) & MASK_64


def avalanche(x: int) -> int:
    """The last mixing of XXH64."""
    x = ((x ^ (x >> 33)) * PRIME64_2) & MASK_64
    x = ((x ^ (x >> 29)) * PRIME64_3) & MASK_64
    return x ^ (x >> 32)


def _round(lane: int, value: int) -> int:
    lane = (lane + value * PRIME64_2) & MASK_64
    return (rotate_left(lane, 31) * PRIME64_1) & MASK_64


def _stripes(view: memoryview, end: int) -> List[int]:
    a = (PRIME64_1 + PRIME64_2) & MASK_64
    b = PRIME64_2
    c = 0
    d = -PRIME64_1 & MASK_64
    for w, x, y, z in struct.iter_unpack("<4Q", view[:end]):
        a = _round(a, w)
        b = _round(b, x)
        c = _round(c, y)
        d = _round(d, z)
    return [a, b, c, d]


def _merge(lanes: List[int]) -> int:
    x = 0
    for lane, bits in zip(lanes, (1, 7, 12, 18)):
        x += rotate_left(lane, bits)
    x &= MASK_64
    for lane in lanes:
        x = ((x ^ _round(0, lane)) * PRIME64_1 + PRIME64_4) & MASK_64
    return x


def _tail(x: int, rest: memoryview) -> int:
    at = 0
    while at + 8 <= len(rest):
        x ^= _round(0, int.from_bytes(rest[at:at + 8], "little"))
        x = (rotate_left(x, 27) * PRIME64_1 + PRIME64_4) & MASK_64
        at += 8
    if at + 4 <= len(rest):
        x ^= (int.from_bytes(rest[at:at + 4], "little") * PRIME64_1) & MASK_64
        x = (rotate_left(x, 23) * PRIME64_2 + PRIME64_3) & MASK_64
        at += 4
    for value in rest[at:]:
        x ^= (value * PRIME64_5) & MASK_64
        x = (rotate_left(x, 11) * PRIME64_1) & MASK_64
    return x


def xxh64(data: Bytes) -> int:
    """The 64-bit XXH64 of data, seed 0."""
    view = memoryview(data)
    length = len(view)
    end = length - length % 32
    x = _merge(_stripes(view, end)) if end else PRIME64_5
    return avalanche(_tail((x + length) & MASK_64, view[end:]))
