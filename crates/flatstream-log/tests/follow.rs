//! A log that is followed while it grows, is rotated, shortened, torn, reopened, damaged, removed. Nothing here waits
//! for a time to pass but where a follower itself looks only once a second.

mod common;

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::thread;

use common::segment;
use flatstream_io::format::FoundSync;
use flatstream_io::{
    Clock, EndState, Error, ErrorKind, FlushPolicy, FollowOptions, Followed, ReadOptions, Result, WriteOptions, Writer,
};
use flatstream_log::{
    LogCursor, LogFinding, LogFollowOptions, LogFollower, LogOptions, LogReader, LogStart, LogWriter, keys, segments,
};
use flatstream_testkit::folder::Folder;
use flatstream_testkit::noise::Noise;

fn new_folder() -> Folder {
    static NTH: AtomicU64 = AtomicU64::new(0);
    Folder::new(&format!("log-follow-{}", NTH.fetch_add(1, Ordering::Relaxed)))
}

/// No two are alike.
fn message(number: u64) -> Vec<u8> {
    let mut message = number.to_be_bytes().to_vec();
    let mut noise = Noise::new(number);
    let len = noise.below(180);
    message.extend(noise.bytes(len));
    message
}

fn number_of(message: &[u8]) -> u64 {
    u64::from_be_bytes(message[..8].try_into().unwrap())
}

fn waiting() -> LogFollowOptions {
    LogFollowOptions::new().following(FollowOptions::new().reopening(true))
}

fn durable() -> LogFollowOptions {
    LogFollowOptions::new().following(FollowOptions::new().reopening(true).durable_only(true))
}

fn from(start: LogStart) -> LogFollowOptions {
    waiting().from(start)
}

fn open(folder: &Folder, options: LogFollowOptions) -> LogFollower {
    LogFollower::open(folder.path(), options).unwrap()
}

/// Takes all that is there now: the messages numbered from `next` on, up to the returned number.
fn drain(follower: &mut LogFollower, mut next: u64) -> Result<(u64, Followed<()>)> {
    loop {
        let found = match follower.poll()? {
            Followed::Message(found) => found.to_vec(),
            Followed::Waiting => return Ok((next, Followed::Waiting)),
            Followed::Ended => return Ok((next, Followed::Ended)),
        };
        assert_eq!(number_of(&found), next);
        assert!(found == message(next), "message {next} is another one");
        next += 1;
        assert_eq!(follower.sequence(), next);
        assert_eq!(follower.cursor().map(|cursor| cursor.sequence()), Some(next));
    }
}

#[track_caller]
fn all_from(follower: &mut LogFollower, next: u64) -> u64 {
    let (next, followed) = drain(follower, next).unwrap();
    assert_eq!(followed, Followed::Waiting);
    next
}

#[track_caller]
fn error_behind(follower: &mut LogFollower, next: u64, expected: u64) -> Error {
    let mut next = next;
    loop {
        match follower.next_message() {
            Ok(Some(found)) => {
                assert!(found == message(next), "message {next} is another one");
                next += 1;
            }
            Ok(None) => panic!("it ended behind {next} messages"),
            Err(error) => {
                assert_eq!(next, expected, "{error}");
                assert_eq!(follower.poll().unwrap_err().to_string(), error.to_string(), "it is said again");
                assert!(follower.next().is_none());
                return error;
            }
        }
    }
}

fn small_segments() -> LogOptions {
    let write = WriteOptions::new().sync_interval(500).flush_policy(FlushPolicy::EveryMessage);
    LogOptions::new().segment_bytes(2000).write_options(write)
}

/// A closed log with so many messages, in several segments.
fn log_of(count: u64) -> (Folder, Vec<u64>) {
    let folder = new_folder();
    let mut log = LogWriter::open(folder.path(), small_segments()).unwrap();
    append(&mut log, 0, count);
    log.finish().unwrap();
    let firsts = firsts_in(folder.path());
    assert!(firsts.len() > 4);
    (folder, firsts)
}

