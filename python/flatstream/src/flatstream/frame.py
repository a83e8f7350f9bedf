"""Frames: docs/format/spec.md, sections 4 to 7."""

from __future__ import annotations

from .checksum import Digest
from .constants import (
    ALIGNMENT,
    CONTROL_BIT,
    CONTROL_BODY_LIMIT,
    CONTROL_BODY_MIN,
    HEAD_LEN,
    LENGTH_MAX,
    MASK_32,
)
from .crc32c import Bytes, crc32c
from .mask import mask


def body_len(length_word: int) -> int:
    """L: the length word without the control bit."""
    return length_word & LENGTH_MAX


def is_control(length_word: int) -> bool:
    """Does the length word mark a control frame?"""
    return length_word & CONTROL_BIT != 0


def padded(length: int) -> int:
    """The length rounded up to a multiple of 8."""
    return (length + ALIGNMENT - 1) & ~(ALIGNMENT - 1)


def frame_len(length_word: int) -> int:
    """Length of a whole frame: head, body and pad."""
    return HEAD_LEN + padded(length_word & LENGTH_MAX)


def is_blank(check: int, length_word: int) -> bool:
    """A head of eight bytes 00, or eight bytes FF, is never a frame (section 4)."""
    return check == length_word and check in (0, MASK_32)


def greatest_body(length_word: int, max_message_len: int) -> int:
    """The greatest legal L of such a frame (section 10, step 3)."""
    if is_control(length_word):
        return max(max_message_len, CONTROL_BODY_LIMIT)
    return max_message_len or LENGTH_MAX


def is_legal(length_word: int, max_message_len: int) -> bool:
    """Step 3 of section 10: is the length one that a frame may have?"""
    return 0 < body_len(length_word) <= greatest_body(length_word, max_message_len)


def digest_for(length_word: int, digest: Digest) -> Digest:
    """Control frames always use CRC-32C (section 5)."""
    return crc32c if is_control(length_word) else digest


def check_word(body: Bytes, salt: int, position: int, length_word: int, digest: Digest) -> int:
    """The check word of a frame (section 6)."""
    return digest_for(length_word, digest)(body) ^ mask(salt, position, length_word)


def is_kind(kind: bytes) -> bool:
    """Four ASCII letters (section 7)."""
    return len(kind) == 4 and kind.isalpha()


def may_be_skipped(kind: bytes) -> bool:
    """A lower-case first letter: a reader that does not know the kind skips the frame."""
    return kind[:1].islower()


def encode_frame(body: Bytes, length_word: int, salt: int, position: int, digest: Digest) -> bytes:
    """A whole frame at a position."""
    check = check_word(body, salt, position, length_word, digest)
    head = check.to_bytes(4, "little") + length_word.to_bytes(4, "little")
    return b"".join((head, body, bytes(padded(len(body)) - len(body))))


def encode_message(body: Bytes, salt: int, position: int, digest: Digest) -> bytes:
    """The frame of a message (section 4)."""
    if not 0 < len(body) <= LENGTH_MAX:
        raise ValueError(f"a message has 1 to {LENGTH_MAX} bytes, not {len(body)}")
    return encode_frame(body, len(body), salt, position, digest)


def encode_control(body: Bytes, salt: int, position: int) -> bytes:
    """A control frame (section 7)."""
    if not CONTROL_BODY_MIN <= len(body) < LENGTH_MAX:
        raise ValueError(f"a control body of {len(body)} bytes")
    return encode_frame(body, CONTROL_BIT | len(body), salt, position, crc32c)
