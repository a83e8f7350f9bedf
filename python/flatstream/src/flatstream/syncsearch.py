"""The next sync behind damage: docs/format/spec.md, section 12, "The next sync"."""

from __future__ import annotations

from typing import Mapping, Optional, Tuple

from .checksum import Digest, digest_of
from .constants import SYNC_FRAME_MAX
from .source import Source
from .sync import IntactSync, intact_syncs
from .walk import Walk


class SyncSearch:
    """Finds S in what is held.

    A sync at the position it names goes before a displaced one that lies at most `patience`
    bytes before it; while no sync is known, before all.
    """

    def __init__(
        self,
        walk: Walk,
        start: int,
        patience: int,
        private: Optional[Mapping[int, Digest]],
    ) -> None:
        self._walk = walk
        self._private = private
        self._patience = patience
        self.floor = walk.position
        self.other: Optional[IntactSync] = None
        self.restart(start)

    def restart(self, start: int) -> None:
        """Search anew from an offset on."""
        self._searched = start
        self._anywhere: Optional[IntactSync] = None
        self._in_place: Optional[IntactSync] = None
        self.other = None

    def advance(self, until: int) -> Optional[IntactSync]:
        """Look at all syncs that are whole below `until`, the end of what is held; S, if one is there."""
        for sync in intact_syncs(self._walk.source, self._searched, until, until):
            self._consider(sync)
        self._searched = max(self._searched, until - SYNC_FRAME_MAX)
        in_place, anywhere = self._in_place, self._anywhere
        if in_place is None or anywhere is None:
            return anywhere
        near = in_place.offset <= anywhere.offset + self._patience
        return in_place if near or not self._walk.known else anywhere

    def _consider(self, sync: IntactSync) -> None:
        walk = self._walk
        if walk.wanted_id is not None and sync.fields.stream_id != walk.wanted_id:
            return
        in_place = sync.fields.position == walk.position_of(sync.offset)
        if self._is_acceptable(sync):
            self._anywhere = self._anywhere or sync
            if in_place:
                self._in_place = self._in_place or sync
        elif in_place and self._is_of_another_stream(sync):
            # It may have been found before, or one that lies in it: that is whole earlier.
            if self.other is None or sync.offset < self.other.offset:
                self.other = sync

    def _is_of_another_stream(self, sync: IntactSync) -> bool:
        """Of another one, or at least of another header; one that the reader can read."""
        if self._walk.known and sync.fields.stream_id == self._walk.stream_id:
            return False
        return digest_of(sync.fields.checksum, self._private) is not None

    def _is_acceptable(self, sync: IntactSync) -> bool:
        walk, fields = self._walk, sync.fields
        if fields.header_check != walk.header_check or fields.checksum != walk.checksum:
            return False
        if not walk.known:
            return True
        return (fields.stream_id == walk.stream_id and fields.epoch >= walk.epoch
                and fields.position >= self.floor)


def first_sync_without_header(
    source: Source,
    window: int,
    wanted_id: Optional[int],
    private: Optional[Mapping[int, Digest]],
) -> Tuple[int, Optional[IntactSync]]:
    """The header is damaged: the first sync at the position it names in 2 W, else the first.

    Returns the offset where these 2 W begin, too; bytes before it are forgotten.
    """
    base = 0
    while True:
        end = source.have(base + 2 * window)
        displaced: Optional[IntactSync] = None
        for sync in intact_syncs(source, base, end, end):
            fields = sync.fields
            if wanted_id not in (None, fields.stream_id) or digest_of(fields.checksum, private) is None:
                continue
            if fields.position == sync.offset:
                return base, sync
            displaced = displaced or sync
        if displaced is not None or end < base + 2 * window:
            return base, displaced
        base += window
        source.release(base)