fn append(log: &mut LogWriter, from: u64, to: u64) {
    for number in from..to {
        assert_eq!(log.append(&message(number)).unwrap(), number);
    }
}

fn firsts_in(folder: &Path) -> Vec<u64> {
    segments(folder).unwrap().iter().map(|segment| segment.first_sequence).collect()
}

/// Cuts the mark off that a segment is closed; returns its bytes up to there, and behind.
fn cut_closed(path: &Path) -> (Vec<u8>, Vec<u8>) {
    let mut bytes = fs::read(path).unwrap();
    let mut end = 0;
    FoundSync::each_in(&bytes, 0, |found| end = found.position as usize);
    let mark = bytes.split_off(end);
    fs::write(path, &bytes).unwrap();
    (bytes, mark)
}

#[test]
fn whatever_the_writer_does_each_follower_sees_all_messages_once_and_in_order() {
    for seed in 0..25 {
        let mut noise = Noise::new(seed);
        let folder = new_folder();
        let write = WriteOptions::new().sync_interval(300 + noise.below(2000) as u32).block_size(4096);
        let options = || LogOptions::new().segment_bytes(1500 + 100 * seed).write_options(write.clone());
        let mut log = LogWriter::open(folder.path(), options()).unwrap();
        let mut all = open(&folder, waiting());
        let mut resumed = open(&folder, waiting());
        let mut safe = open(&folder, durable());
        let (mut next, mut flushed) = (0, 0);
        let (mut seen, mut seen_resumed, mut seen_safe) = (0, 0, 0);
        for _ in 0..150 {
            match noise.below(20) {
                0..=9 => {
                    let more = 1 + noise.below(10) as u64;
                    append(&mut log, next, next + more);
                    next += more;
                }
                10 => log.flush().unwrap(),
                11 => flushed = log.sync().unwrap(),
                12 => log.rotate().unwrap(),
                13 => {
                    // Dropped or closed, and opened again.
                    if noise.below(2) == 0 {
                        drop(log);
                    } else {
                        log.finish().unwrap();
                    }
                    log = LogWriter::open(folder.path(), options()).unwrap();
                }
                14 | 15 => {
                    log.flush().unwrap();
                    seen = all_from(&mut all, seen);
                    assert_eq!(seen, next);
                }
                16 | 17 => seen_safe = all_from(&mut safe, seen_safe),
                18 => seen_resumed = all_from(&mut resumed, seen_resumed),
                _ => {
                    seen_resumed = all_from(&mut resumed, seen_resumed);
                    if let Some(cursor) = resumed.cursor() {
                        let cursor: LogCursor = cursor.to_string().parse().unwrap();
                        resumed = open(&folder, from(LogStart::Cursor(cursor)));
                    }
                }
            }
            assert!(seen_safe <= next && flushed <= next);
        }
        log.finish().unwrap();
        // The end of the log is told to those who don't wait for a reopening.
        for (follower, seen, options) in
            [(&mut all, seen, waiting()), (&mut resumed, seen_resumed, waiting()), (&mut safe, seen_safe, durable())]
        {
            assert_eq!(all_from(follower, seen), next, "seed {seed}");
            let cursor = follower.cursor().unwrap();
            let following = FollowOptions::new();
            let mut last = open(&folder, options.from(LogStart::Cursor(cursor)).following(following));
            assert_eq!(last.poll().unwrap(), Followed::Ended);
            assert_eq!(last.end().unwrap().state, EndState::Closed);
        }
    }
}

