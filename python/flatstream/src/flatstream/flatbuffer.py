"""A small reader and builder of FlatBuffers, as far as the header needs them.

Every access is checked against the bounds of the buffer: docs/format/spec.md, section 3.
"""

from __future__ import annotations

import struct
from typing import List, Optional, Union

from .constants import MIB

TABLES_MAX = 65536
TEXT_MAX = 16 * MIB


class Malformed(Exception):
    """The FlatBuffer is not well formed."""


class Buffer:
    """A FlatBuffer and what may still be unfolded from it (section 14)."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._tables_left = TABLES_MAX
        self._text_left = TEXT_MAX

    def number(self, at: int, size: int) -> int:
        """The unsigned number of `size` bytes at an offset, aligned to its size."""
        if at < 0 or at + size > len(self.data):
            raise Malformed(f"a number at {at} lies outside the buffer")
        if at % size:
            raise Malformed(f"a number at {at} is not aligned to {size}")
        return int.from_bytes(self.data[at:at + size], "little")

    def root(self) -> "Table":
        """The root table."""
        return self.table(self.number(0, 4))

    def table(self, at: int) -> "Table":
        """The table at an offset."""
        self._tables_left -= 1
        if self._tables_left < 0:
            raise Malformed(f"more than {TABLES_MAX} tables")
        return Table(self, at)

    def vector_end(self, at: int, count: int, size: int) -> int:
        """Offset behind a vector whose length field stands at `at`."""
        end = at + 4 + count * size
        if end > len(self.data):
            raise Malformed(f"a vector at {at} ends behind the buffer")
        return end

    def block(self, at: int) -> bytes:
        """The bytes of a vector of bytes or of a string."""
        count = self.number(at, 4)
        end = self.vector_end(at, count, 1)
        self._text_left -= count
        if self._text_left < 0:
            raise Malformed(f"more than {TEXT_MAX} bytes of text")
        return self.data[at + 4:end]

    def text(self, at: int) -> str:
        """A string: UTF-8 with a zero behind it."""
        block = self.block(at)
        if self.number(at + 4 + len(block), 1) != 0:
            raise Malformed(f"the string at {at} has no zero behind it")
        try:
            return block.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed(f"the string at {at} is not UTF-8") from error


class Table:
    """A table: its fields are looked up by vtable slot."""

    def __init__(self, buffer: Buffer, at: int) -> None:
        self._buffer = buffer
        self._at = at
        back = buffer.number(at, 4)
        back -= (back & 0x80000000) << 1
        self._vtable = at - back
        self._vtable_len = buffer.number(self._vtable, 2)
        if self._vtable_len < 4 or self._vtable_len % 2:
            raise Malformed(f"a vtable of {self._vtable_len} bytes")
        if self._vtable + self._vtable_len > len(buffer.data):
            raise Malformed("a vtable ends behind the buffer")

    def _field(self, slot: int) -> Optional[int]:
        entry = 4 + 2 * slot
        if entry + 2 > self._vtable_len:
            return None
        field = self._buffer.number(self._vtable + entry, 2)
        return self._at + field if field else None

    def _target(self, slot: int) -> Optional[int]:
        at = self._field(slot)
        return None if at is None else at + self._buffer.number(at, 4)

    def number(self, slot: int, size: int) -> Optional[int]:
        """An unsigned number, or None if the field is absent."""
        at = self._field(slot)
        return None if at is None else self._buffer.number(at, size)

    def text(self, slot: int) -> Optional[str]:
        """A string, or None if the field is absent."""
        at = self._target(slot)
        return None if at is None else self._buffer.text(at)

    def block(self, slot: int) -> Optional[bytes]:
        """A vector of bytes, or None if the field is absent."""
        at = self._target(slot)
        return None if at is None else self._buffer.block(at)

    def tables(self, slot: int) -> List["Table"]:
        """A vector of tables; empty if the field is absent."""
        at = self._target(slot)
        if at is None:
            return []
        count = self._buffer.number(at, 4)
        self._buffer.vector_end(at, count, 4)
        places = range(at + 4, at + 4 + 4 * count, 4)
        return [self._buffer.table(place + self._buffer.number(place, 4)) for place in places]


class Number:
    """A number field of a table that is built."""

    def __init__(self, value: int, size: int) -> None:
        self.value = value
        self.size = size


Content = Union[str, bytes, List["Fields"]]
Fields = List[Optional[Union[Number, Content]]]


def build(fields: "Fields", identifier: bytes) -> bytes:
    """A FlatBuffer whose root table has these fields; None leaves a field out."""
    out = bytearray(4) + identifier
    root = _add_table(out, fields)
    struct.pack_into("<I", out, 0, root)
    return bytes(out)


def _align(out: bytearray, size: int) -> None:
    out.extend(bytes(-len(out) % size))


def _size(field: object) -> int:
    return field.size if isinstance(field, Number) else 4


def _places(fields: "Fields") -> List[int]:
    """The place of each field in the table, the widest first; 0 where it is absent."""
    places = [0] * len(fields)
    at = 4
    for size in (4, 2, 1):
        for slot, field in enumerate(fields):
            if field is not None and _size(field) == size:
                places[slot] = at
                at += size
    return places


def _add_table(out: bytearray, fields: "Fields") -> int:
    """Append vtable, table and what the table points to; returns the table's offset."""
    places = _places(fields)
    table_len = max([4] + [p + _size(f) for p, f in zip(places, fields) if p])
    vtable_len = 4 + 2 * len(fields)
    while (len(out) + vtable_len) % 4:
        out.append(0)
    vtable = len(out)
    out += struct.pack(f"<2H{len(fields)}H", vtable_len, table_len, *places)
    table = len(out)
    out += struct.pack("<i", table - vtable) + bytes(table_len - 4)
    for place, field in zip(places, fields):
        if isinstance(field, Number):
            out[table + place:table + place + field.size] = field.value.to_bytes(
                field.size, "little")
        elif field is not None:
            _point(out, table + place, _add_content(out, field))
    return table


def _point(out: bytearray, at: int, target: int) -> None:
    struct.pack_into("<I", out, at, target - at)


def _add_content(out: bytearray, content: Content) -> int:
    _align(out, 4)
    at = len(out)
    if isinstance(content, list):
        out += struct.pack("<I", len(content)) + bytes(4 * len(content))
        for index, fields in enumerate(content):
            _point(out, at + 4 + 4 * index, _add_table(out, fields))
        return at
    block = content.encode("utf-8") + b"\0" if isinstance(content, str) else content
    count = len(block) - 1 if isinstance(content, str) else len(block)
    out += struct.pack("<I", count) + block
    return at
