//! A file that is followed while it grows, is torn, cut, reopened, damaged, replaced. Nothing here waits for a time to
//! pass: files are put into the states that a follower can meet, and it is asked what it makes of them.

mod common;
#[path = "common/growing.rs"]
mod growing;

use std::fs;
use std::io::ErrorKind::NotFound;
use std::thread;
use std::time::Duration;

use common::{Stream, options};
use flatstream_io::follow::Start;
use flatstream_io::{
    ChecksumType, Clock, EndState, ErrorKind, FlushPolicy, FollowOptions, Followed, Follower, ReadOptions, SyncPolicy,
    TIME_NONE, WriteOptions, Writer,
};
use flatstream_testkit::folder::Folder;
use flatstream_testkit::noise::Noise;
use growing::{Growing, append_epoch, drain, drain_waiting, durable_in, epochs, header};

const FOR_EVER: Duration = Duration::from_secs(1 << 20);

fn patient() -> FollowOptions {
    FollowOptions::new().reopening(true).patience(FOR_EVER)
}

fn impatient() -> FollowOptions {
    FollowOptions::new().reopening(true).patience(Duration::ZERO)
}

/// Looks until there is an error, at most so often.
fn error_within(follower: &mut Follower, looks: u32) -> Option<flatstream_io::Error> {
    (0..looks).find_map(|_| drain(follower, &mut Vec::new()).err())
}

#[test]
fn every_prefix_of_several_epochs_gives_its_whole_messages_once_and_in_order() {
    let stream = epochs(4, 75);
    let file = Growing::new("follow-prefixes", b"");
    let mut follower = file.follow(impatient());
    let mut durable = file.follow(impatient().durable_only(true));
    let (mut messages, mut durable_messages) = (Vec::new(), Vec::new());
    for len in 1..=stream.bytes.len() {
        file.append(&stream.bytes[len - 1..len]);
        assert!(!drain(&mut follower, &mut messages).unwrap(), "{len} bytes");
        assert_eq!(messages.len(), stream.whole_before(len), "{len} bytes");
        drain(&mut durable, &mut durable_messages).unwrap();
        let known = durable_in(&stream.syncs, len);
        assert_eq!(durable.durable_position(), known, "{len} bytes");
        assert_eq!(durable_messages.len(), stream.whole_before(known as usize), "{len} bytes");
    }
    assert!(messages == stream.messages);
    assert!(durable_messages == stream.messages[..durable_messages.len()] && durable_messages.len() > 250);
}

#[test]
fn a_follower_that_is_opened_late_gets_the_same() {
    let stream = epochs(4, 75);
    for len in (0..=stream.bytes.len()).step_by(7) {
        let file = Growing::new("follow-late", &stream.bytes[..len]);
        let mut messages = Vec::new();
        let mut follower = file.follow(impatient());
        drain_waiting(&mut follower, &mut messages);
        assert_eq!(messages.len(), stream.whole_before(len));
        file.append(&stream.bytes[len..]);
        drain_waiting(&mut follower, &mut messages);
        assert!(messages == stream.messages, "opened at {len} bytes");
    }
}

#[test]
fn small_blocks_and_messages_in_pieces_change_nothing() {
    let stream = epochs(2, 75);
    let mut noise = Noise::new(3);
    for _ in 0..200 {
        let file = Growing::new("follow-blocks", b"");
        let reading = ReadOptions::new().block_size(64 + noise.below(300));
        let mut follower = file.follow(impatient().reading(reading));
        let mut messages = Vec::new();
        while file.len() < stream.bytes.len() as u64 {
            let from = file.len() as usize;
            file.append(&stream.bytes[from..(from + 1 + noise.below(2000)).min(stream.bytes.len())]);
            drain(&mut follower, &mut messages).unwrap();
        }
        assert!(messages == stream.messages);
    }
}

/// Where a writer reopens the file that holds the first `len` bytes of a stream.
fn boundary(stream: &Stream, len: usize) -> usize {
    let messages = stream.starts.iter().zip(&stream.messages).map(|(start, message)| start + common::size_of(message));
    let syncs = stream.syncs.iter().map(|sync| sync.position + 64);
    messages.chain(syncs).filter(|end| *end <= len as u64).max().unwrap() as usize
}

