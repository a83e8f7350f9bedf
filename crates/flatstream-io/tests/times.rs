//! The times of sync frames: from a clock, from the application, over epochs; and sync frames that come by time.
//!
//! No test waits for time to pass. What seeking relies on is this: whatever a time is, no message with that time or a
//! later one lies before a sync frame whose time is less.

mod common;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use common::Stream;
use flatstream_io::format::Sync;
use flatstream_io::{
    ChecksumType, Clock, Durable, ErrorKind, FlushPolicy, HeaderBuilder, SharedOptions, SharedWriter, TIME_NONE,
    WriteOptions, Writer, recover,
};
use flatstream_testkit::folder::Folder;
use proptest::collection::vec;
use proptest::prelude::*;

const NEVER: Duration = Duration::from_secs(1 << 30);

fn event_options() -> WriteOptions {
    WriteOptions::new().stream_id(7).event_times(Clock::UnixUtc)
}

fn event_writer(options: WriteOptions) -> Writer<Vec<u8>> {
    Writer::new(Vec::new(), options).unwrap()
}

fn sync_times(stream: &Stream) -> Vec<i64> {
    stream.syncs.iter().map(|sync| sync.time).collect()
}

fn of_file(path: &Path) -> Stream {
    Stream::of_bytes(fs::read(path).unwrap())
}

/// What the clock of these options says.
fn settable_clock(clock: Clock) -> (WriteOptions, Arc<AtomicI64>) {
    let time = Arc::new(AtomicI64::new(0));
    let read = Arc::clone(&time);
    (WriteOptions::new().clock(clock, move || read.load(Ordering::Relaxed)), time)
}

/// The greatest time of the messages before a position; `times` are those of all messages, by sequence.
fn greatest_before(stream: &Stream, times: &[i64], position: u64) -> i64 {
    let before = stream.starts.iter().take_while(|&&start| start < position).count();
    times[..before].iter().copied().max().unwrap_or(TIME_NONE)
}

/// For every time there is, and those next to it: the messages that a search for it must find lie behind the last sync
/// frame whose time is less.
fn assert_can_be_sought(stream: &Stream, times: &[i64], is_landing: impl Fn(&Sync) -> bool) {
    let near = |&time: &i64| [time.saturating_sub(1), time, time.saturating_add(1)];
    for wanted in times.iter().flat_map(near) {
        let landed = stream.syncs.iter().rfind(|sync| is_landing(sync) && sync.time < wanted);
        let landed = landed.map_or(0, |sync| sync.position);
        for (start, time) in stream.starts.iter().zip(times) {
            assert!(*time < wanted || *start > landed, "{wanted} is sought from {landed} on, and missed at {start}");
        }
    }
}

fn assert_times_never_decrease(stream: &Stream) {
    assert!(stream.syncs.is_sorted_by_key(|sync| sync.time), "{:?}", sync_times(stream));
}

/// One call of the writer.
#[derive(Clone, Debug)]
enum Call {
    At(i64, usize),
    /// A message without a time.
    Plain(usize),
    Empty(i64),
    TooLong(i64),
    NoTime,
}

const MESSAGE_MAX: u32 = 2000;

fn call() -> impl Strategy<Value = Call> {
    // Short ranges repeat and run backwards; wide ones reach the ends.
    let time = || prop_oneof![4 => -50i64..50, 1 => i64::MIN + 1..=i64::MAX];
    prop_oneof![
        8 => (time(), 1usize..300).prop_map(|(time, len)| Call::At(time, len)),
        1 => (time(), 1000..=MESSAGE_MAX as usize).prop_map(|(time, len)| Call::At(time, len)),
        1 => (1usize..300).prop_map(Call::Plain),
        1 => time().prop_map(Call::Empty),
        1 => time().prop_map(Call::TooLong),
        1 => Just(Call::NoTime),
    ]
}

/// Makes the calls, and returns the times of the messages that were accepted, as far as they had one.
fn make_calls<W: Write>(writer: &mut Writer<W>, calls: &[Call]) -> Vec<i64> {
    let mut times = Vec::new();
    for call in calls {
        let (sequence, position) = (writer.sequence(), writer.position());
        let result = match *call {
            Call::At(time, len) => {
                times.push(time);
                writer.append_at(time, &vec![1; len])
            }
            Call::Plain(len) => {
                times.push(TIME_NONE);
                writer.append(&vec![2; len])
            }
            Call::Empty(time) => writer.append_at(time, b""),
            Call::TooLong(time) => writer.append_at(time, &vec![3; MESSAGE_MAX as usize + 1]),
            Call::NoTime => writer.append_at(TIME_NONE, b"when?"),
        };
        match call {
            Call::At(..) | Call::Plain(_) => assert_eq!(result.unwrap(), sequence),
            refused => {
                assert!(result.is_err(), "{refused:?}");
                assert_eq!((writer.sequence(), writer.position()), (sequence, position), "{refused:?}");
            }
        }
    }
    times
}

