use std::fmt;
use std::fs::File;
use std::io::Write;
use std::marker::PhantomData;
use std::path::Path;

use flatbuffers::{FlatBufferBuilder, WIPOffset};
use flatstream_format::Header;

use super::root_check::RootCheck;
use super::{IfUntyped, MessageType, TypeError, TypedOptions, check_header};
use crate::durable::Durable;
use crate::error::{Error, Result};
use crate::options::WriteOptions;
use crate::writer::Writer;

/// Appends messages of type `T`: a [`Writer`] whose stream says in its header what its messages are, and whose messages
/// are that.
///
/// Type, file identifier and schema go into the header of a new stream, as [`WriteOptions::typed`] puts them there. A
/// stream that is [opened](Self::open) again is checked by its header, as [`TypedReader`](crate::TypedReader) does; it
/// keeps the header it has, with the schema it was begun under. So nobody notices if two programs that write to it one
/// after the other have added different fields in the same place: additions to a schema have to be agreed upon.
///
/// ```
/// use flatstream_io::{MessageType, TypedWriter, WriteOptions};
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
/// assert_eq!(writer.header().message_type(), Some("Telemetry.TelemetryEvent"));
/// assert_eq!(writer.header().schema(), Some(telemetry_schema::BFBS));
/// writer.append_with(|builder| {
///     TelemetryEvent::create(builder, &TelemetryEventArgs { value: 21.5, ..Default::default() })
/// })?;
/// let bytes = writer.finish()?;
/// # Ok::<(), flatstream_io::Error>(())
/// ```
pub struct TypedWriter<T, W: Write> {
    writer: Writer<W>,
    check: RootCheck,
    message_type: PhantomData<fn() -> T>,
}

impl<T: MessageType> TypedWriter<T, File> {
    /// As [`Writer::create_new`].
    ///
    /// # Errors
    /// As there; of the kind `Usage` if what `T` says about itself doesn't fit together.
    pub fn create_new(path: impl AsRef<Path>, options: WriteOptions) -> Result<Self> {
        Self::from_writer(Writer::create_new(path, options.typed::<T>())?)
    }

    /// As [`Writer::create`].
    ///
    /// # Errors
    /// As there, and as [`create_new`](Self::create_new).
    pub fn create(path: impl AsRef<Path>, options: WriteOptions) -> Result<Self> {
        Self::from_writer(Writer::create(path, options.typed::<T>())?)
    }

    /// As [`Writer::open`]: goes on in the stream of a file if its messages are of type `T`, or begins one.
    ///
    /// ```
    /// use flatstream_io::{TypedWriter, WriteOptions};
    /// # use flatstream_io::{ErrorKind, MessageType, Writer};
    /// # struct Event;
    /// # impl MessageType for Event {
    /// #     type Root<'a> = telemetry_schema::telemetry::TelemetryEvent<'a>;
    /// #     const NAME: &'static str = "Telemetry.TelemetryEvent";
    /// # }
    ///
    /// # let folder = std::env::temp_dir().join(format!("flatstream-typed-open-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("events.fls");
    /// TypedWriter::<Event, _>::open(&path, WriteOptions::new())?.finish()?; // begins the stream
    /// TypedWriter::<Event, _>::open(&path, WriteOptions::new())?.finish()?; // goes on in it
    /// # Writer::create(&path, WriteOptions::new().message_type("Other"))?.finish()?;
    /// # let error = TypedWriter::<Event, _>::open(&path, WriteOptions::new()).unwrap_err();
    /// # assert_eq!(error.kind(), ErrorKind::WrongType);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As there, and as [`create_new`](Self::create_new); of the kind `WrongType` if the stream's messages are of
    /// another type, or its header doesn't say of which. Nothing was changed then.
    pub fn open(path: impl AsRef<Path>, options: WriteOptions) -> Result<Self> {
        Self::from_writer(Writer::open(path, options.typed::<T>())?)
    }
}

impl<T: MessageType, W: Durable> TypedWriter<T, W> {
    /// As [`Writer::new_durable`].
    ///
    /// # Errors
    /// As there; of the kind `Usage` if what `T` says about itself doesn't fit together.
    pub fn new_durable(sink: W, options: WriteOptions) -> Result<Self> {
        Self::from_writer(Writer::new_durable(sink, options.typed::<T>())?)
    }
}

impl<T: MessageType, W: Write> TypedWriter<T, W> {
    /// As [`Writer::new`].
    ///
    /// # Errors
    /// As there; of the kind `Usage` if what `T` says about itself doesn't fit together.
    pub fn new(sink: W, options: WriteOptions) -> Result<Self> {
        Self::from_writer(Writer::new(sink, options.typed::<T>())?)
    }

