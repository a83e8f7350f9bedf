"""The vector files of docs/format/vectors, and what a reader says about them."""

import io
import zlib
from functools import lru_cache
from pathlib import Path

from flatstream.checksum import name_of
from flatstream.errors import DAMAGE, LimitError, StreamError
from flatstream.reports import Gap, HeaderIgnored, OtherStream, SecondStream, Skipped
from flatstream.vectorfile import parse_vector
from flatstream.walk import Sync
from tests.implementation import IS_PURE, Reader, RecoveringReader

PRIVATE = {128: zlib.adler32}
ROOT = Path(__file__).resolve().parents[3] / "docs" / "format" / "vectors"


@lru_cache(maxsize=None)
def load(group, name):
    return parse_vector((ROOT / group / f"{name}.hex").read_text(encoding="utf-8"))


def names(group):
    return sorted(path.stem for path in (ROOT / group).glob("*.hex"))


def is_a(event, name):
    """Every implementation has a class of its own for these."""
    return type(event).__name__ == name


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
    if is_a(frame, "Message"):
        return f"message {frame.position} length={len(frame.body)} sequence={frame.sequence}"
    return f"control {frame.position} kind={frame.kind} length={len(frame.body)}"


def end_fact(end):
    if end.kind == "torn":
        return f"end torn position={end.position} bytes={end.size}"
    return f"end {end.kind} position={end.position}"


def read_facts(file, **options):
    """All facts that a strict reader finds, as a vector file writes them."""
    facts = []
    try:
        reader = Reader(file, private=PRIVATE, **options)
        facts += header_facts(reader.region)
        for frame in reader.frames() if IS_PURE else reader:
            facts.append(frame_fact(frame))
        facts.append(end_fact(reader.end))
    except StreamError as error:
        facts.append(f"error {error.code} position={error.position}")
        if error.kind == DAMAGE:
            facts.append(end_fact(error.end))
    except LimitError as error:
        facts.append(f"limit position={error.position}")
    return facts


def recover_facts(file, describe=None, **options):
    """All facts that a recovering reader finds, grouped and written as in a vector file."""
    groups = {name: [] for name in ("message", "skipped", "pad", "header", "lost", "contradiction",
                                    "second_stream", "other_stream")}
    try:
        reader = RecoveringReader(file, private=PRIVATE, **options)
        for event in reader.events():
            for key, value in recovered(event):
                groups[key].append(f"{key} {value}{describe(event) if describe else ''}")
    except StreamError as error:
        return groups["message"] + [f"error {error.code} position={error.position}"]
    if not reader.lost_is_exact:
        groups["lost"].append("lost unknown")
    end = f"end {reader.end.kind} position={reader.end.position}"
    return [fact for facts in groups.values() for fact in facts] + [end]


def recovered(event):
    """The facts of an event."""
    if is_a(event, "Message"):
        sequence = "?" if event.sequence is None else event.sequence
        yield "message", f"{event.position} length={len(event.body)} sequence={sequence}"
    elif isinstance(event, Skipped):
        yield "skipped", f"{event.start} {event.end}"
    elif is_a(event, "Pad"):
        yield "pad", f"{event.position}"
    elif isinstance(event, HeaderIgnored):
        yield "header", f"{event.offset}"
    elif isinstance(event, SecondStream):
        yield "second_stream", f"{event.offset}"
    elif isinstance(event, OtherStream):
        yield "other_stream", f"{event.offset} stream_id=0x{event.stream_id:016x}"
    elif isinstance(event, Gap) and event.contradiction:
        yield "contradiction", f"{event.contradiction} position={event.sync}"
    elif isinstance(event, Gap) and event.lost:
        yield "lost", f"{event.lost} position={event.sync}"
    elif is_a(event, "Contradiction"):
        yield "contradiction", f"{event.delivered - event.counted} position={event.position}"
    elif is_a(event, "Lost") and event.messages is not None:
        yield "lost", f"{event.messages} position={event.position}"


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
