//! Checked reads of a message's bytes. Nothing here trusts an offset or a length, and nothing needs alignment.

use crate::error::MessageFault;

/// A message, or one that is nested in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buffer<'m> {
    pub(crate) bytes: &'m [u8],
    /// Where it begins in the outermost message: for errors.
    pub(crate) base: usize,
}

impl<'m> Buffer<'m> {
    pub(crate) fn new(bytes: &'m [u8]) -> Self {
        Self { bytes, base: 0 }
    }

    #[inline]
    pub(crate) fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..)?.first_chunk().copied()
    }

    #[inline]
    pub(crate) fn slice(self, at: usize, len: usize) -> Option<&'m [u8]> {
        self.bytes.get(at..)?.get(..len)
    }

    /// Where the offset at this place leads. That may be behind the end: whoever reads there will see.
    #[inline]
    pub(crate) fn follow(self, place: usize) -> Option<usize> {
        place.checked_add(u32::from_le_bytes(self.array(place)?) as usize)
    }

    /// The same for an offset of 64 bits.
    pub(crate) fn follow_wide(self, place: usize) -> Option<usize> {
        place.checked_add(usize::try_from(u64::from_le_bytes(self.array(place)?)).ok()?)
    }

    /// The bytes behind the 32-bit length that stands at this place.
    #[inline]
    pub(crate) fn string(self, at: usize) -> Option<&'m [u8]> {
        let rest = self.bytes.get(at..)?;
        let (len, rest) = rest.split_first_chunk()?;
        rest.get(..u32::from_le_bytes(*len) as usize)
    }

    /// The elements behind the length that stands at this place.
    pub(crate) fn vector(self, at: usize, element_size: usize, is_wide: bool) -> Option<Elements<'m>> {
        let (len, start) = match is_wide {
            true => (usize::try_from(u64::from_le_bytes(self.array(at)?)).ok()?, at.checked_add(8)?),
            false => (u32::from_le_bytes(self.array(at)?) as usize, at.checked_add(4)?),
        };
        let bytes = self.slice(start, len.checked_mul(element_size)?)?;
        Some(Elements { len, start, bytes })
    }

    /// The buffer that these elements are.
    pub(crate) fn nested(self, elements: Elements<'m>) -> Self {
        Self { bytes: elements.bytes, base: self.base.saturating_add(elements.start) }
    }

    /// The table at this place.
    #[inline]
    pub(crate) fn table(self, at: usize) -> Result<Table<'m>, Outside> {
        let Some(distance) = self.array(at) else { return Err(Outside::new("the table", at, 4)) };
        let start = at as i64 - i64::from(i32::from_le_bytes(distance));
        let outside = |size| Outside { what: "the table's vtable", start, size };
        let start = usize::try_from(start).map_err(|_| outside(4))?;
        let size = u16::from_le_bytes(self.array(start).ok_or_else(|| outside(4))?);
        let vtable = self.slice(start, usize::from(size)).ok_or_else(|| outside(usize::from(size)))?;
        Ok(Table { vtable, at })
    }
}

/// What would be outside of the buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outside {
    pub(crate) what: &'static str,
    pub(crate) start: i64,
    pub(crate) size: usize,
}

impl Outside {
    #[cold]
    pub(crate) fn new(what: &'static str, start: usize, size: usize) -> Self {
        Self { what, start: i64::try_from(start).unwrap_or(i64::MAX), size }
    }
}

/// A vector whose elements are all inside of the buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements<'m> {
    pub(crate) len: usize,
    /// Of the first element.
    pub(crate) start: usize,
    pub(crate) bytes: &'m [u8],
}

/// A table whose vtable is inside of the buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'m> {
    vtable: &'m [u8],
    at: usize,
}

impl Table<'_> {
    /// Where the field stands whose offset is in this slot of the vtable; `None` if the table doesn't have it.
    #[inline]
    pub(crate) fn field(&self, slot: u16) -> Option<usize> {
        let offset = u16::from_le_bytes(*self.vtable.get(usize::from(slot)..)?.first_chunk()?);
        if offset == 0 { None } else { self.at.checked_add(usize::from(offset)) }
    }
}

/// What is said about bytes that aren't there.
impl Buffer<'_> {
    #[cold]
    pub(crate) fn fault(self, outside: Outside) -> MessageFault {
        let Outside { what, start, size } = outside;
        let (base, len) = (self.base, self.bytes.len());
        match base {
            0 => MessageFault::Outside { what, start, size, len },
            _ => MessageFault::OutsideNested { what, start, size, base, len },
        }
    }

    /// What has its length before it, if that is there.
    #[cold]
    pub(crate) fn counted(self, what: &'static str, at: usize, element_size: usize) -> Outside {
        let len = self.array(at).map_or(0, |len| u32::from_le_bytes(len) as usize);
        Outside::new(what, at, len.saturating_mul(element_size).saturating_add(4))
    }
}
