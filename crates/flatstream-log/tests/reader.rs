//! Reading a log against a plain list of what was appended to it.

mod common;

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use common::segment;
use flatstream_io::format::FoundSync;
use flatstream_io::{
    Clock, ErrorKind, Landing, ReadOptions, Reader, Recovery, Result, SyncPolicy, WriteOptions, Writer,
};
use flatstream_log::{LogFinding, LogMessage, LogOptions, LogReader, LogWriter, keys, segments};
use flatstream_testkit::folder::Folder;
use flatstream_testkit::noise::Noise;
use proptest::prelude::*;
use proptest::sample::Index;

/// What one opening of the log appends: the clock's time at its beginning, and for each message its length and how much
/// later it comes.
type Session = (i64, Vec<(usize, i64)>);

/// A log, and what is known of it without reading it as one.
struct Log {
    folder: Folder,
    messages: Vec<Vec<u8>>,
    times: Vec<i64>,
    firsts: Vec<u64>,
    /// The number of the next message, and the time, of each sync frame.
    syncs: Vec<(u64, i64)>,
}

/// No two are alike, nor are the bytes of one: it begins with twice its number.
fn message(sequence: u64, len: usize) -> Vec<u8> {
    let mut message = (2 * sequence).to_be_bytes().to_vec();
    message.extend(Noise::new(sequence).bytes(len.saturating_sub(8)));
    message
}

fn key_of(message: &[u8]) -> u64 {
    u64::from_be_bytes(message[..8].try_into().unwrap())
}

fn new_folder() -> Folder {
    static NTH: AtomicU64 = AtomicU64::new(0);
    Folder::new(&format!("log-reader-{}", NTH.fetch_add(1, Ordering::Relaxed)))
}

/// Which are quicker to begin with.
fn small_blocks() -> ReadOptions {
    ReadOptions::new().block_size(4096)
}

impl Log {
    fn write(sessions: &[Session], segment_bytes: u64, sync_interval: u32) -> Self {
        let folder = new_folder();
        let now = Arc::new(AtomicI64::new(0));
        let (mut messages, mut times) = (Vec::new(), Vec::new());
        for (start, lens) in sessions {
            now.store(*start, Ordering::Relaxed);
            let clock = Arc::clone(&now);
            let write = WriteOptions::new()
                .sync_interval(sync_interval)
                .clock(Clock::Monotonic, move || clock.load(Ordering::Relaxed));
            let options = LogOptions::new().segment_bytes(segment_bytes).write_options(write);
            let mut log = LogWriter::open(folder.path(), options).unwrap();
            for (len, later) in lens {
                let time = now.fetch_add(*later, Ordering::Relaxed) + later;
                let sequence = messages.len() as u64;
                messages.push(message(sequence, *len));
                times.push(time);
                assert_eq!(log.append(&messages[messages.len() - 1]).unwrap(), sequence);
            }
            log.finish().unwrap();
        }
        Self::of(folder, messages, times)
    }

    fn of(folder: Folder, messages: Vec<Vec<u8>>, times: Vec<i64>) -> Self {
        let firsts: Vec<u64> = segments(folder.path()).unwrap().iter().map(|segment| segment.first_sequence).collect();
        let mut syncs = Vec::new();
        for &first in &firsts {
            let bytes = fs::read(segment(folder.path(), first)).unwrap();
            FoundSync::each_in(&bytes, 0, |found| {
                if found.is_in_place() {
                    syncs.push((first + found.sync.sequence, found.sync.time));
                }
            });
        }
        Self { folder, messages, times, firsts, syncs }
    }

