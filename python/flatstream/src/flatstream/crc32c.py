"""CRC-32C (Castagnoli), as docs/format/spec.md, section 5, defines it."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import List, Tuple, Union

Bytes = Union[bytes, bytearray, memoryview]

_POLYNOMIAL_REVERSED = 0x82F63B78
_PIECE = 65536


def _byte_table() -> List[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL_REVERSED if value & 1 else 0)
        table.append(value)
    return table


_BYTE = _byte_table()


@lru_cache(maxsize=1)
def _word_tables() -> Tuple[List[int], List[int]]:
    """Tables that advance a 16-bit value by 16 and by 32 zero bits."""
    byte = _BYTE
    by_16 = []
    for value in range(65536):
        value = byte[value & 0xFF] ^ (value >> 8)
        by_16.append(byte[value & 0xFF] ^ (value >> 8))
    by_32 = [by_16[value & 0xFFFF] ^ (value >> 16) for value in by_16]
    return by_16, by_32


def crc32c(data: Bytes) -> int:
    """The CRC-32C of data."""
    by_16, by_32 = _word_tables()
    view = memoryview(data)
    crc = 0xFFFFFFFF
    for start in range(0, len(view), _PIECE):
        piece = view[start:start + _PIECE]
        words = len(piece) // 4
        for word in struct.unpack_from(f"<{words}I", piece):
            crc ^= word
            crc = by_32[crc & 0xFFFF] ^ by_16[crc >> 16]
        for value in piece[words * 4:]:
            crc = _BYTE[(crc ^ value) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF
