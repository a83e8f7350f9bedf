//! Seeking in slices, and the bisection itself, against plain lists of what a stream holds.
#![cfg(feature = "alloc")]

mod common;

use std::ops::Range;

use common::STREAM_ID;
use flatstream_format::{
    Algorithm, ChecksumType, Encoder, Essentials, FoundSync, Header, HeaderBuilder, SearchStep, Session, SliceReader,
    Sync, SyncFlags, SyncSearch, TIME_NONE,
};

/// A stream of several epochs, and where everything is in it.
struct Stream {
    header: Header,
    bytes: Vec<u8>,
    syncs: Vec<Sync>,
    /// The position of each message.
    starts: Vec<u64>,
}

/// What an epoch holds: the times of its messages, and the length of their bodies.
type Epoch = (Range<i64>, usize);

fn stream_of(sync_interval: u32, epochs: &[Epoch]) -> Stream {
    let header = HeaderBuilder::new(ChecksumType::Crc32c).sync_interval(sync_interval).max_message_len(4096);
    let header = header.build().unwrap();
    let session = Session { stream_id: STREAM_ID.try_into().unwrap(), epoch: 0 };
    let mut encoder = Encoder::new(header.essentials(), session, Algorithm::CRC32C);
    let mut stream = Stream { bytes: header.as_bytes().to_vec(), header, syncs: vec![], starts: vec![] };
    for (nth, (times, len)) in epochs.iter().enumerate() {
        if nth != 0 {
            encoder.start_epoch(nth as u32).unwrap();
        }
        for time in times.clone() {
            if encoder.sync_due() {
                stream.push_sync(encoder.sync(time, SyncFlags::NONE).unwrap());
            }
            let mut body = vec![0; *len];
            body[..8].copy_from_slice(&encoder.sequence().to_le_bytes());
            stream.starts.push(encoder.position());
            stream.bytes.extend(encoder.message(&body).unwrap());
            stream.bytes.extend(body);
            stream.bytes.resize(stream.bytes.len().next_multiple_of(8), 0);
        }
    }
    stream
}

impl Stream {
    fn push_sync(&mut self, frame: [u8; 64]) {
        self.syncs.push(FoundSync::at_start_of(&frame, self.bytes.len() as u64).unwrap().sync);
        self.bytes.extend(frame);
    }

    fn reader(&self) -> SliceReader<'_, Algorithm> {
        SliceReader::new(&self.bytes).unwrap()
    }

    /// Behind the last sync frame before the first of this time or later; the beginning if that is the first.
    fn place_before(&self, time: i64) -> (u64, u64) {
        let before = self.syncs.iter().take_while(|sync| sync.time < time).last().filter(|sync| sync.sequence != 0);
        before.map_or((0, self.header.essentials().header_len.into()), |sync| (sync.sequence, sync.position + 64))
    }
}

fn sequence_of(body: &[u8]) -> u64 {
    u64::from_le_bytes(body[..8].try_into().unwrap())
}

fn streams() -> Vec<Stream> {
    vec![
        stream_of(64, &[(0..30, 8)]),
        stream_of(256, &[(0..60, 24), (10..40, 8), (5..90, 61)]),
        stream_of(512, &[(0..20, 2000), (100..190, 16), (0..1, 8), (-20..50, 100), (70..80, 8), (60..200, 40)]),
        stream_of(0, &[(0..20, 8), (5..25, 8)]),
    ]
}

#[test]
fn every_message_is_found_from_every_place_before_it() {
    for stream in streams() {
        let count = stream.starts.len() as u64;
        let mut here = stream.reader();
        loop {
            let read = here.decoder().sequence();
            for sequence in (0..count + 2).step_by(5).chain([read, count - 1, count]) {
                let mut reader = here.clone();
                let landing = reader.seek_to_sequence(sequence).unwrap();
                let expected = sequence.clamp(read, count);
                assert_eq!(landing.sequence, expected, "{sequence} from {read}");
                if let Some(&start) = stream.starts.get(expected as usize).filter(|_| expected > read) {
                    let is_sync = |position| stream.syncs.iter().any(|sync| sync.position == position);
                    assert!(landing.position == start || landing.position + 64 == start && is_sync(landing.position));
                }
                let next = reader.next().map(|message| sequence_of(message.unwrap().body()));
                assert_eq!(next, (expected < count).then_some(expected));

                let landing = here.clone().partition_point(|body| sequence_of(body) < sequence).unwrap();
                assert_eq!(landing.sequence, expected, "by key: {sequence} from {read}");
            }
            if here.next().is_none() {
                break;
            }
        }
    }
}

