//! Commands that make streams.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::{Choice, FactsFormat, Window};

#[derive(Debug, Args)]
pub(crate) struct Cut {
    /// A stream, a folder with a log, or -
    pub(crate) file: PathBuf,
    /// The new stream; no file is written over
    #[arg(short, long, value_name = "NEW")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) window: Window,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: FactsFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Merge {
    /// Streams of one type, folders with logs, or -
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The new stream; no file is written over
    #[arg(short, long, value_name = "NEW")]
    pub(crate) output: PathBuf,
    /// In the order of this field, which must not decrease in any of them; by default in the order of their times, as
    /// far as sync frames tell
    #[arg(long, value_name = "FIELD")]
    pub(crate) by: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: FactsFormat,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("rule").required(true).args(["every_messages", "every_bytes", "by"])))]
pub(crate) struct Split {
    /// A stream, a folder with a log, or -
    pub(crate) file: PathBuf,
    /// The folder for the new streams; it must be empty, or not there
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) output: PathBuf,
    /// So many messages into each, named by the number of its first
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) every_messages: Option<u64>,
    /// As many messages into each as fit into so many bytes, and at least one
    #[arg(long, value_name = "BYTES")]
    pub(crate) every_bytes: Option<u64>,
    /// One for each value of this field
    #[arg(long, value_name = "FIELD")]
    pub(crate) by: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: FactsFormat,
}
