//! Cursors: where they lead, and what is refused.

mod common;
#[path = "common/growing.rs"]
mod growing;

use common::{STREAM_ID, Stream, options};
use flatstream_io::follow::Start;
use flatstream_io::{
    ChecksumType, Cursor, EndState, ErrorKind, FollowOptions, Follower, Reader, Recovery, WriteOptions, Writer,
};
use growing::{Growing, append_epoch, drain, drain_waiting, epochs};

fn to_the_end() -> FollowOptions {
    FollowOptions::new().reopening(true)
}

/// The cursor behind each message, and one before the first.
fn cursors(file: &Growing) -> Vec<Cursor> {
    let mut follower = file.follow(to_the_end());
    assert_eq!(follower.cursor(), None);
    let mut cursors = Vec::new();
    while let flatstream_io::Followed::Message(_) = follower.poll().unwrap() {
        cursors.push(follower.cursor().unwrap());
    }
    cursors
}

fn messages_from(file: &Growing, cursor: Cursor) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut follower = file.follow(to_the_end().from(Start::Cursor(cursor)));
    assert_eq!(follower.cursor(), Some(cursor));
    drain_waiting(&mut follower, &mut messages);
    messages
}

#[test]
fn a_cursor_behind_each_message_of_several_epochs_leads_to_the_next() {
    let stream = epochs(4, 75);
    let file = Growing::new("cursor-each", &stream.bytes);
    let cursors = cursors(&file);
    assert_eq!(cursors.len(), 300);
    for (nth, cursor) in cursors.iter().enumerate() {
        let expected = (STREAM_ID, (nth / 75) as u32, nth as u64 + 1, stream.end_of(nth));
        assert_eq!((cursor.stream_id(), cursor.epoch(), cursor.sequence(), cursor.position()), expected);
        let cursor = cursor.to_string().parse().unwrap();
        assert!(messages_from(&file, cursor) == stream.messages[nth + 1..], "behind message {nth}");
    }
}

#[test]
fn a_reader_and_a_follower_give_the_same_cursors() {
    let stream = epochs(3, 75);
    let file = Growing::new("cursor-reader", &stream.bytes);
    let cursors = cursors(&file);
    let mut reader = Reader::new(&stream.bytes[..]).unwrap();
    assert_eq!(reader.cursor(), None);
    for (nth, expected) in cursors.iter().enumerate() {
        assert_eq!(reader.next_message().unwrap(), Some(&stream.messages[nth][..]));
        assert_eq!(reader.cursor(), Some(*expected), "message {nth}");
    }
    // Behind the last one the reader has met the mark that the stream is closed.
    assert_eq!(reader.next_message().unwrap(), None);
    assert_eq!(messages_from(&file, reader.cursor().unwrap()).len(), 0);
}

#[test]
fn a_recovering_reader_has_no_cursor_where_it_knows_no_sequence() {
    let mut stream = epochs(1, 75);
    let third = stream.starts[2] as usize;
    stream.bytes[third + 9] ^= 1;
    let options = flatstream_io::ReadOptions::new().recovery(Recovery::new());
    let mut reader = Reader::with_options(&stream.bytes[..], options).unwrap();
    let mut known = Vec::new();
    while reader.next_message().unwrap().is_some() {
        known.push(reader.cursor().map(|cursor| cursor.sequence()));
    }
    assert_eq!(known.len(), 74);
    assert_eq!(known[..2], [Some(1), Some(2)]);
    assert!(known.contains(&None), "salvaged messages");
    assert_eq!(known[73], Some(75));
}

#[test]
fn a_cursor_waits_for_what_is_appended_later() {
    let stream = epochs(2, 75);
    let file = Growing::new("cursor-later", &stream.bytes[..stream.starts[40] as usize + 3]);
    let cursor = *cursors(&file).last().unwrap();
    assert_eq!(cursor.sequence(), 40);
    let mut follower = file.follow(to_the_end().from(Start::Cursor(cursor)));
    let mut messages = Vec::new();
    drain_waiting(&mut follower, &mut messages);
    assert_eq!(messages.len(), 0);
    // It isn't behind what was met meanwhile, only behind messages.
    assert_eq!(follower.cursor(), Some(cursor));
    file.put(0, &stream.bytes);
    drain_waiting(&mut follower, &mut messages);
    assert!(messages == stream.messages[40..]);
}

fn refusal(file: &Growing, cursor: Cursor) -> (ErrorKind, String) {
    let error = Follower::open(&file.path, to_the_end().from(Start::Cursor(cursor))).unwrap_err();
    assert_eq!(error.position().is_some(), error.kind() != ErrorKind::Usage);
    (error.kind(), error.to_string())
}

#[test]
fn a_place_that_was_cut_is_gone_and_what_is_there_is_said() {
    let stream = epochs(1, 75);
    let file = Growing::new("cursor-gone", &stream.bytes);
    let cursors = cursors(&file);
    let cursor = cursors[59];
    let kept = stream.starts[30];
    file.cut(kept);
    let behind = format!("the place behind 60 messages, at position {}, is gone: ", cursor.position());
    assert_eq!(refusal(&file, cursor), (ErrorKind::Gone, format!("{behind}the file has only {kept} bytes")));
    // The next writer has gone on in a new epoch, not so far and then further than the cursor.
    let mut image = stream.bytes[..kept as usize].to_vec();
    append_epoch(&mut image, 1, 30, &stream.messages[..10], false);
    file.append(&image[kept as usize..]);
    assert_eq!(refusal(&file, cursor).0, ErrorKind::Gone);
    let kept = file.len();
    append_epoch(&mut image, 2, 40, &stream.messages[..60], false);
    file.append(&image[kept as usize..]);
    let (kind, text) = refusal(&file, cursor);
    assert_eq!(kind, ErrorKind::Gone, "{text}");
    assert!(text.starts_with(&behind) && text.contains("it is of epoch 0, and in this file a frame ends"), "{text}");
    // Cursors before the cut are good.
    for cursor in &cursors[..30] {
        assert_eq!(messages_from(&file, *cursor).len(), 100 - cursor.sequence() as usize);
    }
    for cursor in &cursors[30..] {
        assert_eq!(refusal(&file, *cursor).0, ErrorKind::Gone);
    }
}