#[test]
fn a_torn_tail_is_replaced_at_every_cut() {
    let stream = epochs(1, 40);
    let new_messages = Noise::new(5).messages(5, 50);
    for len in stream.header_len + 64..stream.bytes.len() {
        let kept = boundary(&stream, len);
        let whole = stream.whole_before(len);
        let mut image = stream.bytes[..kept].to_vec();
        append_epoch(&mut image, 1, whole as u64, &new_messages, false);
        let expected = [&stream.messages[..whole], &new_messages].concat();

        let file = Growing::new("follow-torn", &stream.bytes[..len]);
        let mut follower = file.follow(impatient());
        let mut late = Vec::new();
        let mut messages = Vec::new();
        drain_waiting(&mut follower, &mut messages);
        assert!(messages == expected[..whole], "torn at {len}");
        // The new epoch is made durable over the old tail, whose rest is cut then; half of it may be seen.
        for written in [30, 64] {
            file.put(kept as u64, &image[kept..kept + written]);
            drain_waiting(&mut follower, &mut messages);
            drain_waiting(&mut file.follow(impatient()), &mut late);
        }
        file.cut(kept as u64 + 64);
        drain_waiting(&mut follower, &mut messages);
        assert_eq!(messages.len(), whole, "torn at {len}");
        file.append(&image[kept + 64..]);
        drain_waiting(&mut follower, &mut messages);
        assert!(messages == expected, "torn at {len}");
        assert!(late.len() == 2 * whole);
    }
}

/// Found by real processes: the rest of a torn message, and the same bytes of the one that was appended again 64 bytes
/// further on, make the old one whole, if it is of equal bytes.
#[test]
fn half_of_a_torn_message_is_not_made_whole_by_what_is_written_later() {
    let message = vec![0xF0; 264];
    for missing in 1..272 {
        let mut image = header().as_bytes().to_vec();
        append_epoch(&mut image, 0, 0, &[vec![1; 50], message.clone()], false);
        let (whole, torn) = (image.len() - 272, image.len() - missing);
        image.truncate(torn);
        let file = Growing::new("follow-splice", &image);
        let mut follower = file.follow(impatient());
        let mut messages = Vec::new();
        drain_waiting(&mut follower, &mut messages);
        assert_eq!(messages.len(), 1);

        image.truncate(whole);
        append_epoch(&mut image, 1, 1, &[message.clone(), vec![2; 50]], false);
        file.put(whole as u64, &image[whole..]);
        drain_waiting(&mut follower, &mut messages);
        assert!(messages == [vec![1; 50], message.clone(), vec![2; 50]], "{missing} bytes were missing");
        assert_eq!(follower.cursor().unwrap().position(), image.len() as u64);
        drain_waiting(&mut file.follow(impatient().from(Start::Cursor(follower.cursor().unwrap()))), &mut messages);
        assert_eq!(messages.len(), 3);
    }
}

/// A stream whose bytes from the frame of message 20 on are scattered: that one is missing.
fn scattered(stream: &Stream) -> (Vec<u8>, usize) {
    let hole = stream.starts[20] as usize;
    let mut bytes = stream.bytes.clone();
    bytes[hole..hole + 8].fill(0);
    (bytes, hole)
}

/// Where the sync frame stands that says that these bytes are durable.
fn known_durable(stream: &Stream, position: usize) -> usize {
    stream.syncs.iter().find(|sync| sync.durable > position as u64).unwrap().position as usize
}

