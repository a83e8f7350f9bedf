//! Durable messages: what waiting for the disk costs, alone, in batches, and for many threads at once. Real files,
//! `fdatasync`. What each pass made durable is read back, untimed.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::thread;

use flatstream::{SharedOptions, SharedWriter, WriteOptions, Writer};

use super::files::{Files, read_all};
use super::{BLOCK, Outcome, Settings, Workload, expect};
use crate::bodies::Bodies;
use crate::peers::okaywal::{self, OkayWal};
use crate::peers::{Crc32c, Format, Plain, Streamed};
use crate::rounds::{Found, Kind, Pass, Subject};

const MESSAGE_LEN: usize = 64;

/// Not a limit that nothing may beat: from one pass to the next a disk varies by more than any format costs.
const WRITE: &str = "limit: write(2), fdatasync";

/// How many threads wait for their messages.
const THREADS: usize = 64;

pub(crate) const ALONE: &str = "one thread, sync every 64";
pub(crate) const TOGETHER: &str = "64 threads that wait";

pub(super) const NOTE: &str = "\
`fdatasync`, after each message, every 64 and every 1024, 64 B each; the limit writes the same bodies without any
format. Then 64 threads that each wait for their own message (`SharedWriter`), beside one thread that syncs every 64,
and beside the same syncs with 64 threads that only sleep in between, which is what waking them costs. What became
durable is read back after each pass.";

pub(super) fn measure(settings: &Settings) -> io::Result<Outcome> {
    let syncs = if settings.is_quick { 20 } else { 100 };
    let files = Files::new(&settings.folder)?;
    let path = files.0.join("durable");
    let mut groups = Vec::new();
    for (batch, column) in [(1, "a sync each"), (64, "every 64"), (1024, "every 1024")] {
        let workload = Workload::of_len(MESSAGE_LEN, syncs * batch * MESSAGE_LEN).named(column);
        groups.push(workload.measure("durable", subjects(&workload, batch, &path), settings));
    }
    let workload = Workload::of_len(MESSAGE_LEN, syncs * THREADS * MESSAGE_LEN).named("64 messages a sync");
    groups.push(workload.measure("group commit", group_commit(&workload, &path), settings));
    Ok(Outcome::Groups(groups))
}

fn subjects<'a>(workload: &'a Workload, batch: usize, path: &'a Path) -> Vec<Subject<'a>> {
    let subject = |name: &str, kind, pass: Box<dyn Fn() -> io::Result<Pass>>| {
        Subject::new(name, kind, workload.found(), move || expect("durable", pass()))
    };
    vec![
        subject(WRITE, Kind::Limit, Box::new(move || write_blocks(workload, batch, path))),
        subject(Plain::NAME, Kind::Baseline, Box::new(move || write_plain(workload, batch, path))),
        subject("plain, again", Kind::Again, Box::new(move || write_plain(workload, batch, path))),
        subject(Crc32c::NAME, Kind::Ours, Box::new(move || write_ours(workload, batch, path))),
        subject(okaywal::NAME, Kind::Peer, Box::new(move || write_okaywal(workload, batch, path))),
    ]
}

/// The bodies of a batch, one behind the other, in one call.
fn write_blocks(workload: &Workload, batch: usize, path: &Path) -> io::Result<Pass> {
    let batches: Vec<Vec<u8>> = batches(workload, batch).map(|bodies| bodies.concat()).collect();
    let mut file = File::create(path)?;
    let pass = time(|| {
        batches.iter().try_for_each(|bodies| {
            file.write_all(bodies)?;
            file.sync_data()
        })
    })?;
    let mut source = BufReader::new(File::open(path)?);
    let mut found = Found { count: 0, sum: 0 };
    let mut message = [0; MESSAGE_LEN];
    while source.read_exact(&mut message).is_ok() {
        found.add(&message);
    }
    Ok(pass.with_found(found))
}

fn batches(workload: &Workload, batch: usize) -> impl Iterator<Item = Vec<&[u8]>> {
    let mut messages = workload.messages();
    std::iter::from_fn(move || {
        Some(messages.by_ref().take(batch).collect::<Vec<_>>()).filter(|batch| !batch.is_empty())
    })
}

/// What was found is filled in afterwards.
fn time(work: impl FnOnce() -> io::Result<()>) -> io::Result<Pass> {
    let mut result = Ok(());
    let pass = Pass::time(|| {
        result = work();
        Found { count: 0, sum: 0 }
    });
    result.map(|()| pass)
}

fn read_back<F: Streamed>(pass: Pass, path: &Path) -> io::Result<Pass> {
    Ok(pass.with_found(read_all::<F>(File::open(path)?)))
}

fn write_plain(workload: &Workload, batch: usize, path: &Path) -> io::Result<Pass> {
    let mut writer = BufWriter::with_capacity(BLOCK, File::create(path)?);
    let pass = time(|| {
        for (nth, body) in (1..).zip(workload.messages()) {
            writer.write_all(&(body.len() as u32).to_le_bytes())?;
            writer.write_all(body)?;
            if nth % batch == 0 {
                writer.flush()?;
                writer.get_ref().sync_data()?;
            }
        }
        Ok(())
    })?;
    read_back::<Plain>(pass, path)
}

