"""python3 -m flatstream info|cat|verify FILE: look at a stream, or at a vector file (*.hex)."""

from __future__ import annotations

import argparse
import io
import sys
from typing import BinaryIO, List, Optional

from .checksum import name_of
from .errors import LimitError, StreamError
from .header import CLOCKS, HeaderRegion
from .reader import Reader
from .recover import RecoveringReader
from .reports import Gap, HeaderIgnored, OtherStream, Pad, SecondStream, Skipped
from .vectorfile import parse_vector
from .walk import Message, Sync


def open_stream(path: str) -> BinaryIO:
    """The bytes of a stream: a file, a vector file, or standard input for "-"."""
    if path == "-":
        return sys.stdin.buffer
    if path.endswith(".hex"):
        with open(path, encoding="utf-8") as file:
            return io.BytesIO(parse_vector(file.read()).data)
    return open(path, "rb")


def describe_header(region: HeaderRegion) -> List[str]:
    """The header's fields, one a line."""
    header = region.header
    lines = [
        f"header_len {len(region)}",
        f"header_check 0x{region.header_check:08x}",
        f"checksum {name_of(header.checksum)}",
        f"max_message_len {header.max_message_len}",
        f"sync_interval {header.sync_interval}",
        f"clock {CLOCKS[header.clock]}",
        f"optional_features 0x{header.optional_features:08x}",
    ]
    for name in ("message_type", "message_identifier", "writer"):
        value = getattr(header, name)
        if value is not None:
            lines.append(f"{name} {value!r}")
    if header.schema is not None:
        lines.append(f"schema {len(header.schema)} bytes")
    lines += [f"metadata {key!r} = {value!r}" for key, value in header.metadata]
    return lines


def describe(event: object) -> str:
    """One line for an event of a recovering reader."""
    if isinstance(event, Message):
        sequence = "unknown" if event.sequence is None else str(event.sequence)
        return f"message {event.position} length={len(event.body)} sequence={sequence}"
    if isinstance(event, Sync):
        f = event.fields
        return (f"sync {event.position} epoch={f.epoch} flags={f.flags} "
                f"stream_id=0x{f.stream_id:016x} sequence={f.sequence} time={f.time} "
                f"durable={f.durable}")
    if isinstance(event, Skipped):
        return f"skipped {event.start}..{event.end} reason={event.reason}"
    if isinstance(event, Pad):
        return f"pad {event.position} bytes={event.pad.hex()}"
    if isinstance(event, HeaderIgnored):
        return f"header ignored reason={event.reason} sync={event.offset}"
    if isinstance(event, SecondStream):
        return f"second stream {event.offset}"
    if isinstance(event, OtherStream):
        return f"other stream {event.offset} stream_id=0x{event.stream_id:016x}"
    if isinstance(event, Gap):
        lost = "unknown" if event.lost is None else str(event.lost)
        return (f"gap {event.position} reason={event.reason} skipped={event.skipped} "
                f"salvaged={event.salvaged} lost={lost}")
    return (f"control {getattr(event, 'position')} kind={getattr(event, 'kind')} "
            f"length={len(getattr(event, 'body'))}")


def info(file: BinaryIO) -> int:
    """Header, counts and end of a stream."""
    reader = Reader(file)
    print("\n".join(describe_header(reader.region)))
    messages = size = 0
    try:
        for message in reader:
            messages += 1
            size += len(message.body)
    finally:
        print(f"messages {messages}\nbytes {size}")
        if reader.last_sync is not None:
            print(f"stream_id 0x{reader.last_sync.stream_id:016x}")
            print(f"epoch {reader.last_sync.epoch}")
    print(f"end {reader.end.kind} position={reader.end.position}" if reader.end else "end unknown")
    return 0


def cat(file: BinaryIO) -> int:
    """Every frame and every report of a recovering reader."""
    reader = RecoveringReader(file)
    for event in reader.events():
        print(describe(event))
    assert reader.end is not None
    print(f"end {reader.end.kind} position={reader.end.position} bytes={reader.end.size}")
    return 0


def verify(file: BinaryIO) -> int:
    """Read strictly: nothing is printed but the end, or the error."""
    reader = Reader(file)
    for _ in reader:
        pass
    assert reader.end is not None
    print(f"{reader.end.kind} position={reader.end.position} bytes={reader.end.size}")
    return 0


COMMANDS = {"info": info, "cat": cat, "verify": verify}


def main(arguments: Optional[List[str]] = None) -> int:
    """The command. 0: no error; 1: an error of the stream."""
    parser = argparse.ArgumentParser(prog="flatstream", description=__doc__)
    parser.add_argument("command", choices=sorted(COMMANDS))
    parser.add_argument("file", help='a stream, a vector file (*.hex), or "-"')
    options = parser.parse_args(arguments)
    try:
        with open_stream(options.file) as file:
            return COMMANDS[options.command](file)
    except (StreamError, LimitError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
