//! Frames between damage and the next sync frame: each one that is good, none that isn't, within what may be hashed.
#![cfg(feature = "alloc")]

mod common;

use common::STREAM_ID;
use flatstream_format::{
    Algorithm, ChecksumType, Decoder, Dropped, Encoder, FoundSync, Header, HeaderBuilder, Region, Salvaged, Session,
    Sync, SyncFlags, frame_len, salvage_budget,
};

/// What a frame is to be in these tests.
#[derive(Clone, Copy)]
enum Frame {
    Message(usize),
    /// A message of so many bytes, each word of which could be the head of a frame whose body has so many.
    False(usize, u32),
    Sync,
    /// A control frame whose body is the same whatever surrounds it.
    Drop,
    /// From here on in the next epoch, with its sync frame.
    Epoch,
}

use Frame::{Drop, Epoch, False, Message, Sync as SyncFrame};

/// A stream, and its frames: the place, the length of the body and whether it is a control frame.
struct Stream {
    header: Header,
    bytes: Vec<u8>,
    frames: Vec<(usize, u32, bool)>,
}

fn stream(frames: &[Frame]) -> Stream {
    let header = HeaderBuilder::new(ChecksumType::Crc32c).max_message_len(1 << 20).build().unwrap();
    let session = Session { stream_id: STREAM_ID.try_into().unwrap(), epoch: 4 };
    let mut encoder = Encoder::new(header.essentials(), session, Algorithm::CRC32C);
    let mut stream = Stream { bytes: header.as_bytes().to_vec(), header, frames: vec![] };
    for frame in [SyncFrame].iter().chain(frames) {
        let start = stream.bytes.len();
        if let Epoch = frame {
            encoder.start_epoch(encoder.session().epoch + 1).unwrap();
        }
        match *frame {
            Message(len) | False(len, _) => {
                let body: Vec<u8> = match *frame {
                    False(_, claimed) => claimed.to_le_bytes().into_iter().cycle().take(len).collect(),
                    _ => (0..len).map(|nth| (start + nth * 7) as u8 | 1).collect(),
                };
                stream.bytes.extend(encoder.message(&body).unwrap());
                stream.bytes.extend(body);
                stream.bytes.resize(stream.bytes.len().next_multiple_of(8), 0);
                stream.frames.push((start, len as u32, false));
            }
            SyncFrame | Epoch => {
                stream.bytes.extend(encoder.sync(0, SyncFlags::NONE).unwrap());
                stream.frames.push((start, 56, true));
            }
            Drop => {
                let dropped = encoder.dropped(Dropped { messages: 3, bytes: 40 }).unwrap();
                stream.bytes.extend(dropped);
                stream.frames.push((start, dropped.len() as u32 - 8, true));
            }
        }
    }
    stream
}

impl Stream {
    /// A decoder that has read all frames before the n-th.
    fn decoder_at(&self, nth: usize, reader_limit: u32) -> Decoder<Algorithm> {
        let mut decoder = Decoder::new(self.header.essentials(), reader_limit, Algorithm::CRC32C);
        for (start, ..) in &self.frames[..nth] {
            decoder.decode(&self.bytes[*start..]).unwrap();
        }
        decoder
    }

    fn sync(&self, nth: usize) -> Sync {
        let start = self.frames[nth].0;
        FoundSync::at_start_of(&self.bytes[start..], start as u64).unwrap().sync
    }

    /// The bytes from the n-th frame to the sync frame that is the `until`-th.
    fn region(&self, nth: usize, until: usize) -> Region<'_> {
        let (start, end) = (self.frames[nth].0, self.frames[until].0);
        Region {
            data: &self.bytes[start..end],
            position: start as u64,
            not_below: start as u64,
            likely: None,
            sync: Some(self.sync(until)),
            careful: false,
        }
    }

    /// The frames in a region that begins with the n-th.
    fn expected(&self, nth: usize, frames: impl IntoIterator<Item = usize>) -> Vec<(usize, u32, bool)> {
        let origin = self.frames[nth].0;
        frames.into_iter().map(|frame| self.frames[frame]).map(|(start, len, is)| (start - origin, len, is)).collect()
    }
}

fn shown(found: &[Salvaged]) -> Vec<(usize, u32, bool)> {
    for frame in found {
        assert_eq!((frame.body(), frame.end()), (frame.offset + 8, frame.offset + frame_len(frame.len) as usize));
    }
    found.iter().map(|frame| (frame.offset, frame.len, frame.is_control)).collect()
}

fn salvage(decoder: &Decoder<Algorithm>, region: &Region<'_>) -> Vec<(usize, u32, bool)> {
    shown(&decoder.salvage(region, &mut salvage_budget(region.data.len())))
}

