//! `SharedWriter`: what waiting for durability costs many threads, and what `append` costs while a disk syncs.
//!
//! `cargo run --release -p flatstream-benches --bin shared [FOLDER]`
//!
//! First: 64 threads that each append a message and wait until it is durable, beside one thread that appends 64
//! messages and syncs, over and over: real files in FOLDER (default: `target/`), `fdatasync`. Each round runs every
//! subject once, in an order that rotates; shown are the median of the rounds' ratios, and the least and the greatest.
//! The baseline runs twice, under two names: a difference smaller than that pair's spread is nothing. Beside
//! it, the same syncs with 64 threads that only sleep in between: what waking them costs, which `SharedWriter` saves
//! where syncs are quick, because its threads stay awake.
//!
//! Then: the latency of `append` at 50,000 messages a second while each sync takes 10 ms, beside a push of the same
//! bytes into a `Vec` behind a `Mutex`: the same thread, the same moment, in an order that alternates.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::time::{Duration, Instant};
use std::{fs, hint, io, thread};

use flatstream::{Durable, SharedOptions, SharedWriter, SyncPolicy, WriteOptions, Writer};

const THREADS: usize = 64;
const MESSAGE: [u8; 64] = [0x5A; 64];

fn main() -> io::Result<()> {
    let folder = std::env::args().nth(1).map_or_else(|| PathBuf::from("target"), PathBuf::from);
    fs::create_dir_all(&folder)?;
    compare_commits(&folder)?;
    compare_latencies()
}

/// How many messages a second become durable.
type Rate = io::Result<f64>;

/// A name, and a run with a file of this path.
type Subject = (&'static str, fn(&Path) -> Rate);

fn compare_commits(folder: &Path) -> io::Result<()> {
    const ROUNDS: usize = 15;
    let path = folder.join(format!("flatstream-shared-{}.fls", std::process::id()));
    let subjects: [Subject; 4] = [
        ("one thread, sync every 64", commit_alone),
        ("one thread, again", commit_alone),
        ("64 threads that wait", commit_together),
        ("64 threads that only sleep", wake_all),
    ];
    let mut rates = vec![Vec::new(); subjects.len()];
    for round in 0..ROUNDS {
        for turn in 0..subjects.len() {
            let nth = (turn + round) % subjects.len();
            rates[nth].push(subjects[nth].1(&path)?);
        }
    }
    fs::remove_file(&path)?;
    println!("durable messages a second, {ROUNDS} rounds, files in {}", folder.display());
    for (nth, (name, _)) in subjects.iter().enumerate() {
        let ratios = sorted(rates[nth].iter().zip(&rates[0]).map(|(own, base)| own / base));
        let (median, least, greatest) = (ratios[ROUNDS / 2], ratios[0], ratios[ROUNDS - 1]);
        let rate = sorted(rates[nth].iter().copied())[ROUNDS / 2];
        println!("  {name:<26} {median:5.2}x  ({least:.2} to {greatest:.2})  {rate:9.0} messages/s");
    }
    println!();
    Ok(())
}

/// So many times 64 messages.
const COMMITS: usize = 400;

fn commit_alone(path: &Path) -> Rate {
    let mut writer = Writer::create(path, WriteOptions::new())?;
    writer.sync()?;
    let start = Instant::now();
    for _ in 0..COMMITS {
        for _ in 0..THREADS {
            writer.append(&MESSAGE)?;
        }
        writer.sync()?;
    }
    let rate = (COMMITS * THREADS) as f64 / start.elapsed().as_secs_f64();
    assert_eq!(writer.sequence() as usize, COMMITS * THREADS);
    writer.finish()?;
    Ok(rate)
}

fn commit_together(path: &Path) -> Rate {
    let writer = SharedWriter::new(Writer::create(path, WriteOptions::new())?, SharedOptions::new())?;
    writer.sync()?;
    let start_line = Arc::new(Barrier::new(THREADS + 1));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (writer, start_line) = (writer.clone(), Arc::clone(&start_line));
            thread::spawn(move || {
                start_line.wait();
                (0..COMMITS).try_for_each(|_| writer.append(&MESSAGE)?.wait())
            })
        })
        .collect();
    start_line.wait();
    let start = Instant::now();
    for thread in threads {
        thread.join().expect("no thread panics")?;
    }
    let rate = (COMMITS * THREADS) as f64 / start.elapsed().as_secs_f64();
    assert_eq!(writer.durable_sequence() as usize, COMMITS * THREADS);
    writer.finish()?;
    Ok(rate)
}

