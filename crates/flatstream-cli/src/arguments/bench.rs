use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args, value_parser};

use super::FactsFormat;

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// The folder to write into: the disk that is measured. By default the one for temporary files
    pub(crate) folder: Option<PathBuf>,
    /// So many bytes of messages are written and read in each round
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20, value_parser = sizes())]
    pub(crate) size: u64,
    /// So many rounds, of which the median counts
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: FactsFormat,
}

/// From a page to a terabyte.
fn sizes() -> RangedU64ValueParser {
    value_parser!(u64).range(4096..=1 << 40)
}