#[test]
fn a_follower_begins_where_it_is_told_to() {
    let (folder, firsts) = log_of(120);
    let mut cursors = Vec::new();
    let mut follower = open(&folder, waiting());
    while let Followed::Message(_) = follower.poll().unwrap() {
        cursors.push(follower.cursor().unwrap());
    }
    assert_eq!(cursors.len(), 120);
    let mut reader = LogReader::open(folder.path()).unwrap();
    for (number, cursor) in (0..120).zip(&cursors) {
        assert_eq!(all_from(&mut open(&folder, from(LogStart::Sequence(number))), number), 120);
        reader.next_message().unwrap();
        assert_eq!(reader.cursor(), Some(*cursor), "{number}");
        assert!(firsts.contains(&cursor.segment()));
        assert_eq!(all_from(&mut open(&folder, from(LogStart::Cursor(*cursor))), number + 1), 120);
    }
    assert_eq!(all_from(&mut open(&folder, from(LogStart::End)), 120), 120);

    // One that hasn't been appended yet, several segments later.
    let mut later = open(&folder, from(LogStart::Sequence(200)));
    assert_eq!(later.poll().unwrap(), Followed::Waiting);
    let mut end = open(&folder, from(LogStart::End));
    let mut log = LogWriter::open(folder.path(), small_segments()).unwrap();
    append(&mut log, 120, 230);
    assert_eq!(all_from(&mut later, 200), 230);
    assert_eq!(all_from(&mut end, 120), 230);
}

#[test]
fn a_follower_begins_before_a_time_and_leaves_out_nothing_behind_it() {
    let folder = new_folder();
    let now = Arc::new(AtomicI64::new(0));
    let clock = Arc::clone(&now);
    let write = WriteOptions::new()
        .sync_interval(500)
        .flush_policy(FlushPolicy::EveryMessage)
        .clock(Clock::Monotonic, move || clock.load(Ordering::Relaxed));
    let mut log = LogWriter::open(folder.path(), LogOptions::new().segment_bytes(2000).write_options(write)).unwrap();
    let early = LogFollower::open(folder.path(), from(LogStart::Time(50))).unwrap();
    for number in 0..120 {
        now.store(10 * number as i64, Ordering::Relaxed);
        log.append(&message(number)).unwrap();
    }
    drop(early);
    for time in -5..1250 {
        let mut reader = LogReader::open(folder.path()).unwrap();
        let landing = reader.seek_to_time(time).unwrap().sequence;
        assert!(10 * landing as i64 <= time.max(0), "{time}: {landing}");
        assert_eq!(all_from(&mut open(&folder, from(LogStart::Time(time))), landing), 120, "{time}");
    }
}

#[test]
fn a_log_that_is_still_to_come_is_waited_for_from_its_beginning() {
    for start in [LogStart::Beginning, LogStart::End, LogStart::Sequence(0), LogStart::Time(5)] {
        let folder = new_folder();
        let inner = folder.join("log");
        let error = LogFollower::open(&inner, from(start)).unwrap_err();
        assert_eq!(error.io_error().unwrap().kind(), std::io::ErrorKind::NotFound);
        let waiting = || from(start).following(FollowOptions::new().reopening(true).wait_for_file(true));
        let mut before_folder = LogFollower::open(&inner, waiting()).unwrap();
        fs::create_dir(&inner).unwrap();
        assert_eq!(LogFollower::open(&inner, from(start)).unwrap_err().kind(), ErrorKind::NotAStream);
        let mut before_segment = LogFollower::open(&inner, waiting()).unwrap();
        fs::write(segment(&inner, 0), "").unwrap();
        let mut before_header = LogFollower::open(&inner, from(start)).unwrap();
        let mut followers = [&mut before_folder, &mut before_segment, &mut before_header];
        for follower in &mut followers {
            assert_eq!(follower.poll().unwrap(), Followed::Waiting);
            assert_eq!((follower.sequence(), follower.cursor(), follower.log_id()), (0, None, None));
        }
        let mut log = LogWriter::open(&inner, small_segments()).unwrap();
        append(&mut log, 0, 50);
        for follower in followers {
            assert_eq!(all_from(follower, 0), 50);
            assert_eq!(follower.log_id(), Some(log.log_id()));
        }
    }
}

