//! Recorded messages at their recorded pace. The timer of these tests only counts, so nothing waits.

mod common;

use std::cell::{Cell, RefCell};
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use common::Stream;
use flatstream_io::replay::{Replay, Timer};
use flatstream_io::{
    ChecksumType, Clock, ErrorKind, Message, ReadOptions, Reader, Recovery, TIME_NONE, WriteOptions, Writer,
};
use flatstream_testkit::folder::Folder;
use proptest::collection::vec;
use proptest::prelude::*;

const HOUR: i64 = 3_600_000_000_000;

/// Time passes while somebody sleeps, or when a test says so.
#[derive(Default)]
struct Counted {
    now: Cell<Duration>,
    sleeps: RefCell<Vec<Duration>>,
    overshoot: Duration,
}

impl Counted {
    fn pass(&self, time: Duration) {
        self.now.set(self.now.get().saturating_add(time));
    }

    fn nanos(&self) -> u128 {
        self.now.get().as_nanos()
    }
}

impl Timer for Counted {
    fn now(&self) -> Duration {
        self.now.get()
    }

    fn sleep_until(&self, time: Duration) {
        assert!(time > self.now.get(), "there is nothing to wait for");
        self.sleeps.borrow_mut().push(time);
        self.now.set(time.saturating_add(self.overshoot));
    }
}

fn at(times: &[i64]) -> Vec<io::Result<(i64, i64)>> {
    times.iter().map(|&time| Ok((time, time))).collect()
}

/// When each of these times comes, in nanoseconds from the start.
fn dues(times: &[i64], set: impl FnOnce(Replay<std::vec::IntoIter<io::Result<(i64, i64)>>>) -> Due) -> Vec<u128> {
    let timer = Counted::default();
    timer.pass(Duration::from_secs(12345));
    let start = timer.nanos();
    let mut replay = set(Replay::new(at(times))).timer(&timer);
    let mut dues = Vec::new();
    while let Some(time) = replay.next() {
        assert_eq!(replay.last_time(), Some(time.unwrap()).filter(|&time| time != TIME_NONE));
        assert_eq!(replay.lateness(), Duration::ZERO, "nobody was slow");
        dues.push(timer.nanos() - start);
    }
    dues
}

type Due = Replay<std::vec::IntoIter<io::Result<(i64, i64)>>>;

#[test]
fn a_message_comes_at_another_time_than_it_was_recorded_at() {
    let times = [-5_000, -5_000, -3_000, 0, 1, 10_000];
    assert_eq!(dues(&times, |replay| replay), [0, 0, 2_000, 5_000, 5_001, 15_000]);
    assert_eq!(dues(&times, |replay| replay.rate(2.0).unwrap()), [0, 0, 1_000, 2_500, 2_500, 7_500]);
    assert_eq!(dues(&times, |replay| replay.rate(0.25).unwrap()), [0, 0, 8_000, 20_000, 20_004, 60_000]);
    assert_eq!(dues(&times, |replay| replay.rate(1e9).unwrap()), [0; 6]);
    assert_eq!(dues(&[], |replay| replay), []);
}

/// 86.4 million steps of a millisecond and a third of a nanosecond, say: each is due by its own distance.
#[test]
fn rounding_adds_up_over_a_day() {
    let timer = Counted::default();
    let recorded = (0..86_400_i64).map(|second| Ok::<_, io::Error>((second * 1_000_000_001, ())));
    let mut replay = Replay::new(recorded).rate(3.0).unwrap().timer(&timer);
    for second in 0..86_400_u128 {
        replay.next().unwrap().unwrap();
        assert_eq!(timer.nanos(), second * 1_000_000_001 / 3);
    }
}

#[test]
fn a_night_is_waited_for() {
    let second = Duration::from_secs(1);
    let day = [0, 500_000_000, 8 * HOUR, 8 * HOUR + 250_000_000, 9 * HOUR];
    let expected = [0, 500_000_000, 1_500_000_000, 1_750_000_000, 2_750_000_000];
    assert_eq!(dues(&day, |replay| replay.max_gap(second)), expected);
    // The pause is what is waited, whatever the rate.
    let expected = [0, 250_000_000, 1_250_000_000, 1_375_000_000, 2_375_000_000];
    assert_eq!(dues(&day, |replay| replay.max_gap(second).rate(2.0).unwrap()), expected);
    assert_eq!(dues(&day, |replay| replay.max_gap(Duration::ZERO)), [0; 5]);
    assert_eq!(
        dues(&[0, 1_000_000_000], |replay| replay.max_gap(second)),
        [0, 1_000_000_000],
        "no longer than allowed"
    );
}

