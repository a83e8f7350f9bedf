//! Commands about schemas.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::FactsFormat;

#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// Print a schema as text, in the language of .fbs files
    Show(Show),
    /// Write a stream's schema into a file
    Extract(Extract),
    /// Rewrite a stream with a schema in its header
    Attach(Attach),
    /// Say whether a stream can be continued under a schema: exit code 1 and why not, if it can't
    Conform(Conform),
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A stream, a folder with a log, a binary schema (.bfbs), or -
    pub(crate) file: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: FactsFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Extract {
    /// A stream, a folder with a log, or -
    pub(crate) file: PathBuf,
    /// The file to write, or -; no file is written over
    #[arg(short, long, value_name = "FILE.bfbs")]
    pub(crate) output: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: FactsFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Attach {
    /// A stream, a folder with a log, or -; one that has a schema must conform to the new one
    pub(crate) file: PathBuf,
    /// The binary schema, as `flatc --schema --binary` makes it
    #[arg(long, value_name = "FILE.bfbs")]
    pub(crate) schema: PathBuf,
    /// The table that messages are, by its full name; if the header doesn't say, the schema's root type
    #[arg(long, value_name = "TABLE")]
    pub(crate) root: Option<String>,
    /// The new stream; no file is written over
    #[arg(short, long, value_name = "NEW")]
    pub(crate) output: PathBuf,
    /// Don't decode each message by the schema
    #[arg(long)]
    pub(crate) unchecked: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: FactsFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Conform {
    /// A stream, a folder with a log, a binary schema (.bfbs), or -
    pub(crate) file: PathBuf,
    /// The binary schema under which it is to be continued
    #[arg(value_name = "FILE.bfbs")]
    pub(crate) schema: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: FactsFormat,
}
