"""Salvage of the region between D and S: docs/format/spec.md, section 12."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from typing import List, Optional

from .checksum import Digest
from .constants import ALIGNMENT, CONTROL_BODY_MIN, HEAD_LEN, KIND_SYNC, LENGTH_MAX
from .frame import digest_for, greatest_body, is_blank, is_control, is_kind, padded
from .mask import mask
from .source import Source

HASHED_TIMES = 16
SIZES = (256, 65536, LENGTH_MAX)


@dataclass(frozen=True)
class Salts:
    """The salts that are tried: that of S's epoch, and that of the current one."""

    of_sync: Optional[int]
    current: Optional[int]


@dataclass(frozen=True)
class Salvaged:
    """A salvaged frame."""

    offset: int
    end: int
    length_word: int
    of_sync_epoch: bool


class Budget:
    """How many bytes may still be hashed: 16 times the region, each byte counted once."""

    def __init__(self, start: int) -> None:
        self._counted_to = start
        self.left = 0

    def add(self, until: int) -> None:
        """The region reaches to `until` now."""
        if until > self._counted_to:
            self.left += HASHED_TIMES * (until - self._counted_to)
            self._counted_to = until


@dataclass(frozen=True)
class Region:
    """Offsets start..end, where a frame may start at each multiple of 8 behind `start`.

    `position` is that of `start`. `likely` is the offset where a frame probably starts;
    `has_sync` says that S stands at `end`.
    """

    start: int
    end: int
    position: int
    likely: Optional[int]
    has_sync: bool


@dataclass(frozen=True)
class Rules:
    """What frames of the stream look like, and which the reader takes."""

    salts: Salts
    digest: Digest
    max_message_len: int
    limit: Optional[int]
    careful: bool