#[test]
fn a_stale_tail_that_is_longer_than_what_is_new_is_never_taken_for_damage() {
    let stream = epochs(1, 75);
    let (bytes, hole) = scattered(&stream);
    let bytes = &bytes[..known_durable(&stream, hole)];
    let file = Growing::new("follow-stale", bytes);
    let mut follower = file.follow(patient());
    let mut messages = Vec::new();
    drain_waiting(&mut follower, &mut messages);
    assert!(messages == stream.messages[..20]);
    // A writer reopens the stream and dies before it has cut the tail, or even after it has written to it. The next
    // one cuts.
    let mut image = bytes[..hole].to_vec();
    append_epoch(&mut image, 1, 20, &stream.messages[20..25], false);
    let mut impatient = file.follow(
        FollowOptions::new().from(Start::Cursor(follower.cursor().unwrap())).reopening(true).patience(Duration::ZERO),
    );
    let mut also = messages.clone();
    for end in (hole..=image.len()).step_by(8).filter(|end| *end >= hole + 64) {
        file.put(hole as u64, &image[hole..end]);
        drain_waiting(&mut follower, &mut messages);
        drain_waiting(&mut impatient, &mut also);
    }
    assert!(messages == stream.messages[..25] && also == messages);
    file.cut(image.len() as u64);
    append_epoch(&mut image, 2, 25, &stream.messages[25..], true);
    file.append(&image[file.len() as usize..]);
    drain_waiting(&mut follower, &mut messages);
    drain_waiting(&mut impatient, &mut also);
    assert!(messages == stream.messages && also == messages);
}

#[test]
fn a_scattered_tail_is_damage_only_when_nobody_has_cut_it_for_long() {
    let stream = epochs(1, 75);
    let (bytes, hole) = scattered(&stream);
    // The sync frames behind say that it was durable: then nothing will ever be better.
    let file = Growing::new("follow-corrupt", &bytes);
    let mut follower = file.follow(patient());
    let error = error_within(&mut follower, 2).expect("the second look decides");
    assert_eq!((error.kind(), error.position()), (ErrorKind::Damaged, Some(hole as u64)));
    assert!(error.to_string().contains("a sync frame of this stream follows"), "{error}");
    // Without these it may be what a power cut left.
    let file = Growing::new("follow-scattered", &bytes[..known_durable(&stream, hole)]);
    let mut follower = file.follow(patient());
    assert!(error_within(&mut follower, 10).is_none());
    let mut follower = file.follow(impatient());
    let error = error_within(&mut follower, 2).expect("there is no patience");
    assert_eq!((error.kind(), error.position()), (ErrorKind::Damaged, Some(hole as u64)));
    // An error ends the iterator once; other calls repeat it.
    assert!(follower.next().is_none());
    assert_eq!(follower.next_message().unwrap_err().position(), Some(hole as u64));
    assert_eq!(follower.poll().unwrap_err().position(), Some(hole as u64));
    assert!(follower.end().is_none());
    assert_eq!(follower.cursor().unwrap().sequence(), 20);
}

#[test]
fn blank_storage_is_waited_in_until_something_is_written_to_it() {
    let stream = epochs(2, 75);
    for fill in [0x00, 0xFF] {
        for kept in [0, 100, stream.header_len, stream.header_len + 64, stream.starts[70] as usize] {
            let mut blank = stream.bytes[..kept].to_vec();
            blank.resize(stream.bytes.len() + 100_000, fill);
            let file = Growing::new("follow-blank", &blank);
            // A header is seen half, which is not said of it at once.
            let mut follower = file.follow(if kept < stream.header_len { patient() } else { impatient() });
            let mut messages = Vec::new();
            drain_waiting(&mut follower, &mut messages);
            let mut noise = Noise::new(kept as u64);
            let mut written = kept;
            while written < stream.bytes.len() {
                let end = (written + 1 + noise.below(500)).min(stream.bytes.len());
                file.put(written as u64, &stream.bytes[written..end]);
                written = end;
                drain_waiting(&mut follower, &mut messages);
                // Zeros may be the end of a message before it is written.
                let most = if fill == 0 { written + 16 } else { written };
                assert!((stream.whole_before(written)..=stream.whole_before(most)).contains(&messages.len()));
            }
            assert!(messages == stream.messages);
        }
    }
}

/// A stream that nobody synced, so that no sync frame says anything of it.
fn never_synced() -> Stream {
    Stream::of_hundreds(ChecksumType::Crc32c)
}

