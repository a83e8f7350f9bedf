"""Streams that tests make and damage."""

import io

from flatstream import Header, StreamError
from tests.implementation import Reader, RecoveringReader, Writer


def make(messages, header=None, stream_id=0x1234, finish=True):
    sink = io.BytesIO()
    writer = Writer.create(sink, header or Header(), stream_id=stream_id)
    for message in messages:
        writer.append(message)
    if finish:
        writer.finish()
    else:
        writer.flush()
    return sink.getvalue()


def numbered(count, length=24):
    """Messages that all differ."""
    return [(i.to_bytes(4, "little") * length)[:length] for i in range(1, count + 1)]


def delivered(data, **options):
    """(position, body) of all messages of an undamaged stream."""
    return [(m.position, m.body) for m in Reader(io.BytesIO(data), **options)]


def strict(data, **options):
    """(messages, end, error) of a strict reader."""
    got, reader = [], None
    try:
        reader = Reader(io.BytesIO(data), **options)
        for message in reader:
            got.append((message.position, message.body))
    except StreamError as error:
        return got, None if reader is None else reader.end, error
    return got, reader.end, None


def recover(data, **options):
    """(messages, reader, all events) of a recovering reader."""
    file = data if hasattr(data, "read") else io.BytesIO(data)
    reader = RecoveringReader(file, **options)
    events = list(reader.events())
    messages = [(e.position, e.body) for e in events if type(e).__name__ == "Message"]
    return messages, reader, events


def flips(data):
    """The data with each single bit flipped."""
    damaged = bytearray(data)
    for bit in range(len(data) * 8):
        damaged[bit // 8] ^= 1 << bit % 8
        yield bit, bytes(damaged)
        damaged[bit // 8] ^= 1 << bit % 8
