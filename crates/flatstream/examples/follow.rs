//! Following a stream live while another process writes it; and going on from a token where one has stopped.
//!
//! `cargo run --release --example follow`
//!
//! The program starts itself as a writer, which appends an event every millisecond; follows its file; notes its place
//! after 500 events; kills the writer and starts another, which goes on in the same file and closes it; and follows
//! once more, from the place that was noted.

use std::io;
use std::path::Path;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flatbuffers::FlatBufferBuilder;
use flatstream::follow::Start;
use flatstream::{Cursor, End, FlushPolicy, FollowOptions, Followed, Follower, Result, WriteOptions, Writer};
use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs, root_as_telemetry_event};

const SEEN_BEFORE_THE_KILL: u64 = 500;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [path, count] => write(Path::new(path), count.parse().map_err(io::Error::other)?),
        _ => show(),
    }
}

/// The writer: so many events, and then it closes the stream.
fn write(path: &Path, count: u64) -> io::Result<()> {
    let options = WriteOptions::new().message_type("Telemetry.TelemetryEvent").flush_policy(FlushPolicy::EveryMessage);
    let mut writer = Writer::open(path, options)?;
    let mut builder = FlatBufferBuilder::new();
    for _ in 0..count {
        builder.reset();
        let source_id = Some(builder.create_string("pump-1"));
        let value = writer.sequence() as f64;
        let args = TelemetryEventArgs { timestamp_ns: unix_time_ns(), source_id, value };
        let event = TelemetryEvent::create(&mut builder, &args);
        builder.finish(event, None);
        writer.append(builder.finished_data())?;
        sleep(Duration::from_millis(1));
    }
    writer.finish()?;
    Ok(())
}

fn show() -> io::Result<()> {
    let folder = std::env::temp_dir().join(format!("flatstream-follow-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("events.fls");

    // It need not be there yet.
    let mut follower = Follower::open(&path, FollowOptions::new().wait_for_file(true))?;
    let mut writer = start_writer(&path, u64::MAX)?;
    let mut delays = Vec::new();
    for number in 0..SEEN_BEFORE_THE_KILL {
        let Some(message) = follower.next_message()? else { unreachable!("the writer doesn't close the stream") };
        delays.push(unix_time_ns().saturating_sub(check(message, number)));
    }
    delays.sort_unstable();
    println!(
        "{SEEN_BEFORE_THE_KILL} events seen as they came, half of them within {} us",
        delays[delays.len() / 2] / 1000
    );
    let token = follower.cursor().expect("messages were seen").to_string();
    println!("the place behind them: {token}");

    writer.kill()?;
    writer.wait()?;
    let mut next = SEEN_BEFORE_THE_KILL;
    while let Followed::Message(message) = follower.poll()? {
        check(message, next);
        next += 1;
    }
    println!("the writer was killed (SIGKILL) after {next} events; nothing has ended for who follows");

    let mut writer = start_writer(&path, 200)?;
    let all = follow_to_the_end(&mut follower, next)?;
    println!("another writer went on, and closed the stream after {all} events: {}", end_of(&follower));
    assert_eq!(all, next + 200, "a message is missing, or came twice");
    assert!(writer.wait()?.success());

    // In another process, say, and days later.
    let place: Cursor = token.parse()?;
    let mut second = Follower::open(&path, FollowOptions::new().from(Start::Cursor(place)))?;
    let all_by_second = follow_to_the_end(&mut second, SEEN_BEFORE_THE_KILL)?;
    assert_eq!(all_by_second, all);
    println!("a second follower went on from the token: {} more events, none twice", all - SEEN_BEFORE_THE_KILL);
    std::fs::remove_dir_all(&folder)
}

fn start_writer(path: &Path, count: u64) -> io::Result<Child> {
    Command::new(std::env::current_exe()?).arg(path).arg(count.to_string()).spawn()
}

/// Checks all messages from this number on; returns how many the stream holds.
fn follow_to_the_end(follower: &mut Follower, first: u64) -> Result<u64> {
    let mut next = first;
    while let Some(message) = follower.next_message()? {
        check(message, next);
        next += 1;
    }
    assert!(follower.end().is_some_and(End::is_closed));
    Ok(next)
}

fn end_of(follower: &Follower) -> String {
    follower.end().map(ToString::to_string).unwrap_or_default()
}

/// Returns when it was appended.
fn check(message: &[u8], number: u64) -> u64 {
    let event = root_as_telemetry_event(message).expect("an event");
    assert_eq!(event.value(), number as f64, "a message is missing, or came twice");
    event.timestamp_ns()
}

fn unix_time_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64
}
