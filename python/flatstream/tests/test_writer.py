"""Section 9: what a writer writes, byte by byte."""

import io
import re
import unittest

from flatstream import CallerError, Header, Sync, WriterFailed
from flatstream import Reader as PureReader
from flatstream.checksum import digest_of
from flatstream.constants import TIME_NONE
from flatstream.frame import encode_control, encode_message
from flatstream.header import build_region, parse_region
from flatstream.mask import salt
from flatstream.sync import SyncFields, encode_sync
from tests.implementation import IS_PURE, Reader, RecoveringReader, Writer, pure_only
from tests.vectors import PRIVATE, load, names

ROW = re.compile(r"(sync|message|control) (\d+)(.*)")


def rows(vector):
    for fact in vector.all("sync", "message", "control"):
        kind, position, rest = ROW.match(fact).groups()
        values = dict(pair.split("=") for pair in rest.split())
        yield kind, int(position), values


def body_at(vector, position, values):
    return vector.data[position + 8:position + 8 + int(values["length"])]


def region_of(vector):
    return parse_region(vector.data[:int(vector.fact("header_len"))], PRIVATE)


def write_automatic(vector):
    """Only messages, stream id and times are given; the writer places the syncs."""
    syncs = [values for kind, _, values in rows(vector) if kind == "sync"]
    times = iter([int(values["time"]) for values in syncs])
    sink = io.BytesIO()
    writer = Writer.create(sink, region_of(vector).raw, private=PRIVATE,
                           stream_id=int(syncs[0]["stream_id"], 16), clock=lambda: next(times))
    for kind, position, values in rows(vector):
        if kind == "message":
            writer.append(body_at(vector, position, values))
    if vector.fact("end").startswith("closed"):
        writer.finish()
    return sink.getvalue()


def write_explicit(vector):
    """Every frame is given, sync fields included."""
    region = region_of(vector)
    digest = digest_of(region.header.checksum, PRIVATE)
    out = bytearray(region.raw)
    current = 0
    for kind, position, values in rows(vector):
        assert position == len(out)
        if kind == "sync":
            fields = SyncFields(
                region.header_check, region.header.checksum, int(values["epoch"]),
                int(values["stream_id"], 16), position, int(values["sequence"]),
                int(values["time"]), int(values["durable"]), int(values["flags"]))
            current = salt(fields.stream_id, fields.epoch)
            out += encode_sync(fields)
        elif kind == "message":
            out += encode_message(body_at(vector, position, values), current, position, digest)
        else:
            out += encode_control(body_at(vector, position, values), current, position)
    return bytes(out)


class TestVectors(unittest.TestCase):
    def test_automatic_vectors_are_made_again_to_the_byte(self):
        self.check("automatic", write_automatic, 30)

    def test_explicit_vectors_are_made_again_to_the_byte(self):
        self.check("explicit", write_explicit, 18)
        self.check("automatic", write_explicit, 30)

    def check(self, how, write, at_least):
        done = 0
        for name in names("valid"):
            vector = load("valid", name)
            if vector.fact("write") == how:
                with self.subTest(name=name):
                    self.assertEqual(write(vector), vector.data)
                done += 1
        self.assertGreaterEqual(done, at_least)


class FailingSink(io.BytesIO):
    fails = False

    def write(self, data):
        if self.fails:
            raise OSError("the disk is full")
        return super().write(data)


class TrickleSink(io.RawIOBase):
    """Takes at most 5 bytes at a time, as a raw file may."""

    def __init__(self):
        self.data = bytearray()

    def write(self, data):
        self.data += data[:5]
        return min(5, len(data))


def syncs_of(data):
    return [frame.fields for frame in PureReader(io.BytesIO(data)).frames() if isinstance(frame, Sync)]


