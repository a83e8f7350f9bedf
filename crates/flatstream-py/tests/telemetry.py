"""Messages of schemas/telemetry.fbs, made without a FlatBuffers library."""

import struct
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BFBS = (ROOT / "schemas" / "src" / "telemetry.bfbs").read_bytes()
MESSAGE_TYPE = "Telemetry.TelemetryEvent"

# Vtable at 6, table at 16, source_id "pump-1".
_BEFORE = bytes.fromhex("1000000000000a001c000800040010000a00000018000000")
_NUMBERS = struct.Struct("<Qd")
_BEHIND = bytes.fromhex("000000000600000070756d702d310000")


def event(timestamp_ns, value):
    """A TelemetryEvent."""
    return _BEFORE + _NUMBERS.pack(timestamp_ns, value) + _BEHIND


def write(module, path, count):
    """A stream of so many events, a microsecond apart."""
    with module.Writer(path, message_type=MESSAGE_TYPE, schema=BFBS, replace=True) as writer:
        append = writer.append
        for number in range(count):
            append(event(number * 1000, number * 0.5))