#[test]
fn messages_that_retention_took_before_they_were_seen_are_gone_or_a_finding() {
    let (folder, firsts) = log_of(120);
    let mut strict = open(&folder, waiting());
    let mut lenient = open(&folder, waiting().skip_gaps(true));
    assert_eq!(strict.poll().unwrap(), Followed::Message(&message(0)[..]));
    assert_eq!(lenient.poll().unwrap(), Followed::Message(&message(0)[..]));
    for &first in &firsts[..3] {
        fs::remove_file(segment(folder.path(), first)).unwrap();
    }
    // The file that is open is handed out to its end.
    let error = error_behind(&mut strict, 1, firsts[1]);
    assert_eq!(error.kind(), ErrorKind::Gone);
    assert!(error.to_string().contains(&format!("from {} to {} are gone", firsts[1], firsts[3] - 1)), "{error}");

    for number in (1..firsts[1]).chain(firsts[3]..120) {
        assert_eq!(lenient.poll().unwrap(), Followed::Message(&message(number)[..]));
    }
    assert_eq!(lenient.poll().unwrap(), Followed::Waiting);
    let findings = lenient.take_findings();
    let expected = firsts[1]..firsts[3];
    assert!(matches!(&findings[..], [LogFinding::Missing { from, to }] if (*from..*to) == expected), "{findings:?}");

    let error = LogFollower::open(folder.path(), from(LogStart::Sequence(5))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Gone);
    let mut lenient = open(&folder, from(LogStart::Sequence(5)).skip_gaps(true));
    assert_eq!(all_from(&mut lenient, firsts[3]), 120);
    assert!(matches!(lenient.take_findings()[..], [LogFinding::Missing { from: 5, to }] if to == firsts[3]));
}

#[test]
fn messages_before_the_first_that_is_wanted_are_not_missed() {
    let folder = new_folder();
    let mut log = LogWriter::open(folder.path(), small_segments()).unwrap();
    append(&mut log, 0, 5);
    let mut follower = open(&folder, from(LogStart::Sequence(200)));
    let mut early = open(&folder, from(LogStart::Sequence(100)));
    let mut lenient = open(&folder, from(LogStart::Sequence(100)).skip_gaps(true));
    for follower in [&mut follower, &mut early, &mut lenient] {
        assert_eq!(follower.poll().unwrap(), Followed::Waiting);
    }
    append(&mut log, 5, 230);
    drop(log);
    let firsts = firsts_in(folder.path());
    let kept = firsts.iter().copied().find(|&first| first > 110).unwrap();
    for &first in firsts.iter().filter(|&&first| first < kept) {
        fs::remove_file(segment(folder.path(), first)).unwrap();
    }
    assert_eq!(all_from(&mut follower, 200), 230);
    let error = error_behind(&mut early, 100, 100);
    assert_eq!(error.kind(), ErrorKind::Gone);
    assert!(error.to_string().contains(&format!("from 100 to {} are gone", kept - 1)), "{error}");
    assert_eq!(all_from(&mut lenient, kept), 230);
    assert!(matches!(lenient.take_findings()[..], [LogFinding::Missing { from: 100, to }] if to == kept));
}

#[test]
fn a_cursor_at_the_end_of_a_segment_that_was_removed_misses_nothing() {
    let (folder, firsts) = log_of(120);
    let mut follower = open(&folder, waiting());
    let (mut at_border, mut before) = (None, None);
    for _ in 0..firsts[2] {
        before = at_border;
        follower.poll().unwrap();
        at_border = follower.cursor();
    }
    for &first in &firsts[..2] {
        fs::remove_file(segment(folder.path(), first)).unwrap();
    }
    let [at_border, before] = [at_border, before].map(Option::unwrap);
    let mut resumed = open(&folder, from(LogStart::Cursor(at_border)));
    assert_eq!(resumed.cursor(), Some(at_border));
    assert_eq!(all_from(&mut resumed, firsts[2]), 120);
    let error = LogFollower::open(folder.path(), from(LogStart::Cursor(before))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Gone);
    let mut lenient = open(&folder, from(LogStart::Cursor(before)).skip_gaps(true));
    assert_eq!(all_from(&mut lenient, firsts[2]), 120);
    assert!(matches!(lenient.take_findings()[..], [LogFinding::Missing { from, to }] if to == from + 1));

    for &first in &firsts[2..] {
        fs::remove_file(segment(folder.path(), first)).unwrap();
    }
    let error = LogFollower::open(folder.path(), from(LogStart::Cursor(at_border))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAStream);
}