/// The same syncs, and in between 64 threads that are woken, come back and sleep, with nothing to append. It is no
/// limit: threads that let others run instead of sleeping are faster.
fn wake_all(path: &Path) -> Rate {
    let mut file = fs::File::create(path)?;
    let commit = [MESSAGE; THREADS].concat();
    let gate = Arc::new(Mutex::new(Arc::new(OnceLock::new())));
    let arrived = Arc::new(AtomicUsize::new(0));
    let committer = thread::current();
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (gate, arrived, committer) = (Arc::clone(&gate), Arc::clone(&arrived), committer.clone());
            thread::spawn(move || {
                for _ in 0..COMMITS {
                    let own = Arc::clone(&gate.lock().expect("nobody panics"));
                    if arrived.fetch_add(1, Ordering::AcqRel) == THREADS - 1 {
                        committer.unpark();
                    }
                    own.wait();
                }
            })
        })
        .collect();
    let start = Instant::now();
    for _ in 0..COMMITS {
        while arrived.load(Ordering::Acquire) < THREADS {
            thread::park();
        }
        arrived.store(0, Ordering::Release);
        io::Write::write_all(&mut file, &commit)?;
        file.sync_data()?;
        let next = Arc::new(OnceLock::new());
        let opened = std::mem::replace(&mut *gate.lock().expect("nobody panics"), next);
        opened.set(()).expect("only this thread opens it");
    }
    let rate = (COMMITS * THREADS) as f64 / start.elapsed().as_secs_f64();
    threads.into_iter().for_each(|thread| thread.join().expect("nobody panics"));
    Ok(rate)
}

/// A disk without bytes, whose syncs take 10 ms.
struct SlowDisk;

impl io::Write for SlowDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Durable for SlowDisk {
    fn sync(&mut self) -> io::Result<()> {
        thread::sleep(Duration::from_millis(10));
        Ok(())
    }
}

fn compare_latencies() -> io::Result<()> {
    const ROUNDS: usize = 7;
    println!(
        "append while each sync takes 10 ms: 100,000 messages of 64 B at 50,000/s, {ROUNDS} rounds, in microseconds"
    );
    println!("                            p50             p99           p99.9             max");
    let rounds: Vec<_> = (0..ROUNDS).map(|_| measure_latencies()).collect::<io::Result<_>>()?;
    for (nth, name) in ["append", "push into a Vec"].into_iter().enumerate() {
        print!("  {name:<16}");
        for quantile in [0.5, 0.99, 0.999, 1.0] {
            let values = sorted(rounds.iter().map(|round| {
                let latencies = &round[nth];
                latencies[((latencies.len() - 1) as f64 * quantile) as usize] * 1e6
            }));
            print!("  {:5.2} ({:.2}..{:.2})", values[ROUNDS / 2], values[0], values[ROUNDS - 1]);
        }
        println!();
    }
    Ok(())
}

/// Latencies in seconds, sorted: of `append`, and of the push.
fn measure_latencies() -> io::Result<[Vec<f64>; 2]> {
    const COUNT: usize = 100_000;
    const PACE: Duration = Duration::from_micros(20);
    // The thread syncs without a pause, each time for all that came.
    let options = WriteOptions::new().sync_policy(SyncPolicy::EveryMessage);
    let writer = SharedWriter::new(Writer::new_durable(SlowDisk, options)?, SharedOptions::new())?;
    let pushed = Mutex::new(vec![0; COUNT * MESSAGE.len()]);
    pushed.lock().expect("no thread panics").clear();
    let append = || time(|| writer.append(hint::black_box(&MESSAGE)).map(drop));
    let push = || {
        time(|| {
            pushed.lock().expect("no thread panics").extend_from_slice(hint::black_box(&MESSAGE));
            Ok(())
        })
    };
    let mut latencies = [Vec::with_capacity(COUNT), Vec::with_capacity(COUNT)];
    let start = Instant::now();
    for nth in 0..COUNT {
        while start.elapsed() < PACE * nth as u32 {
            hint::spin_loop();
        }
        let (appended, pushed) = if nth % 2 == 0 {
            let appended = append()?;
            (appended, push()?)
        } else {
            let pushed = push()?;
            (append()?, pushed)
        };
        latencies[0].push(appended);
        latencies[1].push(pushed);
    }
    writer.finish()?;
    Ok(latencies.map(sorted))
}

fn time(call: impl FnOnce() -> flatstream::Result<()>) -> io::Result<f64> {
    let start = Instant::now();
    call()?;
    Ok(start.elapsed().as_secs_f64())
}

fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values
}
