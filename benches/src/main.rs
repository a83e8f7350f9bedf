//! First figures against the plainest framing there is: `u32` length and body over a `BufWriter` and a `BufReader` of
//! 256 KiB, which checks nothing.
//!
//! `cargo run --release -p flatstream-benches`
//!
//! A machine's speed drifts, so only ratios within one round count: each round runs every subject once, in an order
//! that rotates, next to the baseline; shown are the median of the rounds' ratios, and the least and the greatest. The
//! baseline runs twice, under two names: a difference smaller than that pair's spread is nothing. Counts and sums of
//! what was read are checked in every run.

#![forbid(unsafe_code)]

mod plain;

use std::hint::black_box;
use std::io;
use std::time::Instant;

use flatstream::{ChecksumType, Reader, SliceReader, WriteOptions, Writer};
use flatstream_testkit::noise::Noise;

const ROUNDS: usize = 11;
const BYTES_PER_RUN: usize = 64 << 20;

/// A subject: what it is called, and a run that returns the number of messages and a sum over their contents.
type Subject<'a> = (&'static str, Box<dyn Fn() -> (usize, u64) + 'a>);

fn main() {
    println!("ratio of the baseline's time to the subject's: 2.00x is twice as fast as plain; {ROUNDS} rounds\n");
    for len in [64, 256, 1024, 16 << 10] {
        let body = Noise::new(len as u64).bytes(len);
        let count = BYTES_PER_RUN / (len + 8);
        compare(&format!("append {len} B into a null sink"), &writers(&body, count));
        let plain = plain::stream(&body, count);
        let ours = stream(&body, count, ChecksumType::Crc32c);
        let unchecked = stream(&body, count, ChecksumType::None);
        compare(&format!("read {len} B from memory"), &readers(&plain, &ours, &unchecked));
    }
}

fn writers<'a>(body: &'a [u8], count: usize) -> Vec<Subject<'a>> {
    let ours = move |checksum| {
        let mut writer = Writer::new(io::sink(), WriteOptions::new().checksum(checksum)).expect("a writer");
        for _ in 0..count {
            writer.append(black_box(body)).expect("a null sink takes all");
        }
        (writer.sequence() as usize, 0)
    };
    vec![
        ("plain", Box::new(move || plain::write(io::sink(), body, count))),
        ("plain, again", Box::new(move || plain::write(io::sink(), body, count))),
        ("append, CRC-32C", Box::new(move || ours(ChecksumType::Crc32c))),
        ("append, XXH3", Box::new(move || ours(ChecksumType::Xxh3))),
        ("append, none", Box::new(move || ours(ChecksumType::None))),
    ]
}

fn stream(body: &[u8], count: usize, checksum: ChecksumType) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), WriteOptions::new().checksum(checksum)).expect("a writer");
    (0..count).for_each(|_| assert!(writer.append(body).is_ok()));
    writer.finish().expect("a vector takes all")
}

/// Looks at each message as little as a sum over all needs: its length and its last byte.
fn look(sum: u64, message: &[u8]) -> u64 {
    sum + message.len() as u64 + u64::from(message.last().copied().unwrap_or_default())
}

fn lend(bytes: &[u8]) -> (usize, u64) {
    let mut reader = Reader::new(bytes).expect("a stream");
    let (mut count, mut sum) = (0, 0);
    while let Some(message) = reader.next_message().expect("good") {
        count += 1;
        sum = look(sum, message);
    }
    (count, sum)
}

fn readers<'a>(plain: &'a [u8], ours: &'a [u8], unchecked: &'a [u8]) -> Vec<Subject<'a>> {
    vec![
        ("plain", Box::new(move || plain::read(plain))),
        ("plain, again", Box::new(move || plain::read(plain))),
        ("next_message, CRC-32C", Box::new(move || lend(ours))),
        ("next_message, none", Box::new(move || lend(unchecked))),
        (
            "owned iterator, CRC-32C",
            Box::new(move || {
                let messages = Reader::new(ours).expect("a stream").map(|message| message.expect("good"));
                messages.fold((0, 0), |(count, sum), message| (count + 1, look(sum, &message)))
            }),
        ),
        (
            "SliceReader, CRC-32C",
            Box::new(move || {
                let messages = SliceReader::new(ours).expect("a stream").map(|message| message.expect("good"));
                messages.fold((0, 0), |(count, sum), message| (count + 1, look(sum, &message)))
            }),
        ),
    ]
}

fn compare(title: &str, subjects: &[Subject<'_>]) {
    let expected = subjects[0].1();
    let mut seconds = vec![Vec::new(); subjects.len()];
    for round in 0..ROUNDS {
        for turn in 0..subjects.len() {
            let nth = (turn + round) % subjects.len();
            let start = Instant::now();
            let result = black_box(subjects[nth].1());
            seconds[nth].push(start.elapsed().as_secs_f64());
            assert_eq!(result, expected, "{title}: {} found other messages", subjects[nth].0);
        }
    }
    println!("{title}");
    for (nth, (name, _)) in subjects.iter().enumerate() {
        let mut ratios: Vec<f64> = seconds[0].iter().zip(&seconds[nth]).map(|(base, own)| base / own).collect();
        ratios.sort_by(f64::total_cmp);
        let mut nanoseconds: Vec<f64> = seconds[nth].iter().map(|own| own * 1e9 / expected.0 as f64).collect();
        nanoseconds.sort_by(f64::total_cmp);
        let (median, least, greatest) = (ratios[ROUNDS / 2], ratios[0], ratios[ROUNDS - 1]);
        let time = nanoseconds[ROUNDS / 2];
        println!("  {name:<26} {median:5.2}x  ({least:.2} to {greatest:.2})  {time:9.1} ns per message");
    }
    println!();
}
