"""Reference implementation of the flatstream format (docs/format/spec.md), in plain Python.

It was written from the text alone and shares nothing with the Rust crates, so that the two can check each
other. It favours being easy to compare with the text over speed. Python 3.9 or later, standard library only.

  checksums    the digests (section 5)
  flatbuffer   just enough FlatBuffers to build and to verify a StreamHeader (section 3)
  stream       header region, check word, frames, writer (sections 3 to 9)
  reader       a strict reader and how a stream ended (sections 10 and 11)
  vectorfile   the text of a vector file (section 20)
  cases_*      the vectors
"""
