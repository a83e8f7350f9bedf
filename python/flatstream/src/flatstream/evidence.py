"""The search for evidence behind D: docs/format/spec.md, section 11."""

from __future__ import annotations

import struct
from typing import Iterator, Optional, Tuple

from .constants import ALIGNMENT, HEAD_LEN, LENGTH_MAX, MASK_32, MIB
from .errors import StreamError
from .frame import body_len, check_word, frame_len, is_blank, is_legal
from .header import take_region
from .source import Source
from .sync import IntactSync
from .walk import Stop, Walk

HOLD_MIN = 2 * MIB
HOLD_MAX = 32 * MIB
HASHED_TIMES = 16
HASHED_MORE = 16 * MIB
SHORT_BODY = 65536
_PIECE = 65536

FRAME = "i"
OWN_SYNC = "ii"
SYNC_AT_ITS_PLACE = "iii"
SECOND_STREAM = "iv"


def hold_len(max_message_len: int) -> int:
    """How many bytes the search holds: twice the longest message, 2 MiB to 32 MiB."""
    if max_message_len == 0:
        return HOLD_MAX
    return max(HOLD_MIN, min(2 * max_message_len, HOLD_MAX))


def begins_stream(source: Source, offset: int) -> bool:
    """(iv): a header region at an offset, by steps 1 to 4 of Opening."""
    try:
        take_region(source, offset)
    except StreamError:
        return False
    return True


def blank_end(source: Source, start: int) -> int:
    """Offset of the first byte behind `start` that ends a run of 00 or of FF.

    It equals `start` if there is no run. A long run is not held.
    """
    if not source.need(start + 1):
        return start
    value = source.word(start) & 0xFF if source.need(start + 4) else source.bytes(
        start, start + 1)[0]
    if value not in (0x00, 0xFF):
        return start
    at = start
    while True:
        end = source.have(at + _PIECE)
        run = source.run_of(value, at, end)
        if run < end or end == at:
            return run
        at = end
        source.release(at - 3 * HEAD_LEN)


def sync_evidence(sync: IntactSync, walk: Walk) -> Optional[str]:
    """(ii) or (iii): does an intact sync behind D tell of the stream that is read at D?"""
    fields = sync.fields
    own = (fields.header_check == walk.header_check if walk.expected_id is None
           else fields.stream_id == walk.expected_id)
    above = walk.last_sync is None or fields.position > walk.last_sync
    if own and above and fields.checksum == walk.checksum:
        return OWN_SYNC
    if fields.position == walk.position_of(sync.offset):
        return SYNC_AT_ITS_PLACE
    return None


def is_of_stream(sync: IntactSync, walk: Walk) -> bool:
    """With this stream's stream_id and header_check (only the latter if no sync is known)."""
    fields = sync.fields
    if walk.expected_id not in (None, fields.stream_id):
        return False
    return fields.header_check == walk.header_check


def heads(source: Source, start: int, stop: int, end: int) -> Iterator[Tuple[int, int, int]]:
    """(offset, check, length word) at every 8th byte of start..stop where a frame may end by `end`.

    Blank heads and lengths of 0 are left out.
    """
    stop = min(stop, end - 2 * HEAD_LEN + 1)
    at = start
    while at < stop:
        piece_end = min(at + _PIECE, at + (stop - at + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT)
        piece = source.bytes(at, piece_end)
        if piece.count(0) != len(piece):
            yield from _heads_of(piece, at, end)
        at = piece_end


def _heads_of(piece: bytes, start: int, end: int) -> Iterator[Tuple[int, int, int]]:
    room = end - start - HEAD_LEN
    index = 0
    for check, length_word in struct.iter_unpack("<II", piece):
        length = length_word & LENGTH_MAX
        if 0 < length <= room - index and (check != length_word or check != MASK_32):
            yield start + index, check, length_word
        index += ALIGNMENT


class FrameSearch:
    """(i): good frames of this stream at their place, with a bound for what is hashed."""

    def __init__(self, walk: Walk, start: int) -> None:
        self._walk = walk
        self._start = start
        self._hashed = 0
        self.passed_over = False

    def is_good(self, offset: int, end: int, allowed: int) -> bool:
        """Is there a good frame at an offset? It ends at or before `end`."""
        walk, source = self._walk, self._walk.source
        if not walk.known or walk.digest is None or offset + HEAD_LEN > end:
            return False
        check, length_word = source.head(offset)
        if is_blank(check, length_word) or not is_legal(length_word, walk.max_message_len):
            return False
        if offset + frame_len(length_word) > end:
            return False
        length = body_len(length_word)
        if self._hashed + length > allowed:
            self.passed_over = True
            return False
        self._hashed += length
        body = source.bytes(offset + HEAD_LEN, offset + HEAD_LEN + length)
        position = walk.position_of(offset)
        return check == check_word(body, walk.salt, position, length_word, walk.digest)

    def first(self, start: int, stop: int, end: int, ended: bool) -> Optional[int]:
        """Offset of a good frame that begins in start..stop and ends at or before `end`."""
        if not self._walk.known:
            return None
        allowed = HASHED_TIMES * (stop - self._start) + HASHED_MORE
        for short in (True, False):
            for offset, _, length_word in heads(self._walk.source, start, stop, end):
                is_short = body_len(length_word) <= SHORT_BODY
                if is_short == short and self.is_good(offset, end, allowed):
                    return offset
        if not ended:
            self.passed_over = self.passed_over or self._has_longer(start, stop, end)
        return None

    def _has_longer(self, start: int, stop: int, end: int) -> bool:
        """Is there a legal length that reaches beyond what is held?"""
        walk = self._walk
        for offset, _, length_word in heads(walk.source, start, stop, end + LENGTH_MAX):
            legal = is_legal(length_word, walk.max_message_len)
            if legal and offset + frame_len(length_word) > end:
                return True
        return False

    def after_wrong_check(self, stop: Stop, end: int) -> Optional[int]:
        """The one place that is looked at first: where a frame with a wrong check ends."""
        if stop.reason != "frame_check":
            return None
        offset = self._walk.offset + frame_len(stop.length_word)
        return offset if self.is_good(offset, end, HASHED_MORE) else None