#[test]
fn a_flipped_bit_in_every_frame_is_damage_there_once_the_writer_has_gone_on() {
    let stream = never_synced();
    let last_sync = stream.syncs[stream.syncs.len() - 2].position;
    let frames: Vec<(u64, u64)> = (0..300)
        .map(|nth| (stream.starts[nth], stream.end_of(nth)))
        .chain(stream.syncs.iter().map(|sync| (sync.position, sync.position + 64)))
        .filter(|(_, end)| *end <= last_sync)
        .collect();
    let mut noise = Noise::new(1);
    let mut bits = 0;
    for (start, end) in frames {
        // Every bit of the head's length, and some of the rest.
        let rest = (0..6).map(|_| noise.below((end - start) as usize * 8)).collect::<Vec<_>>();
        for bit in (32..64).chain(rest) {
            let mut damaged = stream.bytes.clone();
            damaged[start as usize + bit / 8] ^= 1 << (bit % 8);
            let file = Growing::new("follow-flips", &damaged[..end as usize]);
            let mut follower = file.follow(patient());
            let mut messages = Vec::new();
            drain_waiting(&mut follower, &mut messages);
            let mut error = None;
            let mut len = end as usize;
            while error.is_none() && len < damaged.len() {
                let more = (len + 1 + noise.below(3000)).min(damaged.len());
                file.append(&damaged[len..more]);
                len = more;
                error = (0..2).find_map(|_| drain(&mut follower, &mut messages).err());
            }
            let error = error.unwrap_or_else(|| panic!("bit {bit} of the frame at {start}"));
            assert_eq!((error.kind(), error.position()), (ErrorKind::Damaged, Some(start)), "bit {bit}: {error}");
            assert!(messages == stream.messages[..stream.whole_before(start as usize)]);
            bits += 1;
        }
    }
    println!("{bits} flipped bits, each an error where it was");
}

#[test]
fn a_flipped_bit_that_nothing_follows_is_waited_for() {
    let stream = never_synced();
    let end = stream.end_of(299) as usize;
    for (nth, bit) in [(299, 40), (299, 100), (299, 0), (298, 100)] {
        let start = stream.starts[nth];
        let mut damaged = stream.bytes[..end].to_vec();
        damaged[start as usize + bit / 8] ^= 1;
        let file = Growing::new("follow-last", &damaged);
        let mut follower = file.follow(patient());
        let mut messages = Vec::new();
        drain_waiting(&mut follower, &mut messages);
        assert!(messages == stream.messages[..nth]);
        // A good frame follows only the last but one.
        let error = error_within(&mut file.follow(impatient()), 5);
        assert_eq!(error.and_then(|error| error.position()), (nth == 298).then_some(start));
        // It was a write that was seen half.
        file.put(start, &stream.bytes[start as usize..]);
        drain_waiting(&mut follower, &mut messages);
        assert!(messages == stream.messages);
    }
}

#[test]
fn wrong_bytes_that_turn_good_between_two_looks_are_no_damage() {
    let stream = epochs(1, 75);
    let file = Growing::new("follow-turns", &stream.bytes);
    let mut damaged = Vec::new();
    for nth in 0..75 {
        let body = stream.starts[nth] + 8;
        file.put(body, &[!stream.bytes[body as usize]]);
        let mut follower = file.follow(impatient());
        assert!(!drain(&mut follower, &mut damaged).unwrap());
        file.put(body, &stream.bytes[body as usize..=body as usize]);
        drain_waiting(&mut follower, &mut damaged);
    }
    assert_eq!(damaged.len(), 75 * 75);
}

#[test]
fn bytes_written_again_as_they_are_change_nothing() {
    let stream = epochs(2, 75);
    let len = stream.starts[140] as usize + 5;
    let file = Growing::new("follow-again", &stream.bytes[..len]);
    let mut follower = file.follow(impatient());
    let mut messages = Vec::new();
    for _ in 0..3 {
        file.put(0, &stream.bytes[..len]);
        drain_waiting(&mut follower, &mut messages);
        assert_eq!(messages.len(), 140);
    }
}

#[test]
fn a_file_that_was_cut_below_what_was_read_is_gone() {
    let stream = epochs(1, 75);
    for durable_only in [false, true] {
        let file = Growing::new("follow-cut", &stream.bytes);
        let mut follower = file.follow(impatient().durable_only(durable_only));
        let mut messages = Vec::new();
        drain_waiting(&mut follower, &mut messages);
        file.cut(1000);
        let error = error_within(&mut follower, 1).unwrap();
        assert_eq!(error.kind(), ErrorKind::Gone);
        let count = messages.len();
        let position = follower.cursor().unwrap().position();
        let expected = format!(
            "the place behind {count} messages, at position {position}, is gone: the file was cut to 1000 bytes"
        );
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.position(), Some(position));
    }
}

