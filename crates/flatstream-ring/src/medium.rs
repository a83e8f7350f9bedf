/// Reads the memory of a ring: flash that is mapped or behind SPI, RAM that a reset leaves alone, or an image of it on
/// a host.
pub trait ReadAt {
    /// Why reading, erasing or writing failed.
    type Error;

    /// Reads the bytes from an offset on, which with them lies within the ring.
    ///
    /// # Errors
    /// As the medium has them.
    fn read_at(&mut self, offset: u32, into: &mut [u8]) -> Result<(), Self::Error>;
}

/// Memory that is written page by page, as flash is: bytes are written once after their page was erased.
///
/// For RAM that survives a reset, erasing fills with 0xFF.
///
/// ```
/// use flatstream_ring::{Medium, ReadAt};
///
/// /// 16 KiB that the startup code doesn't clear.
/// struct Retained([u8; 16 << 10]);
///
/// /// Beyond the memory.
/// #[derive(Debug)]
/// struct Outside;
///
/// impl ReadAt for Retained {
///     type Error = Outside;
///
///     fn read_at(&mut self, offset: u32, into: &mut [u8]) -> Result<(), Outside> {
///         let from = self.0.get(offset as usize..).and_then(|rest| rest.get(..into.len())).ok_or(Outside)?;
///         into.copy_from_slice(from);
///         Ok(())
///     }
/// }
///
/// impl Medium for Retained {
///     fn erase(&mut self, offset: u32, len: u32) -> Result<(), Outside> {
///         let page = self.0.get_mut(offset as usize..).and_then(|rest| rest.get_mut(..len as usize));
///         page.ok_or(Outside)?.fill(0xFF);
///         Ok(())
///     }
///
///     fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Outside> {
///         let place = self.0.get_mut(offset as usize..).and_then(|rest| rest.get_mut(..bytes.len()));
///         place.ok_or(Outside)?.copy_from_slice(bytes);
///         Ok(())
///     }
/// }
/// ```
pub trait Medium: ReadAt {
    /// Makes the bytes of a page 0xFF. `offset` is a multiple of `len`, which is the size of a page.
    ///
    /// # Errors
    /// As the medium has them. The recorder stops then.
    fn erase(&mut self, offset: u32, len: u32) -> Result<(), Self::Error>;

    /// Writes bytes within one page, where they are 0xFF, in ascending order: when a byte is changed, those before it
    /// are there. Offset and size are multiples of 8.
    ///
    /// # Errors
    /// As the medium has them. The recorder stops then.
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error>;
}

impl<R: ReadAt + ?Sized> ReadAt for &mut R {
    type Error = R::Error;

    fn read_at(&mut self, offset: u32, into: &mut [u8]) -> Result<(), R::Error> {
        (**self).read_at(offset, into)
    }
}

impl<M: Medium + ?Sized> Medium for &mut M {
    fn erase(&mut self, offset: u32, len: u32) -> Result<(), M::Error> {
        (**self).erase(offset, len)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), M::Error> {
        (**self).write(offset, bytes)
    }
}

/// An image of a ring's memory.
impl ReadAt for &[u8] {
    type Error = Outside;

    fn read_at(&mut self, offset: u32, into: &mut [u8]) -> Result<(), Outside> {
        let from = self.get(offset as usize..).and_then(|rest| rest.get(..into.len())).ok_or(Outside)?;
        for (place, byte) in into.iter_mut().zip(from) {
            *place = *byte;
        }
        Ok(())
    }
}

/// The image is shorter than the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the image is shorter than the ring")]
pub struct Outside;
