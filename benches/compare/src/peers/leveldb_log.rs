//! The log of LevelDB, written anew from its `doc/log_format.md`: blocks of 32 KiB, in which each record has 7 bytes of
//! head: `u32` masked CRC-32C of type and body, `u16` length, `u8` type. A message that doesn't fit is cut into several
//! records; fewer than 7 bytes at the end of a block are zeros. As there, a reader reads a block at a time, hands out
//! what lies in it whole, and gathers the rest.

use std::io::{BufWriter, ErrorKind, Read, Write};

use super::{BUFFER, Failure, Format, Streamed};
use crate::aligned::Aligned;

const BLOCK: usize = 32 << 10;
const HEAD: usize = 7;

const FULL: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

pub(crate) enum LevelDbLog {}

impl Format for LevelDbLog {
    const NAME: &'static str = "LevelDB log";

    fn write<'a>(sink: impl Write, bodies: impl Iterator<Item = &'a [u8]>) -> Result<(), Failure> {
        let type_checks = type_checks();
        let mut writer = BufWriter::with_capacity(BUFFER, sink);
        let mut left_in_block = BLOCK;
        for body in bodies {
            let mut rest = body;
            let mut is_first = true;
            loop {
                if left_in_block < HEAD {
                    writer.write_all(&[0; HEAD][..left_in_block])?;
                    left_in_block = BLOCK;
                }
                let (piece, behind) = rest.split_at(rest.len().min(left_in_block - HEAD));
                let kind = kind(is_first, behind.is_empty());
                writer.write_all(&head(&type_checks, kind, piece))?;
                writer.write_all(piece)?;
                left_in_block -= HEAD + piece.len();
                rest = behind;
                is_first = false;
                if rest.is_empty() {
                    break;
                }
            }
        }
        writer.flush()?;
        Ok(())
    }

    fn read(bytes: &[u8], look: impl FnMut(&[u8])) -> Result<(), Failure> {
        Self::read_from(bytes, look)
    }
}

/// The checksums of the types alone, which each record's begins with.
fn type_checks() -> [u32; 5] {
    [0, FULL, FIRST, MIDDLE, LAST].map(|kind| crc32c::crc32c(&[kind]))
}

fn kind(is_first: bool, is_last: bool) -> u8 {
    match (is_first, is_last) {
        (true, true) => FULL,
        (true, false) => FIRST,
        (false, false) => MIDDLE,
        (false, true) => LAST,
    }
}

#[inline]
fn head(type_checks: &[u32; 5], kind: u8, piece: &[u8]) -> [u8; HEAD] {
    let check = mask(crc32c::crc32c_append(type_checks[kind as usize], piece));
    let [a, b, c, d] = check.to_le_bytes();
    let [low, high] = (piece.len() as u16).to_le_bytes();
    [a, b, c, d, low, high, kind]
}

/// A checksum of bytes that hold checksums is a bad one, so LevelDB stores it changed.
const fn mask(check: u32) -> u32 {
    check.rotate_right(15).wrapping_add(0xA282_EAD8)
}

impl Streamed for LevelDbLog {
    fn read_from(mut source: impl Read, mut look: impl FnMut(&[u8])) -> Result<(), Failure> {
        let type_checks = type_checks();
        let mut block = Aligned::zeroed(BLOCK);
        let mut gathered = Vec::new();
        loop {
            let len = fill(&mut source, &mut block)?;
            let mut rest = &block[..len];
            while let Some((head, behind)) = rest.split_first_chunk::<HEAD>() {
                let [a, b, c, d, low, high, kind] = *head;
                let piece_len = usize::from(u16::from_le_bytes([low, high]));
                let Some((piece, behind)) = behind.split_at_checked(piece_len) else {
                    return Err("a record reaches over its block".into());
                };
                let type_check = *type_checks.get(usize::from(kind)).ok_or("an unknown type")?;
                if mask(crc32c::crc32c_append(type_check, piece)) != u32::from_le_bytes([a, b, c, d]) {
                    return Err("the check does not hold".into());
                }
                rest = behind;
                match kind {
                    FULL => look(piece),
                    FIRST => {
                        gathered.clear();
                        gathered.extend_from_slice(piece);
                    }
                    _ => gathered.extend_from_slice(piece),
                }
                if kind == LAST {
                    look(&gathered);
                }
            }
            if len < BLOCK {
                return Ok(());
            }
        }
    }
}

/// Reads a whole block, or less at the end.
fn fill(source: &mut impl Read, block: &mut [u8]) -> Result<usize, Failure> {
    let mut len = 0;
    while len < block.len() {
        match source.read(&mut block[len..]) {
            Ok(0) => break,
            Ok(count) => len += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_its_documentation_comes_out() {
        // A of 1,000 bytes, B of 97,270, C of 8,000: B in three blocks, 6 bytes of zeros behind it, C in the fourth.
        let bodies = [vec![b'A'; 1000], vec![b'B'; 97_270], vec![b'C'; 8000]];
        let mut bytes = Vec::new();
        LevelDbLog::write(&mut bytes, bodies.iter().map(Vec::as_slice)).unwrap();
        let kinds = [6, 1013, BLOCK + 6, 2 * BLOCK + 6, 3 * BLOCK + 6].map(|place| bytes[place]);
        assert_eq!(kinds, [FULL, FIRST, MIDDLE, LAST, FULL]);
        assert_eq!(bytes[3 * BLOCK - 6..3 * BLOCK], [0; 6]);
        assert_eq!(bytes.len(), 3 * BLOCK + HEAD + 8000);
    }
}
