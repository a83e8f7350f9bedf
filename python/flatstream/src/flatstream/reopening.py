"""Reopening a file for append: docs/format/spec.md, section 9, "Reopening for append"."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Iterator, List, Mapping, Optional, Tuple, Union

from .checksum import Digest
from .constants import EPOCH_MAX, MIB, SECTOR_LEN, SYNC_FLAG_RESUMED, SYNC_FRAME_LEN
from .errors import CORRUPT, SCATTERED, TORN, ReopenRefused
from .evidence import OWN_SYNC, SECOND_STREAM, SYNC_AT_ITS_PLACE, FrameSearch, begins_stream, heads
from .frame import body_len, frame_len, is_control
from .header import HeaderRegion, read_header
from .reader import DEFAULT_LIMIT, start_walk
from .source import Source
from .sync import IntactSync, intact_sync_at
from .tail import Judgement, judge
from .walk import Stop, Sync, Walk
from .writer import Clock, Writer, new_stream_id, write_all

KEPT_MAX = 64 * MIB
_COPY_LEN = 65536


@dataclass(frozen=True)
class Tail:
    """What became of the bytes from D to the end."""

    end: str
    position: int
    size: int
    kept: Optional[Path] = None
    whole_messages: int = 0


class _TailSyncs:
    """What the intact syncs behind D say about the tail."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self.highest_epoch = walk.epoch
        self.refusal: Optional[Tuple[str, int]] = None

    def __call__(self, sync: IntactSync, kind: Optional[str]) -> None:
        fields, walk = sync.fields, self._walk
        own = fields.stream_id == walk.stream_id and fields.header_check == walk.header_check
        if own:
            self.highest_epoch = max(self.highest_epoch, fields.epoch)
        if kind is None or self.refusal is not None:
            return
        if own and kind == OWN_SYNC and fields.position != sync.offset:
            # Else it may be a stale block of this file.
            if fields.epoch >= walk.epoch and (fields.position - sync.offset) % SECTOR_LEN:
                self.refusal = "a displaced sync", sync.offset
        elif not own and kind in (OWN_SYNC, SYNC_AT_ITS_PLACE):
            self.refusal = "a sync of another stream", sync.offset


def lock(file: BinaryIO) -> None:
    """An exclusive lock on the file; refuse if another process holds it."""
    try:
        import fcntl
    except ImportError:
        raise ReopenRefused("this system has no flock", 0) from None
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ReopenRefused(f"the file is locked by another writer: {error}", 0) from error


def reopen(
    path: Union[str, Path],
    *,
    clock: Optional[Clock] = None,
    private: Optional[Mapping[int, Digest]] = None,
    refuse_always: bool = False,
    kept_max: int = KEPT_MAX,
    longest_time: Optional[int] = None,
    limit: Optional[int] = DEFAULT_LIMIT,
) -> Tuple[Writer, Tail]:
    """Open an existing stream in a new epoch. Its header decides; the whole file is read.

    `limit` is the bound for a message while the stream is read, as in a `Reader`.

    Refuses with `ReopenRefused` where the tail may hold bytes that must not be cut.
    """
    path = Path(path)
    with ExitStack() as on_error:
        file = on_error.enter_context(open(path, "r+b", buffering=0))
        lock(file)
        state = _State(file, path, private, limit)
        state.judge_tail(refuse_always, kept_max)
        state.make_durable()
        tail = state.keep_tail()
        writer = state.resume(clock, longest_time)
        on_error.pop_all()
    return writer, tail


