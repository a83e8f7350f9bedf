use crate::frame::Head;
use crate::layout::{drop, frame};
use crate::mask::Salt;
use crate::sync::control_digest;

/// What a `drop` frame says: here the writer lost messages, because its memory was full and it was not allowed to wait.
/// They take no sequence numbers. Specification: section 8.
///
/// ```
/// use flatstream_format::Dropped;
///
/// let body = *b"drop\0\0\0\0\x03\0\0\0\0\0\0\0\xC0\0\0\0\0\0\0\0";
/// assert_eq!(Dropped::from_body(&body), Some(Dropped { messages: 3, bytes: 192 }));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Dropped {
    /// How many messages.
    pub messages: u64,
    /// How many bytes they had in all.
    pub bytes: u64,
}

impl Dropped {
    /// What the body of a control frame says, if its kind is `drop` and it has the fields.
    #[must_use]
    pub fn from_body(body: &[u8]) -> Option<Self> {
        if body.get(drop::KIND) != Some(&drop::KIND_BYTES) {
            return None;
        }
        let number =
            |field| body.get(field).and_then(|bytes: &[u8]| bytes.first_chunk()).copied().map(u64::from_le_bytes);
        Some(Self { messages: number(drop::MESSAGES)?, bytes: number(drop::BYTES)? })
    }

    pub(crate) fn to_frame(self, salt: Salt, position: u64) -> [u8; drop::FRAME_LEN] {
        const LENGTH_WORD: u32 = frame::CONTROL_BIT | drop::BODY_LEN as u32;
        let mut bytes = [0; drop::FRAME_LEN];
        if let Some((head, body)) = bytes.split_first_chunk_mut() {
            let fields = [
                (drop::KIND, &drop::KIND_BYTES[..]),
                (drop::MESSAGES, &self.messages.to_le_bytes()),
                (drop::BYTES, &self.bytes.to_le_bytes()),
            ];
            for (field, value) in fields {
                for (place, byte) in body.get_mut(field).unwrap_or_default().iter_mut().zip(value) {
                    *place = *byte;
                }
            }
            let check = control_digest(body) ^ salt.mask(position, LENGTH_WORD);
            *head = Head { check, length_word: LENGTH_WORD }.to_bytes();
        }
        bytes
    }

    /// These and those.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { messages: self.messages.saturating_add(other.messages), bytes: self.bytes.saturating_add(other.bytes) }
    }
}