fn pace() -> impl Strategy<Value = Option<Duration>> {
    prop_oneof![Just(None), Just(Some(Duration::ZERO)), Just(Some(NEVER))]
}

fn with_pace(options: WriteOptions, pace: Option<Duration>) -> WriteOptions {
    pace.map_or(options.clone(), |time| options.sync_every(time))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_sync_frame_says_another_time_than_the_greatest_of_the_messages_before_it(
        calls in vec(call(), 0..60),
        interval in prop::sample::select(&[0u32, 64, 200, 1024, 65_536]),
        block in prop::sample::select(&[64usize, 500, 4096]),
        pace in pace(),
    ) {
        let options = event_options().sync_interval(interval).max_message_len(MESSAGE_MAX).block_size(block);
        let mut writer = event_writer(with_pace(options, pace));
        let times = make_calls(&mut writer, &calls);
        let stream = Stream::of_bytes(writer.finish().unwrap());
        for sync in &stream.syncs {
            prop_assert_eq!(sync.time, greatest_before(&stream, &times, sync.position), "at {}", sync.position);
        }
        assert_times_never_decrease(&stream);
        assert_can_be_sought(&stream, &times, |_| true);
    }

    /// What is behind the last sync frame of a writer that died has times that nobody knows any more. Those who go on
    /// in order, or look from the sync frame before, find it all the same.
    #[test]
    fn times_decrease_when_a_stream_of_events_is_reopened(
        epochs in vec((vec(call(), 0..20), any::<bool>(), any::<prop::sample::Index>()), 1..5),
        interval in prop::sample::select(&[0u32, 64, 200]),
        pace in pace(),
    ) {
        let folder = Folder::new("event-epochs");
        let path = folder.join("a.fls");
        let options = with_pace(event_options().sync_interval(interval).max_message_len(MESSAGE_MAX), pace);
        let mut times = Vec::new();
        let mut floor = TIME_NONE;
        for (calls, is_finished, cut) in &epochs {
            let mut writer = Writer::open(&path, options.clone()).unwrap();
            let (begin, sequence) = (writer.position(), writer.sequence());
            times.truncate(sequence as usize);
            times.extend(make_calls(&mut writer, calls));
            if *is_finished {
                writer.finish().unwrap();
            } else {
                drop(writer);
                let file = OpenOptions::new().write(true).open(&path).unwrap();
                let size = file.metadata().unwrap().len();
                file.set_len(begin + cut.index((size - begin) as usize + 1) as u64).unwrap();
            }
            let mut writer = Writer::open(&path, options.clone()).unwrap();
            times.truncate(writer.sequence() as usize);
            writer.flush().unwrap();
            drop(writer);
            let stream = of_file(&path);
            assert_times_never_decrease(&stream);
            let of_epoch = |sync: &&Sync| sync.position >= begin;
            for sync in stream.syncs.iter().filter(of_epoch).filter(|sync| !sync.flags.is_resumed()) {
                let of_this_one = &times[sequence as usize..sync.sequence as usize];
                let given = of_this_one.iter().copied().max().unwrap_or(TIME_NONE);
                prop_assert_eq!(sync.time, given.max(floor), "at {}", sync.position);
            }
            let last_two = &stream.syncs[stream.syncs.len().saturating_sub(2)..];
            if let [before, resumed] = last_two {
                prop_assert!(resumed.flags.is_resumed());
                prop_assert_eq!(resumed.time, before.time, "a reopened stream goes on from the last sync frame's time");
            }
            floor = stream.syncs.last().unwrap().time;
            if epochs.iter().all(|(_, is_finished, _)| *is_finished) {
                assert_can_be_sought(&stream, &times, |_| true);
            }
        }
    }

    /// Messages come in order, writers die: whoever doesn't land at the frame of a reopening misses nothing.
    #[test]
    fn a_message_of_a_writer_that_died_is_missed(
        epochs in vec((vec((0i64..5, 1usize..200), 0..20), any::<prop::sample::Index>()), 1..5),
        pace in pace(),
    ) {
        let folder = Folder::new("event-crashes");
        let path = folder.join("a.fls");
        let options = with_pace(event_options().sync_interval(300), pace);
        let (mut times, mut now) = (Vec::new(), 0);
        for (messages, cut) in &epochs {
            let mut writer = Writer::open(&path, options.clone()).unwrap();
            times.truncate(writer.sequence() as usize);
            let begin = writer.position();
            for (later, len) in messages {
                now += later;
                times.push(now);
                writer.append_at(now, &vec![0; *len]).unwrap();
            }
            drop(writer);
            let file = OpenOptions::new().write(true).open(&path).unwrap();
            let size = file.metadata().unwrap().len();
            file.set_len(begin + cut.index((size - begin) as usize + 1) as u64).unwrap();
        }
        Writer::open(&path, options).unwrap().finish().unwrap();
        let stream = of_file(&path);
        times.truncate(stream.messages.len());
        assert_times_never_decrease(&stream);
        // A frame of a reopening, and one that still repeats its time, say no more than the last one of before.
        let is_known = |sync: &Sync| {
            let floor = stream.syncs.iter().rfind(|resumed| {
                resumed.flags.is_resumed() && resumed.position <= sync.position
            });
            floor.is_none_or(|floor| sync.time > floor.time)
        };
        assert_can_be_sought(&stream, &times, is_known);
    }
}

