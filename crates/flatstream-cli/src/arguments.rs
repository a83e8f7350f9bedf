mod bench;
mod convert;
mod live;
mod making;
mod plot;
mod schema;
mod showing;

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use bench::Bench;
pub(crate) use convert::{Convert, ExportFormat, Payload};
pub(crate) use live::{InputFormat, Record, Replay, SyncChoice};
pub(crate) use making::{Cut, Merge, Split};
pub(crate) use plot::{Plot, TimeUnit};
pub(crate) use schema::{Attach, Conform, Extract, SchemaCommand, Show};
pub(crate) use showing::{Head, Inspect, Tail};

/// Shows, checks and saves streams of FlatBuffers.
///
/// FILE is a stream, a folder with a log of segments, or - for the standard input. Exit codes: 0 all is well, 1 an
/// error or damage, 2 wrong usage, 3 done, and something was lost.
#[derive(Debug, Parser)]
#[command(name = "flatstream", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say what a stream is: its header, how many messages of which time, how it ended
    Info(Info),
    /// Print messages
    Cat(Cat),
    /// Print the first messages
    Head(Head),
    /// Print the last messages
    Tail(Tail),
    /// Check every frame
    Verify(Verify),
    /// Show the bytes around a position: which frame they are, and why a reader would stop there
    Inspect(Inspect),
    /// Save what can be saved of a damaged stream
    Recover(Recover),
    /// Put a window of a stream into a new stream
    Cut(Cut),
    /// Put several streams into one, in the order of their times or of a field
    Merge(Merge),
    /// Put a stream into several
    Split(Split),
    /// Write messages in a format that other programs read, or make a stream of one
    Convert(Convert),
    /// Record messages from the standard input or a file
    Record(Record),
    /// Print or send messages at the pace at which they were recorded
    Replay(Replay),
    /// Draw fields over time: as SVG, as PNG, or in the terminal
    Plot(Plot),
    /// Show, extract, attach or compare schemas
    #[command(subcommand)]
    Schema(SchemaCommand),
    /// Measure this machine: how fast streams are written, read, verified and made durable
    Bench(Bench),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write manual pages
    Man {
        /// The folder to write them to
        folder: PathBuf,
    },
}

/// How facts are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FactsFormat {
    /// For people
    Text,
    /// One JSON object a line for each file
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Info {
    /// Streams, folders with logs, or -
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: FactsFormat,
    /// Read everything, for the facts that sync frames don't tell: the bytes in messages, the overhead, the shortest
    /// and the longest message
    #[arg(long)]
    pub(crate) scan: bool,
}

/// How messages are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MessagesFormat {
    /// A line for each: its number, the time of the sync frame before it, its length, and what it says
    Text,
    /// A line of JSON for each. Where no schema says what a message is: {"schema":null,"data":"BASE64"}
    Ndjson,
    /// A row for each, and one before them with the columns: the numbers, strings and enums of the table, by their
    /// paths. Vectors and unions are JSON; what isn't there is empty
    Csv,
    /// The messages one after the other, each behind its length in 4 bytes, little-endian, as size-prefixed FlatBuffers
    Raw,
}

#[derive(Debug, Args)]
pub(crate) struct Cat {
    /// Streams, folders with logs, or -; one after the other
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: MessagesFormat,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Print messages as a writer appends them, until it closes the stream
    #[arg(short, long, conflicts_with = "recover")]
    pub(crate) follow: bool,
    /// Begin behind the message that this file names, and keep it there; without the file, begin as the other options
    /// say
    #[arg(long, value_name = "FILE", requires = "follow")]
    pub(crate) cursor_file: Option<PathBuf>,
    /// So many of each file, and no more: for `head`.
    #[arg(skip)]
    pub(crate) count_max: Option<u64>,
}

/// Which messages, and how they are read.
#[derive(Clone, Debug, Args)]
pub(crate) struct Selection {
    #[command(flatten)]
    pub(crate) window: Window,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// How messages are read.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Reading {
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// Go on behind damage, and say on the standard error what was lost
    #[arg(long)]
    pub(crate) recover: bool,
    /// Of several streams in a file, read the one with this id: where another one lies over its beginning
    #[arg(long, value_name = "ID", requires = "recover", value_parser = stream_id)]
    pub(crate) stream_id: Option<NonZeroU64>,
    /// Longest message to accept; 0 = whatever the stream allows
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub(crate) max_message_len: u32,
}

/// As it is printed, in hexadecimal digits behind `0x`; or in decimal ones.
fn stream_id(text: &str) -> Result<NonZeroU64, String> {
    let id = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    id.and_then(NonZeroU64::new).ok_or_else(|| "expected a stream's id, such as 0x4898abea34d92ff6".to_owned())
}

/// Which messages, by what they say.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Choice {
    #[command(flatten)]
    pub(crate) schema: SchemaOptions,
    /// Only messages of which this is true: FIELD=VALUE, or with != < <= > >=; FIELD may be a path (pose.position.x).
    /// Several must all be true
    #[arg(long = "where", value_name = "CONDITION")]
    pub(crate) conditions: Vec<String>,
}

/// Which messages.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Window {
    /// Messages with these numbers, counted from 0: 100..200, 100.., ..200, or a single one
    #[arg(long, value_name = "RANGE", group = "window")]
    pub(crate) sequences: Option<String>,
    /// Messages of this time, as far as sync frames tell: 2026-11-27T10:00:00Z..2026-11-27T10:10:00Z, or nanoseconds of
    /// the stream's clock; either side may be left out
    #[arg(long, value_name = "RANGE", group = "window", allow_hyphen_values = true)]
    pub(crate) times: Option<String>,
    /// Messages with this field in a range, FIELD=FROM..UNTIL. It must not decrease from message to message: they are
    /// found by bisection
    #[arg(long = "key", value_name = "RANGE", group = "window")]
    pub(crate) keys: Option<String>,
    /// The last so many messages
    #[arg(long, value_name = "COUNT", group = "window")]
    pub(crate) last: Option<u64>,
}

/// What messages are.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SchemaOptions {
    /// Decode messages by this binary schema, instead of the one in the header
    #[arg(long, value_name = "FILE.bfbs")]
    pub(crate) schema: Option<PathBuf>,
    /// The table that messages are, by its full name; if the header doesn't say, the schema's root type
    #[arg(long, value_name = "TABLE")]
    pub(crate) root: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Streams, folders with logs, or -
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: FactsFormat,
    /// Threads for each file; 0 = as many as the machine runs at once
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(crate) threads: usize,
    /// A stream whose writer did not close it isn't whole
    #[arg(long)]
    pub(crate) require_closed: bool,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("where").required(true).args(["output", "in_place"])))]
pub(crate) struct Recover {
    /// The damaged stream
    pub(crate) file: PathBuf,
    /// Write every good message into a new stream, read it back, and compare
    #[arg(short, long, value_name = "NEW")]
    pub(crate) output: Option<PathBuf>,
    /// Cut off a torn end, which is kept beside the file; nothing else is changed. Refused where more than the end is
    /// damaged
    #[arg(long)]
    pub(crate) in_place: bool,
    /// Of several streams in the file, save the one with this id: where another one lies over its beginning
    #[arg(long, value_name = "ID", requires = "output", value_parser = stream_id)]
    pub(crate) stream_id: Option<NonZeroU64>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: FactsFormat,
}
