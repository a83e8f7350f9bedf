"""XXH3_64bits with seed 0 and the default secret (docs/format/spec.md, section 5)."""

from __future__ import annotations

import struct
from typing import List

from .constants import MASK_64
from .crc32c import Bytes
from .xxh64 import (
    PRIME64_1,
    PRIME64_2,
    PRIME64_3,
    PRIME64_4,
    PRIME64_5,
    avalanche,
    rotate_left,
)

PRIME32_1 = 0x9E3779B1
PRIME32_2 = 0x85EBCA77
PRIME32_3 = 0xC2B2AE3D
PRIME_MX1 = 0x165667919E3779F9
PRIME_MX2 = 0x9FB21C651E98DF25

SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
_STRIPE = 64
_BLOCK_STRIPES = (len(SECRET) - _STRIPE) // 8


def _u32(data: Bytes, at: int) -> int:
    return int.from_bytes(data[at:at + 4], "little")


def _u64(data: Bytes, at: int) -> int:
    return int.from_bytes(data[at:at + 8], "little")


def _fold(a: int, b: int) -> int:
    product = a * b
    return (product & MASK_64) ^ (product >> 64)


def _avalanche3(x: int) -> int:
    x = ((x ^ (x >> 37)) * PRIME_MX1) & MASK_64
    return x ^ (x >> 32)


def _to_3(data: Bytes) -> int:
    length = len(data)
    combined = data[0] << 16 | data[length >> 1] << 24 | data[-1] | length << 8
    return avalanche(combined ^ _u32(SECRET, 0) ^ _u32(SECRET, 4))


def _to_8(data: Bytes) -> int:
    length = len(data)
    value = _u32(data, length - 4) + (_u32(data, 0) << 32)
    x = value ^ _u64(SECRET, 8) ^ _u64(SECRET, 16)
    x ^= rotate_left(x, 49) ^ rotate_left(x, 24)
    x = (x * PRIME_MX2) & MASK_64
    x ^= (x >> 35) + length
    x = (x * PRIME_MX2) & MASK_64
    return x ^ (x >> 28)


def _to_16(data: Bytes) -> int:
    length = len(data)
    low = _u64(data, 0) ^ _u64(SECRET, 24) ^ _u64(SECRET, 32)
    high = _u64(data, length - 8) ^ _u64(SECRET, 40) ^ _u64(SECRET, 48)
    swapped = int.from_bytes(low.to_bytes(8, "little"), "big")
    return _avalanche3((length + swapped + high + _fold(low, high)) & MASK_64)


def _mix_16(data: Bytes, at: int, secret_at: int) -> int:
    return _fold(
        _u64(data, at) ^ _u64(SECRET, secret_at),
        _u64(data, at + 8) ^ _u64(SECRET, secret_at + 8),
    )


def _to_128(data: Bytes) -> int:
    length = len(data)
    x = length * PRIME64_1
    for pair in range((length - 1) // 32 + 1):
        x += _mix_16(data, 16 * pair, 32 * pair)
        x += _mix_16(data, length - 16 * (pair + 1), 32 * pair + 16)
    return _avalanche3(x & MASK_64)


def _to_240(data: Bytes) -> int:
    length = len(data)
    x = length * PRIME64_1
    for part in range(8):
        x += _mix_16(data, 16 * part, 16 * part)
    x = _avalanche3(x & MASK_64)
    for part in range(8, length // 16):
        x += _mix_16(data, 16 * part, 16 * (part - 8) + 3)
    x += _mix_16(data, length - 16, 136 - 17)
    return _avalanche3(x & MASK_64)


def _accumulate(lanes: List[int], data: Bytes, at: int, secret_at: int) -> None:
    values = struct.unpack_from("<8Q", data, at)
    keys = struct.unpack_from("<8Q", SECRET, secret_at)
    for i in range(8):
        keyed = values[i] ^ keys[i]
        lanes[i ^ 1] += values[i]
        lanes[i] += (keyed & 0xFFFFFFFF) * (keyed >> 32)
    for i in range(8):
        lanes[i] &= MASK_64


def _scramble(lanes: List[int]) -> None:
    keys = struct.unpack_from("<8Q", SECRET, len(SECRET) - _STRIPE)
    for i in range(8):
        lane = lanes[i]
        lanes[i] = ((lane ^ (lane >> 47) ^ keys[i]) * PRIME32_1) & MASK_64


def _long(data: Bytes) -> int:
    length = len(data)
    lanes = [PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3,
             PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1]
    for stripe in range((length - 1) // _STRIPE):
        in_block = stripe % _BLOCK_STRIPES
        _accumulate(lanes, data, stripe * _STRIPE, in_block * 8)
        if in_block == _BLOCK_STRIPES - 1:
            _scramble(lanes)
    _accumulate(lanes, data, length - _STRIPE, len(SECRET) - _STRIPE - 7)
    x = length * PRIME64_1
    for i in range(4):
        key = 11 + 16 * i
        x += _fold(lanes[2 * i] ^ _u64(SECRET, key), lanes[2 * i + 1] ^ _u64(SECRET, key + 8))
    return _avalanche3(x & MASK_64)


def xxh3(data: Bytes) -> int:
    """The 64-bit XXH3 of data, seed 0."""
    length = len(data)
    if length == 0:
        return avalanche(_u64(SECRET, 56) ^ _u64(SECRET, 64))
    if length <= 3:
        return _to_3(data)
    if length <= 8:
        return _to_8(data)
    if length <= 16:
        return _to_16(data)
    if length <= 128:
        return _to_128(data)
    if length <= 240:
        return _to_240(data)
    return _long(memoryview(data))
