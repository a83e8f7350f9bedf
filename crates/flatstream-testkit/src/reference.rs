//! `docs/format/spec.md` once more: a reader that has the whole input at hand and takes all the time it wants, so that
//! each line can be compared with the text. It shares no code with the crates that it is there to check, not even the
//! digest. One checksum (CRC-32C), a good header, no bounds on searches and no limit of the reader's own.
//!
//! ```
//! use flatstream_testkit::reference::{Maker, Rules, State, read, ending};
//!
//! let rules = Rules { header_len: 48, header_check: 7, max_message_len: 64, patience: 80 };
//! let mut maker = Maker::new(&rules, &[0; 48]);
//! maker.sync(|_| {});
//! maker.message(b"hello");
//! let reading = read(&rules, &maker.bytes);
//! assert_eq!(reading.parts.len(), 2);
//! assert_eq!(ending(&rules, &maker.bytes, &reading).state, State::Open);
//! ```

mod alphabet;
mod ending;
mod frame;
mod maker;
mod recovering;
mod strict;

pub use self::alphabet::{PIECES, Piece, for_each_row};
pub use self::ending::{Ending, Found, Kind, State, ending};
pub use self::frame::{Sync, crc32c, mask, salt};
pub use self::maker::Maker;
pub use self::recovering::{Recovered, recover};
pub use self::strict::{Part, Reading, read};

/// What a header says, as far as frames depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Where the first frame stands.
    pub header_len: usize,
    /// The header region's check.
    pub header_check: u32,
    /// The longest message.
    pub max_message_len: u32,
    /// How far behind a displaced sync frame one in its place still goes before it: section 12, "The next sync".
    pub patience: usize,
}

/// CRC-32C.
const CHECKSUM_ID: u8 = 1;

/// Section 1, "Constants".
const CONTROL_BODY_LIMIT: u32 = 1 << 20;

impl Rules {
    /// Step 3 of section 10: L is at least 1, and at most what the stream allows.
    fn is_legal(&self, is_control: bool, len: u32) -> bool {
        let limit = if is_control { self.max_message_len.max(CONTROL_BODY_LIMIT) } else { self.max_message_len };
        len != 0 && len <= limit
    }
}
