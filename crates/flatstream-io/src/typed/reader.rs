use std::fmt;
use std::io::Read;
use std::marker::PhantomData;

use flatstream_format::{End, Header};

use super::root_check::RootCheck;
use super::{MessageType, TypeError, TypedMessage, TypedOptions, check_header};
use crate::error::Result;
use crate::reader::Reader;

/// Reads a stream whose messages are of type `T`.
///
/// When it is opened, it checks what the stream's header says about its messages: their type, their file identifier,
/// and, where header and [`MessageType`] both have a schema, that one of the two is a later version of the other
/// ([`conform`](crate::schema::conform()) says what may change). Then it gives roots that the FlatBuffers verifier has
/// checked.
///
/// [`next_root`](Self::next_root) lends a root and allocates nothing. As an iterator it gives owned messages.
///
/// ```
/// use flatstream_io::{MessageType, TypedReader, TypedWriter, WriteOptions};
/// use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs};
///
/// struct Event;
///
/// impl MessageType for Event {
///     type Root<'a> = TelemetryEvent<'a>;
///     const NAME: &'static str = "Telemetry.TelemetryEvent";
///     const SCHEMA: Option<&'static [u8]> = Some(telemetry_schema::BFBS);
/// }
///
/// let mut writer = TypedWriter::<Event, _>::new(Vec::new(), WriteOptions::new())?;
/// for value in [20.0, 21.5] {
///     writer.append_with(|builder| {
///         let source_id = Some(builder.create_string("pump-1"));
///         TelemetryEvent::create(builder, &TelemetryEventArgs { timestamp_ns: 1, source_id, value })
///     })?;
/// }
/// let bytes = writer.finish()?;
///
/// let mut reader = TypedReader::<Event, _>::new(&bytes[..])?;
/// while let Some(event) = reader.next_root()? {
///     println!("{:?} {}", event.source_id(), event.value());
/// }
///
/// // Owned: it may go to another thread, or be kept.
/// let last = TypedReader::<Event, _>::new(&bytes[..])?.last().unwrap()?;
/// assert_eq!((last.sequence(), last.root()?.value()), (Some(1), 21.5));
/// # Ok::<(), flatstream_io::Error>(())
/// ```
///
/// A message that isn't a good FlatBuffer of the type is an error of the kind
/// [`WrongType`](crate::ErrorKind::WrongType), with its position, its sequence and the verifier's words. It ends
/// nothing: the next call gives the next message.
pub struct TypedReader<T, R> {
    reader: Reader<R>,
    options: TypedOptions,
    check: RootCheck,
    /// The check of the header that was found to fit. On a link another stream may follow.
    checked_header: u32,
    message_type: PhantomData<fn() -> T>,
}

impl<T: MessageType, R: Read> TypedReader<T, R> {
    /// Reads the header, and checks it.
    ///
    /// # Errors
    /// As [`Reader::new`]; of the kind `WrongType` if the messages are of another type, or the header doesn't say of
    /// which ([`TypedOptions::accept_untyped`]).
    pub fn new(source: R) -> Result<Self> {
        Self::from_reader(Reader::new(source)?, TypedOptions::new())
    }

    /// Goes on where a reader stands, which may have options of its own.
    ///
    /// ```
    /// use flatstream_io::{ReadOptions, Reader, TypedOptions, TypedReader};
    /// # use flatstream_io::{MessageType, WriteOptions, Writer};
    /// # struct Event;
    /// # impl MessageType for Event {
    /// #     type Root<'a> = telemetry_schema::telemetry::TelemetryEvent<'a>;
    /// #     const NAME: &'static str = "Telemetry.TelemetryEvent";
    /// # }
    /// # let bytes = Writer::new(Vec::new(), WriteOptions::new())?.finish()?;
    ///
    /// let reader = Reader::with_options(&bytes[..], ReadOptions::new().require_closed(true))?;
    /// let reader = TypedReader::<Event, _>::from_reader(reader, TypedOptions::new().accept_untyped(true))?;
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Of the kind `WrongType`, as [`new`](Self::new); `Usage` if what `T` says about itself doesn't fit together.
    pub fn from_reader(reader: Reader<R>, options: TypedOptions) -> Result<Self> {
        check_header::<T>(reader.header(), options.if_untyped())?;
        let check = RootCheck::new(reader.header(), &options);
        let checked_header = header_check(&reader);
        Ok(Self { reader, options, check, checked_header, message_type: PhantomData })
    }

    /// The root of the next message, verified, lent until the next call; `None` behind the last.
    ///
    /// # Errors
    /// Of the kind `WrongType` for a message that isn't a good one of the type; the next call goes on behind it. Else
    /// as [`Reader::next_message`].
    #[inline]
    pub fn next_root(&mut self) -> Result<Option<T::Root<'_>>> {
        if !self.reader.advance()? {
            return Ok(None);
        }
        self.check_header_if_new()?;
        match self.check.root::<T>(self.reader.current()) {
            Ok(root) => Ok(Some(root)),
            Err(why) => {
                let (position, sequence) = self.reader.current_place();
                Err(TypeError::Message { expected: T::NAME, position, sequence, why }.into())
            }
        }
    }

    #[inline]
    fn check_header_if_new(&mut self) -> Result<()> {
        if header_check(&self.reader) == self.checked_header { Ok(()) } else { self.check_new_header() }
    }

    #[cold]
    fn check_new_header(&mut self) -> Result<()> {
        check_header::<T>(self.reader.header(), self.options.if_untyped())?;
        self.check = RootCheck::new(self.reader.header(), &self.options);
        self.checked_header = header_check(&self.reader);
        Ok(())
    }

    /// How the stream ended: [`Reader::end`].
    ///
    /// # Errors
    /// As there.
    pub fn end(&mut self) -> Result<End> {
        self.reader.end()
    }
}

impl<T, R: Read> TypedReader<T, R> {
    /// The stream's header.
    #[must_use]
    pub fn header(&self) -> &Header {
        self.reader.header()
    }

    /// The reader underneath.
    #[must_use]
    pub fn get_ref(&self) -> &Reader<R> {
        &self.reader
    }

    /// The reader underneath: what it reads isn't verified as a FlatBuffer, and is read.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut Reader<R> {
        &mut self.reader
    }

    /// The reader without the type.
    #[must_use]
    pub fn into_inner(self) -> Reader<R> {
        self.reader
    }
}

#[inline]
fn header_check<R: Read>(reader: &Reader<R>) -> u32 {
    reader.header().essentials().header_check
}

/// Gives owned messages, each of which is verified by its [`root`](TypedMessage::root). An error that ends reading
/// comes once, then `None`.
impl<T: MessageType, R: Read> Iterator for TypedReader<T, R> {
    type Item = Result<TypedMessage<T>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let message = match self.reader.next()? {
            Ok(message) => message,
            Err(error) => return Some(Err(error)),
        };
        if let Err(error) = self.check_header_if_new() {
            return Some(Err(error));
        }
        Some(Ok(TypedMessage::new(message, self.check.clone())))
    }
}

impl<T: MessageType, R> fmt::Debug for TypedReader<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedReader").field("type", &T::NAME).field("reader", &self.reader).finish_non_exhaustive()
    }
}
