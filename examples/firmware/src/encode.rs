//! What firmware calls of the codec and nothing else: the programs in `src/size` are measured with it.

use core::hint::black_box;

use flatstream_format::{Algorithm, Checksum, Decoded, Decoder, Encoder, Essentials, SyncFlags};

use crate::{HEADER, SESSION};

/// CRC-32C. A type that names one algorithm leaves out the others, which `Algorithm` chooses at run time.
#[derive(Clone)]
pub struct Crc32c;

impl Checksum for Crc32c {
    fn digest(&self, body: &[u8]) -> u32 {
        Algorithm::CRC32C.digest(body)
    }
}

/// No checksum of the messages. Control frames have CRC-32C all the same.
pub struct NoChecksum;

impl Checksum for NoChecksum {
    fn digest(&self, _: &[u8]) -> u32 {
        0
    }
}

/// Encodes a sync frame when one is due, and a message.
pub fn encode_with<C: Checksum>(hasher: C) -> Option<()> {
    let header = Essentials::parse(black_box(HEADER)).ok()?;
    let mut encoder = Encoder::new(&header, SESSION, hasher);
    let mut frame = [0; 128];
    for _ in 0..black_box(2) {
        if encoder.sync_due() {
            encoder.encode_sync(black_box(0), SyncFlags::NONE, &mut frame).ok()?;
            black_box(&frame);
        }
        encoder.encode_message(black_box(&[1; 56]), &mut frame).ok()?;
        black_box(&frame);
    }
    Some(())
}

/// Decodes what arrives.
pub fn decode_with<C: Checksum>(hasher: C) -> Option<()> {
    let header = Essentials::parse(black_box(HEADER)).ok()?;
    let mut decoder = Decoder::new(&header, 1024, hasher);
    let arrived = black_box([0; 128]);
    match decoder.decode(&arrived) {
        Ok(Decoded::NeedMore(_)) => Some(()),
        Ok(found) => {
            black_box(found);
            Some(())
        }
        Err(stop) => {
            black_box(stop);
            Some(())
        }
    }
}

/// The low 32 bits of XXH64.
#[cfg(feature = "xxhash")]
pub struct Xxh64;

#[cfg(feature = "xxhash")]
impl Checksum for Xxh64 {
    fn digest(&self, body: &[u8]) -> u32 {
        twox_hash::XxHash64::oneshot(0, body) as u32
    }
}

/// The low 32 bits of XXH3.
#[cfg(feature = "xxhash")]
pub struct Xxh3;

#[cfg(feature = "xxhash")]
impl Checksum for Xxh3 {
    fn digest(&self, body: &[u8]) -> u32 {
        twox_hash::XxHash3_64::oneshot(body) as u32
    }
}

/// What every program has anyway: the header, and the functions that copy, fill and compare.
pub fn nothing() -> Option<()> {
    let mut buffer = black_box([0; 128]);
    buffer.get_mut(..black_box(56))?.fill(black_box(0));
    let copy = black_box(buffer);
    black_box(HEADER);
    (copy.get(..black_box(48))? == buffer.get(..black_box(48))?).then_some(())
}
