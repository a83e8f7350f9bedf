"""What the valid and the invalid vectors are made from. Everything is fixed: no clock, no random numbers."""

import itertools

from . import flatbuffer, reader, stream
from .checksums import ADLER32, IDS
from .flatbuffer import StreamHeader, Table
from .vectorfile import Case

STREAM_ID = 0x0123456789ABCDEF
OTHER_ID = 0x00000000FEEDC0DE
START = 1_700_000_000_000_000_000  # ns, Unix time of 2023-11-14
SECOND = 1_000_000_000
UNIX_UTC, TAI = 1, 3


def header(checksum="crc32c", **fields):
    fields.setdefault("sync_interval", 65536)
    number = IDS.get(checksum, checksum)
    return StreamHeader(1, number, **fields)


def region(checksum="crc32c", **fields):
    return stream.header_region(header(checksum, **fields))


def region_with(slots, **fields):
    """A header region whose table has these slots replaced; None removes one."""
    table = flatbuffer.header_table(header(**fields))
    table.update(slots)
    return stream.header_region(Table({slot: field for slot, field in table.items() if field is not None}))


def ticks(start=START, step=SECOND):
    return itertools.count(start, step)


def new_writer(header_region=None, stream_id=STREAM_ID, times=None, epoch=0):
    """A writer that has written no sync yet."""
    times = ticks() if times is None else times
    return stream.Writer(header_region or region(), stream_id, times, ADLER32, epoch)


def started(header_region=None, messages=0, **options):
    """A writer behind its first sync and some messages of 24 bytes."""
    writer = new_writer(header_region, **options)
    writer.sync()
    for index in range(messages):
        writer.message(sample(24, index))
    return writer


def stream_of(bodies, header_region=None, **options):
    """A closed stream with automatic sync frames."""
    writer = started(header_region, **options)
    for body in bodies:
        writer.message(body)
    writer.finish()
    return bytes(writer.data)


def sample(length, seed=0):
    """Bytes that look random and are the same each time."""
    words = (stream.mix((seed << 32) + index + 1) for index in range(length // 8 + 1))
    return b"".join(word.to_bytes(8, "little") for word in words)[:length]


def telemetry(timestamp_ns, source_id, value):
    """A FlatBuffer of schemas/telemetry.fbs, without file identifier."""
    return flatbuffer.build(Table({0: ("u64", timestamp_ns), 1: ("string", source_id), 2: ("f64", value)}))


# --- Damage ---------------------------------------------------------------------------------------------

def places(data):
    """The positions of all frames of a good stream."""
    result = reader.read_stream(data, ADLER32)
    assert result.error is None
    return [frame.position for frame in result.frames]


def flip(data, offset, bit):
    changed = bytearray(data)
    changed[offset] ^= 1 << bit
    return bytes(changed)


def put(data, offset, part):
    """`part` in place of as many bytes."""
    return data[:offset] + part + data[offset + len(part):]


def cut_out(data, start, end):
    return data[:start] + data[end:]


# --- Stating what is meant ------------------------------------------------------------------------------

def closed(name, spec, about, data, messages, write, **more):
    return Case(name, about, spec, bytes(data), "closed", messages, write=write, **more)


def opened(name, spec, about, data, messages, write, **more):
    return Case(name, about, spec, bytes(data), "open", messages, write=write, **more)


def torn(name, spec, about, data, messages, at, **more):
    return Case(name, about, spec, bytes(data), "torn", messages, at=at, write="no", **more)


def refused(name, spec, about, data, error, at, messages=0, end=None, **more):
    return Case(name, about, spec, bytes(data), end, messages, error=error, at=at, **more)


def scattered(name, spec, about, data, error, at, messages, **more):
    return refused(name, spec, about, data, error, at, messages, "scattered", **more)


def corrupt(name, spec, about, data, error, at, messages, **more):
    return refused(name, spec, about, data, error, at, messages, "corrupt", **more)
