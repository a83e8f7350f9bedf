"""Reads vectors by the compiled description: python3 check.py GENERATED VECTORS

Every valid vector that ends with a whole frame has to have the frames that its facts name, at their places.
"""

import importlib.util
import io
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python" / "flatstream" / "src"))

from flatstream.vectorfile import parse_vector  # noqa: E402
from kaitaistruct import KaitaiStream  # noqa: E402

LEAST = 60
KEYS = ("header_len", "header_check", "sync", "message", "control")


def load(path):
    """The generated module, under a name that is no package's."""
    spec = importlib.util.spec_from_file_location("generated_flatstream", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Flatstream


def facts(stream):
    """What the vector file says of header region and frames."""
    region = stream.header_region
    yield f"header_len {region.length + 4}"
    yield f"header_check 0x{region.header_check:08x}"
    position, sequence = region.length + 4, 0
    for frame in stream.frames:
        if not frame.is_control:
            yield f"message {position} length={frame.len_body} sequence={sequence}"
            sequence += 1
        elif frame.body.kind == "sync":
            f = frame.body.fields
            if (f.position, f.sequence, f.header_check) != (position, sequence, region.header_check):
                raise SystemExit(f"the sync frame at {position} names other places: {vars(f)}")
            if (f.is_closed, f.is_resumed) != (f.flags % 2 == 1, f.flags // 2 % 2 == 1):
                raise SystemExit(f"the sync frame at {position} has the flags {f.flags}")
            yield (f"sync {position} epoch={f.epoch} flags={f.flags} stream_id=0x{f.stream_id:016x} "
                   f"sequence={f.sequence} time={f.time} durable={f.durable}")
        else:
            yield f"control {position} kind={frame.body.kind} length={frame.len_body}"
        position += 8 + frame.len_body + len(frame.pad)


def main():
    description, count = load(sys.argv[1]), 0
    for path in sorted(Path(sys.argv[2]).glob("*.hex")):
        vector = parse_vector(path.read_text(encoding="utf-8"))
        if vector.fact("end").split()[1] != f"position={len(vector.data)}":
            continue
        found = list(facts(description(KaitaiStream(io.BytesIO(vector.data)))))
        expected = vector.all(*KEYS)
        if sorted(found) != sorted(expected):
            raise SystemExit(f"{path.name}: expected {expected}, found {found}")
        count += 1
    if count < LEAST:
        raise SystemExit(f"only {count} vectors were read, expected {LEAST} or more")
    print(f"{count} vectors read by the compiled description")


if __name__ == "__main__":
    main()