#[test]
fn a_clock_that_was_put_back_is_waited_for() {
    // A machine's start: from 100 hours to 2 seconds.
    let times = [100 * HOUR, 100 * HOUR + 7, 2_000_000_000, 2_000_000_003, TIME_NONE + 1, TIME_NONE + 2];
    assert_eq!(dues(&times, |replay| replay), [0, 7, 7, 10, 10, 11]);
}

#[test]
fn messages_of_two_sources_that_overtake_each_other_slow_it_down() {
    let times = [0, 100, 20, 110, 30, 120];
    assert_eq!(dues(&times, |replay| replay), [0, 100, 100, 110, 110, 120]);
    let exact = |replay: Due| replay.max_disorder(Duration::from_nanos(80));
    assert_eq!(dues(&times, exact), [0, 100, 100, 110, 110, 120]);
    let smaller = |replay: Due| replay.max_disorder(Duration::from_nanos(79));
    assert_eq!(dues(&times, smaller), [0, 100, 100, 190, 190, 280]);
}

#[test]
fn a_message_without_a_time_changes_the_pace() {
    assert_eq!(dues(&[TIME_NONE, 50, TIME_NONE, 80, TIME_NONE], |replay| replay), [0, 0, 0, 30, 30]);
}

#[test]
fn the_longest_times_overflow() {
    let ends = [TIME_NONE + 1, i64::MAX];
    let longest = u128::from(u64::MAX) - 1;
    let found = dues(&ends, |replay| replay)[1];
    assert!(found.abs_diff(longest) <= 1, "{found}");
    for rate in [f64::MIN_POSITIVE, 1e-300, 0.5, 1.0, 1e300, f64::MAX] {
        let timer = Counted::default();
        timer.pass(Duration::MAX - Duration::from_secs(1));
        let recorded = at(&[TIME_NONE + 1, 0, i64::MAX, 5, i64::MAX, TIME_NONE + 1, TIME_NONE, i64::MAX]);
        assert_eq!(Replay::new(recorded).rate(rate).unwrap().timer(&timer).count(), 8);
    }
}

#[test]
fn a_rate_that_is_none_is_taken() {
    for rate in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = Replay::new(at(&[])).rate(rate).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains("above 0"), "{error}");
    }
}

#[test]
fn another_rate_holds_for_what_was_before() {
    let timer = Counted::default();
    let mut replay = Replay::new(at(&[0, 1_000, 2_000, 4_000])).timer(&timer);
    replay.by_ref().take(2).for_each(drop);
    assert_eq!(timer.nanos(), 1_000);
    let mut replay = replay.rate(0.5).unwrap();
    replay.next();
    assert_eq!(timer.nanos(), 3_000);
    let mut replay = replay.rate(1000.0).unwrap();
    replay.next();
    assert_eq!(timer.nanos(), 3_002);
}

#[test]
fn a_slow_consumer_changes_what_is_due_when() {
    let timer = Counted::default();
    let mut replay = Replay::new(at(&[0, 10, 20, 30, 100, 110])).timer(&timer);
    let mut seen = Vec::new();
    while replay.next().is_some() {
        seen.push((timer.nanos(), replay.lateness().as_nanos()));
        timer.pass(Duration::from_nanos(25)); // the consumer's work
    }
    // It falls behind, catches up in the pause, and waits again.
    assert_eq!(seen, [(0, 0), (25, 15), (50, 30), (75, 45), (100, 0), (125, 15)]);
    assert_eq!(timer.sleeps.borrow().len(), 0);
    let timer = Counted { overshoot: Duration::from_nanos(3), ..Counted::default() };
    let mut replay = Replay::new(at(&[0, 10, 12, 20])).timer(&timer);
    let mut late = Vec::new();
    while replay.next().is_some() {
        late.push(replay.lateness().as_nanos());
    }
    assert_eq!(late, [0, 3, 1, 3], "a thread that is woken too late isn't the later for it each time");
    let due = [10, 20].map(Duration::from_nanos);
    assert_eq!(*timer.sleeps.borrow(), due);
}