class TestWriter(unittest.TestCase):
    def test_a_round_trip_keeps_every_message_and_field(self):
        header = Header(checksum=4, max_message_len=5000, sync_interval=2048, clock=1,
                        message_type="A.B", message_identifier="ABCD", schema=b"\1\2\3",
                        writer="w\u00e9", metadata=(("k", "v"), ("k", None), ("", "")))
        sink = io.BytesIO()
        messages = [bytes([i % 256]) * (1 + i * 37 % 4999) for i in range(60)]
        with Writer.create(sink, header, clock=lambda: 7) as writer:
            self.assertEqual([writer.append(m) for m in messages], list(range(60)))
        sink.seek(0)
        reader = Reader(sink)
        self.assertEqual([m.body for m in reader], messages)
        self.assertEqual(reader.header, header)
        self.assertEqual(reader.end.kind, "closed")

    def test_every_alignment_of_header_contents_is_read_back(self):
        for length in range(12):
            header = Header(message_type="t" * length, schema=bytes(length),
                            metadata=(("k" * length, "v" * (length + 1)),))
            region = parse_region(build_region(header))
            self.assertEqual((region.header, len(region) % 8), (header, 0))

    def test_a_message_of_no_bytes_or_over_the_promise_writes_nothing(self):
        sink = io.BytesIO()
        writer = Writer.create(sink, Header(max_message_len=10))
        before = sink.getvalue()
        for message in (b"", bytes(11)):
            with self.assertRaises(CallerError):
                writer.append(message)
        self.assertEqual(sink.getvalue(), before)
        self.assertEqual(writer.append(bytes(10)), 0)

    def test_after_a_failed_write_everything_is_refused(self):
        sink = FailingSink()
        writer = Writer.create(sink)
        sink.fails = True
        with self.assertRaises(OSError):
            writer.append(b"a")
            writer.flush()
        sink.fails = False
        calls = [lambda: writer.append(b"a"), writer.flush, writer.finish, lambda: writer.drop(1, 1)]
        for call in calls + ([writer.write_sync] if IS_PURE else []):
            with self.assertRaises(WriterFailed):
                call()

    def test_after_a_failed_sync_of_the_sink_everything_is_refused(self):
        def fail():
            raise OSError("EIO")
        writer = Writer.create(io.BytesIO(), sink_sync=fail)
        with self.assertRaises(OSError):
            writer.sync()
        with self.assertRaises(WriterFailed):
            writer.sync()

    def test_a_sink_that_takes_few_bytes_gets_all_of_them(self):
        slow, fast = TrickleSink(), io.BytesIO()
        for sink in (slow, fast):
            writer = Writer.create(sink, stream_id=5, clock=lambda: 7)
            writer.append(bytes(range(200)))
            writer.finish()
        self.assertEqual(bytes(slow.data), fast.getvalue())

    @pure_only
    def test_time_never_falls_within_an_epoch(self):
        times = iter([5, 3, TIME_NONE, 9])
        sink = io.BytesIO()
        writer = Writer.create(sink, clock=lambda: next(times))
        for _ in range(3):
            writer.write_sync()
        self.assertEqual([s.time for s in syncs_of(sink.getvalue())], [5, 5, 5, 9])

    def test_durable_tells_of_the_last_sync_of_the_sink(self):
        sink = io.BytesIO()
        writer = Writer.create(sink, sink_sync=lambda: None)
        writer.append(b"a")
        reached = writer.position
        writer.sync()
        writer.append(b"b")
        closed_at = writer.position
        writer.finish()
        self.assertEqual([s.durable for s in syncs_of(sink.getvalue())], [0, closed_at])
        self.assertLess(reached, closed_at)

    def test_a_durable_sync_frame_waits_for_4096_bytes(self):
        def syncs(more):
            sink = io.BytesIO()
            writer = Writer.create(sink, Header(sync_interval=1 << 20), sink_sync=lambda: None)
            writer.append(bytes(8192))
            writer.append(b"x")
            last = writer.position - 16
            writer.append(bytes(last + 4096 + more - writer.position - 8))
            writer.sync()
            writer.append(b"y")
            writer.flush()
            return [fields.position for fields in syncs_of(sink.getvalue())], last - 64
        positions, second = syncs(-64)
        self.assertEqual(positions[1:], [second, second + 4096])
        positions, second = syncs(-72)
        self.assertEqual(positions[1:], [second])

    @pure_only
    def test_a_longest_time_places_a_sync_behind_a_message(self):
        now = [0]
        sink = io.BytesIO()
        writer = Writer.create(sink, longest_time=10, monotonic=lambda: now[0])
        writer.append(b"a")
        now[0] = 11
        writer.append(b"b")
        writer.append(b"c")
        kinds = [type(f).__name__ for f in Reader(io.BytesIO(sink.getvalue())).frames()]
        self.assertEqual(kinds, ["Sync", "Message", "Message", "Sync", "Message"])

    def test_a_finished_stream_takes_nothing_more(self):
        writer = Writer.create(io.BytesIO())
        writer.finish()
        with self.assertRaises(CallerError):
            writer.append(b"a")

    def test_drop_frames_are_counted_and_take_no_sequence(self):
        sink = io.BytesIO()
        writer = Writer.create(sink)
        writer.append(b"a")
        writer.drop(3, 192)
        writer.drop(4, 1)
        self.assertEqual(writer.append(b"b"), 1)
        writer.finish()
        for kind in (Reader, RecoveringReader):
            reader = kind(io.BytesIO(sink.getvalue()))
            self.assertEqual([m.sequence for m in reader], [0, 1])
            self.assertEqual((reader.dropped_messages, reader.dropped_bytes), (7, 193))

    def test_a_sum_of_dropped_messages_that_would_overflow_stays_at_the_greatest(self):
        sink, most = io.BytesIO(), (1 << 64) - 1
        writer = Writer.create(sink)
        writer.drop(3, most)
        writer.drop(most, 2)
        writer.finish()
        for kind in (Reader, RecoveringReader):
            reader = kind(io.BytesIO(sink.getvalue()))
            self.assertEqual(list(reader), [])
            self.assertEqual((reader.dropped_messages, reader.dropped_bytes), (most, most))
