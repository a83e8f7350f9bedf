"""The vector files of docs/format/vectors, and what a reader says about them."""

import io
import zlib
from functools import lru_cache
from pathlib import Path

from flatstream.checksum import name_of
from flatstream.errors import DAMAGE, StreamError
from flatstream.reader import Reader
from flatstream.vectorfile import parse_vector
from flatstream.walk import Message, Sync

PRIVATE = {128: zlib.adler32}
ROOT = Path(__file__).resolve().parents[3] / "docs" / "format" / "vectors"


@lru_cache(maxsize=None)
def load(group, name):
    return parse_vector((ROOT / group / f"{name}.hex").read_text(encoding="utf-8"))


def names(group):
    return sorted(path.stem for path in (ROOT / group).glob("*.hex"))


def header_facts(region):
    header = region.header
    return [
        f"checksum {name_of(header.checksum)}",
        f"header_len {len(region)}",
        f"header_check 0x{region.header_check:08x}",
        f"max_message_len {header.max_message_len}",
        f"sync_interval {header.sync_interval}",
        f"clock {header.clock}",
    ]


def frame_fact(frame):
    if isinstance(frame, Sync):
        f = frame.fields
        return (f"sync {frame.position} epoch={f.epoch} flags={f.flags} "
                f"stream_id=0x{f.stream_id:016x} sequence={f.sequence} time={f.time} "
                f"durable={f.durable}")
    if isinstance(frame, Message):
        return f"message {frame.position} length={len(frame.body)} sequence={frame.sequence}"
    return f"control {frame.position} kind={frame.kind} length={len(frame.body)}"


def end_fact(end):
    if end.kind == "torn":
        return f"end torn position={end.position} bytes={end.size}"
    return f"end {end.kind} position={end.position}"


def read_facts(file):
    """All facts that a strict reader finds, as a vector file writes them."""
    facts = []
    try:
        reader = Reader(file, private=PRIVATE)
        facts += header_facts(reader.region)
        for frame in reader.frames():
            facts.append(frame_fact(frame))
        facts.append(end_fact(reader.end))
    except StreamError as error:
        facts.append(f"error {error.code} position={error.position}")
        if error.kind == DAMAGE:
            facts.append(end_fact(error.end))
    return facts


class Pieces(io.RawIOBase):
    """A source that cannot seek and gives its bytes in pieces of given lengths."""

    def __init__(self, data, lengths):
        self._data = data
        self._at = 0
        self._lengths = lengths
        self._turn = 0

    def read(self, size=-1):
        length = self._lengths[self._turn % len(self._lengths)]
        self._turn += 1
        piece = self._data[self._at:self._at + min(length, size)]
        self._at += len(piece)
        return piece
