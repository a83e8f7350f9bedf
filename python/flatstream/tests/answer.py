"""Reads streams that another implementation has damaged: one line each, the options and the bytes in hex.

Answers with the facts of a strict and of a recovering reader, and an empty line. For
`crates/flatstream-io/tests/differential.rs`.

    printf '4096 0 - 7400...\\n' | python3 -m tests.answer       # window, careful, stream id
"""

import io
import sys
import zlib

from flatstream.errors import LimitError
from flatstream.walk import Message
from tests.vectors import read_facts, recover_facts


def digest(event):
    """So that bodies are compared, too."""
    return f" crc=0x{zlib.crc32(event.body):08x}" if isinstance(event, Message) else ""


def answer(line):
    window, careful, stream_id, data = line.split(" ")
    data = bytes.fromhex(data)
    options = {"window_max": int(window), "careful": careful == "1"}
    if stream_id != "-":
        options["stream_id"] = int(stream_id)
    try:
        strict = read_facts(io.BytesIO(data))
    except LimitError as error:
        strict = [f"limit {error.position}"]
    for fact in strict:
        if fact.split(" ")[0] in ("message", "error", "end"):
            print("strict", fact)
    for fact in recover_facts(io.BytesIO(data), digest, **options):
        print("recover", fact)
    print(flush=True)


if __name__ == "__main__":
    for request in sys.stdin:
        answer(request.rstrip("\n"))
