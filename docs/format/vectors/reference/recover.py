"""A recovering reader (spec.md, section 12), for data that are held whole and are too short for any bound to matter.

So there is no window, no budget, and no order in which candidates are tried but that of their offsets.
"""

from typing import List, NamedTuple, Optional, Tuple

from . import checksums
from .flatbuffer import StreamHeader
from .reader import (CLOSED, CONTROL_BIT, End, Error, Header, HeaderError, Reader, Refused, Stop, SyncFrame, intact_syncs,
                     mask)
from .stream import RESUMED

HEADER_CODES = ("not_a_stream", "header_length", "header_incomplete", "header_check", "header_malformed")
SYNC_INTERVAL_DEFAULT = 65536
MIB = 1 << 20


class Message(NamedTuple):
    """`offset` and `size` are those of the frame; the sequence is None where it is unknown."""
    position: int
    offset: int
    size: int
    length: int
    sequence: Optional[int]


class Recovered(NamedTuple):
    """What a recovering reader gives and reports, as section 20 writes it."""
    messages: List[Message]
    others: List[Tuple[int, int]]            # offset and size of syncs and control frames
    skipped: List[Tuple[int, int]]           # offsets
    pads: List[int]                          # positions
    headers: List[int]                       # offsets of the syncs that tell what the header would
    lost: List[Tuple[int, int]]              # how many, before the sync at this position
    unknown: bool                            # and perhaps more, without a sync that tells
    contradictions: List[Tuple[int, int]]
    second_streams: List[int]                # offsets
    other_streams: List[Tuple[int, int]]     # offset, stream id
    end: Optional[End]
    error: Optional[Error]


class Found(NamedTuple):
    offset: int
    size: int
    sync: object


def header_of(sync):
    """All that is known where the header is damaged."""
    return Header(0, sync.header_check, StreamHeader(1, sync.checksum), [])


