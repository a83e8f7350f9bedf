use super::frame::{Sync, crc32c, mask, salt};
use super::{CHECKSUM_ID, Rules};

/// Puts frames together as section 9 says, and any others.
#[derive(Clone, Debug)]
pub struct Maker {
    /// What was made so far, header included.
    pub bytes: Vec<u8>,
    /// What the frames that are made are salted with.
    pub stream_id: u64,
    /// See [`stream_id`](Self::stream_id).
    pub epoch: u32,
    /// How many messages were appended, the lost ones included.
    pub count: u64,
    header_check: u32,
    header_len: usize,
}

impl Maker {
    /// Behind a header region.
    #[must_use]
    pub fn new(rules: &Rules, header: &[u8]) -> Self {
        Self {
            bytes: header.to_vec(),
            stream_id: 0x0123_4567_89AB_CDEF,
            epoch: 0,
            count: 0,
            header_check: rules.header_check,
            header_len: rules.header_len,
        }
    }

    pub(super) const fn header_len(&self) -> usize {
        self.header_len
    }

    /// Where the next frame belongs: here, or where one could stand before this byte.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.bytes.len() as u64 & !7
    }

    /// What a sync frame here says.
    #[must_use]
    pub fn next_sync(&self) -> Sync {
        Sync {
            header_check: self.header_check,
            version: 1,
            checksum: CHECKSUM_ID,
            alignment_log2: 3,
            flags: 0,
            epoch: self.epoch,
            stream_id: self.stream_id,
            position: self.place(),
            sequence: self.count,
            durable: 0,
        }
    }

    /// A sync frame, in which `change` may be a lie.
    pub fn sync(&mut self, change: impl FnOnce(&mut Sync)) {
        let mut sync = self.next_sync();
        change(&mut sync);
        self.frame(&sync.body(), true, salt(sync.stream_id, sync.epoch), sync.position);
    }

    /// A message.
    pub fn message(&mut self, body: &[u8]) {
        self.frame(body, false, salt(self.stream_id, self.epoch), self.place());
        self.count += 1;
    }

    /// A control frame.
    pub fn control(&mut self, body: &[u8]) {
        self.frame(body, true, salt(self.stream_id, self.epoch), self.place());
    }

    /// A frame with any salt and for any position.
    pub fn frame(&mut self, body: &[u8], is_control: bool, salt: u64, position: u64) {
        let length_word = body.len() as u32 | u32::from(is_control) << 31;
        let check = crc32c(body) ^ mask(salt, position, length_word);
        let end = self.bytes.len() + 8 + body.len().next_multiple_of(8);
        self.bytes.extend(check.to_le_bytes());
        self.bytes.extend(length_word.to_le_bytes());
        self.bytes.extend(body);
        self.bytes.resize(end, 0);
    }

    /// Turns a bit over, counted from the end of what was made.
    pub fn flip(&mut self, bytes_from_end: usize) {
        let at = self.bytes.len() - bytes_from_end;
        self.bytes[at] ^= 1;
    }
}
