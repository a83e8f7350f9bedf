"""How a stream ended: docs/format/spec.md, section 11."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional

from .constants import ALIGNMENT, HEAD_LEN, SYNC_FRAME_MAX
from .errors import CLOSED, CORRUPT, OPEN, SCATTERED, TORN, End, LimitError
from .evidence import (
    FRAME,
    SECOND_STREAM,
    FrameSearch,
    begins_stream,
    blank_end,
    hold_len,
    is_of_stream,
    sync_evidence,
)
from .frame import body_len, frame_len
from .sync import IntactSync, intact_syncs
from .walk import END, LIMIT, Stop, Walk

OnSync = Callable[[IntactSync, Optional[str]], None]


@dataclass(frozen=True)
class Evidence:
    """What proves that bytes behind D belong to a stream: i, ii, iii or iv, and where."""

    kind: str
    position: int


@dataclass(frozen=True)
class Judgement:
    """The end of a stream, the reason of the stop at D, and the evidence behind D, if any."""

    end: End
    stop: Stop
    evidence: Optional[Evidence] = None


def end_of(walk: Walk) -> End:
    """closed or open, with D as the end."""
    return End(CLOSED if walk.closed else OPEN, walk.position)


def judge(walk: Walk, stop: Stop, on_sync: Optional[OnSync] = None) -> Judgement:
    """Judge the bytes behind D after a stop.

    `on_sync` is called for every intact sync behind D. Without it the search ends as soon as
    the end is known to be corrupt.
    """
    if stop.reason == END:
        return Judgement(end_of(walk), stop)
    return _TailSearch(walk, stop, on_sync).judgement()


class _TailSearch:
    def __init__(self, walk: Walk, stop: Stop, on_sync: Optional[OnSync]) -> None:
        self._walk = walk
        self._source = walk.source
        self._stop = stop
        self._on_sync = on_sync
        self._evidence: Optional[Evidence] = None
        self._corrupt = False
        self._frame_end = walk.offset + frame_len(stop.length_word)
        self._over_limit = stop.reason == LIMIT

    def judgement(self) -> Judgement:
        walk = self._walk
        if begins_stream(self._source, walk.offset):
            self._note(SECOND_STREAM, walk.offset)
        blank = blank_end(self._source, walk.offset)
        if blank > walk.offset and not self._source.need(blank + 1):
            return Judgement(end_of(walk), self._stop)
        start = max(walk.offset, blank - 2 * HEAD_LEN - (blank - walk.offset) % ALIGNMENT)
        frames = FrameSearch(walk, start)
        self._slide(frames, start)
        return self._conclude(frames)

    def _slide(self, frames: FrameSearch, start: int) -> None:
        """Search from `start` to the end of the data, holding only so much of it."""
        hold = hold_len(self._walk.max_message_len)
        at = start
        while True:
            end = self._source.have(at + hold)
            ended = end < at + hold
            if at == start:
                self._note_frame(frames.after_wrong_check(self._stop, end))
            until = end if ended else at + hold // 2
            self._look_at(frames, at, until, end, ended)
            if ended or (self._corrupt and self._on_sync is None):
                return
            at = until
            self._source.release(at)

    def _look_at(self, frames: FrameSearch, at: int, until: int, end: int, ended: bool) -> None:
        for sync in intact_syncs(self._source, at, until, min(end, until + SYNC_FRAME_MAX)):
            self._note_sync(sync)
        if self._evidence is None:
            self._note_frame(frames.first(at, until, end, ended))
        if self._over_limit and until >= self._frame_end:
            walk, length = self._walk, body_len(self._stop.length_word)
            assert walk.limit is not None
            raise LimitError(walk.position, length, walk.limit)

    def _note(self, kind: str, offset: int) -> None:
        if self._evidence is None:
            self._evidence = Evidence(kind, offset + self._walk.shift)

    def _note_frame(self, offset: Optional[int]) -> None:
        if offset is not None:
            self._note(FRAME, offset)

    def _note_sync(self, sync: IntactSync) -> None:
        kind = sync_evidence(sync, self._walk)
        if self._on_sync is not None:
            self._on_sync(sync, kind)
        if kind is None:
            return
        self._note(kind, sync.offset)
        if sync.offset < self._frame_end:
            self._over_limit = False
        if sync.fields.durable > self._walk.position and is_of_stream(sync, self._walk):
            self._corrupt = True

    def _conclude(self, frames: FrameSearch) -> Judgement:
        walk = self._walk
        stop = self._stop
        if stop.reason == LIMIT:
            stop = Stop("incomplete", f"{frame_len(stop.length_word)} bytes",
                        "less, or a sync inside", stop.length_word)
        size = self._source.filled - walk.offset
        if self._evidence is not None:
            kind = CORRUPT if self._corrupt else SCATTERED
        elif not walk.known and stop.reason == "incomplete":
            return Judgement(end_of(walk), stop)
        else:
            kind = TORN
        return Judgement(End(kind, walk.position, size, stop.reason, frames.passed_over),
                         stop, self._evidence)