#[test]
fn a_time_is_found_behind_the_last_sync_frame_before_the_first_that_is_not_earlier() {
    for stream in streams().into_iter().filter(|stream| stream.header.essentials().sync_interval != 0) {
        for time in -30..210 {
            let landing = stream.reader().seek_to_time(time);
            assert_eq!((landing.sequence, landing.position), stream.place_before(time), "time {time}");
        }
        let landing = stream.reader().seek_to_time(TIME_NONE);
        assert_eq!(landing.sequence, 0);
    }
}

#[test]
fn a_stream_without_times_is_not_sought_in_by_them() {
    let mut stream = stream_of(64, &[(TIME_NONE..TIME_NONE + 1, 8)]);
    let mut reader = stream.reader();
    assert_eq!(reader.seek_to_time(5).sequence, 0);
    assert_eq!(reader.next().map(|message| message.is_ok()), Some(true));
    stream.bytes.truncate(stream.header.as_bytes().len());
    assert_eq!(stream.reader().seek_to_time(5).sequence, 0);
}

#[test]
fn sync_frames_without_a_time_lie_before_any() {
    let stream = stream_of(256, &[(0..100, 24)]);
    let last = stream.syncs[stream.syncs.len() - 1].sequence;
    let landing = |is_without: fn(usize) -> bool, time| {
        let changed = with_changed(&stream, is_without, |sync| sync.time = TIME_NONE);
        changed.reader().seek_to_time(time).sequence
    };
    assert_eq!(landing(|_| true, 50), 0, "none has a time");
    assert_eq!(landing(|nth| nth != 0, 50), last, "only the first has");
    assert_eq!(landing(|nth| nth == 0, 50), stream.place_before(50).0, "all others have");
    assert_eq!(landing(|nth| nth == 0, 1000), last, "all others have");
}

#[test]
fn what_follows_a_time_that_is_not_earlier_does_not_count() {
    // A third of the second epoch is earlier than the time, which is that of the only sync frame before it.
    let stream = stream_of(256, &[(1000..1003, 24), (0..3000, 24)]);
    assert_eq!(stream.reader().seek_to_time(1000).sequence, 0);
}

#[test]
fn a_damaged_sync_frame_hides_nothing_behind_it() {
    let stream = &streams()[1];
    for sync in &stream.syncs[1..] {
        let mut damaged = stream.bytes.clone();
        damaged[sync.position as usize + 20] ^= 1;
        for sequence in (sync.sequence..stream.starts.len() as u64).step_by(7) {
            let next = stream.syncs.iter().find(|other| other.sequence > sync.sequence);
            let landing = SliceReader::new(&damaged).unwrap().seek_to_sequence(sequence);
            // Up to the next sync frame, the damage is in the way.
            match next.is_some_and(|next| next.sequence <= sequence) {
                true => assert_eq!(landing.unwrap().sequence, sequence),
                false => assert_eq!(landing.unwrap_err().position(), sync.position),
            }
        }
    }
}

/// What a search came to: the sync frame that it found, how often it read, and how much.
fn search(stream: &Stream, end: u64, is_before: impl FnMut(&Sync) -> Option<bool>) -> (Option<Sync>, u32, usize) {
    search_as(|search| search, stream, end, is_before)
}

fn search_as(
    prepare: fn(SyncSearch) -> SyncSearch,
    stream: &Stream,
    end: u64,
    mut is_before: impl FnMut(&Sync) -> Option<bool>,
) -> (Option<Sync>, u32, usize) {
    let first = &stream.syncs[0];
    let mut search = prepare(SyncSearch::new(stream.header.essentials(), first, first.position + 64, end));
    let (mut reads, mut read) = (0, 0);
    loop {
        match search.step() {
            SearchStep::Read { position, len } => {
                // The last sync frame may begin at the end of what is left, and have 1024 bytes.
                assert!(position + len as u64 <= end + 1024, "{len} bytes are read at {position}, of {end}");
                let data = stream.bytes.get(position as usize..end as usize).unwrap_or_default();
                let data = &data[..len.min(data.len())];
                (reads, read) = (reads + 1, read + data.len());
                search.read(data);
            }
            SearchStep::Judge(found) => search.judge(is_before(&found.sync)),
            SearchStep::Done => return (search.found().map(|found| found.sync), reads, read),
        }
        assert!(reads < 1000, "it doesn't end");
    }
}

