"""The text of a vector file (spec.md, section 20): facts from the strict reader, then annotated bytes."""

import struct
from typing import Dict, NamedTuple, Optional

from . import checksums, flatbuffer, recover, stream
from .reader import ControlFrame, MessageFrame, SyncFrame, read_stream


class Case(NamedTuple):
    """One vector: the bytes, and what its author means a strict reader to find in them."""
    name: str
    about: str
    spec: int
    data: bytes
    end: Optional[str]          # closed, open, torn; scattered or corrupt behind an error; None for the rest
    messages: int               # delivered before the end or the error
    error: Optional[str] = None
    at: Optional[int] = None    # position of the end or the error, where the author states it
    write: Optional[str] = None  # automatic, explicit, no; None for invalid ones
    notes: Dict[int, str] = {}  # offset -> what is special there
    recovers: Optional[tuple] = None  # behind damage: messages, of these salvaged, lost (None: unknown), end

    @property
    def folder(self):
        return "invalid" if self.error else "valid"


# --- Facts ----------------------------------------------------------------------------------------------

def header_facts(header):
    fields = header.fields
    return [
        "%%checksum %s" % checksums.name_of(fields.checksum),
        "%%header_len %d" % header.length,
        "%%header_check 0x%08x" % header.check,
        "%%max_message_len %d" % fields.max_message_len,
        "%%sync_interval %d" % fields.sync_interval,
        "%%clock %d" % known_clock(fields),
    ]


def known_clock(fields):
    """A clock that version 1 does not know is read as unspecified."""
    return fields.clock if fields.clock <= 3 else 0


def frame_fact(frame):
    if isinstance(frame, SyncFrame):
        sync = frame.sync
        return "%%sync %d epoch=%d flags=%d stream_id=0x%016x sequence=%d time=%d durable=%d" % (
            frame.position, sync.epoch, sync.flags, sync.stream_id, sync.sequence, sync.time, sync.durable)
    if isinstance(frame, MessageFrame):
        return "%%message %d length=%d sequence=%d" % (frame.position, len(frame.body), frame.sequence)
    return "%%control %d kind=%s length=%d" % (frame.position, frame.kind, len(frame.body))


def end_facts(result):
    facts = []
    if result.error:
        facts.append("%%error %s position=%d" % result.error)
    if result.end:
        size = " bytes=%d" % result.end.size if result.end.state == "torn" else ""
        facts.append("%%end %s position=%d%s" % (result.end.state, result.end.position, size))
    return facts


def recover_facts(case):
    """What a recovering reader gives; nothing where recovery does not override the error."""
    code = case.error
    if code is None or code.endswith("_unsupported"):
        return []
    found = recover.recover(case.data, checksums.ADLER32)
    verify_recovery(case, found)
    facts = ["message %d length=%d sequence=%s" % (each.position, each.length, shown(each.sequence))
             for each in found.messages]
    if found.error:
        return ["%%recover %s" % fact for fact in facts + ["error %s position=%d" % found.error]]
    recover.check_sums(case.data, found)
    facts += ["skipped %d %d" % place for place in found.skipped]
    facts += ["pad %d" % position for position in found.pads]
    facts += ["header %d" % offset for offset in found.headers]
    facts += ["lost %d position=%d" % place for place in found.lost]
    facts += ["lost unknown"] if found.unknown else []
    facts += ["contradiction %d position=%d" % place for place in found.contradictions]
    facts += ["second_stream %d" % offset for offset in found.second_streams]
    facts += ["other_stream %d stream_id=0x%016x" % place for place in found.other_streams]
    facts += ["end %s position=%d" % found.end[:2]]
    return ["%%recover %s" % fact for fact in facts]


def shown(sequence):
    return "?" if sequence is None else sequence


def verify_recovery(case, found):
    """Against what the author of the case expects, by hand."""
    if case.recovers is None:
        return
    salvaged = sum(each.sequence is None for each in found.messages)
    lost = None if found.unknown else sum(count for count, _ in found.lost)
    place = (len(found.messages), salvaged, lost, found.end and found.end.state)
    if place != case.recovers:
        fail(case, "recovery", place, case.recovers)


# --- Can a writer make it? ------------------------------------------------------------------------------

