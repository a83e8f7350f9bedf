//! What the tests of a log share.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use flatstream_io::{End, Header, Reader};

/// A segment as any reader sees it.
pub(crate) struct Read {
    pub(crate) name: String,
    pub(crate) first_sequence: u64,
    pub(crate) header: Header,
    pub(crate) stream_id: u64,
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) end: End,
}

/// Reads the segments in a folder, found by their names alone.
pub(crate) fn read(folder: &Path) -> Vec<Read> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.len() == 24 && name.ends_with(".fls"))
        .collect();
    names.sort();
    names.into_iter().map(|name| read_segment(folder, name)).collect()
}

fn read_segment(folder: &Path, name: String) -> Read {
    let mut reader = Reader::new(File::open(folder.join(&name)).unwrap()).unwrap();
    let mut messages = Vec::new();
    while let Some(message) = reader.next_message().unwrap() {
        messages.push(message.to_vec());
    }
    let stream_id = reader.stream_id().unwrap();
    Read {
        first_sequence: name[..20].parse().unwrap(),
        header: reader.header().clone(),
        stream_id,
        messages,
        end: reader.end().unwrap(),
        name,
    }
}

/// The segments follow each other without a gap, all but the last are closed, and together they hold these messages,
/// from the first one's number on.
#[track_caller]
pub(crate) fn check(segments: &[Read], messages: &[Vec<u8>]) {
    let mut next = segments[0].first_sequence;
    for (nth, segment) in segments.iter().enumerate() {
        assert_eq!(segment.first_sequence, next, "{} doesn't follow", segment.name);
        let expected = &messages[next as usize..next as usize + segment.messages.len()];
        assert!(segment.messages == expected, "{} holds other messages", segment.name);
        assert!(segment.end.is_closed() || nth + 1 == segments.len(), "{} isn't closed", segment.name);
        next += segment.messages.len() as u64;
    }
    assert_eq!(next, messages.len() as u64, "messages are missing at the end");
}

/// The names of the files in a folder, in order.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub(crate) fn segment(folder: &Path, first_sequence: u64) -> PathBuf {
    folder.join(format!("{first_sequence:020}.fls"))
}