#[test]
fn an_error_waits_or_ends_the_replay() {
    let timer = Counted::default();
    let recorded = vec![Ok((0, 'a')), Err("first"), Ok((50, 'b')), Err("second"), Ok((60, 'c'))];
    let replay = Replay::new(recorded).timer(&timer);
    let mut seen = Vec::new();
    for result in replay {
        seen.push((timer.nanos(), result));
    }
    assert_eq!(seen, [(0, Ok('a')), (0, Err("first")), (50, Ok('b')), (50, Err("second")), (60, Ok('c'))]);
}

/// The same by steps, in whole numbers: a message waits for as much as its recorded time is beyond the greatest before.
fn expected(times: &[i64], rate: (u128, u128), gap: u128, disorder: u128) -> Vec<u128> {
    let (mut base, mut since, mut greatest, mut due) = (0, 0, None::<i64>, 0);
    let mut dues = Vec::new();
    for &time in times {
        let step = |earlier: i64| u128::from(time.abs_diff(earlier));
        match greatest {
            _ if time == TIME_NONE => {}
            Some(last) if time < last && step(last) <= disorder => {}
            Some(last) if time >= last => {
                since += step(last);
                let wanted = base + since * rate.1 / rate.0;
                if wanted - due > gap {
                    (base, since) = (due + gap, 0);
                    due = base;
                } else {
                    due = wanted;
                }
                greatest = Some(time);
            }
            _ => (base, since, greatest) = (due, 0, Some(time)),
        }
        dues.push(due);
    }
    dues
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn dues_differ_from_those_by_steps(
        steps in vec(prop_oneof![8 => 0i64..1000, 2 => -1000i64..0, 1 => Just(HOUR), 1 => Just(-HOUR)], 0..80),
        unknown in vec(0usize..80, 0..4),
        rate in prop::sample::select(&[(1u128, 1u128), (2, 1), (1, 2), (3, 1), (1000, 1), (1, 1024)]),
        gap in prop_oneof![Just(0u64), 1u64..2000, Just(u64::MAX)],
        disorder in prop_oneof![Just(0u64), 1u64..2000, Just(1_000_000_000u64)],
        work in vec(0u64..3000, 80),
    ) {
        let mut times: Vec<i64> = steps.iter().scan(0, |time, step| { *time += step; Some(*time) }).collect();
        unknown.iter().for_each(|&nth| if let Some(time) = times.get_mut(nth) { *time = TIME_NONE });
        let expected = expected(&times, rate, gap.into(), disorder.into());
        let set = |replay: Due| {
            let replay = replay.rate(rate.0 as f64 / rate.1 as f64).unwrap();
            replay.max_gap(Duration::from_nanos(gap)).max_disorder(Duration::from_nanos(disorder))
        };
        prop_assert_eq!(&dues(&times, set), &expected);
        // And with a consumer that takes its time, from a late start on: what is late comes at once.
        let timer = Counted::default();
        let mut replay = set(Replay::new(at(&times))).timer(&timer);
        timer.pass(Duration::from_nanos(77));
        let mut start = None;
        for (nth, due) in expected.iter().enumerate() {
            let free = timer.nanos();
            replay.next().unwrap().unwrap();
            if times[nth] == TIME_NONE {
                prop_assert_eq!((timer.nanos(), replay.lateness()), (free, Duration::ZERO));
            } else {
                let due = *start.get_or_insert(free) + due;
                prop_assert_eq!(timer.nanos(), free.max(due));
                prop_assert_eq!(replay.lateness().as_nanos(), free.max(due) - due);
            }
            timer.pass(Duration::from_nanos(work[nth]));
        }
    }
}

