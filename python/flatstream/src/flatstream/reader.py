"""The strict reader: docs/format/spec.md, section 10."""

from __future__ import annotations

from typing import BinaryIO, Iterator, Mapping, Optional, Union

from .checksum import Digest, digest_of
from .constants import MASK_64, MIB
from .errors import CORRUPT, SCATTERED, End, StreamError
from .header import Header, HeaderRegion, read_header
from .source import Source
from .sync import SyncFields
from .tail import Judgement, judge
from .walk import Control, Frame, Message, Stop, Sync, Walk

DEFAULT_LIMIT = 64 * MIB


class Reader:
    """Reads a stream and makes the first damage an error.

    Iterating gives the messages; `frames()` gives syncs and control frames too. When the
    iteration is over, `end` says how the stream ended. Damage raises a `StreamError`.

    `file` is any binary file object; it need not be able to seek. `private` maps checksum ids
    of 128..255 to functions from a body to a u32. `limit` is the reader's own bound for a
    message; a longer one raises a `LimitError`. None takes any length.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        private: Optional[Mapping[int, Digest]] = None,
        limit: Optional[int] = DEFAULT_LIMIT,
    ) -> None:
        source = Source(file)
        self.region: HeaderRegion = read_header(source, private)
        self._walk = start_walk(source, self.region, private, limit)
        self._judgement: Optional[Judgement] = None
        self.last_sync: Optional[SyncFields] = None
        self.dropped_messages = 0
        self.dropped_bytes = 0

    @property
    def header(self) -> Header:
        """The header's fields."""
        return self.region.header

    @property
    def position(self) -> int:
        """Position of the next frame."""
        return self._walk.position

    @property
    def sequence(self) -> int:
        """Sequence of the next message."""
        return self._walk.count

    @property
    def end(self) -> Optional[End]:
        """How the stream ended, once the reader has come to its end."""
        return None if self._judgement is None else self._judgement.end

    def __iter__(self) -> Iterator[Message]:
        for frame in self.frames():
            if isinstance(frame, Message):
                yield frame

    def frames(self) -> Iterator[Frame]:
        """All accepted frames, in the order of the stream."""
        while self._judgement is None:
            result = self._next()
            if result is None:
                return
            yield result

    def _next(self) -> Optional[Frame]:
        result: Union[Frame, Stop] = self._walk.step()
        if isinstance(result, Stop):
            self._finish(result)
            return None
        self._walk.source.release(self._walk.offset)
        if isinstance(result, Sync):
            self.last_sync = result.fields
        elif isinstance(result, Control) and result.dropped is not None:
            self.dropped_messages = min(self.dropped_messages + result.dropped[0], MASK_64)
            self.dropped_bytes = min(self.dropped_bytes + result.dropped[1], MASK_64)
        return result

    def _finish(self, stop: Stop) -> None:
        self._judgement = judge(self._walk, stop)
        end, stop, evidence = (self._judgement.end, self._judgement.stop,
                               self._judgement.evidence)
        if end.kind in (SCATTERED, CORRUPT):
            assert evidence is not None
            raise StreamError(stop.reason, end.position, stop.expected, stop.found, end,
                              f"({evidence.kind}) at position {evidence.position}")


def start_walk(
    source: Source,
    region: HeaderRegion,
    private: Optional[Mapping[int, Digest]],
    limit: Optional[int],
) -> Walk:
    """A walk that begins behind a header region."""
    walk = Walk(source, limit)
    walk.max_message_len = region.header.max_message_len
    walk.header_check = region.header_check
    walk.checksum = region.header.checksum
    walk.digest = digest_of(region.header.checksum, private)
    walk.offset = len(region)
    return walk
