//! A command that draws.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use super::Selection;

/// What the numbers of a field count, if they are times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimeUnit {
    /// Nanoseconds
    Ns,
    /// Microseconds
    Us,
    /// Milliseconds
    Ms,
    /// Seconds
    S,
    /// They are no times
    None,
}

#[derive(Debug, Args)]
#[command(override_usage = "flatstream plot [OPTIONS] <--output <PICTURE>|--term> <FIELD>... <FILE>")]
#[command(group(ArgGroup::new("where to").required(true).args(["output", "term"])))]
pub(crate) struct Plot {
    /// Numbers, booleans and enums, by their names or paths: value, pose.position.x, `ranges[3]`; and behind them the
    /// FILE: a stream, a folder with a log, or -
    // One argument: clap would take no FILE behind an option that stands between the two.
    #[arg(required = true, value_name = "FIELD... FILE")]
    pub(crate) fields_and_file: Vec<OsString>,
    /// The picture, NAME.svg or NAME.png, which is written over; or - for an SVG to the standard output
    #[arg(short, long, value_name = "PICTURE")]
    pub(crate) output: Option<PathBuf>,
    /// Draw in characters, to the standard output
    #[arg(long)]
    pub(crate) term: bool,
    /// Along this field, a number; by default along the times of sync frames, and if there are none, along the numbers
    /// of messages
    #[arg(long, value_name = "FIELD")]
    pub(crate) x: Option<String>,
    /// What that field counts; by default what its name ends in, _ns, _us, _ms or _s
    #[arg(long, value_name = "UNIT", value_enum, requires = "x")]
    pub(crate) x_unit: Option<TimeUnit>,
    /// Along the numbers of messages
    #[arg(long, conflicts_with = "x")]
    pub(crate) by_number: bool,
    /// A panel for each field, instead of one for all numbers
    #[arg(long)]
    pub(crate) panels: bool,
    /// What stands above it; by default the name of FILE
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// In pixels, by default 1200; with --term in characters, by default as wide as the terminal
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(40..=20_000))]
    pub(crate) width: Option<u32>,
    /// In pixels; with --term in lines; by default what the panels need
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(10..=20_000))]
    pub(crate) height: Option<u32>,
    #[command(flatten)]
    pub(crate) selection: Selection,
}