fn write_ours(workload: &Workload, batch: usize, path: &Path) -> io::Result<Pass> {
    let mut writer = Writer::create(path, WriteOptions::new())?;
    writer.sync()?;
    let pass = time(|| {
        for (nth, body) in (1..).zip(workload.messages()) {
            writer.append(body)?;
            if nth % batch == 0 {
                writer.sync()?;
            }
        }
        Ok(())
    })?;
    writer.finish()?;
    read_back::<Crc32c>(pass, path)
}

fn write_okaywal(workload: &Workload, batch: usize, path: &Path) -> io::Result<Pass> {
    let folder = path.with_extension("okaywal");
    // Its own framing takes less than as much again.
    let bytes = u32::try_from(workload.count * MESSAGE_LEN * 2).unwrap_or(u32::MAX).max(1 << 20);
    let log = OkayWal::create(&folder, bytes)?;
    let mut messages = workload.messages();
    let pass = time(|| {
        let batches = workload.count.div_ceil(batch);
        (0..batches).try_for_each(|_| log.commit(messages.by_ref().take(batch)))
    })?;
    Ok(pass.with_found(log.read_back(&folder, bytes)?))
}

/// Beside what many threads cost, the same syncs with 64 threads that only sleep in between: what waking them costs,
/// which `SharedWriter` saves where syncs are quick, because its threads stay awake. It is no limit.
fn group_commit<'a>(workload: &'a Workload, path: &'a Path) -> Vec<Subject<'a>> {
    let subject = |name: &str, kind, expected, pass: Box<dyn Fn() -> io::Result<Pass>>| {
        Subject::new(name, kind, expected, move || expect("group commit", pass()))
    };
    let commits = workload.count / THREADS;
    // Each thread appends the messages from the first.
    let own = workload.bodies.found(commits);
    let together = Found { count: workload.count as u64, sum: own.sum.wrapping_mul(THREADS as u64) };
    let sleepers = Found { count: workload.count as u64, sum: 0 };
    vec![
        subject(ALONE, Kind::Baseline, workload.found(), Box::new(move || write_ours(workload, THREADS, path))),
        subject(
            "one thread, again",
            Kind::Again,
            workload.found(),
            Box::new(move || write_ours(workload, THREADS, path)),
        ),
        subject(TOGETHER, Kind::Ours, together, Box::new(move || commit_together(&workload.bodies, commits, path))),
        subject("64 threads that only sleep", Kind::Aside, sleepers, Box::new(move || wake_all(commits, path))),
    ]
}

fn commit_together(bodies: &Bodies, commits: usize, path: &Path) -> io::Result<Pass> {
    let writer = SharedWriter::new(Writer::create(path, WriteOptions::new())?, SharedOptions::new())?;
    writer.sync()?;
    let start_line = Barrier::new(THREADS + 1);
    let pass = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    start_line.wait();
                    bodies.take(commits).try_for_each(|body| writer.append(body)?.wait())
                })
            })
            .collect();
        start_line.wait();
        time(|| threads.into_iter().try_for_each(|thread| Ok(thread.join().expect("no thread panics")?)))
    })?;
    assert_eq!(writer.durable_sequence() as usize, commits * THREADS);
    writer.finish()?;
    read_back::<Crc32c>(pass, path)
}

fn wake_all(commits: usize, path: &Path) -> io::Result<Pass> {
    let mut file = File::create(path)?;
    let commit = [0x5A; MESSAGE_LEN * THREADS];
    let gate = Arc::new(Mutex::new(Arc::new(OnceLock::new())));
    let arrived = Arc::new(AtomicUsize::new(0));
    let committer = thread::current();
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (gate, arrived, committer) = (Arc::clone(&gate), Arc::clone(&arrived), committer.clone());
            thread::spawn(move || {
                for _ in 0..commits {
                    let own = Arc::clone(&gate.lock().expect("nobody panics"));
                    if arrived.fetch_add(1, Ordering::AcqRel) == THREADS - 1 {
                        committer.unpark();
                    }
                    own.wait();
                }
            })
        })
        .collect();
    let pass = time(|| {
        for _ in 0..commits {
            while arrived.load(Ordering::Acquire) < THREADS {
                thread::park();
            }
            arrived.store(0, Ordering::Release);
            file.write_all(&commit)?;
            file.sync_data()?;
            let opened = std::mem::replace(&mut *gate.lock().expect("nobody panics"), Arc::new(OnceLock::new()));
            opened.set(()).expect("only this thread opens it");
        }
        Ok(())
    })?;
    threads.into_iter().for_each(|thread| thread.join().expect("nobody panics"));
    Ok(pass.with_found(Found { count: (commits * THREADS) as u64, sum: 0 }))
}