class _State:
    def __init__(self, file: BinaryIO, path: Path,
                 private: Optional[Mapping[int, Digest]], limit: Optional[int]) -> None:
        self._file = file
        self._path = path
        self._private = private
        source = Source(file)
        self._region: HeaderRegion = read_header(source, private)
        self._walk = start_walk(source, self._region, private, limit)
        self._durable = 0
        stop = self._walk_to_the_end()
        self._syncs = _TailSyncs(self._walk)
        self._judgement: Judgement = judge(self._walk, stop, self._syncs)
        self._size = source.filled

    def _walk_to_the_end(self) -> Stop:
        while True:
            result = self._walk.step()
            if isinstance(result, Stop):
                return result
            if isinstance(result, Sync):
                self._durable = max(self._durable, result.fields.durable)
            self._walk.source.release(self._walk.offset)

    def judge_tail(self, refuse_always: bool, kept_max: int) -> None:
        """Step 4: by the table."""
        end = self._judgement.end
        if end.kind in (TORN, SCATTERED, CORRUPT):
            self._refuse(refuse_always, self._size - end.position, kept_max)
        self._next_epoch()

    def keep_tail(self) -> Tail:
        """A copy of what is cut is kept beside the file; the stream is durable before there is one."""
        end = self._judgement.end
        size = self._size - end.position
        if end.kind not in (TORN, SCATTERED):
            return Tail(end.kind, end.position, size)
        kept = self._keep(end.position)
        return Tail(end.kind, end.position, size, kept, self._whole_messages(end.position))

    def _refuse(self, always: bool, size: int, kept_max: int) -> None:
        end, evidence = self._judgement.end, self._judgement.evidence
        at = None if evidence is None else evidence.position
        if always:
            raise ReopenRefused(f"the stream is {end.kind} at {end.position}", end.position, at)
        if end.kind == CORRUPT:
            raise ReopenRefused(f"the stream is corrupt at {end.position}", end.position, at)
        if end.kind != SCATTERED:
            return
        reason = self._why_not_cut(size, kept_max)
        if reason is not None:
            text, place = reason
            raise ReopenRefused(f"{text} at {place} behind the stop at {end.position}",
                                end.position, place)

    def _why_not_cut(self, size: int, kept_max: int) -> Optional[Tuple[str, int]]:
        """The fourth row of the table, for a scattered end."""
        position = self._judgement.end.position
        if not self._walk.known:
            return "no sync was accepted, but there is evidence", position
        evidence = self._judgement.evidence
        if (evidence is not None and evidence.kind == SECOND_STREAM
                and self._second_stream_is_real(position)):
            return "a second stream", position
        if self._syncs.refusal is not None:
            return self._syncs.refusal
        return (f"a tail of {size} bytes", position) if size > kept_max else None

    def _second_stream_is_real(self, start: int) -> bool:
        """A header region with a first sync of another stream behind it, not a stale block."""
        self._file.seek(start)
        source = Source(self._file)
        if not begins_stream(source, 0):
            return False
        region_len = 4 + source.word(0)
        end = source.have(region_len + 1024)
        sync = intact_sync_at(source, region_len, end)
        return (sync is not None and sync.fields.position == region_len
                and sync.fields.stream_id != self._walk.stream_id)

    def _keep(self, position: int) -> Path:
        """A durable copy of the tail beside the file, under a name of its own."""
        number = 0
        while True:
            kept = self._path.with_name(f"{self._path.name}.tail-{position}-{number}")
            try:
                with open(kept, "xb") as copy:
                    for _, piece in self._pieces(position, self._size):
                        copy.write(piece)
                    copy.flush()
                    os.fsync(copy.fileno())
                break
            except FileExistsError:
                number += 1
        _sync_directory(self._path)
        return kept

    def _pieces(self, start: int, end: int) -> Iterator[Tuple[int, bytes]]:
        at = start
        while at < end:
            self._file.seek(at)
            piece = self._file.read(min(_COPY_LEN, end - at))
            if not piece:
                return
            yield at, piece
            at += len(piece)

    def _whole_messages(self, position: int) -> int:
        """How many good messages stand in the tail at their place."""
        if not self._walk.known or self._size - position > KEPT_MAX:
            return 0
        self._file.seek(position)
        tail = Source(self._file)
        end = tail.have(self._size - position)
        walk = start_walk(tail, self._region, self._private, None)
        walk.shift = position
        walk.known, walk.salt = True, self._walk.salt
        search = FrameSearch(walk, 0)
        allowed = 16 * end + 16 * MIB
        reached = 0
        found: List[int] = []
        for offset, _, length_word in heads(tail, 0, end, end):
            if offset >= reached and search.is_good(offset, end, allowed):
                reached = offset + frame_len(length_word)
                if not is_control(length_word) and body_len(length_word):
                    found.append(offset)
        return len(found)

    def resume(self, clock: Optional[Clock], longest_time: Optional[int]) -> Writer:
        """Steps 5 to 8."""
        position = self._judgement.end.position
        epoch = self._next_epoch()
        self._file.seek(position)
        walk = self._walk
        writer = Writer(
            self._file, self._region,
            stream_id=walk.stream_id if walk.known else new_stream_id(),
            position=position, epoch=epoch, sequence=walk.count,
            durable=position if walk.known else 0,
            flags=SYNC_FLAG_RESUMED if walk.known else 0, clock=clock,
            private=self._private, longest_time=longest_time, owns_sink=True,
        )
        writer.sync()
        if self._size > position + SYNC_FRAME_LEN:
            self._file.truncate(position + SYNC_FRAME_LEN)
            writer.sync()
        return writer

    def _next_epoch(self) -> int:
        if not self._walk.known:
            return 0
        epoch = self._syncs.highest_epoch + 1
        if epoch > EPOCH_MAX:
            raise ReopenRefused("the stream has the last epoch", self._judgement.end.position)
        return epoch

    def make_durable(self) -> None:
        """Step 4: what is not known to be durable is written over itself, and then made durable."""
        position = self._judgement.end.position
        for at, piece in self._pieces(self._durable, position):
            self._file.seek(at)
            write_all(self._file, piece)
        os.fsync(self._file.fileno())
        _sync_directory(self._path)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path.resolve().parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