#[test]
fn a_cursor_of_another_log_is_refused() {
    let ((folder, _), (other, _)) = (log_of(120), log_of(120));
    let mut follower = open(&folder, waiting());
    follower.poll().unwrap();
    let cursor = follower.cursor().unwrap();
    let error = LogFollower::open(other.path(), from(LogStart::Cursor(cursor))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Gone);
    assert!(error.to_string().contains(&format!("log {:#018x}", cursor.log_id())), "{error}");
    let empty = new_folder();
    let patient = from(LogStart::Cursor(cursor)).following(FollowOptions::new().wait_for_file(true));
    assert_eq!(LogFollower::open(empty.path(), patient).unwrap_err().kind(), ErrorKind::Gone);
}

#[test]
fn a_mangled_cursor_is_refused() {
    let (folder, _) = log_of(120);
    let mut follower = open(&folder, waiting());
    follower.poll().unwrap();
    let text = follower.cursor().unwrap().to_string();
    assert_eq!(format!(" {text}\n").parse::<LogCursor>().unwrap().to_string(), text);
    for at in 0..text.len() {
        let mut other = text.clone().into_bytes();
        other[at] = if other[at] == b'1' { b'2' } else { b'1' };
        let other = String::from_utf8(other).unwrap();
        assert_eq!(other.parse::<LogCursor>().unwrap_err().kind(), ErrorKind::Usage, "{other}");
        assert!(text[..at].parse::<LogCursor>().is_err() && text[at + 1..].parse::<LogCursor>().is_err());
    }
    let in_segment = follower.cursor().unwrap().in_segment().to_string();
    assert!(in_segment.parse::<LogCursor>().is_err());
}

/// The kind of error, and where, that a broken segment is, for a follower that comes to it and one that begins there.
fn check_broken(kind: ErrorKind, spoil: impl Fn(&Path, &[u64])) {
    let (folder, firsts) = log_of(120);
    let mut follower = open(&folder, waiting());
    let mut safe = open(&folder, durable());
    assert_eq!(follower.poll().unwrap(), Followed::Message(&message(0)[..]));
    spoil(folder.path(), &firsts);
    let path = segment(folder.path(), firsts[2]).display().to_string();
    for (follower, seen) in [(&mut follower, 1), (&mut safe, 0)] {
        let error = error_behind(follower, seen, firsts[2]);
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains(&path), "{error}");
    }
    // Those behind it can be read.
    assert_eq!(all_from(&mut open(&folder, from(LogStart::Sequence(firsts[3]))), firsts[3]), 120);
}

fn put(path: PathBuf, metadata: WriteOptions) {
    fs::remove_file(&path).unwrap();
    let mut writer = Writer::create_new(path, metadata).unwrap();
    writer.append(&message(1000)).unwrap();
    writer.finish().unwrap();
}

fn metadata(log_id: &str, first: u64) -> WriteOptions {
    WriteOptions::new()
        .metadata(keys::ID, log_id)
        .metadata(keys::FIRST_SEQUENCE, format!("{first:020}"))
        .metadata(keys::CREATED, "01700000000000000000")
}

#[test]
fn a_segment_that_is_none_or_another_is_an_error_that_names_it() {
    check_broken(ErrorKind::WrongSegment, |folder, firsts| {
        put(segment(folder, firsts[2]), metadata("0123456789abcdef", firsts[2]));
    });
    check_broken(ErrorKind::WrongSegment, |folder, firsts| put(segment(folder, firsts[2]), WriteOptions::new()));
    check_broken(ErrorKind::WrongSegment, |folder, firsts| {
        fs::copy(segment(folder, firsts[4]), segment(folder, firsts[2])).unwrap();
    });
    check_broken(ErrorKind::NotAStream, |folder, firsts| {
        fs::write(segment(folder, firsts[2]), "%PDF-1.7 and so on, for more than a header").unwrap();
    });
}