/// Long and short ones, behind the sync frame that is number 0.
const MIXED: [Frame; 12] = [
    Message(40),
    Message(9),
    Message(1),
    Message(300),
    Message(8),
    Drop,
    Message(70_000),
    Message(16),
    Message(1000),
    Message(257),
    Message(256),
    SyncFrame,
];
const LAST: usize = MIXED.len();

#[test]
fn one_damaged_frame_costs_itself_and_no_other() {
    let stream = stream(&MIXED);
    for damaged in 1..LAST {
        for byte in [0, 3, 4, 5, 6, 8] {
            let mut bytes = stream.bytes.clone();
            bytes[stream.frames[damaged].0 + byte] ^= 0x04;
            let region = stream.region(damaged, LAST);
            let start = region.position as usize;
            let region = Region { data: &bytes[start..start + region.data.len()], ..region };
            let decoder = stream.decoder_at(damaged, 0);
            let expected = stream.expected(damaged, damaged + 1..LAST);
            assert_eq!(salvage(&decoder, &region), expected, "byte {byte} of frame {damaged}");
            // The end of the region is not known: nothing chains to it.
            let endless = Region { sync: None, ..region };
            assert_eq!(salvage(&decoder, &endless), expected, "byte {byte} of frame {damaged}, without the sync frame");
            let careful = Region { careful: true, ..region };
            assert_eq!(salvage(&decoder, &careful), expected, "byte {byte} of frame {damaged}, carefully");
        }
    }
}

#[test]
fn two_damaged_frames_cost_two() {
    let stream = stream(&MIXED);
    for second in 2..LAST {
        let mut bytes = stream.bytes.clone();
        bytes[stream.frames[1].0] ^= 1;
        bytes[stream.frames[second].0 + 8] ^= 1;
        let region = stream.region(1, LAST);
        let region = Region { data: &bytes[region.position as usize..][..region.data.len()], ..region };
        let decoder = stream.decoder_at(1, 0);
        let expected = stream.expected(1, (2..LAST).filter(|nth| *nth != second));
        assert_eq!(salvage(&decoder, &region), expected, "{second}");
        // Carefully, the one before the second isn't taken: no good frame follows it.
        let careful = Region { careful: true, ..region };
        let expected = stream.expected(1, (2..LAST).filter(|nth| *nth != second && nth + 1 != second));
        assert_eq!(salvage(&decoder, &careful), expected, "{second}, carefully");
    }
}

#[test]
fn a_careful_search_takes_the_last_frame_only_if_the_sync_frame_follows() {
    let stream = stream(&MIXED);
    let mut region = Region { careful: true, ..stream.region(1, LAST) };
    let decoder = stream.decoder_at(1, 0);
    assert_eq!(salvage(&decoder, &region), stream.expected(1, 1..LAST));
    region.sync = None;
    assert_eq!(salvage(&decoder, &region), stream.expected(1, 1..LAST - 1));
}

#[test]
fn frames_are_looked_for_from_the_last_good_one_on() {
    let stream = stream(&MIXED);
    let region = stream.region(1, LAST);
    let decoder = stream.decoder_at(1, 0);
    for nth in 1..LAST {
        for (before, first) in [(0, nth), (1, nth + 1), (8, nth + 1)] {
            let not_below = (stream.frames[nth].0 + before) as u64;
            let found = salvage(&decoder, &Region { not_below, ..region });
            assert_eq!(found, stream.expected(1, first..LAST), "not below {before} bytes behind the start of {nth}");
        }
    }
    // The data begin between two places where a frame may start.
    for behind in 1..8 {
        let shifted = Region { data: &region.data[behind..], position: region.position + behind as u64, ..region };
        let found = salvage(&decoder, &shifted);
        let expected: Vec<_> =
            stream.expected(1, 2..LAST).into_iter().map(|(start, len, is)| (start - behind, len, is)).collect();
        assert_eq!(found, expected, "{behind}");
    }
    assert_eq!(salvage(&decoder, &Region { not_below: u64::MAX, ..region }), []);
}

#[test]
fn messages_beyond_a_limit_are_left_out() {
    let stream = stream(&MIXED);
    let region = stream.region(1, LAST);
    for limit in [8, 9, 255, 256, 257, 1000, 69_999, 70_000] {
        let decoder = stream.decoder_at(1, limit);
        let is_within = |nth: &usize| stream.frames[*nth].2 || stream.frames[*nth].1 <= limit;
        assert_eq!(salvage(&decoder, &region), stream.expected(1, (1..LAST).filter(is_within)), "limit {limit}");
    }
}

