//! Streams as MCAP files, and MCAP files as streams: <https://mcap.dev/spec>.

mod export;
mod import;

pub(crate) use export::export;
pub(crate) use import::import;

/// Of messages that are FlatBuffers and of binary schemas: <https://mcap.dev/spec/registry>.
const FLATBUFFER: &str = "flatbuffer";

/// Metadata records: what the header of the stream says of itself, and the application's metadata in it.
const HEADER: &str = "flatstream.header";
const METADATA: &str = "flatstream.metadata";
