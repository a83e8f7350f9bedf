"""The recovering reader: docs/format/spec.md, section 12."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import BinaryIO, Deque, Iterator, List, Mapping, Optional, Tuple, Union

from .checksum import Digest, digest_of
from .constants import ALIGNMENT, HEAD_LEN, KIB, MASK_64, MIB, SYNC_INTERVAL_DEFAULT
from .errors import CORRUPT, HEADER, OPEN, SCATTERED, TORN, End, StreamError
from .evidence import FrameSearch, begins_stream, is_of_stream, sync_evidence
from .frame import body_len, frame_len, is_control
from .header import HeaderRegion, read_header
from .reader import DEFAULT_LIMIT, start_walk
from .reports import Gap, HeaderIgnored, OtherStream, Pad, SecondStream, Skipped
from .salvage import Budget, Region, Rules, Salvage, Salvaged, Salts
from .source import Source
from .sync import IntactSync, intact_syncs
from .syncsearch import SyncSearch, first_sync_without_header
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
    kind_unsupported,
    unsupported,
)

WINDOW_MIN = 4 * KIB
WINDOW_MAX = 16 * MIB
_PENDING_GAPS = 4096

Report = Union[Skipped, Pad, HeaderIgnored, SecondStream, OtherStream, Gap]
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
    `stream_id` is the stream that is meant; syncs of others are damage. By default the first
    sync tells.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        private: Optional[Mapping[int, Digest]] = None,
        limit: Optional[int] = DEFAULT_LIMIT,
        careful: bool = False,
        window_max: int = WINDOW_MAX,
        stream_id: Optional[int] = None,
    ) -> None:
        source = Source(file)
        self.options = Options(private, careful, max(window_max, WINDOW_MIN))
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
        self._walk.wanted_id = stream_id

    def __iter__(self) -> Iterator[Message]:
        for event in self.events():
            if isinstance(event, Message):
                yield event

    def events(self) -> Iterator[Event]:
        """All that is read, salvaged or reported, in the order of the stream."""
        if self.opening_error is not None and self.end is None:
            yield from self._without_header(self.opening_error)
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
            self.dropped_messages = min(self.dropped_messages + frame.dropped[0], MASK_64)
            self.dropped_bytes = min(self.dropped_bytes + frame.dropped[1], MASK_64)
        return frame

    def learn_durable(self, durable: int) -> None:
        """A later sync may tell that bytes of a gap had been durable."""
        while self.pending and durable > self.pending[0].position:
            self.pending.popleft().end = CORRUPT

    def _without_header(self, error: StreamError) -> Iterator[Event]:
        """The header is damaged: a sync gives header_check and checksum."""
        walk = self._walk
        base, sync = first_sync_without_header(walk.source, self.options.window_max,
                                               walk.wanted_id, self.options.private)
        if sync is None:
            raise error
        self.take_header_of(sync)
        yield HeaderIgnored(sync.offset, error.code)
        walk.offset = base
        yield from _Passage(self, walk, Stop(error.code), 0).events()

    def take_header_of(self, sync: IntactSync) -> None:
        """All that is known of the header is what a sync says."""
        walk = self._walk
        self.region = None
        walk.max_message_len = 0
        walk.header_check = sync.fields.header_check
        walk.checksum = sync.fields.checksum
        walk.digest = digest_of(sync.fields.checksum, self.options.private)

    def _stopped(self, stop: Stop) -> Iterator[Event]:
        walk = self._walk
        if stop.reason == END:
            self.end = end_of(walk)
            return
        if stop.reason == "frame_pad":
            offset, position = walk.offset, walk.position
            pad = walk.pad_at(offset, stop.length_word)
            result = walk.step(accept_pad=True)
            if not isinstance(result, Stop):
                yield Pad(position, offset, pad)
                yield self.noted(result)
                return
            stop = result
        yield from _Passage(self, walk, stop, walk.offset).events()


class _Passage:
    """The way from a stop at D to the next sync, or to the end of the data.

    Behind a salvaged frame that no sync follows yet the reader stops anew.
    """

    def __init__(self, reader: RecoveringReader, walk: Walk, stop: Stop, skipped_from: int) -> None:
        self._reader = reader
        self._walk = walk
        self._source = walk.source
        self._stop = stop
        self._gap = Gap(walk.position, walk.offset, stop.reason)
        self._stopped_at = walk.offset
        self._base = walk.offset
        self._skipped_from = skipped_from
        self._salvaged = False
        self._likely: Optional[int] = None
        if stop.reason == "frame_check":
            self._likely = walk.offset + frame_len(stop.length_word)
        self._window, patience = self._window_and_patience()
        self._search = SyncSearch(walk, walk.offset, patience, reader.options.private)
        if skipped_from != walk.offset:
            self._search.floor = 0
        self._budget = Budget(walk.offset)
        self._judge_from(walk.offset)

    def _window_and_patience(self) -> Tuple[int, int]:
        """W, and how far behind a displaced sync one in its place goes before it."""
        region, longest = self._reader.region, self._walk.max_message_len
        known = region.header.sync_interval if region is not None else 0
        interval = known or SYNC_INTERVAL_DEFAULT
        patience = max(2 * interval, min(longest or MIB, MIB))
        most = self._reader.options.window_max
        if longest == 0:
            return most, patience
        return min(max(2 * interval, frame_len(longest), WINDOW_MIN), most), patience

    def events(self) -> Iterator[Event]:
        """All that happens up to the end of the next sync, or of the data."""
        if self._base > 0:
            yield from self._second_stream(self._base, None)
        while True:
            held = self._source.have(self._base + 2 * self._window)
            full = held == self._base + 2 * self._window
            sync = self._search.advance(held)
            self._observe(held)
            other = self._search.other
            if sync is not None:
                yield from self._at_sync(sync)
                return
            if other is not None and not self._walk.known:
                self._reader.take_header_of(other)
                yield HeaderIgnored(other.offset, self._stop.reason)
                self._search.restart(self._base)
                self._judge_from(self._stopped_at)
            elif full:
                yield from self._slide(held)
            else:
                yield from self._at_end(held)
                return

    # Section 11 for a stop: what was found behind it.

    def _judge_from(self, offset: int) -> None:
        self._stopped_at = offset
        self._evidence = False
        self._durable = 0
        self._blank: Optional[int] = None
        self._observed = offset

    def _observe(self, held: int) -> None:
        """Take note of the bytes behind the stop, up to the end of what is held."""
        source, start = self._source, max(self._observed, self._stopped_at)
        if start < held:
            first = source.bytes(start, start + 1)[0]
            fill = first if self._blank is None else self._blank
            is_blank = fill in (0x00, 0xFF) and source.run_of(fill, start, held) == held
            self._blank = fill if is_blank else -1
            self._observed = held
        for sync in intact_syncs(source, max(self._stopped_at, self._base), held, held):
            if sync_evidence(sync, self._walk) is not None:
                self._evidence = True
                if is_of_stream(sync, self._walk):
                    self._durable = max(self._durable, sync.fields.durable)

    def _look_for_frames(self, start: int, stop: int, held: int) -> None:
        """(i) in what is let go of."""
        aligned = start + -self._walk.position_of(start) % ALIGNMENT
        if not self._evidence and aligned < stop:
            frames = FrameSearch(self._walk, aligned)
            self._evidence = frames.first(aligned, stop, held, True) is not None

    def _second_stream(self, offset: int, held: Optional[int]) -> Iterator[Event]:
        """(iv) at a stop; if `held` is given, only in what is held."""
        source = self._source
        if held is not None and (offset + 4 > held or offset + 4 + source.word(offset) > held):
            return
        if begins_stream(source, offset):
            self._evidence = True
            yield SecondStream(offset)

    # Salvage

    def _frames(self, end: int, sync: Optional[IntactSync]) -> List[Salvaged]:
        """The good frames between the base and `end`, where S stands, if there is one."""
        walk = self._walk
        self._budget.add(end)
        position = walk.position_of(self._base)
        start = self._base
        if sync is not None:
            start = max(start, end - sync.fields.position)
            position = sync.fields.position - (end - start)
        lowest = max(position, self._search.floor)
        first = start + lowest + -lowest % ALIGNMENT - position
        salts = self._salts(sync)
        if first >= end or walk.digest is None or salts == Salts(None, None):
            return []
        region = Region(first, end, position + first - start, self._likely, sync is not None)
        rules = Rules(salts, walk.digest, walk.max_message_len, walk.limit,
                      self._reader.options.careful)
        return Salvage(self._source, region, rules, self._budget).frames()

    def _salts(self, sync: Optional[IntactSync]) -> Salts:
        walk = self._walk
        current = walk.salt if walk.known else None
        if sync is None:
            return Salts(None, current)
        fields = sync.fields
        follows = fields.epoch == walk.epoch or fields.resumed and fields.epoch == walk.epoch + 1
        return Salts(fields.salt, current if follows else None)

    def _deliver(self, frame: Salvaged, shift: int) -> Iterator[Event]:
        """A salvaged frame, and the range that was skipped before it."""
        yield from self._skip_to(frame.offset)
        self._skipped_from = frame.end
        self._salvaged = True
        start = frame.offset + HEAD_LEN
        body = self._source.bytes(start, start + body_len(frame.length_word))
        position = (frame.offset + shift) & MASK_64
        pad = self._walk.pad_at(frame.offset, frame.length_word)
        if any(pad):
            yield Pad(position, frame.offset, pad)
        if not is_control(frame.length_word):
            self._gap.salvaged += 1
            self._reader.salvaged += 1
            yield Message(position, frame.offset, body, None)
            return
        if unsupported(body):
            raise kind_unsupported(body, position)
        control = Control(position, frame.offset, body[:4].decode("ascii"), body)
        yield self._reader.noted(control)

    def _skip_to(self, offset: int) -> Iterator[Event]:
        if offset > self._skipped_from:
            self._gap.skipped += offset - self._skipped_from
            yield Skipped(self._skipped_from, offset, self._reason())
            self._skipped_from = offset

    def _reason(self) -> str:
        """A length above the reader's limit is not trusted: see "General duties" (section 10)."""
        if self._stop.reason != LIMIT:
            return self._stop.reason
        end = self._gap.offset + frame_len(self._stop.length_word)
        return "incomplete" if self._source.ended and self._source.filled < end else LIMIT

    # Where it goes on

    def _slide(self, held: int) -> Iterator[Event]:
        """No S is held: salvage what starts in the first half, and let go of that."""
        half = self._base + self._window
        frames = [frame for frame in self._frames(held, None) if frame.offset < half]
        for frame in frames:
            yield from self._deliver(frame, self._walk.shift)
        end = self._base
        if frames:
            end = yield from self._stop_anew(frames[-1].end, held)
        if self._reader.options.careful:
            self._look_for_frames(max(end, self._stopped_at), half, held)
        self._base = max(end, half)
        self._likely = None
        self._source.release(self._base)

    def _stop_anew(self, offset: int, held: int) -> Iterator[Event]:
        """The stop is now behind the last salvaged frame."""
        self._search.floor = self._walk.position_of(offset)
        self._judge_from(offset)
        self._observe(held)
        yield from self._second_stream(offset, held)
        return offset

    def _at_sync(self, sync: IntactSync) -> Iterator[Event]:
        walk, reader, gap = self._walk, self._reader, self._gap
        for frame in self._frames(sync.offset, sync):
            yield from self._deliver(frame, sync.shift)
        yield from self._skip_to(sync.offset)
        lost = sync.fields.sequence - (walk.count + gap.salvaged)
        gap.sync = sync.fields.position
        gap.lost = max(lost, 0)
        gap.contradiction = max(-lost, 0)
        reader.lost += gap.lost
        reader.contradictions += gap.contradiction
        gap.end = SCATTERED
        gap.reason = self._reason()
        reader.pending.append(gap)
        reader.learn_durable(max(sync.fields.durable, self._durable))
        yield gap
        pad = walk.pad_at(sync.offset, sync.length_word)
        if any(pad):
            yield Pad(sync.fields.position, sync.offset, pad)
        walk.take_sync(sync.fields)
        walk.shift = sync.shift
        walk.offset = sync.end
        walk.count = sync.fields.sequence
        yield Sync(sync.fields.position, sync.offset, sync.fields)

    def _at_end(self, held: int) -> Iterator[Event]:
        """No S follows. The last stop says how the stream ended."""
        walk, reader, gap = self._walk, self._reader, self._gap
        frames = self._frames(held, None)
        for frame in frames:
            yield from self._deliver(frame, walk.shift)
        end = self._stopped_at
        if frames:
            end = yield from self._stop_anew(frames[-1].end, held)
        self._look_for_frames(max(end, self._base), held, held)
        gap.reason = self._reason()
        kind = self._end_kind(held)
        damaged = kind in (SCATTERED, CORRUPT)
        if damaged:
            yield from self._skip_to(held)
            if self._search.other is not None:
                yield OtherStream(self._search.other.offset, self._search.other.fields.stream_id)
        if damaged or self._salvaged:
            reader.lost_is_exact = False
            gap.end = CORRUPT if kind == CORRUPT else SCATTERED
            yield gap
        reader.end = End(kind, walk.position_of(end))
        if damaged or kind == TORN:
            reason = gap.reason if end == gap.offset else None
            reader.end = End(kind, walk.position_of(end), held - end, reason)
        walk.offset = held

    def _end_kind(self, held: int) -> str:
        walk = self._walk
        if self._stopped_at == held or self._blank in (0x00, 0xFF):
            # Frames behind the one that closed the stream: it isn't closed.
            return OPEN if self._salvaged else end_of(walk).kind
        if self._evidence:
            return CORRUPT if self._durable > walk.position_of(self._stopped_at) else SCATTERED
        return OPEN if not walk.known and self._reason() == "incomplete" else TORN
