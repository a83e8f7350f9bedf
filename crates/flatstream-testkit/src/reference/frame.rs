//! Sections 4 to 8: what a frame is, and when its check holds.

use std::sync::OnceLock;

/// CRC-32/ISCSI, a byte at a time.
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    static TABLE: OnceLock<[u32; 256]> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        std::array::from_fn(|byte| {
            (0..8).fold(byte as u32, |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 })
        })
    });
    !bytes.iter().fold(!0, |crc, byte| (crc >> 8) ^ table[(crc as u8 ^ byte) as usize])
}

/// Section 6.
#[must_use]
pub fn salt(stream_id: u64, epoch: u32) -> u64 {
    let z = stream_id.wrapping_add(u64::from(epoch).wrapping_mul(0xA076_1D64_78BD_642F));
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Section 6.
#[must_use]
pub fn mask(salt: u64, position: u64, length_word: u32) -> u32 {
    let x = (salt ^ position).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 32) ^ u64::from(length_word)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (x >> 32) as u32
}

/// What stands at some place, if 8 bytes do: a frame, or what looks like one.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) check: u32,
    pub(super) length_word: u32,
    /// Body and pad, if they are all there.
    pub(super) whole: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> Frame<'a> {
    pub(super) fn at(bytes: &'a [u8], offset: usize) -> Option<Self> {
        let data = bytes.get(offset..)?;
        let length_word = u32_at(data, 4)?;
        let len = (length_word & 0x7fff_ffff) as usize;
        let whole = data.get(8..8 + len.next_multiple_of(8)).map(|rest| rest.split_at(len));
        Some(Self { check: u32_at(data, 0)?, length_word, whole })
    }

    pub(super) fn is_control(&self) -> bool {
        self.length_word >> 31 == 1
    }

    pub(super) fn body_len(&self) -> u32 {
        self.length_word & 0x7fff_ffff
    }

    /// With head and pad.
    pub(super) fn len(&self) -> usize {
        8 + (self.body_len() as usize).next_multiple_of(8)
    }

    pub(super) fn is_blank(&self) -> bool {
        (self.check, self.length_word) == (0, 0) || (self.check, self.length_word) == (u32::MAX, u32::MAX)
    }

    pub(super) fn holds(&self, salt: u64, position: u64) -> bool {
        self.whole.is_some_and(|(body, _)| self.check == crc32c(body) ^ mask(salt, position, self.length_word))
    }

    /// A control frame of kind `sync` with a body of 56 to 1016 bytes, whatever its check.
    pub(super) fn sync(&self) -> Option<Sync> {
        let (body, _) = self.whole?;
        if !self.is_control() || !(56..=1016).contains(&body.len()) || !body.starts_with(b"sync") {
            return None;
        }
        Some(Sync {
            header_check: u32_at(body, 4)?,
            version: body[8],
            checksum: body[9],
            alignment_log2: body[10],
            flags: body[11],
            epoch: u32_at(body, 12)?,
            stream_id: u64_at(body, 16)?,
            position: u64_at(body, 24)?,
            sequence: u64_at(body, 32)?,
            durable: u64_at(body, 48)?,
        })
    }

    /// The same, whose check holds by the salt and the position that it names itself.
    pub(super) fn intact_sync(&self) -> Option<Sync> {
        self.sync().filter(|sync| self.holds(salt(sync.stream_id, sync.epoch), sync.position))
    }
}

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..at + 4).map(|bytes| u32::from_le_bytes(bytes.try_into().expect("4 bytes")))
}

fn u64_at(data: &[u8], at: usize) -> Option<u64> {
    data.get(at..at + 8).map(|bytes| u64::from_le_bytes(bytes.try_into().expect("8 bytes")))
}

/// Section 8, but for the time, which no reader checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the fields of the specification's table")]
pub struct Sync {
    pub header_check: u32,
    pub version: u8,
    pub checksum: u8,
    pub alignment_log2: u8,
    pub flags: u8,
    pub epoch: u32,
    pub stream_id: u64,
    pub position: u64,
    pub sequence: u64,
    pub durable: u64,
}

impl Sync {
    pub(super) fn is_closed(&self) -> bool {
        self.flags & 1 != 0
    }

    pub(super) fn is_resumed(&self) -> bool {
        self.flags & 2 != 0
    }

    /// The `sync_field` line of step 9, without the checksum.
    pub(super) fn is_in_range(&self) -> bool {
        self.version == 1
            && self.alignment_log2 == 3
            && self.position % 8 == 0
            && self.durable <= self.position
            && self.stream_id != 0
    }

    /// The 56 bytes of body.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let mut body = b"sync".to_vec();
        body.extend(self.header_check.to_le_bytes());
        body.extend([self.version, self.checksum, self.alignment_log2, self.flags]);
        body.extend(self.epoch.to_le_bytes());
        for field in [self.stream_id, self.position, self.sequence, 0, self.durable] {
            body.extend(field.to_le_bytes());
        }
        body
    }
}
