"""The header of a stream whose writer was given none."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Optional, Tuple, Union

from flatstream import Header

from ._native import __version__

CHECKSUMS = {"none": 0, "crc32c": 1, "xxh64": 2, "crc32": 3, "xxh3": 4}
UNIX_UTC = 1
MAX_MESSAGE_LEN = 16 << 20
WRITER = f"flatstream-native {__version__}"

Pairs = Iterable[Tuple[str, Optional[str]]]


def new_header(
    checksum: Union[int, str] = "crc32c",
    metadata: Union[Mapping[str, Optional[str]], Pairs] = (),
    **fields: Any,
) -> Header:
    """A `Header`: messages of up to 16 MiB, times in UTC, unless the fields say otherwise.

    `checksum` may be a name, and `metadata` a dict.
    """
    if isinstance(checksum, str):
        if checksum not in CHECKSUMS:
            raise ValueError(f"checksum: expected one of {', '.join(CHECKSUMS)}, found {checksum!r}")
        checksum = CHECKSUMS[checksum]
    pairs = metadata.items() if isinstance(metadata, Mapping) else metadata
    fields = {"clock": UNIX_UTC, "max_message_len": MAX_MESSAGE_LEN, "writer": WRITER, **fields}
    return Header(checksum=checksum, metadata=tuple(pairs), **fields)