#[test]
fn no_more_is_hashed_than_allowed() {
    let stream = stream(&MIXED);
    let region = stream.region(1, LAST);
    let decoder = stream.decoder_at(1, 0);
    let all: u64 = stream.frames[1..LAST].iter().map(|frame| u64::from(frame.1)).sum();
    assert_eq!(salvage_budget(1000), 16_000);
    for budget in [0, 1, 8, 50, 1000, 60_000, all, 6 * all, 16 * all] {
        let mut left = budget;
        let found = shown(&decoder.salvage(&region, &mut left));
        let hashed: u64 = found.iter().map(|frame| u64::from(frame.1)).sum();
        assert!(hashed <= budget - left, "{hashed} bytes were found, {left} of {budget} are left");
        assert!(found.iter().all(|frame| stream.expected(1, 1..LAST).contains(frame)));
        match budget {
            0 => assert_eq!((left, found.len()), (0, 0)),
            // On the way to the first frame nothing is hashed twice, and nothing in vain.
            _ if budget >= 6 * all => assert_eq!((budget - left, found.len()), (all, LAST - 1)),
            _ => {}
        }
    }
}

#[test]
fn a_likely_place_is_tried_whatever_the_length() {
    let stream = stream(&[Message(40), Message(70_000), SyncFrame]);
    let region = stream.region(1, 3);
    let decoder = stream.decoder_at(1, 0);
    let mut bytes = region.data.to_vec();
    bytes[8] ^= 1;
    // Cut before the sync frame, so that nothing chains; and so little may be hashed that it lasts for one only.
    let likely = Region { data: &bytes, likely: Some(48), sync: None, ..region };
    assert_eq!(salvage(&decoder, &likely), stream.expected(1, [2]));
    let mut budget = 3 * 70_000 + 200;
    assert_eq!(shown(&decoder.salvage(&likely, &mut budget)), stream.expected(1, [2]));
}

#[test]
fn frames_of_both_epochs_are_taken_where_the_sync_frame_begins_the_later_one() {
    let stream = stream(&[Message(40), Message(24), Message(32), Epoch, Message(16), Message(48), SyncFrame]);
    let decoder = stream.decoder_at(1, 0);
    // Up to the sync frame that begins the epoch.
    assert_eq!(salvage(&decoder, &stream.region(1, 4)), stream.expected(1, 1..4));
    // Up to one in the new epoch: which of the old one's frames were cut isn't known.
    let region = stream.region(1, 7);
    let mut bytes = region.data.to_vec();
    let begin = stream.frames[4].0 - stream.frames[1].0;
    bytes[begin] ^= 1;
    assert_eq!(salvage(&decoder, &Region { data: &bytes, ..region }), stream.expected(1, 5..7));
    // And two epochs on.
    let later = Sync { epoch: 6, ..stream.sync(4) };
    assert_eq!(salvage(&decoder, &Region { sync: Some(later), ..stream.region(1, 4) }), []);
    let earlier = Sync { epoch: 3, ..stream.sync(4) };
    assert_eq!(salvage(&decoder, &Region { sync: Some(earlier), ..stream.region(1, 4) }), []);
}

#[test]
fn frames_of_the_earlier_epoch_behind_those_of_the_later_are_stale() {
    // The same messages in two epochs, as if the second had been written over the first.
    let old = stream(&[Message(40), Message(24), Message(32), Message(16)]);
    let mut new = Encoder::resume(
        old.header.essentials(),
        Session { stream_id: STREAM_ID.try_into().unwrap(), epoch: 5 },
        Algorithm::CRC32C,
        old.frames[2].0 as u64,
        1,
    );
    let sync = FoundSync::at_start_of(&new.sync(0, SyncFlags::NONE).unwrap(), 0).unwrap().sync;
    // A message of the new epoch in the place of the third of the old one.
    let session = new.session();
    let mut new = Encoder::resume(old.header.essentials(), session, Algorithm::CRC32C, old.frames[3].0 as u64 - 64, 1);
    new.sync(0, SyncFlags::NONE).unwrap();
    let head = new.message(&[7; 32]).unwrap();
    let mut data = old.bytes[old.frames[1].0..].to_vec();
    let third = old.frames[3].0 - old.frames[1].0;
    data[third..third + 8].copy_from_slice(&head);
    data[third + 8..third + 40].fill(7);
    let region = Region {
        data: &data,
        position: old.frames[1].0 as u64,
        not_below: 0,
        likely: None,
        sync: Some(sync),
        careful: false,
    };
    assert!(sync.flags.is_resumed());
    let found = salvage(&old.decoder_at(1, 0), &region);
    assert_eq!(found, old.expected(1, [1, 2, 3]), "the fourth is stale");
}

