use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

use crate::block::Share;

/// A message that was read and verified. It owns a share of the block it lies in, so it may outlive its reader, go to
/// another thread, and become [`Bytes`] without being copied.
///
/// It starts at a multiple of 8 bytes in memory, which every FlatBuffer needs whose schema has no `force_align` above 8
/// (such a one has to be copied to where it wants to be). A message that is kept keeps its whole block
/// (256 KiB): to keep a few small ones for long, take [`to_owned_bytes`](Self::to_owned_bytes).
///
/// ```
/// use flatstream_io::{Reader, WriteOptions, Writer};
///
/// let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
/// writer.append(b"hello")?;
/// let bytes = writer.finish()?;
///
/// let message = Reader::new(&bytes[..])?.next().unwrap()?;
/// assert_eq!(&message[..], b"hello");
/// assert_eq!(message.sequence(), Some(0));
/// let shared: bytes::Bytes = message.into();
/// # Ok::<(), flatstream_io::Error>(())
/// ```
#[derive(Clone)]
pub struct Message {
    body: Share,
    position: u64,
    sequence: Option<u64>,
}

impl Message {
    #[inline]
    pub(crate) fn new(body: Share, position: u64, sequence: Option<u64>) -> Self {
        Self { body, position, sequence }
    }

    /// The position of its frame, in bytes from the start of the stream.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How many messages were appended before it; `None` where that isn't known, which is between damage and the next
    /// sync frame.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// A copy that holds no more than itself.
    ///
    /// ```
    /// # use flatstream_io::{Reader, WriteOptions, Writer};
    /// # let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
    /// # writer.append(b"hello")?;
    /// # let bytes = writer.finish()?;
    /// let first = Reader::new(&bytes[..])?.next().unwrap()?.to_owned_bytes();
    /// assert_eq!(first, "hello");
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    #[must_use]
    pub fn to_owned_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(self)
    }

    /// The root table of type `T`, after the FlatBuffers verifier has checked the message.
    ///
    /// It takes the `flatbuffers` crate in this crate's version; with another version, pass the bytes to that one's
    /// `root`.
    ///
    /// ```
    /// use flatbuffers::FlatBufferBuilder;
    /// use flatstream_io::{Reader, WriteOptions, Writer};
    /// use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs};
    ///
    /// let mut builder = FlatBufferBuilder::new();
    /// let args = TelemetryEventArgs { value: 21.5, ..Default::default() };
    /// let event = TelemetryEvent::create(&mut builder, &args);
    /// builder.finish(event, None);
    /// let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
    /// writer.append(builder.finished_data())?;
    /// let bytes = writer.finish()?;
    ///
    /// let message = Reader::new(&bytes[..])?.next().unwrap()?;
    /// assert_eq!(message.root::<TelemetryEvent>().unwrap().value(), 21.5);
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    ///
    /// # Errors
    /// What the verifier found.
    #[cfg(feature = "flatbuffers")]
    pub fn root<'a, T>(&'a self) -> Result<T::Inner, flatbuffers::InvalidFlatbuffer>
    where
        T: flatbuffers::Follow<'a> + flatbuffers::Verifiable + 'a,
    {
        flatbuffers::root::<T>(self)
    }
}

impl Deref for Message {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.body
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Message> for Bytes {
    fn from(message: Message) -> Self {
        Self::from_owner(message)
    }
}

impl PartialEq<[u8]> for Message {
    fn eq(&self, other: &[u8]) -> bool {
        **self == *other
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("sequence", &self.sequence)
            .field("position", &self.position)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
