//! Commands for messages that come and go one by one.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Choice, FactsFormat, MessagesFormat};

/// How messages come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum InputFormat {
    /// One after the other, each behind its length in 4 bytes, little-endian, as `cat --format raw` prints them
    Raw,
    /// A line of JSON for each, as `cat --format ndjson` prints them, by the schema
    Ndjson,
}

/// When what was recorded is made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SyncChoice {
    EveryMessage,
    Within(Duration),
    AtTheEnd,
}

fn parse_sync(text: &str) -> Result<SyncChoice, String> {
    match text {
        "every" => Ok(SyncChoice::EveryMessage),
        "none" => Ok(SyncChoice::AtTheEnd),
        _ => {
            seconds(text).map(SyncChoice::Within).map_err(|_| "expected every, none, or a number of seconds".to_owned())
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[derive(Debug, Args)]
pub(crate) struct Record {
    /// Where messages come from; - is the standard input
    #[arg(default_value = "-", value_name = "INPUT")]
    pub(crate) input: PathBuf,
    /// The stream; one that is there is continued, in a new epoch
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// How messages come in
    #[arg(long, value_enum, default_value = "raw")]
    pub(crate) format: InputFormat,
    /// The binary schema for the header of a new stream
    #[arg(long, value_name = "FILE.bfbs")]
    pub(crate) schema: Option<PathBuf>,
    /// The table that messages are, by its full name; by default the schema's root type
    #[arg(long, value_name = "TABLE")]
    pub(crate) root: Option<String>,
    /// When messages are made durable: `every` single one, so many SECONDS after it came, or `none` before the end
    #[arg(long, value_name = "WHEN", default_value = "1", value_parser = parse_sync)]
    pub(crate) sync: SyncChoice,
    /// Take messages that can't be decoded by the schema too
    #[arg(long)]
    pub(crate) unchecked: bool,
    /// How to say what was recorded: `text` to the standard error, `json` to the standard output
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub(crate) summary: FactsFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// A stream, a folder with a log, or -
    pub(crate) file: PathBuf,
    /// How fast: 2 is twice as fast as recorded
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub(crate) rate: f64,
    /// At the pace of this field, nanoseconds in an integer; by default at that of sync frames
    #[arg(long, value_name = "FIELD")]
    pub(crate) by: Option<String>,
    /// Shorten longer pauses to so many SECONDS
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) max_gap: Option<Duration>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: MessagesFormat,
    /// Send to this address, tcp:HOST:PORT, as `--format raw`
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// How to say how it went: `text` to the standard error, `json` to the standard output if messages
    /// are sent with --to, and else to the standard error
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub(crate) summary: FactsFormat,
}