#[test]
fn a_stale_frame_that_was_found_first_is_given_up() {
    // Short frames are found before long ones: here the stale one is short, and the later epoch's before it long.
    let old = stream(&[Message(40), Message(600), Message(24), Message(16)]);
    let header = old.header.essentials();
    let session = Session { stream_id: STREAM_ID.try_into().unwrap(), epoch: 5 };
    let place = old.frames[2].0;
    let mut new = Encoder::resume(header, session, Algorithm::CRC32C, place as u64 - 64, 1);
    let sync = FoundSync::at_start_of(&new.sync(0, SyncFlags::NONE).unwrap(), 0).unwrap().sync;
    let mut data = old.bytes[old.frames[1].0..].to_vec();
    let start = place - old.frames[1].0;
    data[start..start + 8].copy_from_slice(&new.message(&[7; 600]).unwrap());
    data[start + 8..start + 608].fill(7);
    data[0] ^= 1;
    let position = old.frames[1].0 as u64;
    let region = Region { data: &data, position, not_below: 0, likely: None, sync: Some(sync), careful: false };
    assert_eq!(salvage(&old.decoder_at(1, 0), &region), old.expected(1, [2]));
}

/// What is found in a region when the lengths of some of its frames are wrong, and how much was hashed for it.
fn salvage_without_lengths(stream: &Stream, damaged: &[usize], region: Region<'_>) -> (Vec<(usize, u32, bool)>, u64) {
    let mut data = region.data.to_vec();
    for &nth in damaged {
        data[stream.frames[nth].0 - region.position as usize + 6] ^= 2;
    }
    let budget = salvage_budget(data.len());
    let mut left = budget;
    let found = stream.decoder_at(1, 0).salvage(&Region { data: &data, ..region }, &mut left);
    (shown(&found), budget - left)
}

#[test]
fn on_ordinary_damage_little_is_hashed_in_vain() {
    let frames = [False(150, 200), False(16, 200), False(40_000, 200), Message(8), False(30_000, 200), Message(300)];
    let stream = stream(&[&frames[..], &[SyncFrame]].concat());
    let all: u64 = stream.frames[2..7].iter().map(|frame| u64::from(frame.1)).sum();
    let region = stream.region(1, 7);
    let expected = stream.expected(1, 2..7);
    let (found, hashed) = salvage_without_lengths(&stream, &[1], region);
    assert_eq!(found, expected);
    assert!(hashed < all + 1000, "what chains is tried first: {hashed} bytes for {all}");
    // Else each word of the damaged frame is tried, but none of the others.
    let (found, hashed) = salvage_without_lengths(&stream, &[1], Region { sync: None, ..region });
    assert_eq!((found, hashed), (expected, all + 19 * 200), "a frame behind a good one is tried first");
}

#[test]
fn false_long_lengths_cost_no_shorter_frame_behind_them() {
    // Of some of them, what is left of the budget is too little for the shorter frame.
    for (len, claimed) in (0..10).flat_map(|nth| [(40, 60_000 + 100 * nth), (60_000, 100_000 + 1000 * nth)]) {
        let stream = stream(&[False(400_000, claimed), Message(len), Message(16), SyncFrame]);
        let (found, _) = salvage_without_lengths(&stream, &[1, 3], stream.region(1, 4));
        assert_eq!(found, stream.expected(1, [2]), "{len} bytes behind what could be {claimed}");
    }
}

#[test]
fn false_short_lengths_cost_no_longer_frame_before_them() {
    for (len, claimed) in [(1000, 256), (70_000, 256), (70_000, 60_000)] {
        let stream = stream(&[Message(16), Message(len), False(200_000, claimed), Message(300), SyncFrame]);
        for region in [stream.region(1, 5), Region { sync: None, ..stream.region(1, 5) }] {
            let (found, _) = salvage_without_lengths(&stream, &[1, 3, 4], region);
            assert_eq!(found, stream.expected(1, [2]), "{len} bytes before what could be {claimed}");
        }
    }
}

#[test]
fn all_that_may_be_hashed_can_be_hashed_for_one_frame() {
    let stream = stream(&[Message(70_000)]);
    let (position, _, _) = stream.frames[1];
    let data = &stream.bytes[position..];
    let region = Region { data, position: position as u64, not_below: 0, likely: None, sync: None, careful: false };
    let decoder = stream.decoder_at(1, 0);
    for (mut budget, is_found) in [(70_000, true), (69_999, false)] {
        assert_eq!(decoder.salvage(&region, &mut budget).len(), usize::from(is_found));
    }
}

#[test]
fn control_frames_are_taken_only_if_their_kind_may_stand_there() {
    let stream = stream(&[Message(40), SyncFrame, Drop, Message(8), SyncFrame]);
    let decoder = stream.decoder_at(1, 0);
    // A sync frame that was taken for the end of a region by nobody says something impossible.
    assert_eq!(salvage(&decoder, &stream.region(1, 5)), stream.expected(1, [1, 3, 4]));
}