type Spoil = fn(&mut Vec<u8>);

/// What is left of a header, and what that is.
fn broken_headers() -> [(ErrorKind, Spoil); 5] {
    [
        (ErrorKind::NotAStream, |bytes| bytes.clear()),
        (ErrorKind::NotAStream, |bytes| bytes.truncate(5)),
        (ErrorKind::Incomplete, |bytes| bytes.truncate(100)),
        (ErrorKind::NotAStream, |bytes| bytes.fill(0)),
        (ErrorKind::Damaged, |bytes| bytes[40] ^= 0xFF),
    ]
}

fn rewrite(path: &Path, spoil: impl Fn(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    spoil(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_header_is_waited_for_in_the_newest_segment_alone() {
    for (kind, spoil) in broken_headers() {
        check_broken(kind, |folder, firsts| rewrite(&segment(folder, firsts[2]), spoil));
        // Nor is the oldest left out by one that begins there.
        let (folder, firsts) = log_of(120);
        rewrite(&segment(folder.path(), firsts[0]), spoil);
        assert_eq!(LogFollower::open(folder.path(), waiting()).unwrap_err().kind(), kind);
        rewrite(&segment(folder.path(), firsts[1]), spoil);
        assert_eq!(LogFollower::open(folder.path(), waiting()).unwrap_err().kind(), kind);
        assert_eq!(all_from(&mut open(&folder, from(LogStart::Sequence(firsts[2]))), firsts[2]), 120);
    }
}

#[test]
fn a_header_of_the_newest_segment_that_stays_wrong_is_damage() {
    for count in [120, 1] {
        let folder = new_folder();
        let mut log = LogWriter::open(folder.path(), small_segments()).unwrap();
        append(&mut log, 0, count);
        log.finish().unwrap();
        let newest = *firsts_in(folder.path()).last().unwrap();
        rewrite(&segment(folder.path(), newest), |bytes| bytes[40] ^= 0xFF);
        let moment = std::time::Duration::from_millis(1);
        let following = FollowOptions::new().patience(moment).polling(moment);
        for start in [LogStart::Beginning, LogStart::End, LogStart::Sequence(count)] {
            let options = from(start).following(following.clone());
            let mut follower = open(&folder, options);
            let seen = if start == LogStart::Beginning { 0 } else { newest };
            assert_eq!(error_behind(&mut follower, seen, newest).kind(), ErrorKind::Damaged);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_segment_that_is_a_link_to_nowhere_is_an_error() {
    fn put_link(path: PathBuf) {
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("unmounted/segment", path).unwrap();
    }
    check_broken(ErrorKind::Io, |folder, firsts| put_link(segment(folder, firsts[2])));
    let (folder, firsts) = log_of(120);
    for first in [firsts[0], firsts[1]] {
        put_link(segment(folder.path(), first));
        assert_eq!(LogFollower::open(folder.path(), waiting()).unwrap_err().kind(), ErrorKind::Io);
    }
}

#[test]
fn a_segment_that_was_removed_by_hand_is_damage_or_a_finding() {
    for is_closed in [true, false] {
        let (folder, firsts) = log_of(120);
        let mut follower = open(&folder, waiting());
        let mut lenient = open(&folder, waiting().skip_gaps(true));
        fs::remove_file(segment(folder.path(), firsts[2])).unwrap();
        if !is_closed {
            cut_closed(&segment(folder.path(), firsts[1]));
        }
        let error = error_behind(&mut follower, 0, firsts[2]);
        assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
        assert!(error.to_string().contains(&format!("from {} to {}", firsts[2], firsts[3] - 1)), "{error}");
        for number in (0..firsts[2]).chain(firsts[3]..120) {
            assert_eq!(lenient.next_message().unwrap(), Some(&message(number)[..]));
        }
        let findings = lenient.take_findings();
        assert!(matches!(findings[..], [LogFinding::Missing { from, to }] if (from, to) == (firsts[2], firsts[3])));
    }
}

#[test]
fn nothing_counts_behind_the_place_where_the_next_segment_begins() {
    let (folder, firsts) = log_of(120);
    let path = segment(folder.path(), firsts[1]);
    let whole = fs::read(&path).unwrap();
    let (good, mark) = cut_closed(&path);
    // Good frames behind bad bytes would be damage.
    let frames = [&[0xA5; 64][..], &whole[whole.len() - 512..]].concat();
    for behind in [&[][..], &mark[..24], &Noise::new(1).bytes(3000), &frames, &[&mark[..24], &[0; 5000]].concat()] {
        fs::write(&path, [&good, behind].concat()).unwrap();
        for options in [waiting(), durable()] {
            let mut follower = open(&folder, options.from(LogStart::Beginning));
            assert_eq!(follower.by_ref().take(120).map(|message| number_of(&message.unwrap())).sum::<u64>(), 119 * 60);
            assert_eq!(follower.poll().unwrap(), Followed::Waiting);
        }
    }
}

#[test]
fn a_segment_with_its_last_messages_missing_is_damage_once_there_is_a_later_one() {
    let (folder, firsts) = log_of(120);
    let path = segment(folder.path(), firsts[1]);
    let bytes = fs::read(&path).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(bytes.len() as u64 - 700).unwrap();
    for options in [waiting(), durable()] {
        let mut follower = open(&folder, options);
        let kept = LogReader::open(folder.path()).unwrap().map_while(Result::ok).count() as u64;
        assert!((firsts[1]..firsts[2]).contains(&kept));
        let error = error_behind(&mut follower, 0, kept);
        assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
        assert!(error.to_string().contains(&format!("from {kept} to {}", firsts[2] - 1)), "{error}");
    }
}

#[test]
fn messages_that_came_in_place_of_those_seen_are_not_passed_over_at_a_border() {
    for looks in 0..2 {
        let folder = new_folder();
        let path = segment(folder.path(), 0);
        let options = || small_segments().segment_bytes(1 << 20);
        let mut log = LogWriter::open(folder.path(), options()).unwrap();
        append(&mut log, 0, 10);
        log.sync().unwrap();
        let durable = fs::metadata(&path).unwrap().len();
        append(&mut log, 10, 12);
        let mut follower = open(&folder, LogFollowOptions::new());
        assert_eq!(all_from(&mut follower, 0), 12);
        drop(log);
        OpenOptions::new().write(true).open(&path).unwrap().set_len(durable).unwrap();
        let mut log = LogWriter::open(folder.path(), options()).unwrap();
        for _ in 10..12 {
            log.append(&[7; 300]).unwrap();
        }
        for _ in 0..looks {
            assert_eq!(all_from(&mut follower, 12), 12);
        }
        // The next segment begins with the very number that is next for the follower.
        log.rotate().unwrap();
        append(&mut log, 12, 15);
        log.finish().unwrap();
        let error = error_behind(&mut follower, 12, 12);
        assert_eq!(error.kind(), ErrorKind::Gone, "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}

#[test]
fn a_segment_that_never_came_to_be_is_not_gone_on_in() {
    let folder = new_folder();
    let mut log = LogWriter::open(folder.path(), small_segments().segment_bytes(1 << 20)).unwrap();
    append(&mut log, 0, 20);
    log.sync().unwrap();
    let mut follower = open(&folder, waiting());
    let header = fs::read(segment(folder.path(), 0)).unwrap();
    // The writer died while it created the next one, where files can't have two names.
    let next = segment(folder.path(), 20);
    for len in [0, 5, 100] {
        fs::write(&next, &header[..len]).unwrap();
        assert_eq!(all_from(&mut follower, if len == 0 { 0 } else { 20 }), 20);
        assert_eq!(follower.segment(), Some(&*segment(folder.path(), 0)));
    }
    fs::write(&next, "").unwrap();
    drop(log);
    let mut log = LogWriter::open(folder.path(), small_segments().segment_bytes(1 << 20)).unwrap();
    append(&mut log, 20, 40);
    assert_eq!(all_from(&mut follower, 20), 40);
}

#[test]
fn a_segment_that_is_taken_back_is_left_again() {
    let folder = new_folder();
    let mut log = LogWriter::open(folder.path(), small_segments().segment_bytes(1 << 20)).unwrap();
    append(&mut log, 0, 20);
    let (mut follower, mut ending) = (open(&folder, waiting()), open(&folder, LogFollowOptions::new()));
    let next = segment(folder.path(), 20);
    for _ in 0..2 {
        // As the writer does it if the folder can't be made durable.
        Writer::create_new(&next, metadata(&format!("{:016x}", log.log_id()), 20)).unwrap();
        for follower in [&mut follower, &mut ending] {
            let seen = follower.sequence();
            assert_eq!(all_from(follower, seen), 20);
            assert_eq!(follower.segment(), Some(&*next));
        }
        fs::remove_file(&next).unwrap();
        for follower in [&mut follower, &mut ending] {
            assert_eq!(all_from(follower, 20), 20);
            assert_eq!(follower.segment(), Some(&*segment(folder.path(), 0)));
        }
    }
    append(&mut log, 20, 40);
    log.finish().unwrap();
    assert_eq!(all_from(&mut follower, 20), 40);
    assert_eq!(drain(&mut ending, 20).unwrap(), (40, Followed::Ended));
}

#[test]
fn the_log_is_removed_while_it_is_followed() {
    let (folder, firsts) = log_of(120);
    for is_folder_removed in [false, true] {
        let inner = folder.join("copy");
        let _ = fs::remove_dir_all(&inner);
        fs::create_dir(&inner).unwrap();
        for &first in &firsts {
            fs::copy(segment(folder.path(), first), segment(&inner, first)).unwrap();
        }
        let mut follower = LogFollower::open(&inner, waiting()).unwrap();
        assert_eq!(follower.poll().unwrap(), Followed::Message(&message(0)[..]));
        fs::remove_dir_all(&inner).unwrap();
        if !is_folder_removed {
            fs::create_dir(&inner).unwrap();
        }
        assert_eq!(drain(&mut follower, 1).unwrap(), (firsts[1], Followed::Ended));
        assert!(follower.end().unwrap().is_closed());
    }
}

#[test]
fn only_the_end_of_the_newest_segment_has_to_be_closed() {
    let (folder, firsts) = log_of(120);
    cut_closed(&segment(folder.path(), firsts[1]));
    let strict = || {
        let reading = ReadOptions::new().require_closed(true);
        LogFollowOptions::new().following(FollowOptions::new().reading(reading))
    };
    assert_eq!(drain(&mut open(&folder, strict()), 0).unwrap(), (120, Followed::Ended));
    let newest = segment(folder.path(), firsts[firsts.len() - 1]);
    cut_closed(&newest);
    let mut follower = open(&folder, strict());
    assert_eq!(all_from(&mut follower, 0), 120);
    fs::remove_dir_all(folder.path()).unwrap();
    let error = follower.poll().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotClosed);
    assert!(error.to_string().contains(&newest.display().to_string()), "{error}");
}

#[test]
fn a_follower_that_waits_is_woken_in_every_segment() {
    let folder = new_folder();
    let wait = || FollowOptions::new().wait_for_file(true);
    let polling = || wait().polling(std::time::Duration::from_millis(1));
    let followers = [wait(), wait().durable_only(true), polling()].map(|following| {
        let mut follower = open(&folder, LogFollowOptions::new().following(following));
        thread::spawn(move || {
            let mut next = 0;
            while let Some(found) = follower.next_message().unwrap() {
                assert!(found == message(next), "message {next} is another one");
                next += 1;
            }
            next
        })
    });
    let mut log = LogWriter::open(folder.path(), small_segments()).unwrap();
    append(&mut log, 0, 2000);
    log.finish().unwrap();
    for follower in followers {
        assert_eq!(follower.join().unwrap(), 2000);
    }
}