/// A stream whose message `nth` was appended at `times[nth]`, and holds it.
fn clocked(options: WriteOptions, times: &[i64]) -> Vec<u8> {
    let time = Arc::new(AtomicI64::new(times.first().copied().unwrap_or_default()));
    let read = Arc::clone(&time);
    let options = options.clock(Clock::UnixUtc, move || read.load(Ordering::Relaxed));
    let mut writer = Writer::new(Vec::new(), options).unwrap();
    for now in times {
        time.store(*now, Ordering::Relaxed);
        writer.append(&now.to_le_bytes()).unwrap();
    }
    writer.finish().unwrap()
}

fn number(message: &Message) -> i64 {
    i64::from_le_bytes(message[..8].try_into().unwrap())
}

/// The times that messages get by the sync frames around them, with the number that each holds.
fn by_sync_times(reader: Reader<&[u8]>) -> Vec<(i64, i64)> {
    let timer = Counted::default();
    let mut replay = Replay::by_sync_times(reader).timer(&timer);
    let mut found = Vec::new();
    while let Some(message) = replay.next() {
        found.push((replay.last_time().unwrap_or(TIME_NONE), number(&message.unwrap())));
    }
    found
}

#[test]
fn by_a_key_messages_come_when_it_says() {
    let bytes = clocked(WriteOptions::new(), &[3_000, 5_000, 9_000]);
    let timer = Counted::default();
    let mut replay = Replay::by_key(Reader::new(&bytes[..]).unwrap(), number).timer(&timer);
    let mut seen = Vec::new();
    for message in replay.by_ref() {
        seen.push((timer.nanos(), number(&message.unwrap())));
    }
    assert_eq!(seen, [(0, 3_000), (2_000, 5_000), (6_000, 9_000)]);
    assert!(replay.into_inner().into_inner().end().unwrap().is_closed());
}

/// A sync frame comes before the message that makes it due, and has that one's time.
#[test]
fn messages_between_two_sync_frames_are_spread_unevenly() {
    let times: Vec<i64> = (0..2_000).map(|nth| 1_000_000 + nth * 160).collect();
    let bytes = clocked(WriteOptions::new().sync_interval(1024), &times);
    let stream = Stream::of_bytes(bytes.clone());
    assert!(stream.syncs.len() > 20);
    // Behind the last message stands the last sync frame, with its time.
    let last_full = stream.syncs[stream.syncs.len() - 2].sequence as usize;
    let found = by_sync_times(Reader::new(&bytes[..]).unwrap());
    assert_eq!(found.len(), times.len());
    for (time, number) in &found[..last_full] {
        assert_eq!(time, number, "at an even pace, each gets the very time it was appended at");
    }
    assert!(found.is_sorted());
}

/// Every message, by the specification: the k-th of n between a and b at a + (b - a) * k / n.
#[test]
fn a_message_gets_the_time_of_another_interval() {
    let times: Vec<i64> = (0..600).map(|nth| nth * nth * 7 + nth % 5).collect();
    let bytes = clocked(WriteOptions::new().sync_interval(512), &times);
    let stream = Stream::of_bytes(bytes.clone());
    let mut expected = Vec::new();
    for pair in stream.syncs.windows(2) {
        let (span, count) = (pair[1].time - pair[0].time, (pair[1].sequence - pair[0].sequence) as i64);
        let spread = (0..count).map(|nth| pair[0].time + span * nth / count);
        expected.extend(spread.zip(&times[pair[0].sequence as usize..]).map(|(time, &number)| (time, number)));
    }
    assert_eq!(by_sync_times(Reader::new(&bytes[..]).unwrap()), expected);
    // A reader that stands somewhere in the middle: from there on, and the first interval by what is left of it.
    let mut reader = Reader::new(&bytes[..]).unwrap();
    reader.by_ref().take(300).for_each(|message| assert!(message.is_ok()));
    let found = by_sync_times(reader);
    let numbers = |of: &[(i64, i64)]| of.iter().map(|&(_, number)| number).collect::<Vec<_>>();
    assert_eq!(numbers(&found), numbers(&expected[300..]));
    let next_sync = stream.syncs.iter().find(|sync| sync.sequence > 300).unwrap().sequence as usize;
    assert_eq!(found[next_sync - 300..], expected[next_sync..]);
    assert!(found.is_sorted() && found[0].0 == stream.syncs.iter().rfind(|sync| sync.sequence <= 300).unwrap().time);
}

