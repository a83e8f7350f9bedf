//! Gets the fuzzer past the checks: after a mutation, header and frames are made good again, mostly.

use flatstream_format::layout::{FORMAT_VERSION, frame, header, sync};
use flatstream_format::{Algorithm, Checksum, Essentials, Located, Salt, Sync, frame_len, locate_header};
use flatstream_testkit::noise::Noise;

/// For libFuzzer's custom mutator: changes the first `size` bytes by `mutate`, or by moving frames, and repairs them.
/// Returns how many there are then, at most `max_size`.
pub fn mutate(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    mutate: impl FnOnce(&mut [u8], usize, usize) -> usize,
) -> usize {
    let mut noise = Noise::new(seed.into());
    let size = match noise.below(8) {
        0 if size >= 16 => move_words(data, size, max_size, &mut noise),
        _ => mutate(data, size, max_size),
    };
    if noise.below(16) > 0 {
        repair(&mut data[..size], &mut noise);
    }
    size
}

/// Repeats, removes or blanks what lies between two multiples of 8: where frames begin.
fn move_words(data: &mut [u8], size: usize, max_size: usize, noise: &mut Noise) -> usize {
    let mut bytes = data[..size].to_vec();
    let from = noise.below(size / 8) * 8;
    let to = (from + 8 + noise.below(40) * 8).min(size);
    match noise.below(3) {
        0 => {
            let at = noise.below(size / 8 + 1) * 8;
            drop(bytes.splice(at..at, data[from..to].to_vec()));
        }
        1 => drop(bytes.drain(from..to)),
        _ => bytes[from..to].fill(0),
    }
    bytes.truncate(max_size.min(data.len()));
    data[..bytes.len()].copy_from_slice(&bytes);
    bytes.len()
}

/// Makes the check of the header right, and of each frame behind it, and what sync frames say. Now and then one is left
/// as it is.
pub fn repair(data: &mut [u8], noise: &mut Noise) {
    let Ok(Located::Region(header_len)) = locate_header(data) else { return };
    let checked = header_len - header::CHECK_LEN;
    let check = Algorithm::CRC32C.digest(&data[..checked]);
    data[checked..header_len].copy_from_slice(&check.to_le_bytes());
    let Ok(essentials) = Essentials::parse(data) else { return };
    let Ok(hasher) = Algorithm::new(essentials.checksum) else { return };
    Frames { essentials, hasher, salt: None, stream_id: None, sequence: 0 }.repair(data, header_len, noise);
}

struct Frames {
    essentials: Essentials,
    hasher: Algorithm,
    salt: Option<Salt>,
    stream_id: Option<u64>,
    sequence: u64,
}

/// One time in as many, something stays wrong.
const EXCEPTION: usize = 32;

impl Frames {
    fn repair(&mut self, data: &mut [u8], mut at: usize, noise: &mut Noise) {
        while let Some(rest) = data.get_mut(at..).filter(|rest| rest.len() > frame::HEAD_LEN) {
            if let Ok(Located::Region(_)) = locate_header(rest) {
                return repair(rest, noise);
            }
            at += match self.repair_frame(rest, at as u64, noise) {
                Some(len) => len,
                None => match next_sync(rest) {
                    Some(skipped) => skipped,
                    None => return,
                },
            };
        }
    }

    /// The frame that `rest` begin with; returns how long it is, or `None` where there is none.
    fn repair_frame(&mut self, rest: &mut [u8], position: u64, noise: &mut Noise) -> Option<usize> {
        let (head, behind) = rest.split_first_chunk_mut::<{ frame::HEAD_LEN }>()?;
        let mut word = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let control = word & frame::CONTROL_BIT;
        let mut body_len = (word & !control) as usize;
        if body_len > behind.len() {
            if noise.below(2) == 0 {
                return None;
            }
            body_len = noise.below(behind.len() + 1);
        }
        if body_len == 0 {
            return None;
        }
        word = body_len as u32 | control;
        let (body, pad) = behind.split_at_mut(body_len);
        let digest = match control {
            0 => {
                self.sequence = self.sequence.wrapping_add(1);
                self.hasher.digest(body)
            }
            _ => {
                self.repair_sync(body, position, noise);
                Algorithm::CRC32C.digest(body)
            }
        };
        if noise.below(EXCEPTION) > 0 {
            let check = digest ^ self.salt?.mask(position, word);
            head[..4].copy_from_slice(&check.to_le_bytes());
            head[4..].copy_from_slice(&word.to_le_bytes());
            let len = frame_len(body_len as u32) as usize - frame::HEAD_LEN - body_len;
            pad.iter_mut().take(len).for_each(|byte| *byte = 0);
        }
        Some(frame_len(body_len as u32) as usize)
    }

    fn repair_sync(&mut self, body: &mut [u8], position: u64, noise: &mut Noise) {
        let Some(found) = Sync::from_body(body) else { return };
        let first = *self.stream_id.get_or_insert(found.stream_id.max(1));
        let mut or = |good: u64, found: u64| if noise.below(EXCEPTION) > 0 { good } else { found };
        let mended = Sync {
            header_check: or(self.essentials.header_check.into(), found.header_check.into()) as u32,
            version: or(FORMAT_VERSION.into(), found.version.into()) as u8,
            checksum_id: or(self.essentials.checksum.id().into(), found.checksum_id.into()) as u8,
            alignment_log2: or(3, found.alignment_log2.into()) as u8,
            stream_id: or(first, found.stream_id),
            position: or(position, found.position),
            sequence: or(self.sequence, found.sequence),
            durable: or(found.durable.min(position), found.durable),
            ..found
        };
        body[..sync::BODY_LEN].copy_from_slice(&mended.to_body());
        self.salt = Some(Salt::new(mended.stream_id, mended.epoch));
        self.sequence = mended.sequence;
    }
}

/// Where, from the next multiple of 8 on, a frame says that it is a sync frame.
fn next_sync(rest: &[u8]) -> Option<usize> {
    let is_sync = |at: &usize| rest.get(at + frame::HEAD_LEN..at + frame::HEAD_LEN + 4) == Some(&sync::KIND_BYTES);
    (8..rest.len()).step_by(8).find(is_sync)
}

#[cfg(test)]
mod tests {
    use flatstream_io::Reader;

    use super::*;
    use crate::common::{ALL_CHECKSUMS, varied};

    /// So the fuzzer doesn't lose what it found.
    #[test]
    fn a_good_stream_needs_no_repair() {
        for stream in ALL_CHECKSUMS.map(|checksum| varied(checksum, &mut Noise::new(3)).bytes) {
            let mut repaired = stream.clone();
            repair(&mut repaired, &mut Noise::new(1));
            assert!(repaired == stream);
        }
    }

    #[test]
    fn a_changed_message_is_repaired_to_one_that_is_read() {
        let stream = varied(ALL_CHECKSUMS[1], &mut Noise::new(3)).bytes;
        let mut read = 0;
        for seed in 0..50 {
            let mut noise = Noise::new(seed);
            let mut damaged = stream.clone();
            let at = 200 + noise.below(stream.len() - 200);
            damaged[at] ^= 1;
            repair(&mut damaged, &mut noise);
            let mut reader = Reader::new(&damaged[..]).unwrap();
            read += u32::from(reader.by_ref().all(|message| message.is_ok()));
        }
        assert!(read > 25, "{read} of 50 could be read to their ends");
    }
}
