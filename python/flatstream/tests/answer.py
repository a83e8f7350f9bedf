"""Reads streams that another implementation has damaged: one line each, the options and the bytes in hex.

Answers with the facts of a strict and of a recovering reader, and an empty line. For
`crates/flatstream-io/tests/differential.rs`.

    printf '4096 0 - 1000 7400...\\n' | python3 -m tests.answer       # window, careful, stream id, limit
"""

import io
import sys
import zlib

from flatstream.walk import Message
from tests.vectors import read_facts, recover_facts


def digest(event):
    """So that bodies are compared, too."""
    return f" crc=0x{zlib.crc32(event.body):08x}" if isinstance(event, Message) else ""


def answer(line):
    window, careful, stream_id, limit, data = line.split(" ")
    data, limit = bytes.fromhex(data), int(limit)
    options = {"window_max": int(window), "careful": careful == "1", "limit": limit}
    if stream_id != "-":
        options["stream_id"] = int(stream_id)
    for fact in read_facts(io.BytesIO(data), limit=limit):
        if fact.split(" ")[0] in ("message", "error", "limit", "end"):
            print("strict", fact)
    for fact in recover_facts(io.BytesIO(data), digest, **options):
        print("recover", fact)
    print(flush=True)


if __name__ == "__main__":
    for request in sys.stdin:
        answer(request.rstrip("\n"))
