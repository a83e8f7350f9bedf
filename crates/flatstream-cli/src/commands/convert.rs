use std::io::Write;

use crate::arguments::{Convert, ExportFormat, MessagesFormat, Payload};
use crate::commands::cat::refuse_terminal;
use crate::convert::mcap;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;
use crate::printer::Printer;
use crate::selection::Selected;

pub(crate) fn run(options: &Convert) -> Outcome {
    let is_standard_output = options.output.as_os_str() == "-";
    let is_text = matches!(options.to, Some(ExportFormat::Jsonl | ExportFormat::Csv));
    if is_standard_output && !is_text {
        refuse_terminal("files of this format")?;
    }
    if is_text && options.time.is_some() {
        return Err(Failure::usage("--time is for MCAP, Parquet and Arrow files"));
    }
    let is_of_mcap = matches!(options.to, None | Some(ExportFormat::Mcap));
    if !is_of_mcap && (options.topic.is_some() || options.payload == Payload::Json) {
        return Err(Failure::usage("--topic and --payload are for MCAP files"));
    }
    match options.to {
        Some(ExportFormat::Jsonl) => write_lines(options, MessagesFormat::Ndjson),
        Some(ExportFormat::Csv) => write_lines(options, MessagesFormat::Csv),
        Some(ExportFormat::Mcap) => mcap::export(options),
        Some(format @ (ExportFormat::Parquet | ExportFormat::Arrow)) => write_table(options, format),
        None if is_standard_output => Err(Failure::usage("a stream is made as a file: give one as --output")),
        None => mcap::import(options),
    }
}

fn write_lines(options: &Convert, format: MessagesFormat) -> Outcome {
    let mut selected = Selected::open(&options.file, &options.selection)?;
    let mut printer = Printer::new(format, &options.selection.reading, selected.header())?;
    let path = &options.output;
    let mut output = Output::create(path)?;
    let failed = |error| Output::failed(path, error);
    output.write_all(printer.head()).map_err(failed)?;
    let done = selected.each(None, |item| output.write_all(printer.line(item)?).map_err(failed))?;
    output.finish()?;
    Ok(done.max(printer.done()))
}

#[cfg(feature = "full")]
fn write_table(options: &Convert, format: ExportFormat) -> Outcome {
    crate::convert::arrow::export(options, format)
}

#[cfg(not(feature = "full"))]
fn write_table(_: &Convert, _: ExportFormat) -> Outcome {
    Err(Failure::usage(
        "this program was built without Parquet and Arrow: `cargo install flatstream-cli --features full` has them",
    ))
}