#[test]
fn a_stream_that_was_cut_and_went_on_differently_is_gone() {
    let stream = epochs(1, 75);
    let file = Growing::new("follow-differently", &stream.bytes[..stream.starts[60] as usize]);
    let mut follower = file.follow(patient());
    let mut messages = Vec::new();
    drain_waiting(&mut follower, &mut messages);
    let kept = stream.starts[30] as usize;
    let mut image = stream.bytes[..kept].to_vec();
    append_epoch(&mut image, 1, 30, &Noise::new(2).messages(75, 120), false);
    file.put(kept as u64, &image[kept..]);
    let error = error_within(&mut follower, 2).unwrap();
    assert_eq!(error.kind(), ErrorKind::Gone);
    assert!(error.to_string().contains("the stream was cut before position"), "{error}");
    assert!(error.to_string().contains("and goes on in epoch 1"), "{error}");
}

#[test]
fn another_stream_in_the_same_file_is_gone_and_named() {
    let stream = epochs(1, 75);
    let file = Growing::new("follow-other", &stream.bytes[..stream.starts[60] as usize]);
    let mut follower = file.follow(patient());
    drain_waiting(&mut follower, &mut Vec::new());
    let other = Stream::new(options(ChecksumType::Crc32c).stream_id(5), Noise::new(9).messages(300, 120));
    file.cut(0);
    file.append(&other.bytes);
    let error = error_within(&mut follower, 2).unwrap();
    assert_eq!(error.kind(), ErrorKind::Gone);
    let names = "the file held stream 0x0123456789abcdef, and now it holds stream 0x0000000000000005";
    assert!(error.to_string().ends_with(names), "{error}");
}

#[test]
fn what_is_not_durable_may_be_cut_and_a_follower_of_what_is_never_saw_it() {
    let stream = epochs(1, 75);
    let len = stream.starts[70] as usize;
    let durable = durable_in(&stream.syncs, len);
    let kept = stream.whole_before(durable as usize);
    assert!(kept < 60);
    // A power cut takes all the rest. The next writer goes on there: not as far as had been read ahead, and further.
    for more in [0, 3, 20, 75] {
        let file = Growing::new("follow-durable", &stream.bytes[..len]);
        let mut follower = file.follow(patient().durable_only(true));
        let mut messages = Vec::new();
        drain_waiting(&mut follower, &mut messages);
        assert!(messages == stream.messages[..kept]);
        let mut image = stream.bytes[..durable as usize].to_vec();
        let new = Noise::new(1).messages(more, 120);
        append_epoch(&mut image, 1, kept as u64, &new, true);
        file.cut(durable);
        file.append(&image[durable as usize..]);
        // The second look finds that what was read ahead is gone.
        for _ in 0..3 {
            assert!(!drain(&mut follower, &mut messages).unwrap());
        }
        let new_stream = Stream::of_bytes(image.clone());
        let known = durable_in(&new_stream.syncs, image.len()).max(durable);
        assert!(messages == new_stream.messages[..new_stream.whole_before(known as usize)], "{more} more");
        assert_eq!(messages.len() > kept, more >= 20);
    }
}

#[test]
fn a_follower_ends_where_the_stream_is_closed_unless_it_was_reopened() {
    let stream = epochs(3, 75);
    let closed = stream.syncs.iter().find(|sync| sync.flags.is_closed()).unwrap().position as usize + 64;
    for durable_only in [false, true] {
        let ending = FollowOptions::new().durable_only(durable_only);
        let file = Growing::new("follow-closed", &stream.bytes[..closed]);
        let mut messages = Vec::new();
        let mut follower = file.follow(ending.clone());
        let mut waiting = file.follow(ending.clone().reopening(true));
        assert!(drain(&mut follower, &mut messages).unwrap());
        let end = *follower.end().unwrap();
        assert_eq!((end.state, end.position, end.bytes_behind), (EndState::Closed, closed as u64, 0));
        assert_eq!(follower.next_message().unwrap(), None);
        assert!(follower.next().is_none());
        assert_eq!(follower.next_within(Duration::MAX).unwrap(), Followed::Ended);
        let mut there = Vec::new();
        drain_waiting(&mut waiting, &mut there);
        assert_eq!(there, messages);
        file.append(&stream.bytes[closed..]);
        drain_waiting(&mut waiting, &mut there);
        // One that is opened now has nothing to wait for before the last session, which isn't closed.
        let mut all = Vec::new();
        drain_waiting(&mut file.follow(ending), &mut all);
        assert!(all == there && all.len() > 150);
        assert!(follower.next().is_none());
    }
}

