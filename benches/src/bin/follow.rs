//! How soon a follower sees what a writer in another process has appended and flushed, and what waiting costs.
//!
//! `cargo run --release -p flatstream-benches --bin follow`
//!
//! Compared are the ways of waiting: what `Follower` does by itself on Linux (inotify), what it does elsewhere (looking
//! again, at growing intervals), the `notify` crate, and looking at fixed intervals. Each message holds the time just
//! before it was appended. All are measured in one run, in an order that rotates.

#![forbid(unsafe_code)]

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use flatstream::{FlushPolicy, FollowOptions, Followed, Follower, WriteOptions, Writer};
use flatstream_testkit::folder::Folder;
use notify::{RecursiveMode, Watcher};

const ROUNDS: usize = 3;

/// Messages per second, and how many in each round.
const RATES: [(u64, u64); 2] = [(1000, 3000), (10, 40)];

const IDLE: Duration = Duration::from_secs(3);

#[derive(Clone, Copy)]
enum Way {
    BuiltIn,
    Growing,
    Notify,
    Every(Duration),
}

const WAYS: [(&str, Way); 5] = [
    ("Follower: inotify", Way::BuiltIn),
    ("Follower: polling, 50 us growing to 10 ms", Way::Growing),
    ("notify crate", Way::Notify),
    ("every ms", Way::Every(Duration::from_millis(1))),
    ("every 10 ms", Way::Every(Duration::from_millis(10))),
];

/// Of one way of waiting.
#[derive(Default)]
struct Figures {
    /// For each rate, how late messages were seen, in microseconds.
    delays: [Vec<f64>; RATES.len()],
    /// For each rate, processor time of the follower for each second, in microseconds.
    busy: [Vec<f64>; RATES.len()],
    /// The same while nothing is appended.
    idle: Vec<f64>,
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [path, rate, count] = &arguments[..] {
        let [rate, count] = [rate, count].map(|text| text.parse().expect("a number"));
        return write(Path::new(path), rate, count);
    }
    let folder = Folder::new("follow-bench");
    let mut figures: [Figures; WAYS.len()] = Default::default();
    for round in 0..ROUNDS {
        for turn in 0..WAYS.len() {
            let nth = (turn + round) % WAYS.len();
            let (way, figures) = (WAYS[nth].1, &mut figures[nth]);
            for (nth_rate, (rate, count)) in RATES.into_iter().enumerate() {
                let path = folder.join("followed.fls");
                let (delays, busy) = follow_writer(&path, way, rate, count)?;
                figures.delays[nth_rate].extend(delays);
                figures.busy[nth_rate].push(busy);
            }
            figures.idle.push(idle(&folder.join("idle.fls"), way)?);
        }
    }
    println!("{ROUNDS} rounds; seen after appending and flushing, us: p50, p99; processor time, us per second");
    println!("{:<44} {:^26} {:^26} {:>9}", "", "1000/s", "10/s", "idle");
    for ((name, _), figures) in WAYS.iter().zip(&mut figures) {
        print!("{name:<44}");
        for (delays, busy) in figures.delays.iter_mut().zip(&mut figures.busy) {
            print!(" {:8.0} {:8.0} {:8.0}", quantile(delays, 0.5), quantile(delays, 0.99), quantile(busy, 0.5));
        }
        println!(" {:9.0}", quantile(&mut figures.idle, 0.5));
    }
    Ok(())
}

/// The writing process.
fn write(path: &Path, rate: u64, count: u64) -> io::Result<()> {
    let options = WriteOptions::new().flush_policy(FlushPolicy::EveryMessage);
    let mut writer = Writer::create(path, options)?;
    let start = Instant::now() + Duration::from_millis(200);
    for number in 0..count {
        let due = start + Duration::from_nanos(1_000_000_000 / rate * number);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        writer.append(&now().to_le_bytes())?;
    }
    writer.finish()?;
    Ok(())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos() as u64
}

