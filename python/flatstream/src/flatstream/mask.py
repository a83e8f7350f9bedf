"""Salt and mask of the check word: docs/format/spec.md, section 6."""

from .constants import (
    EPOCH_MULTIPLIER,
    MASK_64,
    MASK_MULTIPLIER_1,
    MASK_MULTIPLIER_2,
    MIX_MULTIPLIER_1,
    MIX_MULTIPLIER_2,
)


def mix(z: int) -> int:
    """SplitMix64's finalizer."""
    z = ((z ^ (z >> 30)) * MIX_MULTIPLIER_1) & MASK_64
    z = ((z ^ (z >> 27)) * MIX_MULTIPLIER_2) & MASK_64
    return z ^ (z >> 31)


def salt(stream_id: int, epoch: int) -> int:
    """The salt of one epoch of one stream."""
    return mix((stream_id + epoch * EPOCH_MULTIPLIER) & MASK_64)


def mask(salt_value: int, position: int, length_word: int) -> int:
    """The mask of a frame's check word."""
    x = ((salt_value ^ (position & MASK_64)) * MASK_MULTIPLIER_1) & MASK_64
    x = ((x ^ (x >> 32) ^ length_word) * MASK_MULTIPLIER_2) & MASK_64
    return x >> 32
