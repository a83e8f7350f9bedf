//! Sync frames in any bytes: found alike at once, in pieces and by trying every place; and what is sought by them is
//! where reading on from the beginning finds it.

use flatstream_format::layout::frame::{CONTROL_BIT, HEAD_LEN};
use flatstream_format::layout::sync::BODY_LEN;
use flatstream_format::{FoundSync, Header, SliceReader, Sync, TIME_NONE, frame_len};

use crate::strict::strict_by_slice;

pub fn check(data: &[u8]) {
    check_body(data);
    let position = u64::from(data.first().copied().unwrap_or_default()) * 8;
    let every_place = (0..data.len()).filter_map(|at| FoundSync::at_start_of(&data[at..], position + at as u64));
    let expected: Vec<_> = every_place.collect();
    let mut at_once = Vec::new();
    let done = FoundSync::each_in(data, position, |found| at_once.push(found));
    assert!(done <= data.len());
    assert_eq!(at_once, expected);
    for piece in [1, 7, 64, 1000] {
        assert_eq!(in_pieces(data, position, piece), expected, "pieces of {piece}");
    }
    let (Ok((messages, None, Some((_, end)))), Ok(header)) = (strict_by_slice(data), Header::decode(data)) else {
        return;
    };
    // Who knows stream and place can put the image of a sync frame into a frame, and what bisects may take it for one:
    // section 18 of the specification. It may begin there and end behind it, where the stream is torn.
    let frames = frames(data, header.as_bytes().len(), end as usize);
    if expected.iter().all(|found| frames.contains(&(found.position - position))) {
        check_seeking(data, &messages);
    }
}

/// Where the frames begin of a stream that a strict reader reads to its end.
fn frames(data: &[u8], first: usize, end: usize) -> Vec<u64> {
    let mut frames = Vec::new();
    let mut at = first;
    while at < end {
        frames.push(at as u64);
        let word = data[at..].first_chunk::<HEAD_LEN>().unwrap()[4..].try_into().unwrap();
        at += frame_len(u32::from_le_bytes(word) & !CONTROL_BIT) as usize;
    }
    frames
}

fn check_body(data: &[u8]) {
    let Some(sync) = Sync::from_body(data) else { return };
    assert_eq!(sync.to_body(), data[..BODY_LEN]);
    assert_eq!(Sync::from_body(&sync.to_body()), Some(sync));
    let frame = sync.to_frame();
    if let Some(found) = FoundSync::at_start_of(&frame, sync.position) {
        assert_eq!((found.sync, found.is_in_place()), (sync, true));
    }
}

/// Found in bytes that come piece by piece, of which what is done with is given away. What isn't is offered again, so
/// the same is found several times; and a frame that holds another is whole later.
fn in_pieces(data: &[u8], position: u64, piece: usize) -> Vec<FoundSync> {
    let (mut found, mut begin, mut end) = (Vec::new(), 0, 0);
    while end < data.len() {
        end = (end + piece).min(data.len());
        begin += FoundSync::each_in(&data[begin..end], position + begin as u64, |one| found.push(one));
    }
    found.sort_by_key(|one| one.position);
    found.dedup();
    found
}

fn check_seeking(data: &[u8], messages: &[(u64, u64, Vec<u8>)]) {
    let reader = || SliceReader::new(data).unwrap();
    let count = messages.len() as u64;
    for sequence in [0, 1, count / 2, count.saturating_sub(1), count, count + 1, u64::MAX] {
        let mut sought = reader();
        let landing = sought.seek_to_sequence(sequence).unwrap();
        let expected = messages.iter().find(|(_, found, _)| *found >= sequence);
        let next = sought.next().map(Result::unwrap);
        assert_eq!(next.as_ref().map(|next| next.position()), expected.map(|(position, ..)| *position), "{sequence}");
        assert!(next.is_none_or(|next| next.sequence() == landing.sequence));
    }
    for time in [TIME_NONE, -1, 0, 1, 1 << 40, i64::MAX] {
        let mut sought = reader();
        let landing = sought.seek_to_time(time);
        for message in sought {
            let message = message.unwrap();
            assert!(message.sequence() >= landing.sequence);
            assert_eq!(message.body(), messages[message.sequence() as usize].2);
        }
    }
}
