"""Vector files: docs/format/spec.md, section 20."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Tuple


class Vector(NamedTuple):
    """The bytes of a vector file and its facts, in their order."""

    data: bytes
    facts: List[Tuple[str, str]]

    def fact(self, key: str) -> Optional[str]:
        """The first fact with a key."""
        return next((value for name, value in self.facts if name == key), None)

    def all(self, *keys: str) -> List[str]:
        """All facts with one of these keys, with the key, in their order."""
        return [f"{name} {value}" for name, value in self.facts if name in keys]


def parse_vector(text: str) -> Vector:
    """Parse a vector file."""
    data = bytearray()
    facts: List[Tuple[str, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#") or not line:
            continue
        if line.startswith("%"):
            key, _, value = line[1:].partition(" ")
            facts.append((key, value))
            continue
        offset, _, rest = line.partition("  ")
        if int(offset, 16) != len(data):
            raise ValueError(f"line {number}: offset {offset} instead of {len(data):08x}")
        data += bytes.fromhex(rest.partition("  #")[0])
    return Vector(bytes(data), facts)
