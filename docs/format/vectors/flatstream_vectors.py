#!/usr/bin/env python3
"""Makes and checks the known-answer vectors of docs/format/spec.md, and reads and writes streams.

    flatstream_vectors.py make [--out DIR]       write all vectors (and the worked example of spec.md)
    flatstream_vectors.py check                  compare what is committed with what would be written
    flatstream_vectors.py read FILE...           what a strict reader finds, as JSON, one object per file
    flatstream_vectors.py write OUT --checksum NAME --sync-interval N --stream-id X --messages-from FILE

Python 3.9 or later, standard library only. Results go to stdout, talk to stderr; exit status 1 is a failure.
"""

import argparse
import itertools
import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # this is a folder of documents: leave no __pycache__ in it

from reference import cases_invalid, cases_recover, cases_valid, checksums, flatbuffer, reader, stream, vectorfile  # noqa: E402

HERE = Path(__file__).resolve().parent
SPEC = HERE.parent / "spec.md"
BEGIN = "<!-- worked example: begin (flatstream_vectors.py make) -->"
END = "<!-- worked example: end -->"


def talk(text):
    print(text, file=sys.stderr)


# --- make, check ----------------------------------------------------------------------------------------

def self_check():
    checksums.self_check()
    stream.self_check()


def all_cases():
    cases = cases_valid.cases() + cases_invalid.cases() + cases_recover.cases()
    names = [case.name for case in cases]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise AssertionError("names used twice: %s" % ", ".join(twice))
    return cases


def wanted_files(cases):
    """{"valid/NAME.hex": text}; every text has passed the strict reader."""
    return {"%s/%s.hex" % (case.folder, case.name): vectorfile.render(case) for case in cases}


def committed_files(folder):
    paths = itertools.chain(folder.glob("valid/*.hex"), folder.glob("invalid/*.hex"))
    return {path.relative_to(folder).as_posix(): path for path in paths}


def spec_with_example(text, cases):
    """spec.md with the worked example put in, or None if it has no place for it."""
    if BEGIN not in text or END not in text:
        return None
    example = next(case for case in cases if case.name == "spec_example")
    block = "\n".join(["```hex"] + vectorfile.case_hex_lines(example) + ["```"])
    before, rest = text.split(BEGIN, 1)
    behind = rest.split(END, 1)[1]
    return "%s%s\n%s\n%s%s" % (before, BEGIN, block, END, behind)


def read_text(path):
    return path.read_bytes().decode("utf-8")


def write_text(path, text):
    path.write_bytes(text.encode("utf-8"))  # not write_text: "\n" stays "\n" everywhere