#[test]
fn a_file_that_is_replaced_or_removed_is_followed_to_its_end() {
    let stream = epochs(2, 75);
    let whole = stream.starts[100] as usize;
    let torn = whole + 11;
    for (len, state, behind) in [(whole, EndState::Open, 0), (torn, EndState::Torn, 11)] {
        for replace in [true, false] {
            let file = Growing::new("follow-replaced", &stream.bytes[..len / 2]);
            let mut follower = file.follow(patient());
            let mut messages = Vec::new();
            drain_waiting(&mut follower, &mut messages);
            file.append(&stream.bytes[len / 2..len]);
            match replace {
                true => drop(Writer::create(&file.path, WriteOptions::new()).unwrap()),
                false => fs::remove_file(&file.path).unwrap(),
            }
            assert!(drain(&mut follower, &mut messages).unwrap());
            assert!(messages == stream.messages[..100]);
            let end = *follower.end().unwrap();
            assert_eq!((end.state, end.bytes_behind), (state, behind));
        }
    }
    // If an end that isn't closed is to be an error, it is one.
    let file = Growing::new("follow-replaced", &stream.bytes[..whole]);
    let mut follower = file.follow(patient().reading(ReadOptions::new().require_closed(true)));
    drain_waiting(&mut follower, &mut Vec::new());
    fs::remove_file(&file.path).unwrap();
    assert_eq!(error_within(&mut follower, 1).unwrap().kind(), ErrorKind::NotClosed);
    // And so is damage.
    let (bytes, hole) = scattered(&epochs(1, 75));
    let file = Growing::new("follow-replaced", &bytes);
    let mut follower = file.follow(patient());
    fs::remove_file(&file.path).unwrap();
    let error = error_within(&mut follower, 1).unwrap();
    assert_eq!((error.kind(), error.position()), (ErrorKind::Damaged, Some(hole as u64)));
}

#[test]
fn a_file_that_is_not_there_is_an_error_or_waited_for() {
    let folder = Folder::new("follow-missing");
    let path = folder.join("a.fls");
    let error = Follower::open(&path, FollowOptions::new()).unwrap_err();
    assert_eq!(error.io_error().unwrap().kind(), NotFound);
    assert!(error.to_string().contains("a.fls can't be followed"), "{error}");
    let mut follower = Follower::open(&path, FollowOptions::new().from(Start::End).wait_for_file(true)).unwrap();
    assert_eq!(follower.poll().unwrap(), Followed::Waiting);
    assert!(follower.header().is_none() && follower.cursor().is_none());
    let mut writer = Writer::create_new(&path, WriteOptions::new()).unwrap();
    writer.append(b"the first").unwrap();
    writer.finish().unwrap();
    // What comes after the follower was opened is behind the end that was there then.
    assert_eq!(follower.next_message().unwrap(), Some(&b"the first"[..]));
    assert_eq!(follower.header().unwrap().checksum(), ChecksumType::Crc32c);
    assert_eq!(follower.next_message().unwrap(), None);
}

