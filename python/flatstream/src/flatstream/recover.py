"""The recovering reader: docs/format/spec.md, section 12."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import BinaryIO, Deque, Iterator, List, Mapping, Optional, Union

from .checksum import Digest, digest_of
from .constants import ALIGNMENT, HEAD_LEN, KIND_SYNC, MIB, SYNC_INTERVAL_DEFAULT
from .errors import CORRUPT, HEADER, OPEN, SCATTERED, TORN, End, StreamError
from .evidence import FrameSearch, begins_stream, blank_end
from .frame import body_len, frame_len, is_control
from .header import HeaderRegion, read_header
from .reader import DEFAULT_LIMIT, start_walk
from .reports import Gap, HeaderIgnored, Pad, Skipped
from .salvage import Budget, Piece, Salvage, Salvaged, Salts
from .source import Source
from .sync import IntactSync
from .syncsearch import SyncSearch
from .tail import end_of
from .walk import (
    END,
    LIMIT,
    Control,
    Frame,
    Message,
    Stop,
    Sync,
    Walk,
    control_fault,
    kind_unsupported,
    unsupported,
)

WINDOW_MAX = 16 * MIB
_PENDING_GAPS = 4096

Report = Union[Skipped, Pad, HeaderIgnored, Gap]
Event = Union[Frame, Report]


@dataclass(frozen=True)
class Options:
    """What the caller of a recovering reader chose."""

    private: Optional[Mapping[int, Digest]] = None
    careful: bool = False
    window_max: int = WINDOW_MAX


class RecoveringReader:
    """Reads on behind damage, and reports it.

    Iterating gives the messages; `events()` gives syncs, control frames and reports too. When
    the iteration is over, `end` says how the stream ended, `lost` how many messages are known
    to be lost, and `lost_is_exact` whether that is all.

    `careful` delivers a salvaged frame only if another good frame or a sync follows it directly.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        private: Optional[Mapping[int, Digest]] = None,
        limit: Optional[int] = DEFAULT_LIMIT,
        careful: bool = False,
        window_max: int = WINDOW_MAX,
    ) -> None:
        source = Source(file)
        self.options = Options(private, careful, window_max)
        self.opening_error: Optional[StreamError] = None
        self.region: Optional[HeaderRegion] = None
        self.pending: Deque[Gap] = deque(maxlen=_PENDING_GAPS)
        self.end: Optional[End] = None
        self.lost = 0
        self.lost_is_exact = True
        self.contradictions = 0
        self.salvaged = 0
        self.dropped_messages = 0
        self.dropped_bytes = 0
        try:
            self.region = read_header(source, private)
            self._walk = start_walk(source, self.region, private, limit)
        except StreamError as error:
            if error.kind != HEADER:
                raise
            self.opening_error = error
            self._walk = Walk(source, limit)

    def __iter__(self) -> Iterator[Message]:
        for event in self.events():
            if isinstance(event, Message):
                yield event

    def events(self) -> Iterator[Event]:
        """All that is read, salvaged or reported, in the order of the stream."""
        if self.opening_error is not None and self.end is None:
            yield from self._pass_over(Stop(self.opening_error.code))
        while self.end is None:
            result = self._walk.step()
            if isinstance(result, Stop):
                yield from self._stopped(result)
            else:
                yield self.noted(result)
            self._walk.source.release(self._walk.offset)

    def noted(self, frame: Frame) -> Frame:
        """Count what an accepted frame tells."""
        if isinstance(frame, Sync):
            self.learn_durable(frame.fields.durable)
        elif isinstance(frame, Control) and frame.dropped is not None:
            self.dropped_messages += frame.dropped[0]
            self.dropped_bytes += frame.dropped[1]
        return frame

    def learn_durable(self, durable: int) -> None:
        """A later sync may tell that bytes of a gap had been durable."""
        while self.pending and durable > self.pending[0].position:
            self.pending.popleft().end = CORRUPT

    def _stopped(self, stop: Stop) -> Iterator[Event]:
        if stop.reason == END:
            self.end = end_of(self._walk)
            return
        if stop.reason == "frame_pad":
            offset, position = self._walk.offset, self._walk.position
            pad = self._walk.pad_at(offset, stop.length_word)
            result = self._walk.step(accept_pad=True)
            if not isinstance(result, Stop):
                yield Pad(position, offset, pad)
                yield self.noted(result)
                return
            stop = result
        yield from self._pass_over(stop)

    def _pass_over(self, stop: Stop) -> Iterator[Event]:
        walk = self._walk
        second_stream = begins_stream(walk.source, walk.offset)
        blank = blank_end(walk.source, walk.offset)
        if blank > walk.offset and not walk.source.need(blank + 1):
            if self.opening_error is not None and not walk.known:
                raise self.opening_error
            self.end = end_of(walk)
            return
        start = max(walk.offset, blank - HEAD_LEN)
        passage = _Passage(self, walk, stop, start, second_stream)
        yield from passage.events()