def how_written(data, result, private):
    """`automatic`, `explicit` or `no`, found by writing the stream again from what was read."""
    if not result.syncs or result.end.state == "torn" or result.end.size:
        return "no"
    controls = [frame for frame in result.frames if isinstance(frame, ControlFrame)]
    if any(frame.kind != "drop" or len(frame.body) != 24 or any(frame.body[4:8]) for frame in controls):
        return "no"  # a version-1 writer makes no other control frames, and no grown ones
    if any(frame.size != 64 or frame.sync.flags > 3 for frame in result.syncs):
        return "no"
    if any(later.epoch == earlier.epoch and later.time < earlier.time for earlier, later in pairs_of_syncs(result)):
        return "no"  # no writer lets time run backwards within an epoch
    region = data[:result.header.length]
    first = result.syncs[0].sync
    times = [frame.sync.time for frame in result.syncs]
    bodies = [frame.body for frame in result.messages]
    try:
        # Too few times: the placement is not the automatic one.
        if stream.write_stream(region, first.stream_id, bodies, times, private) == data:
            return "automatic"
    except StopIteration:
        pass
    return "explicit" if encode_again(region, result, private) == data else "no"


def pairs_of_syncs(result):
    syncs = [frame.sync for frame in result.syncs]
    return zip(syncs, syncs[1:])


def encode_again(region, result, private):
    writer = stream.Writer(region, 1, private=private)
    for frame in result.frames:
        if isinstance(frame, SyncFrame):
            writer.stream_id, writer.epoch = frame.sync.stream_id, frame.sync.epoch
            writer.data += stream.encode_sync(frame.sync)
        elif isinstance(frame, ControlFrame):
            writer.control(frame.body)
        else:
            writer.plain_message(frame.body)
    return bytes(writer.data)


# --- Annotations ----------------------------------------------------------------------------------------

class Piece(NamedTuple):
    start: int
    end: int
    label: str


_SYNC_FIELDS = (("kind", 4), ("header_check", 4), ("version", 1), ("checksum", 1), ("alignment_log2", 1),
                ("flags", 1), ("epoch", 4), ("stream_id", 8), ("position", 8), ("sequence", 8), ("time", 8),
                ("durable", 8))
_IN_HEX = ("kind", "header_check", "stream_id")
_CONTENT = ("entries", "identifier", "end")


def region_pieces(data):
    """The header region, as far as it has the shape of one; [] for bytes that are something else."""
    if len(data) < 12 or data[8:12] != flatbuffer.IDENTIFIER:
        return []
    n = struct.unpack_from("<I", data)[0]
    pieces = [Piece(0, 4, "header length N = %d" % n)]
    if n < 12 or n % 8 != 4 or 4 + n > len(data):
        return pieces
    spans = []
    try:
        flatbuffer.read_header(data[4:n], spans)
    except flatbuffer.Malformed:
        pass
    for span in sorted(spans):
        start, end = 4 + span.start, 4 + span.end
        if start >= pieces[-1].end:  # in a malformed buffer spans may overlap
            pieces.append(Piece(start, end, span_label(data, start, end, span.label)))
    pieces.append(Piece(n, n + 4, "header_check"))
    return pieces


def span_label(data, start, end, label):
    if end - start > 4 or label.endswith(_CONTENT) or " identifier" in label:
        return label
    if label in ("writer", "message_type", "message_identifier", "schema") or label.endswith(("key", "value")):
        return label
    return "%s = %d" % (label, int.from_bytes(data[start:end], "little", signed=label.endswith("vtable offset")))


def sync_pieces(data, at, length):
    pieces = []
    start = at + 8
    for name, size in _SYNC_FIELDS:
        label = name
        if name not in _IN_HEX:
            value = int.from_bytes(data[start:start + size], "little", signed=name == "time")
            label += " = %d" % value if value != stream.TIME_NONE else ": none"
        pieces.append(Piece(start, start + size, label))
        start += size
    if length > stream.SYNC_BODY_LEN:
        pieces.append(Piece(start, at + 8 + length, "fields of a later version"))
    return pieces


def frame_pieces(data, at, what):
    """Check word, length word, body and pad of a whole frame."""
    word = struct.unpack_from("<I", data, at + 4)[0]
    length = word & ~stream.CONTROL_BIT
    kind = "control, " if word & stream.CONTROL_BIT else ""
    body_end = at + 8 + length
    pieces = [Piece(at, at + 4, "%s: check word" % what),
              Piece(at + 4, at + 8, "%slength = %d" % (kind, length))]
    if word & stream.CONTROL_BIT and data[at + 8:at + 12] == b"sync" and length >= stream.SYNC_BODY_LEN:
        pieces += sync_pieces(data, at, length)
    else:
        pieces.append(Piece(at + 8, body_end, "body"))
    pieces.append(Piece(body_end, at + stream.frame_size(length), "pad"))
    return [piece for piece in pieces if piece.end > piece.start]