#[test]
fn what_is_no_stream_is_said_at_once_and_half_a_header_is_waited_for() {
    let file = Growing::new("follow-no-stream", b"%PDF-1.7 and so on and on");
    assert_eq!(Follower::open(&file.path, patient()).unwrap_err().kind(), ErrorKind::NotAStream);
    let error = Follower::open(file.folder.path(), patient()).unwrap_err();
    assert!(error.to_string().contains("it is no regular file"), "{error}");
    // A header that is written over blank storage may be seen half.
    let stream = epochs(1, 10);
    let mut bytes = stream.bytes.clone();
    bytes[30..stream.header_len].fill(0);
    let file = Growing::new("follow-half", &bytes);
    let mut follower = file.follow(patient());
    assert_eq!(follower.poll().unwrap(), Followed::Waiting);
    assert_eq!(Follower::open(&file.path, impatient()).unwrap_err().kind(), ErrorKind::Damaged);
    file.put(0, &stream.bytes);
    let mut messages = Vec::new();
    drain_waiting(&mut follower, &mut messages);
    assert!(messages == stream.messages);
}

#[test]
fn a_new_file_takes_the_place_of_one_with_half_a_header() {
    let stream = epochs(1, 10);
    for len in 0..stream.header_len {
        let file = Growing::new("follow-new-file", &stream.bytes[..len]);
        let mut follower = file.follow(patient());
        assert_eq!(follower.poll().unwrap(), Followed::Waiting);
        // A header that is all there but for its first sync frame stays.
        let Ok(mut writer) = Writer::open(&file.path, WriteOptions::new().checksum(ChecksumType::Crc32c)) else {
            // Too little of it is there to tell what it is.
            continue;
        };
        writer.append(b"new").unwrap();
        writer.finish().unwrap();
        let mut messages = Vec::new();
        drain_waiting(&mut follower, &mut messages);
        assert_eq!(messages, [b"new".to_vec()], "{len} bytes of a header");
    }
}

#[test]
fn every_start_begins_where_it_says() {
    let stream = epochs(3, 75);
    let len = stream.starts[200] as usize + 9;
    let file = Growing::new("follow-starts", &stream.bytes[..len]);
    let first_of = |start| {
        let mut messages = Vec::new();
        let mut follower = file.follow(patient().from(start));
        drain_waiting(&mut follower, &mut messages);
        assert!(messages == stream.messages[200 - messages.len()..200], "{start:?}");
        (200 - messages.len(), follower)
    };
    assert_eq!(first_of(Start::Beginning).0, 0);
    for sequence in 0..200 {
        assert_eq!(first_of(Start::Sequence(sequence)).0 as u64, sequence);
    }
    // No message of the time or later is left out, and less than an interval of earlier ones comes.
    for epoch in 0..3u64 {
        for sequence in (75 * epoch)..(75 * epoch + 75).min(200) {
            let first = first_of(Start::Time((1000 * epoch + sequence) as i64)).0 as u64;
            assert!(first <= sequence && sequence < first + 40, "{first} for {sequence}");
        }
    }
    let (_, mut from_end) = first_of(Start::End);
    let (_, mut from_later) = first_of(Start::Sequence(210));
    file.put(0, &stream.bytes);
    for (follower, first) in [(&mut from_end, 200), (&mut from_later, 210)] {
        let mut messages = Vec::new();
        drain_waiting(follower, &mut messages);
        assert!(messages == stream.messages[first..]);
        assert_eq!(follower.sequence(), 225);
    }
    // Far in the future: what comes from now on.
    let mut messages = Vec::new();
    drain_waiting(&mut file.follow(patient().from(Start::Time(i64::MAX))), &mut messages);
    assert!(messages.len() < 40 && messages == stream.messages[225 - messages.len()..]);
}

#[test]
fn a_time_in_a_stream_without_times_is_a_callers_error() {
    let no_clock = options(ChecksumType::Crc32c).clock(Clock::Unspecified, || TIME_NONE);
    let file = Growing::new("follow-no-times", &Stream::new(no_clock, vec![vec![1; 8]]).bytes);
    let error = Follower::open(&file.path, patient().from(Start::Time(5))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("no times to seek by"), "{error}");
}