    /// Some messages in some segments.
    fn plain() -> Self {
        Self::write(&[(0, vec![(100, 1); 60])], 2000, 500)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn count(&self) -> u64 {
        self.messages.len() as u64
    }

    fn segment(&self, nth: usize) -> PathBuf {
        segment(self.path(), self.firsts[nth])
    }

    fn strict(&self) -> LogReader {
        LogReader::with_options(self.path(), small_blocks()).unwrap()
    }

    fn recovering(&self) -> LogReader {
        LogReader::with_options(self.path(), small_blocks().recovery(Recovery::new())).unwrap()
    }

    /// Behind the last message of a segment.
    fn end_of(&self, nth: usize) -> u64 {
        self.firsts.get(nth + 1).copied().unwrap_or(self.count())
    }

    fn numbers(&self, nth: usize) -> std::ops::Range<u64> {
        self.firsts[nth]..self.end_of(nth)
    }

    /// These messages, and each with its own number and segment.
    #[track_caller]
    fn check(&self, read: &[LogMessage], expected: impl Iterator<Item = u64>) {
        let expected: Vec<u64> = expected.collect();
        let found: Vec<_> = read.iter().map(|message| key_of(message) / 2).collect();
        assert_eq!(found, expected);
        for (message, &number) in read.iter().zip(&expected) {
            assert!(message[..] == self.messages[number as usize]);
            assert!(message.sequence().is_none_or(|sequence| sequence == number));
            assert!(self.firsts.contains(&message.segment()));
        }
    }

    #[track_caller]
    fn check_rest(&self, reader: &mut LogReader, from: u64) {
        let read: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
        self.check(&read, from..self.count());
        assert!(read.iter().all(|message| message.sequence().is_some()));
    }

    #[track_caller]
    fn check_all_seeks(&self) {
        let count = self.count();
        let mut reader = self.strict();
        self.check_rest(&mut reader, 0);
        assert_eq!(reader.sequence(), count);
        for wanted in (0..count + 2).rev().step_by(7).chain([0, count]).chain(self.firsts.clone()) {
            let from = wanted.min(count);
            assert_eq!(reader.seek_to_sequence(wanted).unwrap().sequence, from);
            self.check_rest(&mut reader, from);
            for key in [(2 * wanted).saturating_sub(1), 2 * wanted] {
                assert_eq!(reader.partition_point(|message| key_of(message) < key).unwrap().sequence, from);
                self.check_rest(&mut reader, from);
            }
            assert_eq!(reader.seek_to_last(wanted).unwrap().sequence, count.saturating_sub(wanted));
            self.check_rest(&mut reader, count.saturating_sub(wanted));
            let window: Vec<_> = reader.sequences(wanted / 2..wanted).unwrap().map(Result::unwrap).collect();
            self.check(&window, wanted / 2..from);
        }
        self.check_backwards();
        assert_eq!(reader.seek_to_start().unwrap().sequence, 0);
        assert_eq!(reader.seek_to_end().unwrap().sequence, count);
        self.check_rest(&mut reader, count);
        assert!(reader.take_findings().is_empty());
    }

    #[track_caller]
    fn check_backwards(&self) {
        let mut reader = self.strict();
        let read: Vec<_> = reader.backwards().map(Result::unwrap).collect();
        self.check(&read, (0..self.count()).rev());
        self.check_rest(&mut reader, 0);
    }

    /// Behind which sync frame a time is sought.
    fn place_before(&self, time: i64) -> u64 {
        self.syncs.iter().take_while(|sync| sync.1 < time).last().map_or(0, |sync| sync.0)
    }

    #[track_caller]
    fn check_times(&self) {
        let mut reader = self.strict();
        let (least, greatest) = (self.times.first().unwrap_or(&0), self.times.last().unwrap_or(&0));
        for time in (*least - 3..greatest + 4).step_by(3) {
            let expected = self.place_before(time);
            assert_eq!(reader.seek_to_time(time).unwrap().sequence, expected, "time {time}");
            self.check_rest(&mut reader, expected);
            assert!(self.times[..expected as usize].iter().all(|&before| before < time));
            let until = time + 20;
            let window: Vec<_> = reader.times(time..until).unwrap().map(Result::unwrap).collect();
            let first_behind = self.syncs.iter().find(|sync| sync.1 >= until).map_or(self.count(), |sync| sync.0);
            self.check(&window, expected..first_behind.max(expected));
            assert!(self.times[first_behind as usize..].iter().all(|&behind| behind >= until));
        }
    }
}

/// Times don't decrease over all of it.
fn sessions() -> impl Strategy<Value = Vec<Session>> {
    let message = (8usize..300, 0i64..5);
    prop::collection::vec(prop::collection::vec(message, 0..60), 1..4).prop_map(|sessions| {
        let mut time = 0;
        let with_time = |messages: Vec<(usize, i64)>| {
            let begin = time;
            time += messages.iter().map(|message| message.1).sum::<i64>();
            (begin, messages)
        };
        sessions.into_iter().map(with_time).collect()
    })
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whole_logs_are_read_and_sought_in_as_lists_are(
        sessions in sessions(), bytes in 0u64..8000, interval in 65u32..3000
    ) {
        let log = Log::write(&sessions, bytes, interval);
        log.check_all_seeks();
        if !log.messages.is_empty() {
            log.check_times();
        }
        prop_assert!(log.strict().by_ref().last().is_none_or(|last| last.is_ok()));
    }

    /// A clock that is set back anywhere: still nothing of that time or later is skipped that comes behind the place
    /// where the segments' times pass it for the last time.
    #[test]
    fn times_that_decrease_within_a_segment_are_sought_as_in_a_stream(
        sessions in prop::collection::vec((-50i64..200, prop::collection::vec((8usize..300, 0i64..5), 1..40)), 1..5),
        interval in 65u32..2000, time in -60i64..420
    ) {
        let log = Log::write(&sessions, u64::MAX, interval);
        let mut reader = log.strict();
        let expected = log.place_before(time);
        prop_assert_eq!(reader.seek_to_time(time).unwrap().sequence, expected);
        log.check_rest(&mut reader, expected);
    }

    /// The same as if nothing behind the cut had ever been written.
    #[test]
    fn a_log_whose_newest_segment_is_cut_is_sought_in_as_far_as_it_goes(
        sessions in sessions(), bytes in 500u64..8000, interval in 65u32..3000, cut in any::<Index>()
    ) {
        let mut log = Log::write(&sessions, bytes, interval);
        let (newest, first) = (log.segment(log.firsts.len() - 1), log.firsts[log.firsts.len() - 1]);
        let whole = fs::read(&newest).unwrap();
        let cut = cut.index(whole.len());
        fs::write(&newest, &whole[..cut]).unwrap();
        let left = Reader::new(&whole[..cut]).map_or(0, Iterator::count);
        log.messages.truncate(first as usize + left);
        log.times.truncate(log.messages.len());
        if log.firsts.len() > 1 || Reader::new(&whole[..cut]).is_ok() {
            log.firsts.retain(|&listed| listed < first || Reader::new(&whole[..cut]).is_ok());
            log.check_all_seeks();
        } else {
            let kind = LogReader::open(log.path()).unwrap_err().kind();
            // Too short even to be recognised.
            prop_assert_eq!(kind, if cut < 12 { ErrorKind::NotAStream } else { ErrorKind::Incomplete });
        }
    }

    /// Nothing wrong, nothing twice, nothing out of order; and what isn't there is counted.
    #[test]
    fn a_flipped_bit_costs_what_it_hit_and_nothing_else(
        sessions in sessions(), bytes in 500u64..8000, interval in 65u32..1000,
        nth in any::<Index>(), at in any::<Index>(), bit in 0u32..8, wanted in any::<Index>()
    ) {
        let log = Log::write(&sessions, bytes, interval);
        let path = log.segment(nth.index(log.firsts.len()));
        let mut damaged = fs::read(&path).unwrap();
        let at = at.index(damaged.len());
        damaged[at] ^= 1 << bit;
        fs::write(&path, damaged).unwrap();

        if let Ok(reader) = LogReader::open(log.path()) {
            let read: Vec<_> = reader.map_while(Result::ok).collect();
            log.check(&read, 0..read.len() as u64);
        }
        let mut reader = log.recovering();
        let read: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
        let numbers: Vec<_> = read.iter().map(|message| key_of(message) / 2).collect();
        prop_assert!(numbers.is_sorted_by(|a, b| a < b));
        log.check(&read, numbers.iter().copied());
        let losses = reader.losses();
        let lost = log.count() - numbers.len() as u64;
        prop_assert!(losses.messages == lost || (losses.may_be_more && losses.messages < lost), "{losses:?}");
        prop_assert!(lost == 0 || !reader.take_findings().is_empty());

        let backwards: Vec<_> = reader.backwards().map(Result::unwrap).collect();
        log.check(&backwards, numbers.iter().copied().rev());
        let wanted = wanted.index(log.messages.len() + 1) as u64;
        reader.seek_to_sequence(wanted).unwrap();
        let read: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
        let read: Vec<_> = read.iter().map(|message| key_of(message) / 2).collect();
        // Where numbers aren't known, those before it may come too.
        prop_assert!(numbers.ends_with(&read));
        prop_assert!(numbers.iter().filter(|&&number| number >= wanted).all(|number| read.contains(number)));
    }
}

/// One thing is wrong with one segment. A strict reader says so, with the file; behind it everything can be read. A
/// recovering one reads all the rest at once.
#[track_caller]
fn check_broken(
    spoil: impl Fn(&Log, usize),
    kind: ErrorKind,
    says: impl Fn(&Log, usize) -> Vec<String>,
    is_lost: bool,
) {
    let count = Log::plain().firsts.len();
    assert!(count > 3);
    for nth in [1, count - 2] {
        let log = Log::plain();
        spoil(&log, nth);
        let lost = log.numbers(nth);
        let mut reader = log.strict();
        let mut read = Vec::new();
        let error = loop {
            match reader.next().unwrap() {
                Ok(message) => read.push(message),
                Err(error) => break error,
            }
        };
        assert!(reader.next().is_none());
        log.check(&read, 0..lost.start);
        assert_eq!(error.kind(), kind, "{error}");
        for text in says(&log, nth) {
            assert!(error.to_string().contains(&text), "{text} isn't said: {error}");
        }
        assert_eq!(reader.next_message().unwrap_err().to_string(), error.to_string());
        assert_eq!(reader.end().unwrap_err().to_string(), error.to_string());
        assert_eq!(reader.seek_to_sequence(lost.end).unwrap().sequence, lost.end);
        log.check_rest(&mut reader, lost.end);
        assert!(reader.end().unwrap().is_closed());
        reader.seek_to_start().unwrap();
        assert_eq!(reader.by_ref().map_while(Result::ok).count() as u64, lost.start);
        let backwards: Vec<_> = reader.backwards().map_while(Result::ok).collect();
        log.check(&backwards, (lost.end..log.count()).rev());

        let kept = |numbers: std::ops::Range<u64>| {
            let lost = lost.clone();
            numbers.filter(move |number| !is_lost || !lost.contains(number))
        };
        let mut reader = log.recovering();
        let read: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
        log.check(&read, kept(0..log.count()));
        let findings = reader.take_findings();
        assert!(!findings.is_empty());
        assert!(reader.take_findings().is_empty());
        let missing = findings.iter().find_map(|finding| match finding {
            LogFinding::Missing { from, to } => Some(*from..*to),
            _ => None,
        });
        assert_eq!(missing, is_lost.then_some(lost.clone()));
        assert_eq!(reader.losses().messages, if is_lost { lost.end - lost.start } else { 0 });
        for wanted in [0, lost.start, lost.start + 1, lost.end, log.count()] {
            reader.seek_to_sequence(wanted).unwrap();
            let read: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
            log.check(&read, kept(wanted..log.count()));
            reader.partition_point(|message| key_of(message) < 2 * wanted).unwrap();
            let read: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
            log.check(&read, kept(wanted..log.count()));
        }
        let backwards: Vec<_> = reader.backwards().map(Result::unwrap).collect();
        log.check(&backwards, kept(0..log.count()).collect::<Vec<_>>().into_iter().rev());
    }
}

#[test]
fn a_segment_is_missing_between_others() {
    let spoil = |log: &Log, nth| fs::remove_file(log.segment(nth)).unwrap();
    let says = |log: &Log, nth| {
        let numbers = log.numbers(nth);
        let path = log.path().display();
        vec![format!("messages from {} to {}", numbers.start, numbers.end - 1), format!("missing in {path}")]
    };
    check_broken(spoil, ErrorKind::Damaged, says, true);
}

#[test]
fn a_segment_was_renamed() {
    let renamed = |log: &Log, nth| segment(log.path(), log.firsts[nth] + 1);
    let spoil = |log: &Log, nth| fs::rename(log.segment(nth), renamed(log, nth)).unwrap();
    let says = |log: &Log, nth: usize| {
        let first = log.firsts[nth];
        let expected = format!("has number {}, by its header {first}", first + 1);
        vec![renamed(log, nth).display().to_string(), expected]
    };
    check_broken(spoil, ErrorKind::WrongSegment, says, true);
}

fn metadata(log_id: &str, first: u64) -> WriteOptions {
    WriteOptions::new()
        .metadata(keys::ID, log_id)
        .metadata(keys::FIRST_SEQUENCE, format!("{first:020}"))
        .metadata(keys::CREATED, "01700000000000000000")
}

fn replace(log: &Log, nth: usize, options: WriteOptions) {
    fs::remove_file(log.segment(nth)).unwrap();
    let mut writer = Writer::create_new(log.segment(nth), options).unwrap();
    for number in log.numbers(nth) {
        writer.append(&message(number + 1000, 100)).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn a_segment_is_of_another_log() {
    let spoil = |log: &Log, nth: usize| replace(log, nth, metadata("0123456789abcdef", log.firsts[nth]));
    let says = |log: &Log, nth| {
        vec![
            log.segment(nth).display().to_string(),
            format!("expected the log {:#018x}, found 0x0123456789abcdef", log.strict().log_id().unwrap()),
        ]
    };
    check_broken(spoil, ErrorKind::WrongSegment, says, true);
}

#[test]
fn a_file_with_a_segments_name_is_no_segment() {
    let spoil = |log: &Log, nth| replace(log, nth, WriteOptions::new());
    let says = |log: &Log, nth| vec![log.segment(nth).display().to_string(), "is no segment of a log".to_owned()];
    check_broken(spoil, ErrorKind::WrongSegment, says, true);
}

#[test]
fn a_file_with_a_segments_name_is_no_stream() {
    let says = |log: &Log, nth| vec![log.segment(nth).display().to_string(), "not a flatstream".to_owned()];
    let text = |log: &Log, nth| fs::write(log.segment(nth), "%PDF-1.7 and so on, for more than a header").unwrap();
    check_broken(text, ErrorKind::NotAStream, says, true);
    let empty = |log: &Log, nth| fs::write(log.segment(nth), "").unwrap();
    check_broken(empty, ErrorKind::NotAStream, |log, nth| vec![log.segment(nth).display().to_string()], true);
}

#[test]
fn a_header_that_is_destroyed_costs_a_recovering_reader_no_message() {
    let spoil = |log: &Log, nth| {
        let mut bytes = fs::read(log.segment(nth)).unwrap();
        bytes[40] ^= 0xFF;
        fs::write(log.segment(nth), bytes).unwrap();
    };
    check_broken(spoil, ErrorKind::Damaged, |log, nth| vec![log.segment(nth).display().to_string()], false);
}

#[test]
fn segments_at_either_end_may_be_wrong_too() {
    for nth in [0, Log::plain().firsts.len() - 1] {
        let log = Log::plain();
        replace(&log, nth, metadata("0123456789abcdef", log.firsts[nth]));
        let mut reader = log.recovering();
        let read: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
        log.check(&read, (0..log.count()).filter(|number| !log.numbers(nth).contains(number)));
        assert!(matches!(reader.take_findings()[0], LogFinding::Skipped { .. }));
        assert_eq!(log.strict().find_map(Result::err).unwrap().kind(), ErrorKind::WrongSegment);
        let mut strict = log.strict();
        assert_eq!(strict.seek_to_sequence(log.firsts[1]).unwrap().sequence, log.firsts[1]);
        assert_eq!(strict.seek_to_end().is_err(), nth > 0);
    }
}

#[test]
fn a_copy_under_a_name_that_isnt_its_own_hides_nothing_from_a_recovering_reader() {
    let log = Log::plain();
    fs::copy(log.segment(1), segment(log.path(), log.firsts[2] + 3)).unwrap();
    let mut reader = log.recovering();
    for wanted in 0..log.count() {
        reader.seek_to_sequence(wanted).unwrap();
        log.check_rest(&mut reader, wanted);
    }
    assert_eq!(reader.losses().messages, 0);
    assert_eq!(log.strict().find_map(Result::err).unwrap().kind(), ErrorKind::WrongSegment);
}

/// Cuts the mark off that a segment is closed; returns where.
fn cut_closed(path: &Path) -> u64 {
    let bytes = fs::read(path).unwrap();
    let mut end = 0;
    FoundSync::each_in(&bytes, 0, |found| end = found.position);
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(end).unwrap();
    end
}

#[test]
fn nothing_counts_behind_the_place_where_the_next_segment_begins() {
    let log = Log::plain();
    let whole = fs::read(log.segment(1)).unwrap();
    let end = cut_closed(&log.segment(1)) as usize;
    let half = &whole[..end + 24];
    let noise = [&whole[..end], &Noise::new(1).bytes(3000)].concat();
    // Good frames behind bad bytes: a plain reader says that it is damaged.
    let frames = [&whole[..end], &[0xA5; 64], &whole[whole.len() - 512..]].concat();
    assert!(Reader::new(&frames[..]).unwrap().any(|message| message.is_err()));
    for left in [&whole[..end], half, &noise, &frames, &[half, &[0; 5000]].concat()] {
        fs::write(log.segment(1), left).unwrap();
        log.check_all_seeks();
        log.check_times();
        let mut reader = log.recovering();
        log.check_rest(&mut reader, 0);
        let backwards: Vec<_> = reader.backwards().map(Result::unwrap).collect();
        log.check(&backwards, (0..log.count()).rev());
        assert!(reader.take_findings().is_empty());
        assert!(reader.losses().is_none());
    }
}

#[test]
fn the_next_segment_is_there_and_empty_before_the_last_is_closed() {
    let log = Log::plain();
    let mut options = metadata(&format!("{:016x}", log.strict().log_id().unwrap()), log.count());
    cut_closed(&log.segment(log.firsts.len() - 1));
    options = options.metadata(keys::PREVIOUS, "0000000000000001");
    let mut writer = Writer::create_new(segment(log.path(), log.count()), options).unwrap();
    let mut log = Log::of(log.folder, log.messages, log.times);
    log.check_all_seeks();
    writer.append(&message(60, 100)).unwrap();
    writer.finish().unwrap();
    log.messages.push(message(60, 100));
    log.check_all_seeks();
}

#[test]
fn a_segment_that_is_being_created_isnt_there_yet() {
    let log = Log::plain();
    let next = segment(log.path(), log.count());
    let header = fs::read(log.segment(0)).unwrap();
    for len in [0, 5, 100] {
        fs::write(&next, &header[..len]).unwrap();
        log.check_all_seeks();
    }
}

#[test]
fn times_of_the_application_are_sought_though_segments_begin_without_one() {
    let folder = new_folder();
    let (mut messages, mut times) = (Vec::new(), Vec::new());
    for first in (0..200u64).step_by(20) {
        let options = metadata("0123456789abcdef", first).sync_interval(300).event_times(Clock::Unspecified);
        let mut writer = Writer::create_new(segment(folder.path(), first), options).unwrap();
        for number in first..first + 20 {
            messages.push(message(number, 60));
            times.push(10 * number as i64);
            writer.append_at(10 * number as i64, &messages[number as usize]).unwrap();
        }
        writer.finish().unwrap();
    }
    let log = Log::of(folder, messages, times);
    assert!(log.firsts.len() > 4);
    log.check_all_seeks();
    let mut reader = log.strict();
    for time in (-5..2010).step_by(7) {
        let Landing { sequence, .. } = reader.seek_to_time(time).unwrap();
        assert!(log.times[..sequence as usize].iter().all(|&before| before < time));
        // One interval holds less than ten of them.
        let wanted = log.times.partition_point(|&before| before < time) as u64;
        assert!(sequence + 10 >= wanted, "{time}: {sequence}, {wanted}");
        log.check_rest(&mut reader, sequence);
    }
}

#[test]
fn a_log_without_times_says_so() {
    let folder = new_folder();
    let write = WriteOptions::new().sync_interval(300).event_times(Clock::Unspecified);
    let mut log = LogWriter::open(folder.path(), LogOptions::new().segment_bytes(2500).write_options(write)).unwrap();
    for number in 0..100 {
        log.append(&message(number, 60)).unwrap();
    }
    log.finish().unwrap();
    let mut reader = LogReader::open(folder.path()).unwrap();
    assert_eq!(reader.seek_to_time(5).unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(reader.seek_to_start().unwrap().sequence, 0);
    assert_eq!(reader.count(), 100);
}

#[test]
fn what_is_appended_and_rotated_meanwhile_is_read() {
    let folder = new_folder();
    // Of each message only what fills a block reaches the file: what the reader ends in may be half of one.
    let write = WriteOptions::new().sync_interval(700).block_size(512);
    let options = LogOptions::new().segment_bytes(3000).write_options(write);
    let mut log = LogWriter::open(folder.path(), options).unwrap();
    let mut noise = Noise::new(7);
    let (mut appended, mut read) = (0u64, 0u64);
    let mut reader = LogReader::open(folder.path()).unwrap();
    for _ in 0..300 {
        for _ in 0..noise.below(40) {
            log.append(&message(appended, 100 + appended as usize % 90)).unwrap();
            appended += 1;
        }
        // Not to the end: that would be the end of it.
        let known = segments(folder.path()).unwrap().last().unwrap().first_sequence;
        while read < known && noise.below(50) != 0 {
            assert_eq!(reader.next_message().unwrap().unwrap(), message(read, 100 + read as usize % 90));
            read += 1;
        }
    }
    assert!(segments(folder.path()).unwrap().len() > 100);
    // The reader's newest segment ends in half a message for it; and goes on, and the next ones begin.
    log.finish().unwrap();
    while let Some(found) = reader.next_message().unwrap() {
        assert_eq!(found, message(read, 100 + read as usize % 90));
        read += 1;
    }
    assert_eq!(read, appended);
}

/// The reader has read to where the newest segment ended for it, when that grows and others follow.
#[track_caller]
fn check_grown(options: &ReadOptions) {
    let log = Log::plain();
    let kept: Vec<_> =
        (2..log.firsts.len()).map(|nth| (log.segment(nth), fs::read(log.segment(nth)).unwrap())).collect();
    let whole = fs::read(log.segment(1)).unwrap();
    for cut in (whole.len() - 700..whole.len()).step_by(13) {
        for (path, _) in &kept {
            fs::remove_file(path).unwrap();
        }
        fs::write(log.segment(1), &whole[..cut]).unwrap();
        let left = Reader::new(&whole[..cut]).unwrap().count() as u64;
        let mut reader = LogReader::with_options(log.path(), options.clone()).unwrap();
        let read: Vec<_> = reader.by_ref().take((log.firsts[1] + left) as usize).map(Result::unwrap).collect();
        log.check(&read, 0..log.firsts[1] + left);
        fs::write(log.segment(1), &whole).unwrap();
        for (path, bytes) in &kept {
            fs::write(path, bytes).unwrap();
        }
        log.check_rest(&mut reader, log.firsts[1] + left);
        assert!(reader.take_findings().is_empty());
        assert!(reader.losses().is_none());
    }
}

#[test]
fn a_segment_that_was_the_newest_is_read_on_before_the_next() {
    check_grown(&ReadOptions::new());
    check_grown(&ReadOptions::new().recovery(Recovery::new()));
}

#[test]
fn messages_that_retention_took_are_gone() {
    let log = Log::plain();
    let mut reader = log.strict();
    assert_eq!(reader.next().unwrap().unwrap().sequence(), Some(0));
    let mut recovering = log.recovering();
    recovering.next().unwrap().unwrap();
    for nth in 0..3 {
        fs::remove_file(log.segment(nth)).unwrap();
    }
    // The file that is open is read to its end.
    let read: Vec<_> = reader.by_ref().map_while(Result::ok).collect();
    log.check(&read, 1..log.firsts[1]);
    let error = reader.next_message().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Gone);
    let said = format!("from {} to {} are gone", log.firsts[1], log.firsts[3] - 1);
    assert!(error.to_string().contains(&said), "{error}");
    assert_eq!(reader.seek_to_sequence(5).unwrap_err().kind(), ErrorKind::Gone);
    assert_eq!(reader.sequences(..).unwrap().count() as u64, log.count() - log.firsts[3]);
    assert_eq!(reader.first_sequence(), log.firsts[3]);
    assert_eq!(reader.seek_to_last(log.count()).unwrap().sequence, log.firsts[3]);
    log.check_rest(&mut reader, log.firsts[3]);

    let read: Vec<_> = recovering.by_ref().map(Result::unwrap).collect();
    log.check(&read, (1..log.firsts[1]).chain(log.firsts[3]..log.count()));
    let findings = recovering.take_findings();
    let expected = log.firsts[1]..log.firsts[3];
    assert!(matches!(&findings[..], [LogFinding::Missing { from, to }] if (*from..*to) == expected), "{findings:?}");
    // One that is opened now begins with the oldest.
    log.check_rest(&mut log.strict(), log.firsts[3]);
}

#[test]
fn a_segment_that_a_listing_left_out_is_not_missing() {
    for options in [ReadOptions::new(), ReadOptions::new().recovery(Recovery::new())] {
        let log = Log::plain();
        let (name, aside) = (log.segment(2), log.path().join("aside"));
        let open = || LogReader::with_options(log.path(), options.clone()).unwrap();

        fs::rename(&name, &aside).unwrap();
        let mut reader = open();
        // The folder is listed by then.
        let landing = reader.partition_point(|_| {
            let _ = fs::rename(&aside, &name);
            false
        });
        assert_eq!(landing.unwrap().sequence, 0);
        log.check_rest(&mut reader, 0);
        assert!(reader.take_findings().is_empty());

        fs::rename(&name, &aside).unwrap();
        let mut reader = open();
        let mut backwards = reader.backwards();
        let mut read = vec![backwards.next().unwrap().unwrap()];
        fs::rename(&aside, &name).unwrap();
        read.extend(backwards.map(Result::unwrap));
        read.reverse();
        log.check(&read, 0..log.count());
        assert!(reader.take_findings().is_empty());
    }
}

#[test]
fn the_oldest_message_is_the_one_that_is_there_when_its_segment_is_opened() {
    for options in [ReadOptions::new(), ReadOptions::new().recovery(Recovery::new())] {
        let log = Log::plain();
        let mut reader = LogReader::with_options(log.path(), options).unwrap();
        // The folder is listed by then.
        let landing = reader.partition_point(|_| {
            let _ = (fs::remove_file(log.segment(0)), fs::remove_file(log.segment(1)));
            false
        });
        assert_eq!(landing.unwrap().sequence, log.firsts[2]);
        log.check_rest(&mut reader, log.firsts[2]);
        assert!(reader.take_findings().is_empty());
    }
}

#[test]
fn segments_that_are_being_removed_are_gone_already() {
    let log = Log::plain();
    fs::write(log.path().join(format!(".removing-below-{:020}", log.firsts[2])), "").unwrap();
    log.check_rest(&mut log.strict(), log.firsts[2]);
}

#[test]
fn only_the_end_of_the_newest_segment_has_to_be_closed() {
    let log = Log::plain();
    cut_closed(&log.segment(1));
    let options = ReadOptions::new().require_closed(true);
    log.check_rest(&mut LogReader::with_options(log.path(), options.clone()).unwrap(), 0);
    let newest = log.segment(log.firsts.len() - 1);
    cut_closed(&newest);
    let mut reader = LogReader::with_options(log.path(), options).unwrap();
    let error = reader.find_map(Result::err).unwrap();
    assert_eq!(error.kind(), ErrorKind::NotClosed);
    assert!(error.to_string().contains(&newest.display().to_string()), "{error}");
}

#[test]
fn a_folder_without_segments_is_no_log() {
    let folder = new_folder();
    assert_eq!(LogReader::open(folder.path()).unwrap_err().kind(), ErrorKind::NotAStream);
    assert_eq!(LogReader::open(folder.join("none")).unwrap_err().kind(), ErrorKind::Io);
    let options = ReadOptions::new().recovery(Recovery::link());
    assert_eq!(LogReader::with_options(folder.path(), options).unwrap_err().kind(), ErrorKind::Usage);
}

#[test]
fn a_log_is_read_while_it_is_empty_and_afterwards() {
    let folder = new_folder();
    let options = LogOptions::new().write_options(WriteOptions::new().sync_policy(SyncPolicy::EveryMessage));
    let mut log = LogWriter::open(folder.path(), options).unwrap();
    let mut reader = LogReader::open(folder.path()).unwrap();
    log.append(b"one").unwrap();
    assert_eq!(reader.next_message().unwrap(), Some(&b"one"[..]));
    assert_eq!(reader.next_message().unwrap(), None);
    assert!(!reader.end().unwrap().is_closed());
    log.append(b"two").unwrap();
    assert_eq!(reader.next_message().unwrap(), None);
    reader.seek_to_sequence(1).unwrap();
    assert_eq!(reader.next_message().unwrap(), Some(&b"two"[..]));
}