#[test]
fn the_same_place_of_another_epoch_is_another_place() {
    let stream = epochs(1, 75);
    let file = Growing::new("cursor-epoch", &stream.bytes);
    let cursors = cursors(&file);
    // Messages of the same sizes, in a new epoch, so that frames end at the same places 64 bytes further on.
    let kept = stream.starts[30] as usize;
    let mut image = stream.bytes[..kept].to_vec();
    append_epoch(&mut image, 1, 30, &stream.messages[30..], false);
    file.cut(kept as u64);
    file.append(&image[kept..]);
    let mut refused = 0;
    for cursor in &cursors[30..] {
        refused += usize::from(refusal(&file, *cursor).0 == ErrorKind::Gone);
    }
    assert_eq!(refused, 45);
}

#[test]
fn damage_before_a_cursor_is_damage() {
    let stream = epochs(1, 75);
    let file = Growing::new("cursor-damage", &stream.bytes);
    let cursors = cursors(&file);
    let before = stream.starts[58];
    file.put(before + 8, &[!stream.bytes[before as usize + 8]]);
    let error = Follower::open(&file.path, to_the_end().from(Start::Cursor(cursors[59]))).unwrap_err();
    assert_eq!((error.kind(), error.position()), (ErrorKind::Damaged, Some(before)), "{error}");
}

#[test]
fn another_stream_is_named_with_the_one_that_was_meant() {
    let stream = epochs(1, 75);
    let file = Growing::new("cursor-other", &stream.bytes);
    let cursor = cursors(&file)[10];
    let mut writer = Writer::create(&file.path, options(ChecksumType::Crc32c).stream_id(7)).unwrap();
    (0..1000u32).for_each(|number| assert!(writer.append(&number.to_le_bytes()).is_ok()));
    writer.finish().unwrap();
    let (kind, text) = refusal(&file, cursor);
    assert_eq!(kind, ErrorKind::Gone);
    let named = "it is of stream 0x0123456789abcdef, and the file holds stream 0x0000000000000007";
    assert!(text.ends_with(named), "{text}");
    for nothing in [&b""[..], &stream.bytes[..20], &stream.bytes[..stream.header_len]] {
        std::fs::write(&file.path, nothing).unwrap();
        assert_eq!(refusal(&file, cursor).0, ErrorKind::Gone, "{} bytes", nothing.len());
    }
}

#[test]
fn a_cursor_in_the_real_file_of_a_writer_survives_a_reopening() {
    let folder = flatstream_testkit::folder::Folder::new("cursor-reopened");
    let path = folder.join("a.fls");
    let mut seen = None;
    for round in 0..5u32 {
        let mut writer = Writer::open(&path, WriteOptions::new()).unwrap();
        let mut follower = match seen {
            None => Follower::open(&path, FollowOptions::new()).unwrap(),
            Some(cursor) => Follower::open(&path, FollowOptions::new().from(Start::Cursor(cursor))).unwrap(),
        };
        for number in 0..10u32 {
            writer.append(&(round * 10 + number).to_le_bytes()).unwrap();
        }
        if round % 2 == 0 {
            drop(writer);
        } else {
            drop(writer.finish().unwrap());
        }
        let mut messages = Vec::new();
        let is_over = drain(&mut follower, &mut messages).unwrap();
        assert_eq!(is_over, round % 2 == 1);
        assert_eq!(follower.end().map(|end| end.state), is_over.then_some(EndState::Closed));
        let expected: Vec<_> = (0..10u32).map(|number| (round * 10 + number).to_le_bytes().to_vec()).collect();
        assert_eq!(messages, expected);
        seen = follower.cursor();
    }
}

#[test]
fn a_mangled_text_is_no_cursor() {
    let stream = Stream::of_bytes(epochs(2, 75).bytes);
    let file = Growing::new("cursor-mangled", &stream.bytes);
    let cursor = cursors(&file)[120];
    let text = cursor.to_string();
    assert!(text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-'), "{text}");
    assert_eq!(format!(" {text}\n").parse::<Cursor>().unwrap(), cursor);
    let letters: Vec<char> = text.chars().collect();
    let mut mangled: Vec<String> = vec![String::new(), "-".into(), "c1".into(), "c1-----".into(), text.to_uppercase()];
    for at in 0..letters.len() {
        let with = |change: &dyn Fn(&mut Vec<char>)| {
            let mut letters = letters.clone();
            change(&mut letters);
            letters.into_iter().collect::<String>()
        };
        mangled.extend("0123456789abcdef- x+".chars().map(|letter| with(&|letters| letters[at] = letter)));
        mangled.push(with(&|letters| letters.splice(at..=at, []).for_each(drop)));
        mangled.push(with(&|letters| letters.truncate(at)));
        mangled.push(with(&|letters| letters.insert(at, letters[at])));
        mangled.push(with(&|letters| letters.insert(at, '0')));
        mangled.push(with(&|letters| letters.swap(at, 0)));
        mangled.push(with(&|letters| letters.swap(at, at.saturating_sub(1))));
    }
    mangled.retain(|mangled| *mangled != text);
    assert!(mangled.len() > 900);
    for mangled in mangled {
        let error = mangled.parse::<Cursor>().expect_err(&mangled);
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains("is no cursor"), "{error}");
    }
}
