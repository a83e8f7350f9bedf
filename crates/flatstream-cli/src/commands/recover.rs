use std::io::{self, Write};
use std::path::Path;

use flatstream::recover::{SalvageReport, repair, salvage_with};
use flatstream::{Error, ErrorKind, OpenReport, ReadOptions, Recovery, WriteOptions};
use serde_json::json;

use crate::arguments::{FactsFormat, Recover};
use crate::outcome::{Done, Failure, Outcome};
use crate::text::{self, counted};

pub(crate) fn run(options: &Recover) -> Outcome {
    let path = &options.file;
    if path.as_os_str() == "-" {
        return Err(Failure::usage(
            "what is recovered is read more than once: put the standard input into a file first",
        ));
    }
    if options.output.as_ref().is_some_and(|output| output.as_os_str() == "-") {
        return Err(Failure::usage("a new stream is read back before it counts, so it has to be a file"));
    }
    match &options.output {
        Some(output) => {
            let mut recovery = Recovery::new();
            if let Some(id) = options.stream_id {
                recovery = recovery.stream_id(id);
            }
            let read = ReadOptions::new().max_message_len(0).recovery(recovery);
            let report = salvage_with(path, output, &read, WriteOptions::new()).map_err(|error| {
                let at = if has_no_room(&error) { output } else { path };
                Failure::with_advice(at, &error, None)
            })?;
            say_salvaged(path, output, &report, options.format)?;
            Ok(if report.is_complete() { Done::Well } else { Done::WithLoss })
        }
        None => {
            let report = repair(path).map_err(|error| {
                let saves = format!("`flatstream recover {} --output NEW` saves what can be read", path.display());
                let is_refused = matches!(error.kind(), ErrorKind::Damaged | ErrorKind::Refused);
                Failure::with_advice(path, &error, is_refused.then_some(saves))
            })?;
            say_repaired(path, &report, options.format)?;
            Ok(if report.messages_cut == 0 { Done::Well } else { Done::WithLoss })
        }
    }
}

/// The new stream can't be written: that isn't the damaged one's fault.
fn has_no_room(error: &Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let kind = error.io_error().map(io::Error::kind);
    matches!(kind, Some(FileTooLarge | QuotaExceeded | ReadOnlyFilesystem | StorageFull))
}

fn say_salvaged(from: &Path, to: &Path, report: &SalvageReport, format: FactsFormat) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let SalvageReport { messages, losses, findings, end, is_header_recovered, .. } = report;
    if format == FactsFormat::Json {
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let value = json!({
            "path": from.to_string_lossy(),
            "output": to.to_string_lossy(),
            "messages": messages,
            "complete": report.is_complete(),
            "header_recovered": is_header_recovered,
            "lost_messages": losses.messages,
            "more_may_be_lost": losses.may_be_more,
            "lost_bytes": losses.bytes,
            "findings": findings,
        });
        writeln!(out, "{value}")?;
        return out.flush();
    }
    writeln!(out, "{} saved in {}, read back and compared", counted(*messages, "message"), to.display())?;
    for finding in findings {
        writeln!(out, "  {}", text::finding(finding))?;
    }
    if *is_header_recovered {
        writeln!(out, "  the header was lost: type, schema and metadata of the messages with it")?;
    }
    if !losses.is_none() {
        let more = if losses.may_be_more { " or more" } else { "" };
        writeln!(out, "  {}{more} lost, in {}", counted(losses.messages, "message"), counted(losses.bytes, "byte"))?;
    }
    writeln!(out, "  {} was {end}, and wasn't changed", from.display())?;
    out.flush()
}

fn say_repaired(path: &Path, report: &OpenReport, format: FactsFormat) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if format == FactsFormat::Json {
        let value = json!({
            "path": path.to_string_lossy(),
            "messages": report.messages_kept,
            "cut_bytes": report.bytes_cut,
            "cut_messages": report.messages_cut,
            "kept_at": report.kept_at.as_ref().map(|kept| kept.to_string_lossy()),
        });
        writeln!(out, "{value}")?;
        return out.flush();
    }
    if report.bytes_cut == 0 {
        writeln!(out, "{}: nothing to cut: {}", path.display(), counted(report.messages_kept, "message"))?;
        return out.flush();
    }
    writeln!(out, "{}: {report}", path.display())?;
    out.flush()
}
