//! An event log that survives its process: create, append, sync, kill, reopen.
//!
//! `cargo run --release --example event_log`
//!
//! The program starts itself as a service that takes orders and acknowledges each one once it is durable; kills it in
//! the middle of its work; opens its log; and finds every order that was acknowledged.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use flatbuffers::FlatBufferBuilder;
use flatstream::{Reader, WriteOptions, Writer};
use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs, root_as_telemetry_event};

const ACKNOWLEDGED_BEFORE_THE_KILL: usize = 500;

fn main() -> io::Result<()> {
    match std::env::args().nth(1) {
        Some(path) => serve(Path::new(&path)),
        None => show(),
    }
}

/// The service: appends orders for ever, and says which one is durable.
fn serve(path: &Path) -> io::Result<()> {
    let mut writer = Writer::open(path, WriteOptions::new().message_type("Telemetry.TelemetryEvent"))?;
    let mut builder = FlatBufferBuilder::new();
    loop {
        let sequence = writer.append(order(&mut builder, writer.sequence()))?;
        // Every third one waits for the disk; those before it are durable with it.
        if sequence % 3 == 2 {
            let durable = writer.sync()?;
            writeln!(io::stdout(), "{durable}")?;
        }
    }
}

fn order<'a>(builder: &'a mut FlatBufferBuilder<'_>, number: u64) -> &'a [u8] {
    builder.reset();
    let source_id = Some(builder.create_string("orders"));
    let args = TelemetryEventArgs { timestamp_ns: number, source_id, value: number as f64 * 9.5 };
    let event = TelemetryEvent::create(builder, &args);
    builder.finish(event, None);
    builder.finished_data()
}

fn show() -> io::Result<()> {
    let folder = std::env::temp_dir().join(format!("flatstream-event-log-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("orders.fls");
    let acknowledged = run_and_kill(&path)?;
    println!("{acknowledged} orders were acknowledged, then the service was killed (SIGKILL)");

    let mut writer = Writer::open(&path, WriteOptions::new())?;
    let report = writer.open_report().expect("the file was there");
    println!("reopened: {report}");
    assert!(report.messages_kept >= acknowledged, "an acknowledged order is gone");

    let mut builder = FlatBufferBuilder::new();
    let sequence = writer.append(order(&mut builder, writer.sequence()))?;
    writer.finish()?;
    println!("one more order, number {sequence}; the log is closed");

    let mut reader = Reader::new(File::open(&path)?)?;
    let mut count = 0;
    for message in &mut reader {
        let message = message?;
        let order = root_as_telemetry_event(&message).expect("an order");
        assert_eq!((order.timestamp_ns(), order.value()), (count, count as f64 * 9.5));
        count += 1;
    }
    assert_eq!(count, sequence + 1);
    println!("read back: {count} orders, in order, none missing, none twice; {}", reader.end()?);
    std::fs::remove_dir_all(&folder)
}

/// Starts the service and kills it in the middle of its work; returns how many orders it had acknowledged.
fn run_and_kill(path: &Path) -> io::Result<u64> {
    let mut service = Command::new(std::env::current_exe()?).arg(path).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(service.stdout.take().expect("it is piped")).lines();
    let mut acknowledged = 0;
    for line in lines.by_ref().take(ACKNOWLEDGED_BEFORE_THE_KILL) {
        acknowledged = line?.parse().map_err(io::Error::other)?;
    }
    service.kill()?;
    service.wait()?;
    // What it had said before it was killed counts too.
    while let Some(Ok(line)) = lines.next() {
        acknowledged = line.parse().unwrap_or(acknowledged);
    }
    Ok(acknowledged)
}