class _Passage:
    """The way from one stop at D to the next sync, or to the end of the data."""

    def __init__(
        self, reader: RecoveringReader, walk: Walk, stop: Stop, start: int, second_stream: bool
    ) -> None:
        self._reader = reader
        self._walk = walk
        self._source = walk.source
        self._stop = stop
        self._count = walk.count
        self._gap = Gap(walk.position, walk.offset, stop.reason, second_stream=second_stream)
        self._floor = walk.offset
        self._reported = walk.offset
        self._base = start
        self._pending: Optional[Salvaged] = None
        self._window = self._window_len()
        self._search = SyncSearch(walk, start, self._window, self._sync_interval(),
                                  reader.options.private)
        self._budget = Budget(start)
        self._frame_evidence = False
        self._sync: Optional[IntactSync] = None

    def _sync_interval(self) -> int:
        region = self._reader.region
        known = region.header.sync_interval if region is not None else 0
        return known or SYNC_INTERVAL_DEFAULT

    def _window_len(self) -> int:
        """W: 2 x sync_interval or the longest frame, at most 16 MiB; 16 MiB if that is unknown."""
        most = self._reader.options.window_max
        if self._walk.max_message_len == 0:
            return most
        longest = frame_len(self._walk.max_message_len)
        return min(max(2 * self._sync_interval(), longest), most)

    def events(self) -> Iterator[Event]:
        self._sync = self._search.first_contradicts()
        yield from self._salvage()
        if self._sync is None:
            self._go_to_sync()
        if self._sync is not None:
            yield from self._at_sync(self._sync)
        else:
            yield from self._at_end()

    def _salvage(self) -> Iterator[Event]:
        """Salvage window by window; each one begins behind the last salvaged frame."""
        fresh = self._base
        while True:
            hold_end = self._source.have(self._base + 2 * self._window)
            if self._sync is None:
                self._sync = self._search.advance(hold_end)
            end = hold_end if self._sync is None else min(hold_end, self._sync.offset)
            near = end - self._base <= self._window
            stop = min(end, self._base + self._window)
            frames = self._frames(Piece(self._base, fresh, stop, end, near))
            for frame in frames:
                yield from self._take(frame)
            if near or not frames:
                break
            fresh = max(fresh, stop)
            self._base = max(self._base, frames[-1].end)
            self._release(self._base)
        yield from self._settle(False)

    def _release(self, offset: int) -> None:
        """Keep what the search for a sync and a frame that waits still need."""
        if self._pending is not None:
            offset = min(offset, self._pending.offset)
        self._source.release(min(offset, self._search.wanted_from()))

    def _reason(self) -> str:
        """A length above the reader's limit is not trusted: see "General duties" (section 10)."""
        if self._stop.reason != LIMIT:
            return self._stop.reason
        end = self._gap.offset + frame_len(self._stop.length_word)
        disproved = self._sync is not None and self._sync.offset < end
        short = self._source.ended and self._source.filled < end
        return "incomplete" if disproved or short else LIMIT

    def _is_sync_at(self, offset: int) -> bool:
        return self._sync is not None and self._sync.offset == offset

    def _salts(self) -> Salts:
        walk, sync = self._walk, self._sync
        current = walk.salt if walk.known else None
        if sync is None:
            return Salts(None, current)
        fields = sync.fields
        if walk.known and fields.epoch == walk.epoch and fields.stream_id == walk.stream_id:
            return Salts(fields.salt, None)
        follows = fields.resumed and fields.epoch == walk.epoch + 1
        return Salts(fields.salt, current if follows else None)

    def _shift(self) -> int:
        return self._walk.shift if self._sync is None else self._sync.shift

    def _digest(self) -> Optional[Digest]:
        if self._sync is not None:
            return digest_of(self._sync.fields.checksum, self._reader.options.private)
        return self._walk.digest

    def _frames(self, piece: Piece) -> List[Salvaged]:
        salts, digest, shift = self._salts(), self._digest(), self._shift()
        if digest is None or (salts.of_sync is None and salts.current is None):
            return []
        floor = max(piece.start, self._gap.position - shift)
        if floor >= piece.end:
            return []
        self._budget.add(piece.stop)
        piece = Piece(floor, piece.fresh, piece.stop, piece.end, piece.chain)
        salvage = Salvage(self._source, piece, shift, salts, digest,
                          self._max_message_len(), self._budget)
        return salvage.frames()

    def _max_message_len(self) -> int:
        return 0 if self._contradicts_header() else self._walk.max_message_len

    def _contradicts_header(self) -> bool:
        return (self._sync is not None
                and self._sync.fields.header_check != self._walk.header_check)

    def _take(self, frame: Salvaged) -> Iterator[Event]:
        """A salvaged frame: deliver it, or wait for what follows it if the reader is careful."""
        self._frame_evidence = True
        if not self._reader.options.careful:
            yield from self._deliver(frame)
            return
        yield from self._settle(self._pending is not None and self._pending.end == frame.offset)
        self._pending = frame

    def _settle(self, followed: bool) -> Iterator[Event]:
        """Deliver the frame that waited, if a good frame or S follows it directly."""
        frame, self._pending = self._pending, None
        if frame is not None and (followed or self._is_sync_at(frame.end)):
            yield from self._deliver(frame)

    def _deliver(self, frame: Salvaged) -> Iterator[Event]:
        length = body_len(frame.length_word)
        start = frame.offset + HEAD_LEN
        body = self._source.bytes(start, start + length)
        position = frame.offset + self._shift()
        limit = self._walk.limit
        if is_control(frame.length_word):
            if control_fault(body, frame.length_word) is not None or body[:4] == KIND_SYNC:
                return
            if unsupported(body):
                raise kind_unsupported(body, position)
        elif limit is not None and length > limit:
            return
        yield from self._skip_to(frame.offset)
        self._reported = frame.end
        pad = self._walk.pad_at(frame.offset, frame.length_word)
        if any(pad):
            yield Pad(position, frame.offset, pad)
        if is_control(frame.length_word):
            kind = body[:4].decode("ascii")
            yield self._reader.noted(Control(position, frame.offset, kind, body))
            return
        self._gap.salvaged += 1
        self._reader.salvaged += 1
        yield Message(position, frame.offset, body, None)

    def _skip_to(self, offset: int) -> Iterator[Event]:
        if offset > self._reported:
            self._gap.skipped += offset - self._reported
            yield Skipped(self._reported, offset, self._reason())

    def _go_to_sync(self) -> None:
        """Nothing more can be salvaged: search S, and evidence (i), to the end of the data."""
        search, source = self._search, self._source
        step = 2 * self._window
        at = self._aligned(self._base)
        frames = FrameSearch(self._walk, at)
        while self._sync is None:
            end = source.have(at + step)
            ended = end < at + step
            self._sync = search.advance(end)
            until = end if ended else at + step // 2
            if not self._frame_evidence and self._sync is None:
                self._frame_evidence = frames.first(at, until, end, ended) is not None
            if ended:
                break
            at = until
            self._release(at)
        self._gap.search_was_bounded = frames.passed_over

    def _aligned(self, offset: int) -> int:
        return offset + -(offset + self._walk.shift) % ALIGNMENT

    def _at_sync(self, sync: IntactSync) -> Iterator[Event]:
        walk, reader, gap = self._walk, self._reader, self._gap
        yield from self._skip_to(sync.offset)
        lost = sync.fields.sequence - (self._count + gap.salvaged)
        gap.lost = max(lost, 0)
        gap.contradiction = max(-lost, 0)
        reader.lost += gap.lost
        reader.contradictions += gap.contradiction
        gap.end = SCATTERED
        gap.reason = self._reason()
        reader.pending.append(gap)
        reader.learn_durable(max(sync.fields.durable, self._search.durable))
        if self._contradicts_header() or walk.checksum != sync.fields.checksum:
            yield self._ignore_header(sync)
        yield gap
        pad = walk.pad_at(sync.offset, sync.length_word)
        if any(pad):
            yield Pad(sync.fields.position, sync.offset, pad)
        walk.take_sync(sync.fields)
        walk.shift = sync.shift
        walk.offset = sync.end
        walk.count = sync.fields.sequence
        yield Sync(sync.fields.position, sync.offset, sync.fields)

    def _ignore_header(self, sync: IntactSync) -> HeaderIgnored:
        """The sync gives header_check and checksum; the header's promises are unknown."""
        walk, reader = self._walk, self._reader
        walk.max_message_len = self._max_message_len()
        if walk.header_check != sync.fields.header_check:
            reader.region = None
        walk.header_check = sync.fields.header_check
        walk.checksum = sync.fields.checksum
        walk.digest = self._digest()
        return HeaderIgnored(self._reason())

    def _at_end(self) -> Iterator[Event]:
        walk, reader, gap = self._walk, self._reader, self._gap
        error = reader.opening_error
        if error is not None and not walk.known:
            raise error
        end_offset = self._source.filled
        size = end_offset - gap.offset
        gap.reason = self._reason()
        bounded = gap.search_was_bounded
        if self._frame_evidence or self._search.evidence or gap.second_stream:
            reader.learn_durable(self._search.durable)
            kind = CORRUPT if self._search.durable > gap.position else SCATTERED
            gap.end = kind
            yield from self._skip_to(end_offset)
            reader.lost_is_exact = False
            yield gap
        elif not walk.known and gap.reason == "incomplete":
            reader.end = End(OPEN, gap.position)
            return
        else:
            kind = TORN
        reader.end = End(kind, gap.position, size, gap.reason, bounded)
        walk.offset = end_offset