#[test]
fn a_message_without_a_time_changes_the_time() {
    let mut writer = event_writer(event_options().sync_every(Duration::ZERO));
    writer.append(b"before all times").unwrap();
    writer.append_at(5, b"five").unwrap();
    writer.append(b"still five").unwrap();
    writer.append_parts(&[b"five", b" too"]).unwrap();
    let stream = Stream::of_bytes(writer.finish().unwrap());
    assert_eq!(sync_times(&stream), [TIME_NONE, TIME_NONE, 5, 5, 5, 5]);
}

#[test]
fn a_time_is_taken_by_a_writer_that_has_a_clock() {
    let (options, _) = settable_clock(Clock::UnixUtc);
    let with_clock_last = || settable_clock(Clock::UnixUtc).0;
    for options in
        [WriteOptions::new(), options.clone(), event_options().clock(Clock::UnixUtc, || 0), with_clock_last()]
    {
        let mut writer = event_writer(options);
        let error = writer.append_at(1, b"message").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains("WriteOptions::event_times"), "{error}");
        assert_eq!(writer.append(b"message").unwrap(), 0, "the stream is unharmed");
    }
    let mut writer = event_writer(options.event_times(Clock::Tai));
    assert_eq!(writer.header().clock(), Clock::Tai);
    let error = writer.append_at(TIME_NONE, b"message").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert_eq!(writer.append_at(TIME_NONE + 1, b"message").unwrap(), 0);
}

#[test]
fn a_reopened_stream_gets_event_times_of_another_clock() {
    let folder = Folder::new("event-clock");
    let path = folder.join("a.fls");
    Writer::open(&path, event_options()).unwrap().finish().unwrap();
    let error = Writer::open(&path, WriteOptions::new().event_times(Clock::Tai)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("Tai") && error.to_string().contains("UnixUtc"), "{error}");
    Writer::open(&path, WriteOptions::new().event_times(Clock::UnixUtc)).unwrap().append_at(1, b"fine").unwrap();
}

/// Opens the stream of a file at each of these times, and returns what its sync frames say: each session has one at its
/// beginning, one behind its message, and one at its end.
fn times_of_sessions(path: &Path, clock: Clock, at: &[i64]) -> Vec<i64> {
    let (options, time) = settable_clock(clock);
    for now in at {
        time.store(*now, Ordering::Relaxed);
        let mut writer = Writer::open(path, options.clone().sync_every(Duration::ZERO)).unwrap();
        writer.append(b"message").unwrap();
        writer.finish().unwrap();
    }
    sync_times(&of_file(path))
}

#[test]
fn times_decrease_when_an_absolute_clock_was_put_back() {
    let folder = Folder::new("absolute-clocks");
    for clock in [Clock::UnixUtc, Clock::Tai] {
        let path = folder.join(format!("{clock:?}.fls"));
        let times = times_of_sessions(&path, clock, &[100, 60, TIME_NONE, 120]);
        assert_eq!(times, [100, 100, 100, 100, 100, 100, 100, 100, 100, 120, 120, 120]);
    }
}

#[test]
fn a_clock_that_begins_anew_is_held_up_by_the_epoch_before() {
    let folder = Folder::new("relative-clocks");
    for clock in [Clock::Monotonic, Clock::Unspecified] {
        let path = folder.join(format!("{clock:?}.fls"));
        assert_eq!(times_of_sessions(&path, clock, &[100, 60, 70]), [100, 100, 100, 60, 60, 60, 70, 70, 70]);
    }
}

