//! Commands that show messages.

use std::path::PathBuf;

use clap::Args;

use super::{FactsFormat, MessagesFormat, Reading};

#[derive(Debug, Args)]
pub(crate) struct Head {
    /// Streams, folders with logs, or -; one after the other
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// So many of each; with --where, of those that it chooses
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 10)]
    pub(crate) count: u64,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: MessagesFormat,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// Streams, folders with logs, or -; one after the other
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// So many of each; --where chooses among them
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 10)]
    pub(crate) count: u64,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: MessagesFormat,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// Print more messages as a writer appends them, until it closes the stream
    #[arg(short, long, conflicts_with = "recover")]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A file, and a position in it in bytes: events.fls@4096, events.fls@0x1000
    #[arg(value_name = "FILE@POSITION")]
    pub(crate) place: String,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: FactsFormat,
}
