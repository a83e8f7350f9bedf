use std::path::Path;

use clap::CommandFactory;

use crate::arguments::Arguments;
use crate::outcome::{Done, Failure, Outcome};

pub(crate) fn run(folder: &Path) -> Outcome {
    clap_mangen::generate_to(Arguments::command(), folder).map_err(|error| Failure::file(folder, "written", &error))?;
    Ok(Done::Well)
}