fn is_before(sequence: u64) -> impl Fn(&Sync) -> Option<bool> {
    move |sync| Some(sync.sequence <= sequence)
}

fn last_before(stream: &Stream, sequence: u64, end: u64) -> Option<Sync> {
    let behind_first =
        stream.syncs[1..].iter().take_while(|sync| sync.sequence <= sequence && sync.position + 64 <= end);
    behind_first.last().copied()
}

#[test]
fn the_bisection_finds_the_last_sync_frame_and_reads_little() {
    let stream = stream_of(1024, &[(0..40_000, 8)]);
    let len = stream.bytes.len() as u64;
    for sequence in (0..40_000).step_by(97).chain([39_999]) {
        let (found, reads, read) = search(&stream, len, is_before(sequence));
        assert_eq!(found, last_before(&stream, sequence, len), "{sequence}");
        // 650 kB are halved seven times until 4 KiB are left; in each half up to two intervals are read.
        assert!(reads <= 20 && read <= 60_000, "{sequence}: {reads} reads, {read} bytes");
    }
}

#[test]
fn the_bisection_by_times_reads_little() {
    let long = (0..8_000, 8);
    for (reads_max, epochs) in [
        (10, vec![long.clone()]),
        (12, vec![long.clone(); 2]),
        (14, vec![long.clone(); 5]),
        // Most of the sync frames that are met are earlier and of the second epoch.
        (20, vec![(0..100, 8), long]),
    ] {
        let stream = stream_of(1024, &epochs);
        let len = stream.bytes.len() as u64;
        for time in (100..8_000).step_by(101) {
            let (found, reads, _) = search_as(SyncSearch::by_epochs, &stream, len, |sync| Some(sync.time < time));
            let expected = stream.syncs.iter().take_while(|sync| sync.time < time).last();
            assert_eq!(found.as_ref(), expected.filter(|sync| sync.sequence != 0), "{epochs:?}, time {time}");
            assert!(reads <= reads_max, "{epochs:?}, time {time}: {reads} reads");
        }
    }
}

#[test]
fn where_few_sync_frames_are_left_they_are_found() {
    for body_len in (48..144).step_by(4) {
        let stream = stream_of(1024, &[(0..3_000, body_len)]);
        let stream = with_changed(&stream, |nth| nth % 5 != 0, |sync| sync.stream_id ^= 1);
        let len = stream.bytes.len() as u64;
        for sequence in (0..3_000).step_by(31) {
            assert_eq!(search(&stream, len, is_before(sequence)).0, last_before(&stream, sequence, len), "{sequence}");
        }
    }
}

#[test]
fn where_no_sync_frame_is_left_or_none_can_be_judged_the_search_is_given_up() {
    let stream = stream_of(1024, &[(0..40_000, 8)]);
    let len = stream.bytes.len() as u64;
    let damaged = with_changed(&stream, |nth| nth != 0, |sync| sync.stream_id ^= 1);
    let (found, reads, read) = search(&damaged, len, |_| panic!("it is none of the stream"));
    assert!(found.is_none() && reads <= 20 && read <= 70_000, "{found:?}, {reads} reads, {read} bytes");
    let mut judged = 0;
    let (found, reads, read) = search(&stream, len, |_| {
        judged += 1;
        None
    });
    assert!(found.is_none() && judged <= 60 && reads <= 100, "{found:?}, {judged} judged, {reads} reads, {read} bytes");
}

#[test]
fn the_bisection_ends_where_the_data_end() {
    let stream = stream_of(256, &[(0..100, 24)]);
    let begin = stream.syncs[0].position + 64;
    for end in (begin..=stream.bytes.len() as u64).step_by(8) {
        for sequence in [0, 20, 50, 99] {
            assert_eq!(search(&stream, end, is_before(sequence)).0, last_before(&stream, sequence, end), "end {end}");
        }
    }
}

