//! Streams in formats of others.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use super::Selection;

/// What messages are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// A line of JSON for each, as `cat --format ndjson`
    Jsonl,
    /// A row for each, as `cat --format csv`
    Csv,
    /// One channel, with the schema, the times and the header's metadata
    Mcap,
    /// Rows with a column for each field, for polars, DuckDB, pandas (needs the feature `full`)
    Parquet,
    /// The same as an Arrow IPC file (needs the feature `full`)
    Arrow,
}

/// What a stream is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFormat {
    /// The messages of one topic whose messages are FlatBuffers, with their schema and times
    Mcap,
}

/// How messages stand in an MCAP file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Payload {
    /// As they are, with their binary schema
    Flatbuffer,
    /// As JSON without a schema, for viewers that don't decode FlatBuffers
    Json,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("direction").required(true).args(["to", "from"])))]
pub(crate) struct Convert {
    /// A stream, a folder with a log, or -; with --from, a file of that format
    pub(crate) file: PathBuf,
    /// Write messages in this format
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) to: Option<ExportFormat>,
    /// Make a stream of a file in this format
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with_all = FROM_CONFLICTS)]
    pub(crate) from: Option<ImportFormat>,
    /// The file to make, or - for the standard output; nothing is written over
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// An integer field that has the time of a message, in nanoseconds. Of an MCAP file, the time is that of the sync
    /// frame before the message otherwise; of Parquet and Arrow files, the column is a timestamp
    #[arg(long, value_name = "FIELD")]
    pub(crate) time: Option<String>,
    /// How messages stand in an MCAP file that is written
    #[arg(long, value_enum, default_value = "flatbuffer")]
    pub(crate) payload: Payload,
    /// The topic in an MCAP file; by default the message type when it is written, and the only one when it is read
    #[arg(long, value_name = "TOPIC")]
    pub(crate) topic: Option<String>,
    #[command(flatten)]
    pub(crate) selection: Selection,
}

/// What says nothing about a file that isn't a stream.
const FROM_CONFLICTS: [&str; 9] =
    ["window", "schema", "root", "conditions", "recover", "stream_id", "max_message_len", "time", "payload"];
