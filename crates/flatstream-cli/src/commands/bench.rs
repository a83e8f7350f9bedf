use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use crate::arguments::{Bench, FactsFormat};
use crate::measure::{Work, ours, plain};
use crate::outcome::{Done, Failure, Outcome};
use crate::progress;
use crate::text::{count, counted};

/// What is measured, with messages of so many bytes.
const ROWS: &[(Work, usize)] = &[
    (Work::Write, 64),
    (Work::Write, 1024),
    (Work::Read, 64),
    (Work::Read, 1024),
    (Work::Verify, 64),
    (Work::Verify, 1024),
    (Work::DurableAppend, 64),
];

/// A sync takes milliseconds on many disks: so many messages are enough.
const DURABLE_MESSAGES_MAX: u64 = 200;

/// The median of the rounds.
struct Row {
    work: Work,
    message_bytes: usize,
    messages: u64,
    seconds: f64,
    plain_seconds: f64,
    /// How many times as fast as plain: the median of what each round says, in which both ran one after the other.
    ratio: f64,
}

impl Row {
    fn messages_per_second(&self) -> f64 {
        self.messages as f64 / self.seconds
    }

    fn bytes_per_second(&self) -> f64 {
        self.messages_per_second() * self.message_bytes as f64
    }
}

pub(crate) fn run(options: &Bench) -> Outcome {
    let place = options.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = Folder::create(&place)?;
    let on_signal = folder.0.clone();
    ctrlc::set_handler(move || {
        let _ = fs::remove_dir_all(&on_signal);
        std::process::exit(1);
    })
    .map_err(|error| Failure::Other { what: format!("signals can't be taken: {error}"), advice: None })?;
    let bar = progress::bar(options.size * ROWS.len() as u64 * u64::from(options.rounds), "measuring");
    let mut rows = Vec::new();
    for (work, message_bytes) in ROWS {
        let row = measure(*work, *message_bytes, options, &folder.0, || bar.inc(options.size));
        rows.push(row.map_err(|error| Failure::file(&place, "measured", &error))?);
    }
    bar.finish_and_clear();
    drop(folder);
    say(options, &place, &rows)?;
    Ok(Done::Well)
}

/// Takes the files of the measurement, and is removed with them.
struct Folder(PathBuf);

impl Folder {
    fn create(place: &Path) -> Result<Self, Failure> {
        let folder = place.join(format!(".flatstream-bench.{}", std::process::id()));
        fs::create_dir(&folder).map_err(|error| Failure::file(&folder, "created", &error))?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What was measured is right all the same.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn measure(
    work: Work,
    message_bytes: usize,
    options: &Bench,
    folder: &Path,
    round_is_over: impl Fn(),
) -> io::Result<Row> {
    let messages = match work {
        Work::DurableAppend => DURABLE_MESSAGES_MAX.min(options.size / message_bytes as u64),
        _ => options.size / message_bytes as u64,
    };
    let message = vec![0x5A; message_bytes];
    let (mut times, mut plain_times, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..options.rounds {
        let our = || ours(work, &folder.join("ours"), &message, messages);
        let their = || plain(work, &folder.join("plain"), &message, messages);
        // Neither is always the first.
        let (our, their) = if round % 2 == 0 {
            (our()?, their()?)
        } else {
            let their = their()?;
            (our()?, their)
        };
        times.push(seconds(our));
        plain_times.push(seconds(their));
        ratios.push(seconds(their) / seconds(our));
        round_is_over();
    }
    let (seconds, plain_seconds, ratio) = (median(times), median(plain_times), median(ratios));
    Ok(Row { work, message_bytes, messages, seconds, plain_seconds, ratio })
}

/// No time at all would be no rate.
fn seconds(time: Duration) -> f64 {
    time.as_secs_f64().max(1e-9)
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    let middle = of.len() / 2;
    match of.len() % 2 {
        1 => of[middle],
        _ => of[middle - 1].midpoint(of[middle]),
    }
}

fn say(options: &Bench, place: &Path, rows: &[Row]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    if options.format == FactsFormat::Json {
        let of = |row: &Row| {
            json!({
                "what": row.work.name(),
                "message_bytes": row.message_bytes,
                "messages": row.messages,
                "messages_per_second": row.messages_per_second().round(),
                "bytes_per_second": row.bytes_per_second().round(),
                "plain_messages_per_second": (row.messages as f64 / row.plain_seconds).round(),
                "of_plain": row.ratio,
            })
        };
        let value = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "folder": place.to_string_lossy(),
            "processors": processors,
            "bytes": options.size,
            "rounds": options.rounds,
            "rows": rows.iter().map(of).collect::<Vec<_>>(),
        });
        writeln!(out, "{value}")?;
        return out.flush();
    }
    let (bytes, rounds) = (counted(options.size, "byte"), counted(options.rounds.into(), "round"));
    let processors = counted(processors as u64, "processor");
    writeln!(out, "{bytes} of messages in {}, {processors}, median of {rounds}\n", place.display())?;
    writeln!(out, "| {:<26} | {:>12} | {:>8} | {:>8} |", "", "messages/s", "MB/s", "of plain")?;
    writeln!(out, "|{:-<28}|{:->13}:|{:->9}:|{:->9}:|", "", "", "", "")?;
    for row in rows {
        let what = format!("{}, {}", row.work.name(), size_text(row.message_bytes));
        let messages = count(row.messages_per_second().round() as u64);
        let (megabytes, ratio) = (row.bytes_per_second() / 1e6, row.ratio);
        let digits = if megabytes < 10.0 { 3 } else { 1 };
        writeln!(out, "| {what:<26} | {messages:>12} | {megabytes:>8.digits$} | {ratio:>7.2}x |")?;
    }
    writeln!(out, "\nplain: lengths and messages without a check; for verify, reading the file's bytes")?;
    out.flush()
}

fn size_text(bytes: usize) -> String {
    if bytes.is_multiple_of(1024) { format!("{} KiB", bytes / 1024) } else { format!("{bytes} B") }
}
