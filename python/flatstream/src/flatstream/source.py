"""The bytes of a file object, held only as far as they are needed."""

from __future__ import annotations

from typing import BinaryIO, Callable, Tuple

_READ_LEN = 65536
_FORGET_LEN = 262144


class Source:
    """A window over a binary file object that need not be able to seek.

    All offsets count from the first byte that is read. Bytes below `base` are forgotten.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._read: Callable[[int], bytes] = getattr(file, "read1", file.read)
        self._held = bytearray()
        self._wanted_from = 0
        self.base = 0
        self.ended = False

    @property
    def filled(self) -> int:
        """Offset behind the last byte that was read."""
        return self.base + len(self._held)

    def need(self, end: int) -> bool:
        """Read until all bytes below `end` are held. False if the data end before it."""
        while self.filled < end and not self.ended:
            piece = self._read(_READ_LEN)
            if piece is None:
                raise BlockingIOError("the source has no bytes now; it must be blocking")
            if not piece:
                self.ended = True
            self._held += piece
        return self.filled >= end

    def have(self, end: int) -> int:
        """The lesser of `end` and the end of the data, after reading that far."""
        self.need(end)
        return min(end, self.filled)

    def release(self, offset: int) -> None:
        """Bytes below `offset` are not needed any more."""
        self._wanted_from = max(self._wanted_from, min(offset, self.filled))
        forget = self._wanted_from - self.base
        if forget >= _FORGET_LEN:
            del self._held[:forget]
            self.base = self._wanted_from

    def bytes(self, start: int, end: int) -> bytes:
        """A copy of held bytes."""
        return bytes(self._held[start - self.base:end - self.base])

    def word(self, offset: int) -> int:
        """The u32 at an offset."""
        at = offset - self.base
        return int.from_bytes(self._held[at:at + 4], "little")

    def head(self, offset: int) -> Tuple[int, int]:
        """Check word and length word at an offset."""
        at = offset - self.base
        value = int.from_bytes(self._held[at:at + 8], "little")
        return value & 0xFFFFFFFF, value >> 32

    def find(self, what: bytes, start: int, end: int) -> int:
        """Offset of the first `what` that lies in start..end, or -1."""
        at = self._held.find(what, start - self.base, end - self.base)
        return at + self.base if at >= 0 else -1

    def run_of(self, value: int, start: int, end: int) -> int:
        """Offset of the first byte in start..end that is not `value`, or `end`."""
        at = start
        while at < end:
            piece = self._held[at - self.base:min(at + _READ_LEN, end) - self.base]
            rest = piece.lstrip(bytes([value]))
            if rest:
                return at + len(piece) - len(rest)
            at += len(piece)
        return end