#[test]
fn messages_are_spread_over_the_night_in_which_nothing_ran() {
    let folder = Folder::new("replay-epochs");
    let path = folder.join("a.fls");
    let time = Arc::new(AtomicI64::new(0));
    let read = Arc::clone(&time);
    let options = WriteOptions::new().clock(Clock::Monotonic, move || read.load(Ordering::Relaxed)).sync_interval(0);
    // (when the session begins, when it ends and whether it ends at all)
    for (begin, end, is_finished) in
        [(100, 400, true), (HOUR, 0, false), (2 * HOUR, 2 * HOUR + 400, true), (5, 9, true)]
    {
        time.store(begin, Ordering::Relaxed);
        let mut writer = Writer::open(&path, options.clone()).unwrap();
        (0..4).for_each(|nth: i64| assert!(writer.append(&nth.to_le_bytes()).is_ok()));
        time.store(end, Ordering::Relaxed);
        if is_finished {
            writer.finish().unwrap();
        }
    }
    let bytes = fs::read(&path).unwrap();
    let found: Vec<i64> = by_sync_times(Reader::new(&bytes[..]).unwrap()).iter().map(|&(time, _)| time).collect();
    let (h, n) = (HOUR, 2 * HOUR);
    assert_eq!(found, [100, 175, 250, 325, h, h, h, h, n, n + 100, n + 200, n + 300, 5, 6, 7, 8]);
    // The last session's clock began anew, which isn't waited for.
    let timer = Counted::default();
    assert_eq!(Replay::by_sync_times(Reader::new(&bytes[..]).unwrap()).timer(&timer).count(), 16);
    assert_eq!(timer.nanos(), n as u128 + 300 - 100 + 3);
}

#[test]
fn an_open_end_or_an_absent_time_is_guessed() {
    let times: Vec<i64> = (0..100).map(|nth| 1_000 + nth).collect();
    let bytes = clocked(WriteOptions::new().sync_interval(0), &times);
    let open = &bytes[..bytes.len() - 64];
    assert!(by_sync_times(Reader::new(open).unwrap()).iter().all(|&(time, _)| time == 1_000));
    let without = clocked(WriteOptions::new().sync_interval(512), &[TIME_NONE; 100]);
    assert!(by_sync_times(Reader::new(&without[..]).unwrap()).iter().all(|&(time, _)| time == TIME_NONE));
    let mut writer = Writer::new(Vec::new(), WriteOptions::new().sync_interval(0).event_times(Clock::Tai)).unwrap();
    writer.append_at(5, &5i64.to_le_bytes()).unwrap();
    let bytes = writer.finish().unwrap();
    assert_eq!(by_sync_times(Reader::new(&bytes[..]).unwrap()), [(TIME_NONE, 5)], "when it began nobody knows");
}

/// Messages of one session, `len` bytes each, at the time `begin`; it ends at `end`.
fn session(path: &Path, begin: i64, end: i64, count: i64, len: usize) {
    let time = Arc::new(AtomicI64::new(begin));
    let read = Arc::clone(&time);
    let options = WriteOptions::new().sync_interval(0).clock(Clock::UnixUtc, move || read.load(Ordering::Relaxed));
    let mut writer = Writer::open(path, options).unwrap();
    let mut message = vec![0; len];
    for nth in 0..count {
        message[..8].copy_from_slice(&nth.to_le_bytes());
        writer.append(&message).unwrap();
    }
    time.store(end, Ordering::Relaxed);
    writer.finish().unwrap();
}

/// So many as may be held are spread, one more isn't, and then come ordinary ones.
#[test]
fn messages_without_end_are_held_in_memory() {
    let folder = Folder::new("replay-bounds");
    const MOST: i64 = 1 << 18;
    for (count, len) in [(MOST, 8), (MOST + 1, 8), (32, 1 << 20), (33, 1 << 20)] {
        let path = folder.join(format!("{count}.fls"));
        session(&path, 0, 10 * count, count, len);
        session(&path, HOUR, HOUR + 400, 4, 8);
        let is_spread = count == MOST || count == 32;
        let file = fs::File::open(&path).unwrap();
        let mut replay = Replay::by_sync_times(Reader::new(file).unwrap()).timer(Counted::default());
        for nth in 0..count {
            assert_eq!(number(&replay.next().unwrap().unwrap()), nth);
            assert_eq!(replay.last_time(), Some(if is_spread { 10 * nth } else { 0 }), "{nth} of {count}");
        }
        for nth in 0..4 {
            assert_eq!(number(&replay.next().unwrap().unwrap()), nth);
            assert_eq!(replay.last_time(), Some(HOUR + 100 * nth));
        }
        assert!(replay.next().is_none());
    }
}

