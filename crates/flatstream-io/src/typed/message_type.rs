use flatbuffers::{Follow, Verifiable};

/// A type of FlatBuffers message: what flatc generates for the root table, and what it doesn't generate with it.
///
/// It is implemented by hand, for a type of one's own: the generated one, or, where that is of another crate, an empty
/// struct that stands for it.
///
/// ```
/// use flatstream_io::MessageType;
/// use telemetry_schema::telemetry::TelemetryEvent;
///
/// struct Event;
///
/// impl MessageType for Event {
///     type Root<'a> = TelemetryEvent<'a>;
///     const NAME: &'static str = "Telemetry.TelemetryEvent";
///     const SCHEMA: Option<&'static [u8]> = Some(telemetry_schema::BFBS); // include_bytes!("telemetry.bfbs")
/// }
/// ```
///
/// In the crate of the generated code it is `impl MessageType for TelemetryEvent<'_>`, and the name can't be misspelt
/// if flatc was told `--gen-name-strings`: `TelemetryEvent::get_fully_qualified_name()`.
pub trait MessageType {
    /// The root table, as flatc generates it.
    type Root<'a>: Follow<'a, Inner = Self::Root<'a>> + Verifiable + 'a;

    /// Its full name, as in the schema: `Telemetry.TelemetryEvent`.
    const NAME: &'static str;

    /// Its `file_identifier`, if the schema has one; flatc generates it as `TELEMETRY_EVENT_IDENTIFIER`.
    const IDENTIFIER: Option<&'static str> = None;

    /// Its binary schema, as `flatc --schema --binary` makes it (`.bfbs`). With it a stream can be read that was
    /// written under an earlier or later version of the schema, and none that was written under another.
    const SCHEMA: Option<&'static [u8]> = None;
}
