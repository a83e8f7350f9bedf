use core::ops::Range;

/// The size of a ring and of its pages, in bytes. Both are powers of two: so a position is turned into a place without
/// a division.
///
/// ```
/// use flatstream_ring::Geometry;
///
/// const FLASH: Geometry = Geometry::new(64 << 10, 4 << 10).unwrap();
/// assert_eq!(FLASH.len(), 65_536);
/// assert_eq!(Geometry::new(48 << 10, 4 << 10), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    len: u32,
    page_len: u32,
}

impl Geometry {
    /// The least size of a page: some sync frames and messages.
    pub const PAGE_LEN_MIN: u32 = 256;
    /// The greatest size of a ring: 2 GiB.
    pub const LEN_MAX: u32 = 1 << 31;

    /// A ring of `len` bytes, in pages of `page_len` bytes, of which each is erased as a whole. `None` unless both are
    /// powers of two, a page has at least 256 bytes, and there are at least two pages.
    #[must_use]
    pub const fn new(len: u32, page_len: u32) -> Option<Self> {
        let are_powers = len.is_power_of_two() && page_len.is_power_of_two();
        if are_powers && page_len >= Self::PAGE_LEN_MIN && len > page_len { Some(Self { len, page_len }) } else { None }
    }

    /// The size of the ring in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a ring is never empty")]
    pub const fn len(self) -> u32 {
        self.len
    }

    /// The size of a page in bytes.
    #[must_use]
    pub const fn page_len(self) -> u32 {
        self.page_len
    }

    /// Where the byte with a position of the stream lies, in bytes from the start of the ring.
    #[must_use]
    pub const fn offset(self, position: u64) -> u32 {
        position as u32 & (self.len - 1)
    }

    pub(crate) const fn page_start(self, position: u64) -> u64 {
        position & !(self.page_len as u64 - 1)
    }

    /// The start of the next page; the position itself, if it is one.
    pub(crate) const fn page_end(self, position: u64) -> u64 {
        self.page_start(position.saturating_add(self.page_len as u64 - 1))
    }

    /// The positions whose bytes the ring still has when the next frame goes to `end`: its page was erased, unless it
    /// is to be.
    pub(crate) const fn live(self, end: u64) -> Range<u64> {
        self.page_end(end).saturating_sub(self.len as u64)..end
    }
}
