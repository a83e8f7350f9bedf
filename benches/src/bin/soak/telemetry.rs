//! What is written: messages that all differ, and follow from their numbers.

use flatbuffers::FlatBufferBuilder;
use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs, root_as_telemetry_event};

use crate::Outcome;

/// What a message takes in the stream, or more.
pub(crate) const FRAME_BYTES_MAX: u64 = 96;

const SOURCES: [&str; 5] = ["cpu0", "cpu1/temperature", "pump", "pump/inlet/pressure", "a"];

#[derive(Default)]
pub(crate) struct Builder(FlatBufferBuilder<'static>);

/// The time, the source and the value of the message with this number.
fn content(number: u64) -> (u64, &'static str, f64) {
    let timestamp_ns = 1_767_225_600_000_000_000 + number * 1_000_000;
    (timestamp_ns, SOURCES[(number % SOURCES.len() as u64) as usize], number as f64 * 0.25)
}

impl Builder {
    pub(crate) fn message(&mut self, number: u64) -> &[u8] {
        let (timestamp_ns, source_id, value) = content(number);
        self.0.reset();
        let source_id = Some(self.0.create_string(source_id));
        let event = TelemetryEvent::create(&mut self.0, &TelemetryEventArgs { timestamp_ns, source_id, value });
        self.0.finish(event, None);
        let message = self.0.finished_data();
        assert!(message.len() as u64 + 8 <= FRAME_BYTES_MAX);
        message
    }
}

/// Whether it is the message with this number.
pub(crate) fn check(message: &[u8], number: u64) -> Outcome<()> {
    let event = root_as_telemetry_event(message).map_err(|error| format!("message {number} is no event: {error}"))?;
    let found = (event.timestamp_ns(), event.source_id().unwrap_or_default(), event.value());
    let expected = content(number);
    match found == expected {
        true => Ok(()),
        false => Err(format!("message {number} is {found:?}, expected {expected:?}")),
    }
}
