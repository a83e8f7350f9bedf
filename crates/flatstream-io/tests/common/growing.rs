//! A file that grows under a follower, step by step.
#![allow(dead_code, reason = "not every test uses all of it")]

use std::fs::{self, File, OpenOptions};
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use flatstream_io::format::{Algorithm, Encoder, Header, HeaderBuilder, Session, Sync, SyncFlags};
use flatstream_io::{ChecksumType, FollowOptions, Followed, Follower, Result};
use flatstream_testkit::folder::Folder;
use flatstream_testkit::noise::Noise;

use crate::common::{STREAM_ID, Stream};

pub(crate) struct Growing {
    pub(crate) folder: Folder,
    pub(crate) path: PathBuf,
    file: File,
}

impl Growing {
    pub(crate) fn new(name: &str, bytes: &[u8]) -> Self {
        let folder = Folder::new(name);
        let path = folder.join("a.fls");
        fs::write(&path, bytes).unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        Self { folder, path, file }
    }

    pub(crate) fn len(&self) -> u64 {
        self.file.metadata().unwrap().len()
    }

    pub(crate) fn append(&self, bytes: &[u8]) {
        self.put(self.len(), bytes);
    }

    pub(crate) fn put(&self, position: u64, bytes: &[u8]) {
        self.file.write_all_at(bytes, position).unwrap();
    }

    pub(crate) fn cut(&self, len: u64) {
        self.file.set_len(len).unwrap();
    }

    pub(crate) fn follow(&self, options: FollowOptions) -> Follower {
        Follower::open(&self.path, options).unwrap()
    }
}

/// Takes all that is there now; whether it ended there.
pub(crate) fn drain(follower: &mut Follower, into: &mut Vec<Vec<u8>>) -> Result<bool> {
    loop {
        match follower.poll()? {
            Followed::Message(message) => into.push(message.to_vec()),
            Followed::Waiting => return Ok(false),
            Followed::Ended => return Ok(true),
        }
    }
}

/// The same, and asserts that it goes on, also at a second and a third look.
pub(crate) fn drain_waiting(follower: &mut Follower, into: &mut Vec<Vec<u8>>) {
    for look in 0..3 {
        let before = into.len();
        let is_over = drain(follower, into).unwrap_or_else(|error| panic!("look {look}: {error}"));
        assert!(!is_over, "it ended: {:?}", follower.end());
        assert!(look == 0 || into.len() == before, "messages that were there before came late");
    }
}

pub(crate) fn header() -> Header {
    HeaderBuilder::new(ChecksumType::Crc32c).sync_interval(1024).max_message_len(1 << 16).build().unwrap()
}

/// Goes on in `image`, which ends behind `sequence` messages, as a writer in this epoch does. What it holds becomes
/// durable every 20 messages.
pub(crate) fn append_epoch(image: &mut Vec<u8>, epoch: u32, sequence: u64, messages: &[Vec<u8>], is_closed: bool) {
    let header = header();
    let session = Session { stream_id: NonZeroU64::new(STREAM_ID).unwrap(), epoch };
    let (essentials, hasher) = (header.essentials(), Algorithm::CRC32C);
    let mut encoder = match epoch {
        0 => Encoder::new(essentials, session, hasher),
        _ => Encoder::resume(essentials, session, hasher, image.len() as u64, sequence),
    };
    let time = |encoder: &Encoder<Algorithm>| i64::from(epoch) * 1000 + encoder.sequence() as i64;
    for (nth, message) in messages.iter().enumerate() {
        if encoder.sync_due() {
            image.extend(encoder.sync(time(&encoder), SyncFlags::NONE).unwrap());
        }
        if nth % 20 == 19 {
            encoder.set_durable(image.len() as u64);
        }
        image.extend(encoder.message(message).unwrap());
        image.extend(message);
        image.resize(image.len().next_multiple_of(8), 0);
    }
    if is_closed {
        image.extend(encoder.sync(time(&encoder), SyncFlags::CLOSED).unwrap());
    }
}

/// A stream of several epochs, of which those before the last ended open, torn and cut, or closed.
pub(crate) fn epochs(count: u32, each: usize) -> Stream {
    let mut noise = Noise::new(11);
    let mut image = header().as_bytes().to_vec();
    for epoch in 0..count {
        let messages = noise.messages(each, 120);
        append_epoch(&mut image, epoch, u64::from(epoch) * each as u64, &messages, epoch % 2 == 1);
    }
    Stream::of_bytes(image)
}

/// The durable position that the sync frames say which are whole in the first bytes.
pub(crate) fn durable_in(syncs: &[Sync], len: usize) -> u64 {
    let whole = syncs.iter().filter(|sync| sync.position + 64 <= len as u64);
    whole.map(|sync| sync.durable).max().unwrap_or(0)
}