def frame_title(frame):
    if isinstance(frame, SyncFrame):
        flags = "".join(name for bit, name in ((1, " CLOSED"), (2, " RESUMED")) if frame.sync.flags & bit)
        return "sync" + flags
    return "message %d" % frame.sequence if isinstance(frame, MessageFrame) else "control " + frame.kind


def tail_pieces(data, at):
    """Behind the last accepted frame: frames as long as their lengths make sense, to help the eye only."""
    pieces = []
    while at + 8 <= len(data):
        word = struct.unpack_from("<I", data, at + 4)[0]
        length = word & ~stream.CONTROL_BIT
        if not length or at + stream.frame_size(length) > len(data):
            break
        pieces += frame_pieces(data, at, "not delivered")
        at += stream.frame_size(length)
    return pieces


def all_pieces(data, result, notes):
    """Pieces that cover all bytes in order, split where a note stands."""
    pieces = region_pieces(data)
    for frame in result.frames:
        pieces += frame_pieces(data, frame.position, frame_title(frame))
    if result.header:
        pieces += tail_pieces(data, pieces[-1].end)
    covered, at = [], 0
    for piece in pieces + [Piece(len(data), len(data), "")]:
        if piece.start > at:
            covered.append(Piece(at, piece.start, gap_label(data[at:piece.start], result, at)))
        covered.append(piece)
        at = piece.end
    return [part for piece in covered for part in split_at_notes(piece, notes) if part.end > part.start]


def gap_label(gap, result, at):
    if result.header and at < result.header.length:
        return "fill" if not any(gap) else "StreamHeader"
    return "rest"


def split_at_notes(piece, notes):
    cuts = sorted(offset for offset in notes if piece.start < offset < piece.end)
    edges = [piece.start] + cuts + [piece.end]
    for start, end in zip(edges, edges[1:]):
        note = notes.get(start)
        yield Piece(start, end, "%s <- %s" % (piece.label, note) if note else piece.label)


def hex_lines(data, pieces):
    lines = []
    for piece in pieces:
        for at in range(piece.start, piece.end, 16):
            part = data[at:min(at + 16, piece.end)]
            line = "%08x  %s" % (at, " ".join("%02x" % byte for byte in part))
            lines.append(line + "  # " + piece.label if at == piece.start else line)
    return lines


# --- The whole file -------------------------------------------------------------------------------------

def fail(case, what, found, meant):
    raise AssertionError("%s: %s is %r, but %r was meant" % (case.name, what, found, meant))


def verify_intent(case, result, private):
    found_end = result.end.state if result.end else None
    found_error = result.error.code if result.error else None
    place = result.error or result.end
    for what, found, meant in (("error", found_error, case.error), ("end", found_end, case.end),
                               ("number of messages", len(result.messages), case.messages)):
        if found != meant:
            fail(case, what, found, meant)
    if case.at is not None and place.position != case.at:
        fail(case, "position", place.position, case.at)
    if not case.error:
        found_write = how_written(case.data, result, private)
        if found_write != case.write:
            fail(case, "%write", found_write, case.write)


def read_case(case):
    return read_stream(case.data, checksums.ADLER32)


def case_hex_lines(case):
    return hex_lines(case.data, all_pieces(case.data, read_case(case), case.notes))


def render(case):
    """The text of the vector file. The facts are the reader's, and must be what the author meant."""
    result = read_case(case)
    verify_intent(case, result, checksums.ADLER32)
    lines = ["%%about %s" % case.about, "%%spec %d" % case.spec, "%%length %d" % len(case.data)]
    if result.header:
        lines += header_facts(result.header)
    lines += [frame_fact(frame) for frame in result.frames]
    lines += end_facts(result) + recover_facts(case)
    if not case.error:
        lines.append("%%write %s" % case.write)
    text = "\n".join(lines + case_hex_lines(case)) + "\n"
    if parse_bytes(text) != case.data:
        raise AssertionError("%s: the hex lines are not the bytes" % case.name)
    return text


def parse_bytes(text):
    """The bytes of a vector file."""
    data = bytearray()
    for line in text.split("\n"):
        if line and line[0] not in "#%":
            offset, rest = line.split("  ", 1)
            if int(offset, 16) != len(data):
                raise ValueError("line at %s, but %d bytes so far" % (offset, len(data)))
            data += bytes.fromhex(rest.split("#")[0])
    return bytes(data)
