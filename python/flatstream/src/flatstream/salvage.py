"""Salvage of the region between D and S: docs/format/spec.md, section 12."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from typing import Iterator, List, Optional, Tuple

from .checksum import Digest
from .constants import ALIGNMENT, CONTROL_BIT, HEAD_LEN, LENGTH_MAX, MASK_32
from .frame import digest_for, greatest_body, is_blank, is_legal, padded
from .mask import mask
from .source import Source

HASHED_TIMES = 16
SIZES = (256, 65536, LENGTH_MAX)
STEPS = 2 * len(SIZES)


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
class Piece:
    """A piece of the region: candidates begin in fresh..stop and end at or before `end`.

    `start` is the end of the last good frame or where the search begins; `chain` says that
    `end` is S (or the end of the data), so that lengths that chain to it come first.
    """

    start: int
    fresh: int
    stop: int
    end: int
    chain: bool


class Salvage:
    """Tries the candidates of one piece of the region."""

    def __init__(
        self,
        source: Source,
        piece: Piece,
        shift: int,
        salts: Salts,
        digest: Digest,
        max_message_len: int,
        budget: Budget,
    ) -> None:
        self._source = source
        self._shift = shift
        self._salts = salts
        self._digest = digest
        self._max_message_len = max_message_len
        self._budget = budget
        self._base = piece.start + -(piece.start + shift) % ALIGNMENT
        self._end = max(0, (piece.end - self._base) // ALIGNMENT)
        self._stop = min(self._end, -(-max(0, piece.stop - self._base) // ALIGNMENT))
        self._fresh = -(-max(0, piece.fresh - self._base) // ALIGNMENT)
        self._chain = piece.chain and (piece.end - self._base) % ALIGNMENT == 0
        self._words = self._load()
        self._tried = bytearray(self._end)
        self._taken: List[Tuple[int, int, bool]] = []
        self._allowance = 0

    def _load(self) -> "array[int]":
        """All heads of the piece: words 2i and 2i + 1 are the head at index i."""
        words = array("I" if array("I").itemsize == 4 else "L")
        words.frombytes(self._source.bytes(self._base, self._base + self._end * ALIGNMENT))
        if sys.byteorder == "big":
            words.byteswap()
        return words

    def frames(self) -> List[Salvaged]:
        """The salvaged frames, in the order of their positions."""
        marked = self._marked() if self._chain else array("L")
        others = self._legal()
        steps_left = STEPS
        self._allowance = self._budget.left // STEPS
        self._take_chain(0)
        for candidates in (marked, others):
            for size in SIZES:
                self._allowance = self._budget.left // steps_left
                steps_left -= 1
                self._try_all(candidates, size)
        return self._result()

    def _frame_end(self, index: int) -> int:
        """Index behind the frame at an index; beyond `_end` if it can't be a frame."""
        check, length_word = self._words[2 * index], self._words[2 * index + 1]
        if is_blank(check, length_word) or not is_legal(length_word, self._max_message_len):
            return self._end + 1
        return index + 1 + padded(length_word & LENGTH_MAX) // ALIGNMENT

    def _marked(self) -> "array[int]":
        """Pass 1: indices whose lengths chain exactly to S. This hashes nothing."""
        end, words = self._end, self._words
        most_message = greatest_body(0, self._max_message_len)
        most_control = greatest_body(CONTROL_BIT, self._max_message_len)
        marks = bytearray(end + 1)
        marks[end] = 1
        for index in range(min(self._stop, end) - 1, -1, -1):
            length_word = words[2 * index + 1]
            length = length_word & LENGTH_MAX
            after = index + 1 + (length + 7) // ALIGNMENT
            if after > end or not marks[after] or length == 0:
                continue
            if length > (most_control if length_word & CONTROL_BIT else most_message):
                continue
            if words[2 * index] != length_word or length_word != MASK_32:
                marks[index] = 1
        return array("L", (i for i in range(self._fresh, self._stop) if marks[i]))

    def _legal(self) -> "array[int]":
        """Pass 2: all indices whose head may be one of a frame that ends in the piece."""
        words, end = self._words, self._end
        legal = array("L")
        for index in range(self._fresh, self._stop):
            length = words[2 * index + 1] & LENGTH_MAX
            room = (end - index - 1) * ALIGNMENT
            if 0 < length <= room and self._frame_end(index) <= end:
                legal.append(index)
        return legal

    def _gaps(self) -> Iterator[Tuple[int, int]]:
        """What lies between the frames taken so far, as index ranges."""
        at = 0
        for start, end, _ in sorted(self._taken):
            if start > at:
                yield at, start
            at = end
        if at < self._end:
            yield at, self._end

    def _try_all(self, candidates: "array[int]", size: int) -> None:
        for start, end in list(self._gaps()):
            at = bisect_left(candidates, start)
            reached = start
            while at < len(candidates) and candidates[at] < end:
                index = candidates[at]
                length = self._words[2 * index + 1] & LENGTH_MAX
                if index >= reached and length <= size and self._take(index, end):
                    reached = self._take_chain(self._taken[-1][1], end)
                    at = bisect_left(candidates, reached)
                else:
                    at += 1

    def _take_chain(self, index: int, limit: Optional[int] = None) -> int:
        """Follow frames from an index; also where one with a wrong check ends by its length.

        Returns the index behind the last frame that was taken, or `index`.
        """
        limit = self._end if limit is None else limit
        reached = index
        while index < min(limit, self._stop):
            after = self._frame_end(index)
            if after > limit:
                break
            if self._take(index, limit):
                reached = after
            index = after
        return reached

    def _take(self, index: int, limit: int) -> bool:
        """Try the candidate at an index; it ends at or before `limit`."""
        after = self._frame_end(index)
        if self._tried[index] or after > limit:
            return False
        length_word = self._words[2 * index + 1]
        length = length_word & LENGTH_MAX
        if length > self._allowance:
            return False
        self._tried[index] = 1
        self._allowance -= length
        self._budget.left -= length
        of_sync = self._matches(index, length_word, length)
        if of_sync is None:
            return False
        self._taken.append((index, after, of_sync))
        if of_sync and self._salts.of_sync is not None:
            self._salts = Salts(self._salts.of_sync, None)
        return True

    def _matches(self, index: int, length_word: int, length: int) -> Optional[bool]:
        """Does the check hold? True with the salt of S's epoch, False with the current one."""
        offset = self._base + index * ALIGNMENT
        body = self._source.bytes(offset + HEAD_LEN, offset + HEAD_LEN + length)
        wanted = self._words[2 * index] ^ digest_for(length_word, self._digest)(body)
        for salt, of_sync in ((self._salts.of_sync, True), (self._salts.current, False)):
            if salt is not None and mask(salt, offset + self._shift, length_word) == wanted:
                return of_sync
        return None

    def _result(self) -> List[Salvaged]:
        """In the order of positions; nothing of the current epoch behind one of S's epoch."""
        found = []
        new_epoch = False
        for start, end, of_sync in sorted(self._taken):
            new_epoch = new_epoch or of_sync
            if of_sync or not new_epoch:
                found.append(Salvaged(self._base + start * ALIGNMENT,
                                      self._base + end * ALIGNMENT,
                                      self._words[2 * start + 1], of_sync))
        return found
