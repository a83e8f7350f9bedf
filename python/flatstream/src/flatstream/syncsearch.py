"""The next sync behind damage: docs/format/spec.md, section 12, "The next sync"."""

from __future__ import annotations

from typing import Mapping, Optional

from .checksum import Digest, digest_of
from .constants import MIB, SYNC_FRAME_MAX
from .evidence import is_of_stream, sync_evidence
from .sync import IntactSync, intact_sync_at, intact_syncs
from .walk import Walk


class SyncSearch:
    """Finds S, reading forward from an offset and holding a bounded piece of the data.

    A sync at the position it names goes before a displaced one that lies less than
    `look_ahead` bytes before it.
    """

    def __init__(
        self,
        walk: Walk,
        start: int,
        window: int,
        sync_interval: int,
        private: Optional[Mapping[int, Digest]],
    ) -> None:
        self._walk = walk
        self._private = private
        self._start = start
        self._displaced: Optional[IntactSync] = None
        self._foreign: Optional[IntactSync] = None
        self._look_ahead = 2 * window
        if walk.known:
            message = min(walk.max_message_len or MIB, MIB)
            self._look_ahead = min(max(2 * sync_interval, message), window)
        self.searched = start
        self.evidence: Optional[str] = None
        self.durable = 0

    def wanted_from(self) -> int:
        """Bytes below this offset are not needed for the search any more."""
        offsets = [self.searched]
        offsets += [sync.offset for sync in (self._displaced, self._foreign) if sync]
        return min(offsets)

    def first_contradicts(self) -> Optional[IntactSync]:
        """An intact sync at D, at its place, that contradicts the header: it wins."""
        walk = self._walk
        if walk.known or walk.header_check is None:
            return None
        end = walk.source.have(walk.offset + SYNC_FRAME_MAX)
        sync = intact_sync_at(walk.source, walk.offset, end)
        if sync is None or not self._in_place(sync) or not self._has_digest(sync):
            return None
        fields = sync.fields
        same = fields.header_check == walk.header_check and fields.checksum == walk.checksum
        return None if same else sync

    def advance(self, until: int) -> Optional[IntactSync]:
        """Search syncs that begin below `until`; S, as soon as it is certain which one it is."""
        source = self._walk.source
        ended = not source.need(until + SYNC_FRAME_MAX)
        end = source.filled if ended else until + SYNC_FRAME_MAX
        until = end if ended else until
        for sync in intact_syncs(source, self.searched, until, end):
            if self._decided(sync.offset):
                break
            self._observe(sync)
            if self._is_acceptable(sync):
                if self._in_place(sync):
                    return sync
                self._displaced = self._displaced or sync
            elif self._is_foreign(sync):
                self._foreign = self._foreign or sync
        self.searched = max(self.searched, until)
        if ended or self._decided(self.searched):
            return self._displaced or self._foreign
        return self._look_further()

    def _look_further(self) -> Optional[IntactSync]:
        """A displaced sync waits for one at its place: look as far ahead as that may be."""
        if self._displaced is None:
            return None
        return self.advance(self._displaced.offset + self._look_ahead)

    def _decided(self, offset: int) -> bool:
        waiting = self._displaced or self._foreign
        return waiting is not None and offset >= waiting.offset + self._look_ahead

    def _observe(self, sync: IntactSync) -> None:
        kind = sync_evidence(sync, self._walk)
        if kind is None:
            return
        self.evidence = self.evidence or kind
        if is_of_stream(sync, self._walk):
            self.durable = max(self.durable, sync.fields.durable)

    def _in_place(self, sync: IntactSync) -> bool:
        return sync.shift in (self._walk.shift, 0)

    def _has_digest(self, sync: IntactSync) -> bool:
        return digest_of(sync.fields.checksum, self._private) is not None

    def _is_acceptable(self, sync: IntactSync) -> bool:
        walk, fields = self._walk, sync.fields
        if walk.header_check is None:
            return self._has_digest(sync)
        if fields.header_check != walk.header_check or fields.checksum != walk.checksum:
            return False
        if fields.position < walk.position:
            return False
        if not walk.known:
            return True
        assert walk.last_sync is not None
        return (fields.stream_id == walk.stream_id and fields.position > walk.last_sync
                and fields.epoch >= walk.epoch)

    def _is_foreign(self, sync: IntactSync) -> bool:
        """A sync of another header in its place, which may win while no sync is known."""
        walk = self._walk
        if walk.known or walk.header_check is None:
            return False
        return (sync.fields.header_check != walk.header_check and self._in_place(sync)
                and self._has_digest(sync))