def make(arguments):
    self_check()
    cases = all_cases()
    wanted = wanted_files(cases)
    folder = Path(arguments.out).resolve() if arguments.out else HERE
    for name in ("valid", "invalid"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, path in committed_files(folder).items():
        if name not in wanted:
            talk("deleted %s" % name)
            path.unlink()
    for name, text in wanted.items():
        write_text(folder / name, text)
    if folder == HERE and SPEC.exists():
        update_spec(cases)
    print("%d vectors written to %s" % (len(wanted), folder))
    return 0


def update_spec(cases):
    text = read_text(SPEC)
    changed = spec_with_example(text, cases)
    if changed is None:
        talk("%s has no place for the worked example" % SPEC)
    elif changed != text:
        write_text(SPEC, changed)
        talk("%s: worked example replaced" % SPEC)


def check(_arguments):
    self_check()
    cases = all_cases()
    wanted, found = wanted_files(cases), committed_files(HERE)
    wrong = ["%s is missing" % name for name in wanted if name not in found]
    wrong += ["%s should not be there" % name for name in found if name not in wanted]
    wrong += ["%s differs" % name for name in wanted if name in found and read_text(found[name]) != wanted[name]]
    vectors_wrong = len(set(line.split()[0] for line in wrong) & set(wanted))
    if SPEC.exists():
        text = read_text(SPEC)
        if spec_with_example(text, cases) not in (None, text):
            wrong.append("%s differs in its worked example" % SPEC.name)
    for line in wrong:
        print(line)
    print("%d of %d vectors agree" % (len(wanted) - vectors_wrong, len(wanted)))
    return 1 if wrong else 0


# --- read, write ----------------------------------------------------------------------------------------

def header_json(header):
    fields = header.fields
    shown = dict(fields._asdict())
    shown["clock"] = vectorfile.known_clock(fields)
    shown["schema"] = None if fields.schema is None else fields.schema.hex()
    shown["metadata"] = [list(pair) for pair in fields.metadata]
    return shown


def frame_json(frame):
    if isinstance(frame, reader.SyncFrame):
        sync = frame.sync
        return {"sync": frame.position, "epoch": sync.epoch, "flags": sync.flags,
                "stream_id": "0x%016x" % sync.stream_id, "sequence": sync.sequence, "time": sync.time,
                "durable": sync.durable}
    if isinstance(frame, reader.MessageFrame):
        return {"message": frame.position, "sequence": frame.sequence, "hex": frame.body.hex()}
    return {"control": frame.position, "kind": frame.kind}


def result_json(result):
    header, end, error = result.header, result.end, result.error
    return {
        "header": header and header_json(header),
        "header_len": header and header.length,
        "header_check": header and header.check,
        "frames": [frame_json(frame) for frame in result.frames],
        "end": end and {"state": end.state, "position": end.position, "bytes": end.size},
        "error": error and {"code": error.code, "position": error.position},
    }


def read(arguments):
    """Damage in a file is a result, not a failure of this command."""
    private = checksums.ADLER32 if arguments.adler32 else None
    for name in arguments.files:
        print(json.dumps(result_json(reader.read_stream(Path(name).read_bytes(), private))))
    return 0


def messages_from(path):
    """ndjson: one JSON string of hex digits per line."""
    lines = read_text(path).splitlines()
    return [bytes.fromhex(json.loads(line)) for line in lines if line.strip()]


def write(arguments):
    header = flatbuffer.StreamHeader(1, checksums.id_of(arguments.checksum), sync_interval=arguments.sync_interval,
                                     writer="flatstream_vectors.py")
    times = None
    if arguments.time_start is not None:
        times = itertools.count(arguments.time_start, arguments.time_step)
    bodies = messages_from(Path(arguments.messages_from))
    if not all(bodies):
        talk("there is no empty message")
        return 1
    data = stream.write_stream(stream.header_region(header), arguments.stream_id, bodies, times, checksums.ADLER32)
    Path(arguments.out).write_bytes(data)
    print("%d messages, %d bytes" % (len(bodies), len(data)))
    return 0


def integer(text):
    return int(text, 0)


def stream_id(text):
    value = integer(text)
    if not 0 < value < 1 << 64:
        raise argparse.ArgumentTypeError("a stream id is 1 to 2^64-1")
    return value


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)

    command = commands.add_parser("make", help="write all vectors")
    command.add_argument("--out", metavar="DIR", help="instead of the folder of this script")
    command.set_defaults(run=make)

    command = commands.add_parser("check", help="compare the committed vectors with what make would write")
    command.set_defaults(run=check)

    command = commands.add_parser("read", help="read streams strictly, print JSON")
    command.add_argument("--adler32", action="store_true", help="accept private checksum id 128 as Adler-32")
    command.add_argument("files", metavar="FILE", nargs="+")
    command.set_defaults(run=read)

    command = commands.add_parser("write", help="write a closed stream")
    command.add_argument("out", metavar="OUT")
    command.add_argument("--checksum", required=True, choices=list(checksums.IDS) + ["private:128"])
    command.add_argument("--sync-interval", required=True, type=integer)
    command.add_argument("--stream-id", required=True, type=stream_id)
    command.add_argument("--messages-from", required=True, metavar="FILE", help="ndjson of hex strings")
    command.add_argument("--time-start", type=integer, help="time of the first sync in ns; without it: none")
    command.add_argument("--time-step", type=integer, default=0, help="added for each further sync")
    command.set_defaults(run=write)
    return parser.parse_args(arguments)


def main():
    arguments = parse(sys.argv[1:])
    try:
        return arguments.run(arguments)
    except (AssertionError, OSError, ValueError) as failure:
        talk("flatstream_vectors.py: %s" % failure)
        return 1


if __name__ == "__main__":
    sys.exit(main())
