use std::io::Write;

use flatbuffers::{FILE_IDENTIFIER_LENGTH, FlatBufferBuilder, WIPOffset};

use crate::error::{Error, Result};
use crate::writer::Writer;

/// Only a header that came from elsewhere can have such a one.
const BAD_IDENTIFIER: &str =
    "the message identifier in the stream's header doesn't have 4 bytes, so no message can be finished with it";

impl<W: Write> Writer<W> {
    /// Builds a message in a builder that the writer keeps, and appends it; returns its sequence number. Once the
    /// builder has grown to the largest message, nothing is allocated.
    ///
    /// The closure gets an empty builder and returns where the root lies, without calling `finish`: the writer finishes
    /// the message, with the [message identifier](crate::WriteOptions::message_identifier) of the stream's header if
    /// that has one.
    ///
    /// ```
    /// use flatstream_io::{Reader, WriteOptions, Writer};
    /// use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs};
    ///
    /// let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
    /// for value in [20.0, 21.5] {
    ///     writer.append_with(|builder| {
    ///         let source_id = Some(builder.create_string("pump-1"));
    ///         TelemetryEvent::create(builder, &TelemetryEventArgs { timestamp_ns: 1, source_id, value })
    ///     })?;
    /// }
    /// let bytes = writer.finish()?;
    ///
    /// let last = Reader::new(&bytes[..])?.last().unwrap()?;
    /// assert_eq!(last.root::<TelemetryEvent>().unwrap().value(), 21.5);
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    ///
    /// It takes the `flatbuffers` crate in this crate's version; with another version, keep a builder and
    /// [`append`](Self::append) its `finished_data`.
    ///
    /// # Errors
    /// As [`append`](Self::append); of the kind `Usage` if the header's message identifier doesn't have 4 bytes.
    ///
    /// # Panics
    /// Where the builder does: if the closure leaves a table or vector open or finishes the message itself, while debug
    /// assertions are on; or if the message exceeds 2 GiB. Nothing is appended then, and the writer goes on.
    #[inline]
    pub fn append_with<T>(
        &mut self,
        build: impl FnOnce(&mut FlatBufferBuilder<'static>) -> WIPOffset<T>,
    ) -> Result<u64> {
        self.try_append_with(|builder| Ok(build(builder)))
    }

    /// As [`append_with`](Self::append_with), for a message with a time of its own:
    /// [`append_at`](Self::append_at).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As [`append_with`](Self::append_with).
    #[inline]
    pub fn append_with_at<T>(
        &mut self,
        time: i64,
        build: impl FnOnce(&mut FlatBufferBuilder<'static>) -> WIPOffset<T>,
    ) -> Result<u64> {
        self.build(|builder| Ok(build(builder)), |writer, message| writer.append_at(time, message))
    }

    /// As [`append_with`](Self::append_with), for a closure that may fail: nothing is appended then, and the stream
    /// goes on. Its error type is one that this crate's [`Error`] converts into, such as `std::io::Error` or
    /// `Box<dyn Error>`.
    ///
    /// ```
    /// use std::error::Error;
    ///
    /// use flatstream_io::{WriteOptions, Writer};
    /// use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs};
    ///
    /// let mut writer = Writer::new(Vec::new(), WriteOptions::new())?;
    /// let mut record = |line: &str| {
    ///     writer.try_append_with(|builder| {
    ///         let args = TelemetryEventArgs { value: line.parse()?, ..Default::default() };
    ///         Ok::<_, Box<dyn Error>>(TelemetryEvent::create(builder, &args))
    ///     })
    /// };
    /// assert!(record("warm").is_err());
    /// assert_eq!(record("21.5").unwrap(), 0);
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    ///
    /// # Errors
    /// The closure's; else as [`append_with`](Self::append_with).
    ///
    /// # Panics
    /// As [`append_with`](Self::append_with).
    #[inline]
    pub fn try_append_with<T, E: From<Error>>(
        &mut self,
        build: impl FnOnce(&mut FlatBufferBuilder<'static>) -> std::result::Result<WIPOffset<T>, E>,
    ) -> std::result::Result<u64, E> {
        self.build(build, Self::append)
    }

    /// As [`try_append_with`](Self::try_append_with), for a message with a time of its own:
    /// [`append_at`](Self::append_at).
    ///
    /// ```
    /// use std::error::Error;
    ///
    /// use flatstream_io::{Clock, WriteOptions, Writer};
    /// use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs};
    ///
    /// let mut writer = Writer::new(Vec::new(), WriteOptions::new().event_times(Clock::UnixUtc))?;
    /// let mut import = |timestamp_ns: u64, value: &str| {
    ///     writer.try_append_with_at(timestamp_ns as i64, |builder| {
    ///         let args = TelemetryEventArgs { timestamp_ns, value: value.parse()?, ..Default::default() };
    ///         Ok::<_, Box<dyn Error>>(TelemetryEvent::create(builder, &args))
    ///     })
    /// };
    /// assert!(import(1_000, "warm").is_err());
    /// assert_eq!(import(2_000, "21.5").unwrap(), 0);
    /// # Ok::<(), flatstream_io::Error>(())
    /// ```
    ///
    /// # Errors
    /// The closure's; else as [`append_with_at`](Self::append_with_at).
    ///
    /// # Panics
    /// As [`append_with`](Self::append_with).
    #[inline]
    pub fn try_append_with_at<T, E: From<Error>>(
        &mut self,
        time: i64,
        build: impl FnOnce(&mut FlatBufferBuilder<'static>) -> std::result::Result<WIPOffset<T>, E>,
    ) -> std::result::Result<u64, E> {
        self.build(build, |writer, message| writer.append_at(time, message))
    }

    #[inline(always)]
    fn build<T, E: From<Error>>(
        &mut self,
        build: impl FnOnce(&mut FlatBufferBuilder<'static>) -> std::result::Result<WIPOffset<T>, E>,
        append: impl FnOnce(&mut Self, &[u8]) -> Result<u64>,
    ) -> std::result::Result<u64, E> {
        // Out of the writer while it is in use: one whose closure failed or panicked half way through a table isn't
        // used again, because its reset forgets no fields.
        let mut builder = self.builder.take().unwrap_or_default();
        let root = build(&mut builder)?;
        let identifier = self.header().message_identifier();
        if identifier.is_some_and(|identifier| identifier.len() != FILE_IDENTIFIER_LENGTH) {
            return Err(Error::usage(BAD_IDENTIFIER).into());
        }
        builder.finish(root, identifier);
        let sequence = append(self, builder.finished_data());
        builder.reset();
        self.builder = Some(builder);
        Ok(sequence?)
    }
}
