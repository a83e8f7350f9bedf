# The parts of a flatstream file whose place is known without a check: docs/format/spec.md, sections 3, 4, 7 and 8.
# What a description like this can't say is left to a reader: whether checks hold (sections 5 and 6), how a stream ended
# (section 11), and what the FlatBuffer of the header holds (schemas/stream_header.fbs).
# It reads streams that end with a whole frame. `cargo xtask kaitai` compiles it and reads every such vector with it.
meta:
  id: flatstream
  title: flatstream, messages in checked frames
  file-extension: fls
  license: MIT OR Apache-2.0
  endian: le
doc-ref: docs/format/spec.md
seq:
  - id: header_region
    type: header_region
  - id: frames
    type: frame
    repeat: eos
types:
  header_region:
    doc: Section 3. Seen from outside it is a size-prefixed FlatBuffer.
    seq:
      - id: length
        type: u4
        doc: The number of bytes that follow this field.
        valid:
          expr: _ % 8 == 4 and _ >= 12 and _ <= 1048576
      - id: flatbuffer
        size: length - 4
        type: stream_header
      - id: header_check
        type: u4
        doc: CRC-32C of all bytes of the region before it.
  stream_header:
    doc: A FlatBuffer of type StreamHeader, with zero bytes behind it. Offsets in it count from its first byte.
    seq:
      - id: root_offset
        type: u4
      - id: identifier
        contents: FLS1
      - id: rest
        size-eos: true
  frame:
    doc: Section 4.
    seq:
      - id: check
        type: u4
        doc: The digest of the body XOR the mask (section 6).
      - id: length_word
        type: u4
        doc: The length of the body, and in bit 31 whether it is a control frame.
        valid:
          expr: (_ & 0x7fffffff) > 0
      - id: body
        size: len_body
        type:
          switch-on: is_control
          cases:
            true: control_body
      - id: pad
        type: u1
        valid: 0
        repeat: expr
        repeat-expr: (8 - len_body % 8) % 8
        doc: Up to the next multiple of 8.
    instances:
      is_control:
        value: (length_word & 0x80000000) != 0
      len_body:
        value: length_word & 0x7fffffff
  control_body:
    doc: Section 7. The digest is always CRC-32C.
    seq:
      - id: kind
        type: str
        size: 4
        encoding: ASCII
        doc: Four letters. Where the first is upper-case, who doesn't know the kind must not go on.
      - id: fields
        size-eos: true
        type:
          switch-on: 'kind == "drop" and _io.size < 24 ? "none" : kind'
          cases:
            '"sync"': sync_fields
            '"drop"': drop_fields
  sync_fields:
    doc: Section 8. The frame is checked with the salt and the position that it names itself.
    seq:
      - id: header_check
        type: u4
      - id: version
        type: u1
        valid: 1
      - id: checksum
        type: u1
        enum: checksum
        doc: Private ones are 128 and above.
      - id: alignment_log2
        type: u1
        valid: 3
      - id: flags
        type: u1
      - id: epoch
        type: u4
      - id: stream_id
        type: u8
      - id: position
        type: u8
        doc: Of this frame's first byte.
      - id: sequence
        type: u8
        doc: How many messages were appended before this frame, over all epochs.
      - id: time
        type: s8
        doc: Nanoseconds of the header's clock; the least number there is where there is no time.
      - id: durable
        type: u8
        doc: Every byte below this position was reported durable.
      - id: later
        size-eos: true
        doc: A later version may have more fields.
    instances:
      is_closed:
        value: (flags & 1) != 0
      is_resumed:
        value: (flags & 2) != 0
  drop_fields:
    doc: Section 8. The writer lost messages here; they take no sequence numbers.
    seq:
      - id: reserved
        size: 4
      - id: messages
        type: u8
      - id: bytes
        type: u8
      - id: later
        size-eos: true
enums:
  checksum:
    0: none
    1: crc32c
    2: xxh64
    3: crc32
    4: xxh3