class Recovering:
    def __init__(self, data, private):
        self.data, self.private = bytes(data), private
        self.recovered = Recovered([], [], [], [], [], [], False, [], [], [], None, None)
        self.unknown = False
        self.skipped_from = None
        self.reader = None

    # --- The whole ---

    def read(self):
        try:
            self.open()
            while self.reader.position < len(self.data):
                if not self.step():
                    return self.finished(self.reader.result(self.judged().end.state).end)
            return self.finished(self.reader.result(self.reader.boundary_state()).end)
        except HeaderError as refused:
            return self.finished(None, refused.error)
        except Refused as refused:
            return self.finished(None, Error(str(refused), self.reader.place(self.reader.position)))

    def finished(self, end, error=None):
        return self.recovered._replace(unknown=self.unknown, end=end, error=error)

    def open(self):
        try:
            self.reader = Reader(self.data, self.private)
        except HeaderError as refused:
            found = self.first_sync() if refused.error.code in HEADER_CODES else None
            if found is None:
                raise
            self.reader = Reader(self.data, self.private, header_of(found.sync))
            self.recovered.headers.append(found.offset)

    def first_sync(self):
        """The first that stands where it says, or else the first."""
        found = [Found(*place) for place in intact_syncs(self.data, 0) if self.is_readable(place[2])]
        return next((each for each in found if each.offset == each.sync.position), found[0] if found else None)

    def is_readable(self, sync):
        return checksums.hasher(sync.checksum, self.private) is not None

    def step(self):
        """The next frame, or what comes behind damage. False: nothing more."""
        reader = self.reader
        at = reader.position
        try:
            reader.next_frame()
        except Stop as stop:
            return self.despite_pad(stop) or self.pass_over()
        self.note_frame(at)
        return True

    def despite_pad(self, stop):
        reader = self.reader
        at = reader.position
        try:
            if str(stop) == "frame_pad":
                reader.next_frame(despite_pad=True)
                self.recovered.pads.append(reader.place(at))
                self.note_frame(at)
                return True
        except Stop:
            pass
        return False

    def note_frame(self, at):
        """The last frame that the strict reader accepted, at an offset."""
        frame = self.reader.frames[-1]
        if hasattr(frame, "sequence"):
            self.recovered.messages.append(
                Message(frame.position, at, frame.size, len(frame.body), frame.sequence))
        else:
            self.recovered.others.append((at, frame.size))

    # --- Behind a stop ---

    def pass_over(self):
        reader, start = self.reader, self.reader.position
        self.skipped_from = start
        self.note_second_stream()
        found = self.next_sync()
        if found is None and reader.last is None:
            found = self.sync_of_another_header()
        if found is not None:
            self.go_on_at(found)
            return True
        return self.go_on_without_sync()

    def note_second_stream(self):
        if self.reader.position > 0 and self.reader.second_header():
            self.recovered.second_streams.append(self.reader.position)

    def candidates(self):
        """Intact syncs from D on: (found, of this stream, in its place)."""
        for place in intact_syncs(self.data, self.reader.position):
            found = Found(*place)
            yield found, self.is_acceptable(found.sync), found.sync.position == self.reader.place(found.offset)

    def is_acceptable(self, sync):
        reader, last = self.reader, self.reader.last
        if sync.header_check != reader.header.check or sync.checksum != reader.header.fields.checksum:
            return False
        return last is None or (sync.stream_id == last.stream_id and sync.epoch >= last.epoch
                                and sync.position >= reader.place(reader.position))

    def next_sync(self):
        ours = [(found, in_place) for found, is_ours, in_place in self.candidates() if is_ours]
        if not ours:
            return None
        first = ours[0][0]
        fields = self.reader.header.fields
        patience = max(2 * (fields.sync_interval or SYNC_INTERVAL_DEFAULT), min(fields.max_message_len or MIB, MIB))
        placed = next((found for found, in_place in ours if in_place), None)
        if placed and (self.reader.last is None or placed.offset <= first.offset + patience):
            return placed
        return first

    def other_in_place(self):
        last = self.reader.last
        return next((found for found, is_ours, in_place in self.candidates()
                     if in_place and not is_ours and self.is_readable(found.sync)
                     and (last is None or found.sync.stream_id != last.stream_id)), None)

    def sync_of_another_header(self):
        """Nothing fits the header: a sync of another one in its place wins."""
        other = self.other_in_place()
        if other is None:
            return None
        self.reader.obey(header_of(other.sync), self.private)
        self.recovered.headers.append(other.offset)
        return self.next_sync()

    def go_on_at(self, found):
        reader, sync = self.reader, found.sync
        floor, last = reader.place(reader.position), reader.last
        reader.shift = sync.position - found.offset
        salts = [sync.salt]
        if last and (sync.epoch == last.epoch or (sync.epoch == last.epoch + 1 and sync.flags & RESUMED)):
            salts.append(last.salt)
        salvaged = self.salvage(found.offset, floor if last else 0, salts)
        self.skip_to(found.offset)
        lost = sync.sequence - reader.count - salvaged
        if lost:
            numbers = self.recovered.lost if lost > 0 else self.recovered.contradictions
            numbers.append((abs(lost), sync.position))
        if reader.pad_is_wrong(found.offset, found.size):
            self.recovered.pads.append(sync.position)
        self.recovered.others.append((found.offset, found.size))
        reader.last, reader.salt, reader.closed = sync, sync.salt, bool(sync.flags & CLOSED)
        reader.position, reader.count = found.offset + found.size, sync.sequence
        reader.frames.append(SyncFrame(sync.position, found.size, sync))

    def go_on_without_sync(self):
        """The end of the data in place of a sync. What is salvaged moves the stop: True, so that it is looked at anew."""
        reader = self.reader
        start = reader.position
        frames = len(self.recovered.messages) + len(self.recovered.others)
        if reader.last:
            self.salvage(len(self.data), reader.place(start), [reader.salt])
        if len(self.recovered.messages) + len(self.recovered.others) > frames:
            self.unknown, reader.closed = True, False
            reader.position = self.skipped_from
            if reader.position < len(self.data):
                self.note_second_stream()
                self.judge_rest()
                return False
            return True
        self.judge_rest()
        return False

    def judged(self):
        """Section 11, for the stop where the reader is."""
        try:
            self.reader.raw_frame(self.reader.position)
            reason = "frame_check"
        except Stop as stop:
            reason = str(stop)
        return self.reader.judge(reason)

    def judge_rest(self):
        if self.judged().end.state in ("scattered", "corrupt"):
            other = self.other_in_place()
            if other:
                self.recovered.other_streams.append((other.offset, other.sync.stream_id))
            self.skip_to(len(self.data))
            self.unknown = True

    # --- Salvage ---

    def salvage(self, end, floor, salts):
        """Delivers the good frames that end at or before `end`. Returns how many are messages."""
        reader, at, messages, is_later = self.reader, self.reader.position, 0, False
        while at < end:
            raw = self.raw_frame(at, end) if reader.place(at) % 8 == 0 and at + reader.shift >= floor else None
            salt = raw and next((salt for salt in salts[:1 if is_later else None] if self.holds(raw, salt)), None)
            if salt is None:
                at += 1
                continue
            is_later |= salt == salts[0]
            messages += self.deliver(raw)
            at += raw.size
        return messages

    def raw_frame(self, at, end):
        try:
            raw = self.reader.raw_frame(at)
            if raw.is_control:
                if raw.body[:4] == b"sync":
                    return None
                self.reader.refuse_bad_kind(raw)
        except Stop:
            return None
        except Refused:
            pass
        return raw if at + raw.size <= end else None

    def holds(self, raw, salt):
        digest = checksums.crc32c if raw.is_control else self.reader.digest
        return raw.check == digest(raw.body) ^ mask(salt, self.reader.place(raw.position), raw.length_word)

    def deliver(self, raw):
        reader = self.reader
        self.skip_to(raw.position)
        self.skipped_from = raw.position + raw.size
        if reader.pad_is_wrong(raw.position, raw.size):
            self.recovered.pads.append(reader.place(raw.position))
        if raw.length_word & CONTROL_BIT:
            reader.position = raw.position
            reader.refuse_bad_kind(raw)
            self.recovered.others.append((raw.position, raw.size))
            return 0
        self.recovered.messages.append(
            Message(reader.place(raw.position), raw.position, raw.size, len(raw.body), None))
        return 1

    def skip_to(self, offset):
        if offset > self.skipped_from:
            self.recovered.skipped.append((self.skipped_from, offset))
            self.skipped_from = offset


def recover(data, private=None):
    """What a recovering reader makes of these bytes."""
    return Recovering(data, private).read()


def check_sums(data, found):
    """Nothing is given twice, nothing goes unsaid: every byte is in a frame, skipped, or behind the end."""
    parts = [(each.offset, each.offset + each.size) for each in found.messages]
    parts += [(at, at + size) for at, size in found.others] + list(found.skipped)
    at = None
    for start, end in sorted(parts):
        assert at is None or start == at, "bytes %s to %d go unsaid" % (at, start)
        at = end
    rest = len(data) - at if at is not None else 0
    assert rest == 0 or found.end.state not in ("scattered", "corrupt"), "%d bytes behind go unsaid" % rest
    positions = [each.position for each in found.messages]
    assert positions == sorted(set(positions)), "messages twice, or not in order"
