use std::fmt;
use std::marker::PhantomData;

use flatstream_format::{Header, MessageRef};

use super::root_check::RootCheck;
use super::{MessageType, TypeError, TypedOptions, check_header};
use crate::error::{Error, Result};

/// The verified roots of messages that lie in memory: what [`TypedReader`](crate::TypedReader) is for a `Read`, this is
/// for a [`SliceReader`](crate::SliceReader), or any other iterator of [`MessageRef`]s. The roots point into that
/// memory, so nothing is copied, and they may be kept as long as it is there.
///
/// ```
/// use flatstream_io::{Header, MessageType, SliceReader, TypedOptions, TypedRoots, TypedWriter, WriteOptions};
/// use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs};
///
/// struct Event;
///
/// impl MessageType for Event {
///     type Root<'a> = TelemetryEvent<'a>;
///     const NAME: &'static str = "Telemetry.TelemetryEvent";
/// }
///
/// # let mut writer = TypedWriter::<Event, _>::new(Vec::new(), WriteOptions::new())?;
/// # for value in [20.0, 21.5] {
/// #     writer.append_with(|builder| {
/// #         TelemetryEvent::create(builder, &TelemetryEventArgs { value, ..Default::default() })
/// #     })?;
/// # }
/// # let bytes = writer.finish()?;
/// let (header, messages) = (Header::decode(&bytes)?, SliceReader::new(&bytes)?);
/// let events = TypedRoots::<Event, _>::new(&header, messages, TypedOptions::new())?;
/// let events = events.collect::<flatstream_io::Result<Vec<TelemetryEvent>>>()?;
/// assert_eq!(events[1].value(), 21.5);
/// # Ok::<(), flatstream_io::Error>(())
/// ```
///
/// A message that isn't a good FlatBuffer of the type is an error of the kind
/// [`WrongType`](crate::ErrorKind::WrongType); the next one follows. Other errors are those of the iterator.
pub struct TypedRoots<T, I> {
    messages: I,
    check: RootCheck,
    message_type: PhantomData<fn() -> T>,
}

impl<T: MessageType, I> TypedRoots<T, I> {
    /// The roots of these messages, which are of a stream with this header.
    ///
    /// # Errors
    /// As [`TypedReader::from_reader`](crate::TypedReader::from_reader).
    #[expect(clippy::needless_pass_by_value, reason = "as wherever options are given")]
    pub fn new(header: &Header, messages: I, options: TypedOptions) -> Result<Self> {
        check_header::<T>(header, options.if_untyped())?;
        Ok(Self { messages, check: RootCheck::new(header, &options), message_type: PhantomData })
    }
}

impl<T, I> TypedRoots<T, I> {
    /// The iterator underneath: it knows where it stands, and how the stream ended.
    #[must_use]
    pub fn get_ref(&self) -> &I {
        &self.messages
    }

    /// The iterator without the type.
    #[must_use]
    pub fn into_inner(self) -> I {
        self.messages
    }
}

impl<'m, T, I, E> Iterator for TypedRoots<T, I>
where
    T: MessageType,
    I: Iterator<Item = std::result::Result<MessageRef<'m>, E>>,
    Error: From<E>,
{
    type Item = Result<T::Root<'m>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let message = match self.messages.next()? {
            Ok(message) => message,
            Err(error) => return Some(Err(error.into())),
        };
        Some(self.check.root::<T>(message.body()).map_err(|why| {
            let (position, sequence) = (message.position(), Some(message.sequence()));
            TypeError::Message { expected: T::NAME, position, sequence, why }.into()
        }))
    }
}

impl<T: MessageType, I> fmt::Debug for TypedRoots<T, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedRoots").field("type", &T::NAME).finish_non_exhaustive()
    }
}
