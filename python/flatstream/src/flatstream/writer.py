"""Writing a stream: docs/format/spec.md, section 9."""

from __future__ import annotations

import io
import os
import secrets
import time
from typing import BinaryIO, Callable, Mapping, Optional, Union

from .checksum import Digest, digest_of
from .constants import (
    DURABLE_SYNC_DISTANCE,
    EPOCH_MAX,
    LENGTH_MAX,
    SYNC_FLAG_CLOSED,
    SYNC_FRAME_LEN,
    SYNC_GAP_MIN,
    TIME_NONE,
)
from .crc32c import Bytes
from .errors import CallerError, WriterFailed
from .frame import encode_message
from .header import Header, HeaderRegion, build_region, parse_region
from .mask import salt
from .sync import SyncFields, encode_drop, encode_sync

Clock = Callable[[], int]
SinkSync = Callable[[], None]

NEVER = 1 << 64


def no_clock() -> int:
    """The clock of a writer that has none."""
    return TIME_NONE


def new_stream_id() -> int:
    """A random stream id; never 0."""
    return secrets.randbelow((1 << 64) - 1) + 1


def sink_sync_of(sink: BinaryIO) -> Optional[SinkSync]:
    """fsync of a file, or None where the sink has no file."""
    try:
        descriptor = sink.fileno()
    except (AttributeError, io.UnsupportedOperation):
        return None
    return lambda: os.fsync(descriptor)


def write_all(sink: BinaryIO, data: bytes) -> None:
    """Write all of it, to a raw file too, which may take less at a time."""
    view = memoryview(data)
    while view:
        taken = sink.write(view)
        if taken is None:
            raise BlockingIOError("the sink takes no bytes now; it must be blocking")
        view = view[taken:]


