"""Messages a second, beside the package in pure Python: python3 bench.py FOLDER [MESSAGES]."""

import statistics
import sys
import time
from pathlib import Path

import flatstream
import flatstream_native as native

from tests import telemetry

ROUNDS = 7
MESSAGES = 5_000_000
PURE_MESSAGES = 20_000
BATCH = 65536


def one_by_one(path):
    """Every message, and the length of its body by a view."""
    return sum(len(message.body) == 56 for message in native.Reader(path))


def bodies(path):
    """The views alone."""
    return sum(len(body) == 56 for body in native.Reader(path).bodies())


def column(path):
    """One field as arrays of numpy."""
    return sum(len(batch["value"]) for batch in native.Reader(path).columns("value", batch=BATCH))


def columns(path):
    """Both fields."""
    batches = native.Reader(path).columns("timestamp_ns", "value", batch=BATCH)
    return sum(len(batch["value"]) for batch in batches)


def pure(path):
    """The package `flatstream`, which is written in Python."""
    with open(path, "rb") as file:
        return sum(len(message.body) == 56 for message in flatstream.Reader(file))


def write(path, count):
    """From Python, bytes by bytes: most of it is making the messages."""
    telemetry.write(native, path, count)
    return count


def rates(run, count):
    """Messages a second of each round."""
    found = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        if run() != count:
            raise SystemExit(f"expected {count} messages")
        found.append(count / (time.perf_counter() - start))
    return found


def row(name, found, goal=None):
    median, least, most = statistics.median(found) / 1e6, min(found) / 1e6, max(found) / 1e6
    verdict = "" if goal is None else f"goal {goal:g}: {'met' if median >= goal else 'MISSED'}"
    print(f"{name:32} {median:8.2f} {least:8.2f} to {most:.2f}   {verdict}".rstrip())
    return goal is None or median >= goal


def main():
    folder = Path(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else MESSAGES
    path, small = folder / "bench.fls", folder / "bench_pure.fls"
    telemetry.write(native, path, count)
    telemetry.write(native, small, PURE_MESSAGES)
    print(f"{count} messages of 56 bytes, {path.stat().st_size >> 20} MiB; millions of messages a second")
    print(f"{'':32} {'median':>8} {'least to most of ' + str(ROUNDS):>17}")
    met = [
        row("one by one, message.body", rates(lambda: one_by_one(path), count), 1),
        row("one by one, bodies()", rates(lambda: bodies(path), count), 1),
        row("a column, numpy", rates(lambda: column(path), count), 5),
        row("two columns, numpy", rates(lambda: columns(path), count), 5),
        row("append", rates(lambda: write(folder / "bench_write.fls", count // 10), count // 10)),
        row("flatstream in pure Python", rates(lambda: pure(small), PURE_MESSAGES)),
    ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
