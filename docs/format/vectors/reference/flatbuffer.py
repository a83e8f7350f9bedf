"""Just enough FlatBuffers for this format: a small builder, and a checked reader of StreamHeader (section 3).

The builder lays objects out forwards: vtable, table, then what the table points at. Any verifier accepts that;
builders that write backwards arrange the same table in another way, which is why section 20 takes the header
region as bytes.
"""

import struct
from typing import Any, List, NamedTuple, Optional, Tuple

IDENTIFIER = b"FLS1"

_SCALARS = {"u8": ("<B", 1), "u16": ("<H", 2), "u32": ("<I", 4), "u64": ("<Q", 8), "f64": ("<d", 8)}


# --- Building -------------------------------------------------------------------------------------------

class Table(dict):
    """{slot: (type, value)}; types are those of _SCALARS, "string", "bytes" and "tables"."""


def build(root, identifier=b""):
    """One finished FlatBuffer. Every offset in it is aligned relative to its own first byte."""
    out = bytearray(4) + identifier
    root_at = _put_table(out, root)
    struct.pack_into("<I", out, 0, root_at)
    _align(out, 4)
    return bytes(out)


def _align(out, alignment):
    out += bytes(-len(out) % alignment)


def _layout(table):
    """Offsets of the fields within the table, widest first so that no gap arises between them."""
    sizes = {slot: _SCALARS.get(kind, ("<I", 4))[1] for slot, (kind, _) in table.items()}
    offsets, at = {}, 4
    for slot in sorted(table, key=lambda slot: (-sizes[slot], slot)):
        at += -at % sizes[slot]
        offsets[slot] = at
        at += sizes[slot]
    return offsets, at, max([4] + list(sizes.values()))


def _put_table(out, table):
    offsets, size, alignment = _layout(table)
    slots = max(table) + 1 if table else 0
    vtable = struct.pack("<HH", 4 + 2 * slots, size)
    vtable += b"".join(struct.pack("<H", offsets.get(slot, 0)) for slot in range(slots))
    _align(out, 2)
    # The vtable stands directly before the table, so the gap that aligns the table goes before the vtable.
    out += bytes(-(len(out) + len(vtable)) % alignment)
    out += vtable
    start = len(out)
    out += struct.pack("<i", len(vtable)) + bytes(size - 4)
    for slot in sorted(table):
        kind, value = table[slot]
        _put_field(out, start + offsets[slot], kind, value)
    return start


def _put_field(out, at, kind, value):
    if kind in _SCALARS:
        struct.pack_into(_SCALARS[kind][0], out, at, value)
        return
    target = {"string": _put_string, "bytes": _put_bytes, "tables": _put_tables}[kind](out, value)
    struct.pack_into("<I", out, at, target - at)


def _put_bytes(out, value):
    _align(out, 4)
    start = len(out)
    out += struct.pack("<I", len(value)) + value
    return start


def _put_string(out, text):
    start = _put_bytes(out, text.encode("utf-8"))
    out.append(0)
    return start


def _put_tables(out, tables):
    _align(out, 4)
    start = len(out)
    out += struct.pack("<I", len(tables)) + bytes(4 * len(tables))
    for index, table in enumerate(tables):
        slot_at = start + 4 + 4 * index
        struct.pack_into("<I", out, slot_at, _put_table(out, table) - slot_at)
    return start


# --- Reading --------------------------------------------------------------------------------------------

class Malformed(Exception):
    """The buffer breaks a rule of FlatBuffers or a presence rule of StreamHeader."""


class Span(NamedTuple):
    """Which bytes hold what: the annotations of the vector files."""
    start: int
    end: int
    label: str


class View:
    """Bounds-checked access. Alignment is relative to the start of the buffer."""

    def __init__(self, data, spans):
        self.data = bytes(data)
        self.spans: List[Span] = spans

    def take(self, at, size, label, alignment=1):
        if at < 0 or at + size > len(self.data):
            raise Malformed("%s lies outside the buffer" % label)
        if at % alignment:
            raise Malformed("%s is not aligned" % label)
        if size:
            self.spans.append(Span(at, at + size, label))
        return self.data[at:at + size]

    def number(self, at, size, label, alignment=None):
        return int.from_bytes(self.take(at, size, label, alignment or size), "little")

    def follow(self, at, label):
        return at + self.number(at, 4, label + " offset")

    def bytes_at(self, at, label):
        length = self.number(at, 4, label + " length")
        return self.take(at + 4, length, label)

    def string_at(self, at, label):
        raw = self.bytes_at(at, label)
        if self.take(at + 4 + len(raw), 1, label + " end") != b"\0":
            raise Malformed("%s has no zero at its end" % label)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("%s is not UTF-8" % label)