#[test]
fn sync_frames_that_cannot_be_judged_are_passed_over() {
    let stream = stream_of(256, &[(0..300, 24)]);
    let len = stream.bytes.len() as u64;
    for nth in 2..5 {
        for sequence in (0..300).step_by(11) {
            let is_told = |sync: &Sync| sync.sequence % nth == 0;
            let (found, ..) = search(&stream, len, |sync| is_told(sync).then_some(sync.sequence <= sequence));
            let told = stream.syncs[1..].iter().filter(|sync| is_told(sync));
            assert_eq!(found, told.take_while(|sync| sync.sequence <= sequence).last().copied(), "{nth} {sequence}");
        }
    }
}

/// The stream, with other sync frames in the place of every second one.
fn with_others(stream: &Stream, change: impl Fn(&mut Sync)) -> Stream {
    with_changed(stream, |nth| nth % 2 == 1, change)
}

/// The stream, with other sync frames in the place of those that are chosen.
fn with_changed(stream: &Stream, is_chosen: impl Fn(usize) -> bool, change: impl Fn(&mut Sync)) -> Stream {
    let (mut bytes, mut syncs) = (stream.bytes.clone(), Vec::new());
    for (nth, sync) in stream.syncs.iter().enumerate() {
        if !is_chosen(nth) {
            syncs.push(*sync);
            continue;
        }
        let mut other = *sync;
        change(&mut other);
        bytes[sync.position as usize..][..64].copy_from_slice(&other.to_frame());
    }
    Stream { header: stream.header.clone(), bytes, syncs, starts: stream.starts.clone() }
}

#[test]
fn sync_frames_that_are_none_of_the_stream_are_passed_over() {
    let stream = stream_of(256, &[(0..300, 24)]);
    let changes: [fn(&mut Sync); 6] = [
        |sync| sync.stream_id ^= 1,
        |sync| sync.header_check ^= 1,
        |sync| sync.checksum_id = 0,
        |sync| sync.position += 8,
        // More messages than there is room for.
        |sync| sync.sequence += sync.position / 16,
        |sync| sync.sequence = 0,
    ];
    for (nth, change) in changes.into_iter().enumerate() {
        let others = with_others(&stream, change);
        let len = others.bytes.len() as u64;
        for sequence in (0..300).step_by(11) {
            let (found, ..) = search(&others, len, is_before(sequence));
            let expected = last_before(&others, sequence, len);
            // One that says 0 messages is right as long as nothing was found before it.
            let is_plausible = |found: Option<Sync>| found.is_none_or(|sync| sync.sequence <= sequence);
            match nth {
                5 => assert!(is_plausible(found), "{sequence}"),
                _ => assert_eq!(found, expected, "change {nth}, {sequence}"),
            }
        }
    }
}

#[test]
fn sync_frames_that_count_fewer_messages_than_were_read_are_passed_over() {
    let stream = stream_of(256, &[(0..300, 24)]);
    for read in 2..6 {
        let others = with_others(&stream, |sync| sync.sequence = read - 1);
        let mut reader = others.reader();
        for _ in 0..read {
            reader.next().unwrap().unwrap();
        }
        assert_eq!(reader.decoder().last_sync().unwrap().sequence, 0);
        reader.seek_to_sync(|found, _| {
            assert!(found.sync.sequence >= read, "{read} messages were read, {}", found.sync.sequence);
            Some(found.sync.sequence < 20)
        });
        let (expected, _) = others.place_before(20);
        assert_eq!(reader.decoder().last_sync().unwrap().sequence, expected, "{read} messages were read");
    }
}

#[test]
fn sync_frames_of_an_earlier_epoch_are_passed_over() {
    let stream = stream_of(256, &[(0..10, 24), (0..300, 24)]);
    let others = with_others(&stream, |sync| sync.epoch = sync.epoch.saturating_sub(1));
    let second_epoch = stream.syncs.iter().find(|sync| sync.epoch == 1).unwrap();
    let header: &Essentials = stream.header.essentials();
    for target in (second_epoch.sequence + 20..310).step_by(11) {
        let mut search = SyncSearch::new(header, second_epoch, second_epoch.position + 64, others.bytes.len() as u64);
        loop {
            match search.step() {
                SearchStep::Read { position, .. } => search.read(&others.bytes[position as usize..]),
                SearchStep::Judge(found) => {
                    assert_eq!(found.sync.epoch, 1);
                    search.judge(Some(found.sync.sequence <= target));
                }
                SearchStep::Done => break,
            }
        }
        assert!(search.found().is_some_and(|found| found.sync.sequence <= target));
    }
}