class Salvage:
    """Tries the candidates of a region."""

    def __init__(self, source: Source, region: Region, rules: Rules, budget: Budget) -> None:
        self._source = source
        self._region = region
        self._rules = rules
        self._budget = budget
        self._end = max(0, (region.end - region.start) // ALIGNMENT)
        self._likely = self._index_of(region.likely)
        self._words = self._load()
        self._legal = self._all_legal()
        self._tried = bytearray(self._end + 1)
        self._later_from = self._end
        self._allowance = 0

    def _index_of(self, offset: Optional[int]) -> Optional[int]:
        if offset is None or (offset - self._region.start) % ALIGNMENT:
            return None
        return (offset - self._region.start) // ALIGNMENT

    def _load(self) -> "array[int]":
        """All heads of the region: words 2i and 2i + 1 are the head at index i."""
        words = array("I" if array("I").itemsize == 4 else "L")
        start = self._region.start
        words.frombytes(self._source.bytes(start, start + self._end * ALIGNMENT))
        if sys.byteorder == "big":
            words.byteswap()
        return words

    def _after(self, index: int) -> int:
        """Index behind the frame whose head is at an index."""
        return index + 1 + padded(self._words[2 * index + 1] & LENGTH_MAX) // ALIGNMENT

    def _all_legal(self) -> "array[int]":
        """All indices whose head may be one of a frame that ends in the region."""
        words, end = self._words, self._end
        most = [self._most(0), self._most(1 << 31)]
        legal = array("L")
        for index in range(end):
            word = words[2 * index + 1]
            length = word & LENGTH_MAX
            if 0 < length <= (end - index - 1) * ALIGNMENT and length <= most[word >> 31]:
                if not is_blank(words[2 * index], word):
                    legal.append(index)
        return legal

    def _most(self, length_word: int) -> int:
        """The greatest legal length that this reader takes."""
        most = greatest_body(length_word, self._rules.max_message_len)
        limit = self._rules.limit
        if limit is not None:
            most = min(most, max(limit, greatest_body(1 << 31, 0)) if length_word else limit)
        return most

    def frames(self) -> List[Salvaged]:
        """The salvaged frames, in the order of their positions."""
        passes = [self._chained(), self._legal] if self._region.has_sync else [self._legal]
        steps = len(passes) * len(SIZES)
        found: List[Salvaged] = []
        for candidates in passes:
            for size in SIZES:
                left = self._budget.left
                self._allowance = left - left // steps * (steps - 1)
                steps -= 1
                found = self._fill_gaps(found, candidates, size)
        found = _without_stale(found)
        return self._followed(found) if self._rules.careful else found

    def _chained(self) -> "array[int]":
        """Pass 1: candidates whose lengths chain exactly to S. This hashes nothing."""
        marks = bytearray(self._end + 1)
        marks[self._end] = 1
        for index in reversed(self._legal):
            marks[index] = marks[self._after(index)]
        return array("L", (index for index in self._legal if marks[index]))

    def _fill_gaps(self, found: List[Salvaged], candidates: "array[int]",
                   size: int) -> List[Salvaged]:
        filled: List[Salvaged] = []
        at = 0
        for frame in found:
            start = (frame.offset - self._region.start) // ALIGNMENT
            self._fill_gap(at, start, candidates, size, filled)
            filled.append(frame)
            at = (frame.end - self._region.start) // ALIGNMENT
        self._fill_gap(at, self._end, candidates, size, filled)
        return filled

    def _fill_gap(self, at: int, to: int, candidates: "array[int]", size: int,
                  filled: List[Salvaged]) -> None:
        """Candidates up to a size; of any size at the likely place and behind a salvaged frame."""
        behind = at if filled else None
        while at < to:
            index = self._next(at, candidates, behind)
            if index is None or index >= to:
                return
            is_likely = index in (behind, self._likely)
            frame = self._take(index, to, LENGTH_MAX if is_likely else size)
            if frame is None:
                at = index + 1
                continue
            filled.append(frame)
            at = behind = self._after(index)

    def _next(self, at: int, candidates: "array[int]", behind: Optional[int]) -> Optional[int]:
        """The next candidate from an index on."""
        nth = bisect_left(candidates, at)
        indices = [candidates[nth]] if nth < len(candidates) else []
        for likely in (behind, self._likely):
            if likely is not None and at <= likely and self._is_legal(likely):
                indices.append(likely)
        return min(indices, default=None)

    def _is_legal(self, index: int) -> bool:
        nth = bisect_left(self._legal, index)
        return nth < len(self._legal) and self._legal[nth] == index

    def _take(self, index: int, to: int, size: int) -> Optional[Salvaged]:
        """The frame at an index, if it ends at or before `to` and its check holds."""
        word = self._words[2 * index + 1]
        length = word & LENGTH_MAX
        if length > size or self._after(index) > to or self._tried[index]:
            return None
        offset = self._region.start + index * ALIGNMENT
        body = self._source.bytes(offset + HEAD_LEN, offset + HEAD_LEN + length)
        if is_control(word) and not _may_stand_here(body):
            return None
        if length > self._allowance:
            return None
        self._allowance -= length
        self._budget.left -= length
        self._tried[index] = 1
        of_sync = self._matches(index, word, body)
        if of_sync is None:
            return None
        if of_sync:
            self._later_from = min(self._later_from, index)
        return Salvaged(offset, self._region.start + self._after(index) * ALIGNMENT, word, of_sync)

    def _matches(self, index: int, length_word: int, body: bytes) -> Optional[bool]:
        """Does the check hold? True with the salt of S's epoch, False with the current one."""
        position = self._region.position + index * ALIGNMENT
        wanted = self._words[2 * index] ^ digest_for(length_word, self._rules.digest)(body)
        salts = self._rules.salts
        for salt, of_sync in ((salts.of_sync, True), (salts.current, False)):
            if salt is not None and mask(salt, position, length_word) == wanted:
                return of_sync if of_sync or index < self._later_from else None
        return None

    def _followed(self, found: List[Salvaged]) -> List[Salvaged]:
        """Careful: only what another good frame or S follows directly."""
        after = self._region.end if self._region.has_sync else None
        kept = []
        for frame in reversed(found):
            if frame.end == after:
                kept.append(frame)
            after = frame.offset
        return kept[::-1]


def _may_stand_here(body: bytes) -> bool:
    """Step 8, for the body of a control frame; and no sync is applied but S."""
    return len(body) >= CONTROL_BODY_MIN and is_kind(body[:4]) and body[:4] != KIND_SYNC


def _without_stale(found: List[Salvaged]) -> List[Salvaged]:
    """Nothing of the current epoch behind one of S's epoch."""
    kept = []
    new_epoch = False
    for frame in found:
        new_epoch = new_epoch or frame.of_sync_epoch
        if frame.of_sync_epoch or not new_epoch:
            kept.append(frame)
    return kept