    /// Goes on with a writer, whose stream's header is checked. Its options should have been
    /// [`typed`](WriteOptions::typed).
    ///
    /// # Errors
    /// Of the kind `WrongType` if the stream's messages are of another type, or its header doesn't say of which.
    pub fn from_writer(writer: Writer<W>) -> Result<Self> {
        check_header::<T>(writer.header(), IfUntyped::Refuse)?;
        let check = RootCheck::new(writer.header(), &TypedOptions::new());
        Ok(Self { writer, check, message_type: PhantomData })
    }

    /// Builds a message and appends it: [`Writer::append_with`], for a root of the stream's type alone.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    #[inline]
    pub fn append_with(
        &mut self,
        build: impl FnOnce(&mut FlatBufferBuilder<'static>) -> WIPOffset<T::Root<'static>>,
    ) -> Result<u64> {
        self.writer.append_with(build)
    }

    /// As [`append_with`](Self::append_with), for a closure that may fail: [`Writer::try_append_with`].
    ///
    /// # Errors
    /// The closure's; else as there.
    ///
    /// # Panics
    /// As there.
    #[inline]
    pub fn try_append_with<E: From<Error>>(
        &mut self,
        build: impl FnOnce(&mut FlatBufferBuilder<'static>) -> std::result::Result<WIPOffset<T::Root<'static>>, E>,
    ) -> std::result::Result<u64, E> {
        self.writer.try_append_with(build)
    }

    /// Appends a message that is finished already, after the verifier has checked it.
    ///
    /// # Errors
    /// Of the kind `WrongType` if it isn't a good FlatBuffer of the type: the stream is unharmed. Else as
    /// [`Writer::append`].
    pub fn append(&mut self, message: &[u8]) -> Result<u64> {
        self.check(message)?;
        self.writer.append(message)
    }

    fn check(&self, message: &[u8]) -> Result<()> {
        match self.check.root::<T>(message) {
            Ok(_) => Ok(()),
            Err(why) => Err(TypeError::NotAppended { expected: T::NAME, why }.into()),
        }
    }

    /// As [`append_with`](Self::append_with), for a message with a time of its own: [`Writer::append_with_at`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    #[inline]
    pub fn append_with_at(
        &mut self,
        time: i64,
        build: impl FnOnce(&mut FlatBufferBuilder<'static>) -> WIPOffset<T::Root<'static>>,
    ) -> Result<u64> {
        self.writer.append_with_at(time, build)
    }

    /// The same, for a closure that may fail: [`Writer::try_append_with_at`].
    ///
    /// # Errors
    /// The closure's; else as there.
    ///
    /// # Panics
    /// As there.
    #[inline]
    pub fn try_append_with_at<E: From<Error>>(
        &mut self,
        time: i64,
        build: impl FnOnce(&mut FlatBufferBuilder<'static>) -> std::result::Result<WIPOffset<T::Root<'static>>, E>,
    ) -> std::result::Result<u64, E> {
        self.writer.try_append_with_at(time, build)
    }

    /// As [`append`](Self::append), for a message with a time of its own: [`Writer::append_at`].
    ///
    /// # Errors
    /// As there, and as [`append`](Self::append).
    pub fn append_at(&mut self, time: i64, message: &[u8]) -> Result<u64> {
        self.check(message)?;
        self.writer.append_at(time, message)
    }

    /// [`Writer::flush`].
    ///
    /// # Errors
    /// As there.
    pub fn flush(&mut self) -> Result<()> {
        self.writer.flush()
    }

    /// [`Writer::sync`].
    ///
    /// # Errors
    /// As there.
    pub fn sync(&mut self) -> Result<u64> {
        self.writer.sync()
    }

    /// [`Writer::finish`].
    ///
    /// # Errors
    /// As there.
    pub fn finish(self) -> Result<W> {
        self.writer.finish()
    }
}

impl<T, W: Write> TypedWriter<T, W> {
    /// The stream's header.
    #[must_use]
    pub fn header(&self) -> &Header {
        self.writer.header()
    }

    /// The writer underneath.
    #[must_use]
    pub fn get_ref(&self) -> &Writer<W> {
        &self.writer
    }

    /// The writer without the type: for a [`SharedWriter`](crate::SharedWriter), or to note dropped messages.
    #[must_use]
    pub fn into_inner(self) -> Writer<W> {
        self.writer
    }
}

impl<T: MessageType, W: Write> fmt::Debug for TypedWriter<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedWriter").field("type", &T::NAME).field("writer", &self.writer).finish()
    }
}