#[test]
fn a_large_message_arrives_in_pieces_and_one_beyond_the_limit_is_refused() {
    let large = Noise::new(4).bytes(3 << 20);
    let stream = Stream::new(options(ChecksumType::Crc32c), vec![b"small".to_vec(), large, b"behind".to_vec()]);
    let file = Growing::new("follow-large", b"");
    let mut follower = file.follow(patient());
    let mut messages = Vec::new();
    for piece in stream.bytes.chunks(100_000) {
        assert!(!drain(&mut follower, &mut messages).unwrap());
        file.append(piece);
    }
    assert!(drain(&mut file.follow(FollowOptions::new()), &mut messages).unwrap());
    assert_eq!(messages.len(), 4);
    drain(&mut follower, &mut messages).unwrap();
    assert!(messages[1..4] == stream.messages && messages[4..] == stream.messages[1..]);
    // It is only too long once it is all there; a length may be wrong.
    let reading = ReadOptions::new().max_message_len(1 << 20);
    let short = Growing::new("follow-limit", &stream.bytes[..stream.end_of(1) as usize - 1]);
    let mut follower = short.follow(patient().reading(reading));
    assert!(error_within(&mut follower, 3).is_none());
    short.append(&stream.bytes[stream.end_of(1) as usize - 1..]);
    // A long search isn't made at every look.
    let error = follower.next_message().unwrap_err();
    assert_eq!((error.kind(), error.position()), (ErrorKind::Limit, Some(stream.starts[1])));
}

#[test]
fn a_message_may_outlive_its_follower_and_knows_its_place() {
    let stream = epochs(2, 75);
    let file = Growing::new("follow-owned", &stream.bytes);
    let mut follower = file.follow(FollowOptions::new());
    let kept: Vec<_> = follower.by_ref().map(Result::unwrap).collect();
    drop(follower);
    assert_eq!(kept.len(), 150);
    for (nth, message) in kept.iter().enumerate() {
        assert_eq!((message.position(), message.sequence()), (stream.starts[nth], Some(nth as u64)));
        assert_eq!(**message, stream.messages[nth]);
    }
}

/// A writer and followers in threads of their own, really waiting for each other.
fn follow_a_thread(name: &str, following: &FollowOptions, writing: &WriteOptions, sessions: u32) {
    let folder = Folder::new(name);
    let path = folder.join("a.fls");
    const EACH: u32 = 400;
    thread::scope(|scope| {
        let followers: Vec<_> = (0..2)
            .map(|_| {
                let follower = Follower::open(&path, following.clone().wait_for_file(true)).unwrap();
                scope.spawn(move || {
                    let wanted = (sessions * EACH) as usize;
                    follower.take(wanted).map(|message| message.unwrap().to_vec()).collect::<Vec<_>>()
                })
            })
            .collect();
        for session in 0..sessions {
            let mut writer = Writer::open(&path, writing.clone()).unwrap();
            for number in 0..EACH {
                writer.append(&(session * EACH + number).to_le_bytes()).unwrap();
            }
            writer.finish().unwrap();
        }
        for follower in followers {
            let expected: Vec<_> = (0..sessions * EACH).map(|number| number.to_le_bytes().to_vec()).collect();
            assert!(follower.join().unwrap() == expected);
        }
    });
}

#[test]
fn threads_that_wait_get_everything() {
    let each = WriteOptions::new().flush_policy(FlushPolicy::EveryMessage);
    let following = FollowOptions::new().reopening(true);
    follow_a_thread("follow-events", &following, &each, 5);
    follow_a_thread("follow-polling", &following.clone().polling(Duration::from_millis(1)), &each, 5);
    let synced = WriteOptions::new().sync_policy(SyncPolicy::EveryBytes(512)).sync_interval(1024);
    follow_a_thread("follow-durable-thread", &following.durable_only(true), &synced, 1);
}

#[test]
fn a_timeout_ends_a_wait_with_nothing_lost() {
    let file = Growing::new("follow-timeout", header().as_bytes());
    for options in [patient(), patient().polling(Duration::from_secs(3600))] {
        let mut follower = file.follow(options);
        for millis in [0, 1, 5] {
            assert_eq!(follower.next_within(Duration::from_millis(millis)).unwrap(), Followed::Waiting);
            assert!(matches!(follower.next_owned_within(Duration::ZERO).unwrap(), Followed::Waiting));
        }
        drop(follower);
    }
    let stream = epochs(1, 1);
    let mut follower = file.follow(patient());
    file.put(0, &stream.bytes);
    assert_eq!(follower.next_within(Duration::from_secs(3600)).unwrap(), Followed::Message(&stream.messages[0][..]));
}