class Writer:
    """Appends messages to a stream.

    `Writer.create` begins a stream; `reopening.reopen` goes on with one. `clock` gives nanoseconds
    and is read once per sync frame. `longest_time` is the longest time between two sync frames,
    in nanoseconds of `monotonic`. `sink_sync` makes the sink's bytes durable; by default it is
    fsync where the sink is a file.
    """

    def __init__(
        self,
        sink: BinaryIO,
        region: HeaderRegion,
        *,
        stream_id: int,
        position: int,
        epoch: int = 0,
        sequence: int = 0,
        durable: int = 0,
        flags: int = 0,
        clock: Optional[Clock] = None,
        sink_sync: Optional[SinkSync] = None,
        private: Optional[Mapping[int, Digest]] = None,
        longest_time: Optional[int] = None,
        monotonic: Clock = time.monotonic_ns,
        owns_sink: bool = False,
    ) -> None:
        digest = digest_of(region.header.checksum, private)
        if digest is None:
            raise CallerError(f"no function for checksum {region.header.checksum}")
        if not 0 < stream_id <= 0xFFFFFFFFFFFFFFFF or not 0 <= epoch <= EPOCH_MAX:
            raise CallerError(f"stream id {stream_id}, epoch {epoch}")
        self._sink = sink
        self._digest = digest
        self._region = region
        self._stream_id = stream_id
        self._epoch = epoch
        self._salt = salt(stream_id, epoch)
        self._clock = clock or no_clock
        self._sink_sync = sink_sync or sink_sync_of(sink)
        self._longest_time = NEVER if longest_time is None else longest_time
        self._monotonic = monotonic
        self._last_time = TIME_NONE
        self._durable = durable
        self._durable_is_new = False
        self._owns_sink = owns_sink
        self._failed = False
        self._finished = False
        self._header_written = position > 0
        self.position = position if position else len(region)
        self.sequence = sequence
        self._start(flags)

    @classmethod
    def create(
        cls,
        sink: BinaryIO,
        header: Union[Header, bytes, None] = None,
        *,
        stream_id: Optional[int] = None,
        clock: Optional[Clock] = None,
        sink_sync: Optional[SinkSync] = None,
        private: Optional[Mapping[int, Digest]] = None,
        longest_time: Optional[int] = None,
        monotonic: Clock = time.monotonic_ns,
    ) -> "Writer":
        """Begin a stream: header region and first sync. `header` may be a region's bytes."""
        raw = header if isinstance(header, bytes) else build_region(header or Header())
        region = parse_region(raw, private)
        return cls(
            sink, region, stream_id=new_stream_id() if stream_id is None else stream_id,
            position=0, clock=clock, sink_sync=sink_sync, private=private,
            longest_time=longest_time, monotonic=monotonic,
        )

    def _start(self, flags: int) -> None:
        if not self._header_written:
            self._write(self._region.raw)
        self._write_sync(flags)

    def _write(self, data: bytes) -> None:
        try:
            write_all(self._sink, data)
        except BaseException:
            self._failed = True
            raise

    def _must_be_usable(self) -> None:
        if self._failed:
            raise WriterFailed("a write, flush or sync failed: reopen the stream to go on")
        if self._finished:
            raise CallerError("the stream is finished")

    def _write_sync(self, flags: int = 0) -> None:
        reading = max(self._clock(), self._last_time)
        fields = SyncFields(
            self._region.header_check, self._region.header.checksum, self._epoch,
            self._stream_id, self.position, self.sequence, reading, self._durable, flags,
        )
        self._write(encode_sync(fields))
        self._last_time = reading
        self._last_sync = self.position
        self._last_sync_at = self._monotonic() if self._longest_time != NEVER else 0
        self._durable_is_new = False
        self.position += SYNC_FRAME_LEN

    def _sync_is_due(self) -> bool:
        """The distance row and the durable row of "When a sync frame is due"."""
        interval = self._region.header.sync_interval
        distance = self.position - self._last_sync
        if interval == 0 or distance == SYNC_FRAME_LEN:
            return False
        if distance >= min(interval, max(SYNC_GAP_MIN, self._last_sync)):
            return True
        return self._durable_is_new and distance >= DURABLE_SYNC_DISTANCE

    def append(self, message: Bytes) -> int:
        """Append a message; returns its sequence."""
        self._must_be_usable()
        most = self._region.header.max_message_len or LENGTH_MAX
        if not 0 < len(message) <= min(most, LENGTH_MAX):
            raise CallerError(f"a message of {len(message)} bytes; 1 to {most} are allowed")
        if self._sync_is_due():
            self._write_sync()
        self._durable_is_new = False
        frame = encode_message(message, self._salt, self.position, self._digest)
        self._write(frame)
        self.position += len(frame)
        self.sequence += 1
        if (self._longest_time != NEVER
                and self._monotonic() - self._last_sync_at > self._longest_time):
            self._write_sync()
        return self.sequence - 1

    def drop(self, messages: int, size: int) -> None:
        """Say that messages were lost here: a drop frame (section 8)."""
        self._must_be_usable()
        frame = encode_drop(messages, size, self._salt, self.position)
        self._write(frame)
        self.position += len(frame)

    def write_sync(self) -> None:
        """Write a sync frame now, due or not."""
        self._must_be_usable()
        self._write_sync()

    def flush(self) -> None:
        """Hand all bytes to the sink."""
        self._must_be_usable()
        try:
            self._sink.flush()
        except BaseException:
            self._failed = True
            raise

    def sync(self) -> None:
        """Let the sink make all bytes durable. The next sync frame says so."""
        if self._sink_sync is None:
            raise CallerError("the sink cannot make bytes durable")
        reached = self.position
        self.flush()
        try:
            self._sink_sync()
        except BaseException:
            self._failed = True
            raise
        self._durable = reached
        self._durable_is_new = True

    def finish(self) -> None:
        """Write the CLOSED sync and flush; sync before and after it where the sink can."""
        self._must_be_usable()
        if self._sink_sync is not None:
            self.sync()
        self._write_sync(SYNC_FLAG_CLOSED)
        self.flush()
        if self._sink_sync is not None:
            self.sync()
        self._finished = True

    def close(self) -> None:
        """Leave the stream as it is, open or closed. Closes the file of a reopened stream."""
        self._finished = True
        if self._owns_sink:
            self._sink.close()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None and not self._finished and not self._failed:
                self.finish()
        finally:
            self.close()