class TableView:
    def __init__(self, view, at, label):
        self.view, self.at, self.label = view, at, label
        signed = struct.unpack("<i", view.take(at, 4, label + ": vtable offset", 4))[0]
        self.vtable = at - signed
        self.vtable_len = view.number(self.vtable, 2, label + " vtable: its size")
        if self.vtable_len < 4 or self.vtable_len % 2:
            raise Malformed("%s has a vtable of odd size" % label)
        self.size = view.number(self.vtable + 2, 2, label + " vtable: table size")
        if self.size < 4 or at + self.size > len(view.data):
            raise Malformed("%s lies outside the buffer" % label)
        view.take(self.vtable + 4, self.vtable_len - 4, label + " vtable: entries")

    def _place(self, slot, size, label):
        entry = 4 + 2 * slot
        if entry + 2 > self.vtable_len:
            return None
        offset = int.from_bytes(self.view.data[self.vtable + entry:self.vtable + entry + 2], "little")
        if offset == 0:
            return None
        if offset < 4 or offset + size > self.size:
            raise Malformed("%s lies outside its table" % label)
        return self.at + offset

    def number(self, slot, size, label, default=0):
        at = self._place(slot, size, label)
        return default if at is None else self.view.number(at, size, label)

    def _child(self, slot, label):
        at = self._place(slot, 4, label)
        return None if at is None else self.view.follow(at, label)

    def string(self, slot, label):
        at = self._child(slot, label)
        return None if at is None else self.view.string_at(at, label)

    def byte_vector(self, slot, label):
        at = self._child(slot, label)
        return None if at is None else self.view.bytes_at(at, label)

    def tables(self, slot, label):
        at = self._child(slot, label)
        if at is None:
            return []
        count = self.view.number(at, 4, label + " count")
        if 4 * count > len(self.view.data):
            raise Malformed("%s lies outside the buffer" % label)
        places = [self.view.follow(at + 4 + 4 * i, "%s %d" % (label, i)) for i in range(count)]
        return [TableView(self.view, place, "%s %d" % (label, i)) for i, place in enumerate(places)]


def _key_value(table):
    key = table.string(0, table.label + " key")
    if key is None:
        raise Malformed("%s has no key" % table.label)
    return key, table.string(1, table.label + " value")


class StreamHeader(NamedTuple):
    version: int
    checksum: int
    alignment_log2: int = 3
    required_features: int = 0
    optional_features: int = 0
    max_message_len: int = 0
    sync_interval: int = 0
    clock: int = 0
    message_type: Optional[str] = None
    message_identifier: Optional[str] = None
    schema: Optional[bytes] = None
    writer: Optional[str] = None
    metadata: Tuple[Tuple[str, Optional[str]], ...] = ()


# Field, type and default in the order of the slots. None: no default, so the builder always writes it.
_FIELDS: List[Tuple[str, str, Any]] = [
    ("version", "u16", None), ("checksum", "u8", None), ("alignment_log2", "u8", 3),
    ("required_features", "u32", 0), ("optional_features", "u32", 0), ("max_message_len", "u32", 0),
    ("sync_interval", "u32", 0), ("clock", "u8", 0), ("message_type", "string", None),
    ("message_identifier", "string", None), ("schema", "bytes", None), ("writer", "string", None),
]
METADATA_SLOT = 12


def header_table(header):
    """The builder's table of a StreamHeader. Callers may change it to make a bad or a future one."""
    table = Table()
    for slot, (name, kind, default) in enumerate(_FIELDS):
        value = getattr(header, name)
        if value is not None and value != default:
            table[slot] = (kind, value)
    if header.metadata:
        pairs = [Table({0: ("string", key)}) for key, _ in header.metadata]
        for pair, (_, value) in zip(pairs, header.metadata):
            if value is not None:
                pair[1] = ("string", value)
        table[METADATA_SLOT] = ("tables", pairs)
    return table


def read_numbers(data):
    """The scalar fields by name, or Malformed; the version and the checksum may be None."""
    view = View(data, [])
    table = TableView(view, view.follow(0, "root"), "StreamHeader")
    return {name: table.number(slot, _SCALARS[kind][1], name, default)
            for slot, (name, kind, default) in enumerate(_FIELDS) if kind in _SCALARS}


def read_header(data, spans=None):
    """(StreamHeader, spans) of a FlatBuffer, or Malformed. `data` starts at the root offset.

    A caller that gives its own list of spans has in it what was read before a Malformed.
    """
    view = View(data, [] if spans is None else spans)
    root = view.follow(0, "root")
    view.take(4, 4, 'file identifier "FLS1"')
    table = TableView(view, root, "StreamHeader")
    values = {}
    for slot, (name, kind, default) in enumerate(_FIELDS):
        if kind == "string":
            values[name] = table.string(slot, name)
        elif kind == "bytes":
            values[name] = table.byte_vector(slot, name)
        else:
            values[name] = table.number(slot, _SCALARS[kind][1], name, default)
    if not values["version"] or values["checksum"] is None:
        raise Malformed("version or checksum is missing")
    values["metadata"] = tuple(_key_value(pair) for pair in table.tables(METADATA_SLOT, "metadata"))
    return StreamHeader(**values), view.spans