#[test]
fn the_systems_clock_passes_for_another_one() {
    let header = |clock| HeaderBuilder::new(ChecksumType::Crc32c).clock(clock).build().unwrap();
    let times = |clock| {
        let writer = Writer::new(Vec::new(), WriteOptions::new().header(header(clock))).unwrap();
        sync_times(&Stream::of_bytes(writer.finish().unwrap()))
    };
    for clock in [Clock::Monotonic, Clock::Tai] {
        assert_eq!(times(clock), [TIME_NONE, TIME_NONE]);
    }
    for clock in [Clock::UnixUtc, Clock::Unspecified] {
        assert!(times(clock)[0] > 0);
    }
}

/// Leaves a stream whose last message isn't whole; its sync frames say times up to `time`.
fn tear(path: &Path, options: WriteOptions) -> i64 {
    let mut writer = Writer::open(path, options.sync_every(Duration::ZERO)).unwrap();
    for nth in 0..3 {
        let result = writer.append_at(1_500_000_000 + nth, b"whole");
        result.or_else(|_| writer.append(b"whole")).unwrap();
    }
    drop(writer);
    let last = of_file(path).syncs.last().unwrap().time;
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(b"torn!").unwrap();
    last
}

#[test]
fn a_repair_brings_todays_time_into_a_stream() {
    let folder = Folder::new("repaired-times");
    let (mut monotonic, time) = settable_clock(Clock::Monotonic);
    time.store(77, Ordering::Relaxed);
    monotonic = monotonic.stream_id(8);
    for (name, options) in [("events", event_options()), ("monotonic", monotonic)] {
        let path = folder.join(name);
        let last = tear(&path, options);
        assert!(recover::repair(&path).unwrap().bytes_cut > 0);
        let repaired = of_file(&path).syncs.last().copied().unwrap();
        assert!(repaired.flags.is_resumed() && repaired.epoch == 1);
        assert_eq!(repaired.time, last, "{name}");
    }
    let events = folder.join("events");
    let mut writer = Writer::open(&events, event_options()).unwrap();
    writer.append_at(5, b"an early one").unwrap();
    writer.append_at(1_600_000_000, b"a later one").unwrap();
    writer.finish().unwrap();
    let stream = of_file(&events);
    assert_times_never_decrease(&stream);
    assert_eq!(stream.syncs.last().unwrap().time, 1_600_000_000);
}

#[test]
fn a_sync_frame_by_time_stands_elsewhere_than_behind_the_message() {
    for interval in [0, 64 << 10] {
        let options = common::options(ChecksumType::Crc32c).sync_interval(interval).sync_every(Duration::ZERO);
        let mut writer = Writer::new(Vec::new(), options).unwrap();
        for nth in 0..50u8 {
            writer.append(&vec![nth; 1 + usize::from(nth)]).unwrap();
        }
        let stream = Stream::of_bytes(writer.finish().unwrap());
        assert_eq!(stream.messages.len(), 50);
        let sequences: Vec<u64> = stream.syncs.iter().map(|sync| sync.sequence).collect();
        let expected: Vec<u64> = (0..=50).chain([50]).collect();
        assert_eq!(sequences, expected, "one at the start, one behind each message, one at the end");
        for (nth, sync) in stream.syncs[1..=50].iter().enumerate() {
            assert_eq!(sync.position, stream.end_of(nth));
        }
    }
}

#[test]
fn a_sync_frame_comes_though_nothing_was_appended() {
    let options = common::options(ChecksumType::Crc32c).sync_every(Duration::ZERO);
    let mut writer = Writer::new_durable(Disk::default(), options).unwrap();
    for messages in 0..3u64 {
        for _ in 0..3 {
            writer.flush().unwrap();
            writer.sync().unwrap();
            assert!(writer.append(b"").is_err());
        }
        assert_eq!(writer.sequence(), messages);
        writer.append(b"message").unwrap();
    }
    let stream = Stream::of_bytes(writer.finish().unwrap().bytes());
    assert_eq!(stream.syncs.len(), 1 + 3 + 1);
}

#[test]
fn a_long_time_between_sync_frames_brings_more_than_the_interval_does() {
    let messages: Vec<Vec<u8>> = (0..300).map(|nth| vec![1; 1 + nth % 90]).collect();
    let options = common::options(ChecksumType::Crc32c).sync_interval(1024);
    let plain = Stream::new(options.clone(), messages.clone());
    assert!(plain.bytes == Stream::new(options.sync_every(NEVER), messages).bytes, "and it isn't in the header");
}