#[test]
fn damage_takes_the_messages_before_it_away() {
    let times: Vec<i64> = (0..200).map(|nth| nth * 10).collect();
    let bytes = clocked(WriteOptions::new().sync_interval(1024), &times);
    let stream = Stream::of_bytes(bytes.clone());
    let mut damaged = bytes.clone();
    damaged[stream.starts[150] as usize + 9] ^= 1;
    let mut replay = Replay::by_sync_times(Reader::new(&damaged[..]).unwrap()).timer(Counted::default());
    for nth in 0..150 {
        assert_eq!(number(&replay.next().unwrap().unwrap()), nth * 10);
    }
    assert_eq!(replay.next().unwrap().unwrap_err().kind(), ErrorKind::Damaged);
    assert!(replay.next().is_none());
    // A recovering reader: what is salvaged lies before the sync frame that it was found by.
    let options = ReadOptions::new().recovery(Recovery::new());
    let found = by_sync_times(Reader::with_options(&damaged[..], options).unwrap());
    let whole = by_sync_times(Reader::new(&bytes[..]).unwrap());
    assert_eq!(found.len(), 199);
    let sync_behind = stream.syncs.iter().position(|sync| sync.sequence > 150).unwrap();
    let (begin, end) = (stream.syncs[sync_behind - 1], stream.syncs[sync_behind]);
    for &(time, number) in &found {
        let nth = (number / 10) as u64;
        if (begin.sequence..end.sequence).contains(&nth) {
            assert!((begin.time..end.time).contains(&time), "{number} at {time}");
        } else {
            assert_eq!(whole[nth as usize], (time, number));
        }
    }
    assert!(found.is_sorted());
}

/// A source that has nothing to give each second time.
struct Hesitant<'a>(&'a [u8], bool);

impl Read for Hesitant<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        let len = buffer.len().min(300);
        if self.1 { Err(io::ErrorKind::WouldBlock.into()) } else { self.0.read(&mut buffer[..len]) }
    }
}

#[test]
fn what_is_held_gets_lost_while_the_source_has_nothing_to_give() {
    let times: Vec<i64> = (0..200).map(|nth| nth * 10).collect();
    let bytes = clocked(WriteOptions::new().sync_interval(1024), &times);
    let mut opening = flatstream_io::Opening::new(Hesitant(&bytes, false), ReadOptions::new());
    let reader = loop {
        match opening.open() {
            Ok(reader) => break reader,
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
    };
    let mut replay = Replay::by_sync_times(reader).timer(Counted::default());
    let (mut found, mut refused) = (Vec::new(), 0);
    while let Some(message) = replay.next() {
        match message {
            Ok(message) => found.push((replay.last_time().unwrap(), number(&message))),
            Err(error) if error.is_retryable() => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(refused > 10);
    assert_eq!(found, by_sync_times(Reader::new(&bytes[..]).unwrap()));
}

/// What the times of messages rely on.
#[test]
fn the_last_sync_frame_is_another_than_the_one_before_the_message() {
    for interval in [64, 512, 4096, 65_536] {
        let messages: Vec<Vec<u8>> = (0..3_000).map(|nth| vec![nth as u8; 1 + nth % 200]).collect();
        let options = common::options(ChecksumType::Crc32c).sync_interval(interval);
        let stream = Stream::new(options, messages);
        for block in [64, 1000, 256 << 10] {
            let mut reader = Reader::with_options(&stream.bytes[..], ReadOptions::new().block_size(block)).unwrap();
            for start in &stream.starts {
                assert_eq!(reader.next().unwrap().unwrap().position(), *start);
                let before = stream.syncs.iter().rfind(|sync| sync.position < *start);
                assert_eq!(reader.last_sync(), before);
            }
            assert!(reader.next().is_none());
        }
    }
}
