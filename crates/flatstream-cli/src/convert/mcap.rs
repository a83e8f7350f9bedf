//! Streams as MCAP files, and MCAP files as streams: <https://mcap.dev/spec>.

mod export;
mod import;

pub(crate) use export::export;
pub(crate) use import::import;

/// Of messages that are FlatBuffers and of binary schemas: <https://mcap.dev/spec/registry>.
const FLATBUFFER: &str = "flatbuffer";

const LIBRARY: &str = concat!("flatstream-cli/", env!("CARGO_PKG_VERSION"));

/// Metadata records: what the header of the stream says of itself, and the application's metadata in it.
const HEADER: &str = "flatstream.header";
const METADATA: &str = "flatstream.metadata";

/// Keys of the first.
const MESSAGE_TYPE: &str = "message_type";
const MESSAGE_IDENTIFIER: &str = "message_identifier";
const WRITER: &str = "writer";
const CLOCK: &str = "clock";
const SYNC_INTERVAL: &str = "sync_interval";

/// Values of the clock.
const CLOCKS: [(&str, flatstream::Clock); 3] = [
    ("UnixUtc", flatstream::Clock::UnixUtc),
    ("Tai", flatstream::Clock::Tai),
    ("Monotonic", flatstream::Clock::Monotonic),
];