/// Bytes that other threads can wait for.
#[derive(Clone, Default)]
struct Disk(Arc<(Mutex<Vec<u8>>, Condvar)>);

impl Disk {
    fn bytes(&self) -> Vec<u8> {
        self.0.0.lock().unwrap().clone()
    }

    /// Waits until the stream has so many sync frames; a test that hangs here is one that failed.
    fn wait_for_syncs(&self, count: usize) -> Stream {
        let (bytes, has_grown) = &*self.0;
        let mut bytes = bytes.lock().unwrap();
        loop {
            // Handed over are whole blocks, and blocks are larger than this stream, so the end is one of a frame.
            let stream = Stream::of_bytes(bytes.clone());
            if stream.syncs.len() >= count {
                return stream;
            }
            let (later, timeout) = has_grown.wait_timeout(bytes, Duration::from_secs(120)).unwrap();
            assert!(!timeout.timed_out(), "no sync frame comes: {:?}", stream.syncs);
            bytes = later;
        }
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.0.lock().unwrap().extend_from_slice(bytes);
        self.0.1.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Durable for Disk {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn shared_writer(every: Duration) -> (SharedWriter, Disk) {
    let disk = Disk::default();
    let options = common::options(ChecksumType::Crc32c).sync_every(every).flush_policy(FlushPolicy::EveryMessage);
    let mut writer = Writer::new_durable(disk.clone(), options).unwrap();
    writer.flush().unwrap();
    (SharedWriter::new(writer, SharedOptions::new()).unwrap(), disk)
}

/// Usually the thread has appended the message before the time is over, and must wake up by itself.
#[test]
fn a_thread_puts_no_sync_frame_while_nothing_more_comes() {
    let (writer, disk) = shared_writer(Duration::from_millis(40));
    for nth in 1..=3 {
        writer.append(b"the only one for a long time").unwrap();
        let stream = disk.wait_for_syncs(1 + nth);
        assert_eq!(stream.syncs[nth].sequence, nth as u64);
    }
    writer.finish().unwrap();
    assert_eq!(Stream::of_bytes(disk.bytes()).syncs.len(), 5, "none where nothing was appended");
}

#[test]
fn a_thread_that_is_asked_to_sync_all_the_time_puts_no_sync_frame() {
    let (writer, disk) = shared_writer(Duration::ZERO);
    for _ in 0..20 {
        writer.append(b"message").unwrap().wait().unwrap();
    }
    writer.finish().unwrap();
    let stream = Stream::of_bytes(disk.bytes());
    let sequences: Vec<u64> = stream.syncs.iter().map(|sync| sync.sequence).collect();
    assert_eq!(sequences, (0..=20).chain([20]).collect::<Vec<u64>>());
}

#[cfg(feature = "typed")]
mod built {
    use flatbuffers::{FlatBufferBuilder, WIPOffset};
    use flatstream_io::{Error, MessageType, TypedWriter};
    use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs};

    use super::*;

    struct Event;

    impl MessageType for Event {
        type Root<'a> = TelemetryEvent<'a>;
        const NAME: &'static str = "Telemetry.TelemetryEvent";
    }

    fn event(builder: &mut FlatBufferBuilder<'static>) -> WIPOffset<TelemetryEvent<'static>> {
        TelemetryEvent::create(builder, &TelemetryEventArgs::default())
    }

    fn finished() -> Vec<u8> {
        let mut builder = FlatBufferBuilder::new();
        let root = event(&mut builder);
        builder.finish(root, None);
        builder.finished_data().to_vec()
    }

    #[test]
    fn a_message_that_is_built_or_checked_loses_its_time() {
        let options = event_options().sync_every(Duration::ZERO);
        let mut writer = TypedWriter::<Event, _>::new(Vec::new(), options).unwrap();
        writer.append_at(10, &finished()).unwrap();
        writer.append_with_at(20, event).unwrap();
        writer.try_append_with_at(30, |builder| Ok::<_, Error>(event(builder))).unwrap();
        let failed = writer.try_append_with_at(40, |_| Err::<_, Box<dyn std::error::Error>>("unreadable".into()));
        assert!(failed.is_err());
        assert_eq!(writer.append_at(50, b"no event").unwrap_err().kind(), ErrorKind::WrongType);
        writer.append_with(event).unwrap();
        let stream = Stream::of_bytes(writer.finish().unwrap());
        assert_eq!(sync_times(&stream), [TIME_NONE, 10, 20, 30, 30, 30]);
    }
}