/// How late each message was seen, and how much processor time a second of following took.
fn follow_writer(path: &Path, way: Way, rate: u64, count: u64) -> io::Result<(Vec<f64>, f64)> {
    let mut writer =
        Command::new(std::env::current_exe()?).arg(path).args([rate.to_string(), count.to_string()]).spawn()?;
    let mut waiting = Waiting::new(path, way)?;
    let mut delays = Vec::new();
    let (begin, used_before) = (Instant::now(), processor_time()?);
    while let Some(sent) = waiting.next()? {
        delays.push(now().saturating_sub(sent) as f64 / 1e3);
    }
    let busy = (processor_time()? - used_before) / begin.elapsed().as_secs_f64();
    assert!(writer.wait()?.success() && delays.len() as u64 == count);
    fs::remove_file(path)?;
    Ok((delays, busy))
}

fn idle(path: &Path, way: Way) -> io::Result<f64> {
    let mut writer = Writer::create(path, WriteOptions::new())?;
    writer.append(b"8 bytes.")?;
    writer.flush()?;
    let mut waiting = Waiting::new(path, way)?;
    waiting.next()?;
    let used_before = processor_time()?;
    waiting.wait_for(IDLE)?;
    Ok((processor_time()? - used_before) / IDLE.as_secs_f64())
}

/// A follower with a way of waiting.
struct Waiting {
    follower: Follower,
    way: Way,
    /// The `notify` crate's, if that is the way.
    events: Option<(notify::RecommendedWatcher, mpsc::Receiver<()>)>,
}

impl Waiting {
    fn new(path: &Path, way: Way) -> io::Result<Self> {
        let options = FollowOptions::new();
        let options = if let Way::Growing = way { options.polling(Duration::from_millis(10)) } else { options };
        let follower = loop {
            match Follower::open(path, options.clone()) {
                Ok(follower) => break follower,
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        };
        let events = if let Way::Notify = way { Some(watch(path)?) } else { None };
        Ok(Self { follower, way, events })
    }

    fn next(&mut self) -> io::Result<Option<u64>> {
        loop {
            match self.follower.next_within(self.own_wait())? {
                Followed::Message(message) => {
                    return Ok(message.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)));
                }
                Followed::Ended => return Ok(None),
                Followed::Waiting => self.pause(Duration::MAX),
            }
        }
    }

    fn own_wait(&self) -> Duration {
        match self.way {
            Way::BuiltIn | Way::Growing => Duration::MAX,
            Way::Notify | Way::Every(_) => Duration::ZERO,
        }
    }

    fn pause(&self, at_most: Duration) {
        match (self.way, &self.events) {
            (Way::Every(interval), _) => thread::sleep(interval.min(at_most)),
            (Way::Notify, Some((_, told))) => drop(told.recv_timeout(at_most)),
            _ => {}
        }
    }

    /// Waits for something that doesn't come.
    fn wait_for(&mut self, time: Duration) -> io::Result<()> {
        let deadline = Instant::now() + time;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            assert_eq!(self.follower.next_within(self.own_wait().min(left))?, Followed::Waiting);
            self.pause(deadline.saturating_duration_since(Instant::now()));
        }
    }
}

fn watch(path: &Path) -> io::Result<(notify::RecommendedWatcher, mpsc::Receiver<()>)> {
    let (tell, told) = mpsc::channel();
    let on_event = move |_| {
        let _ = tell.send(());
    };
    let mut watcher = notify::recommended_watcher(on_event).map_err(io::Error::other)?;
    watcher.watch(path, RecursiveMode::NonRecursive).map_err(io::Error::other)?;
    Ok((watcher, told))
}

/// What all threads of this process have used, in microseconds.
fn processor_time() -> io::Result<f64> {
    let mut nanoseconds = 0.0;
    for thread in fs::read_dir("/proc/self/task")? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        nanoseconds += text.split(' ').next().and_then(|first| first.parse::<f64>().ok()).unwrap_or_default();
    }
    Ok(nanoseconds / 1e3)
}

fn quantile(figures: &mut [f64], part: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[((figures.len() - 1) as f64 * part).round() as usize]
}
