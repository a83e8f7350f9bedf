"""Errors that the package `flatstream` has no use for."""

from __future__ import annotations

from typing import Optional


class MessageError(ValueError):
    """A message isn't what the schema says, or has no number where a column needs one.

    `position` is where its frame starts, or a sync frame before it.
    """

    def __init__(self, text: str, position: int, sequence: Optional[int] = None) -> None:
        self.position = position
        self.sequence = sequence
        where = f"at position {position}" if sequence is None else f"message {sequence}, at position {position}"
        super().__init__(f"{where}: {text}")


class Gone(Exception):
    """The file doesn't have the place any more that a cursor names."""

    def __init__(self, text: str, position: Optional[int] = None) -> None:
        self.position = position
        super().__init__(text)
