//! Frames that are left from before a stream was reopened: after a crash, a resume and another crash, blocks of the
//! lost epoch may come back. Specification: sections 9 and 12, and the table of section 18.

mod common;

use std::collections::HashMap;
use std::num::NonZeroU64;

use common::{ALL_CHECKSUMS, Recovered, STREAM_ID, Stream, recover, size_of};
use flatstream_io::format::{Algorithm, Encoder, Header, HeaderBuilder, Session, SyncFlags};
use flatstream_io::{ChecksumType, Finding};
use flatstream_testkit::noise::Noise;

/// What a file held in each epoch, up to its crash; each goes on in the one before at a place of its own.
struct History {
    images: Vec<Vec<u8>>,
    /// Where the last epoch's RESUMED sync frame stands: it and all before it is durable.
    resumed_at: usize,
}

impl History {
    fn new(checksum: ChecksumType, epochs: u32, noise: &mut Noise) -> Self {
        let header = HeaderBuilder::new(checksum).sync_interval(1024).max_message_len(4096).build().unwrap();
        let mut images: Vec<Vec<u8>> = Vec::new();
        let mut resumed_at = 0;
        for epoch in 0..epochs {
            let (mut image, sequence) = match images.last() {
                None => (header.as_bytes().to_vec(), 0),
                Some(last) => {
                    let stream = Stream::of_bytes(last.clone());
                    let kept = noise.below(stream.messages.len());
                    (last[..stream.starts[kept] as usize].to_vec(), kept as u64)
                }
            };
            resumed_at = image.len();
            let messages = noise.messages(30 + epoch as usize * 20, 200);
            append_epoch(&mut image, &header, epoch, sequence, &messages);
            images.push(image);
        }
        Self { images, resumed_at }
    }

    /// Each sector that wasn't durable holds what the last epoch wrote, or what one before had written there, or
    /// nothing.
    fn crash(&self, sector: usize, noise: &mut Noise) -> Vec<u8> {
        let mut file = self.images.last().unwrap().clone();
        let first = (self.resumed_at + 64).next_multiple_of(sector);
        for begin in (first..file.len()).step_by(sector) {
            let end = (begin + sector).min(file.len());
            let old = &self.images[noise.below(self.images.len())];
            match noise.below(4) {
                0 | 1 => {}
                2 => file[begin..end].fill(0),
                _ => {
                    let old = old.get(begin..).unwrap_or_default();
                    let old = &old[..old.len().min(end - begin)];
                    file[begin..end].fill(0);
                    file[begin..begin + old.len()].copy_from_slice(old);
                }
            }
        }
        file
    }
}

fn append_epoch(image: &mut Vec<u8>, header: &Header, epoch: u32, sequence: u64, messages: &[Vec<u8>]) {
    let session = Session { stream_id: NonZeroU64::new(STREAM_ID).unwrap(), epoch };
    let hasher = Algorithm::new(header.checksum()).unwrap();
    let mut encoder = match epoch {
        0 => Encoder::new(header.essentials(), session, hasher),
        _ => Encoder::resume(header.essentials(), session, hasher, image.len() as u64, sequence),
    };
    for message in messages {
        if encoder.sync_due() {
            image.extend(encoder.sync(0, SyncFlags::NONE).unwrap());
        }
        image.extend(encoder.message(message).unwrap());
        image.extend(message);
        image.resize(image.len().next_multiple_of(8), 0);
    }
}

#[test]
fn stale_frames_are_not_delivered() {
    let mut noise = Noise::new(11);
    let (mut cases, mut delivered, mut all) = (0, 0, 0);
    for checksum in ALL_CHECKSUMS {
        for nth in 0..600 {
            let history = History::new(checksum, 2 + nth % 3, &mut noise);
            let stream = Stream::of_bytes(history.images.last().unwrap().clone());
            for sector in [512, 4096] {
                let file = history.crash(sector, &mut noise);
                let found = recover(&file).unwrap();
                stream.check_in_place(&file, &found);
                delivered += found.messages.len();
                all += stream.messages.len();
                cases += 1;
            }
        }
    }
    println!("{cases} crashes with stale sectors: {delivered} of {all} messages delivered, 0 stale ones");
}

/// The RESUMED sync frame is the proof of the new epoch. Without it a stale message before the first good frame of the
/// new epoch can't be told from a good one; everything that comes was appended all the same, and nothing stale comes
/// behind the first good frame of the new epoch.
#[test]
fn with_a_damaged_resumed_sync_nothing_is_delivered_that_was_never_appended() {
    let mut noise = Noise::new(12);
    let (mut cases, mut stale) = ([0; 3], [0; 3]);
    // Without a checksum a message is delivered although a stale sector lies over a part of it.
    for checksum in ALL_CHECKSUMS.into_iter().filter(|checksum| *checksum != ChecksumType::None) {
        for nth in 0..600 {
            let history = History::new(checksum, 2 + nth % 3, &mut noise);
            let mut file = history.crash(512, &mut noise);
            let case = noise.below(3);
            match case {
                0 => file[history.resumed_at + noise.below(64)] ^= 1 << noise.below(8),
                1 => file[history.resumed_at..][..64].fill(0),
                _ => {
                    let sector = history.resumed_at / 512 * 512..(history.resumed_at + 64).next_multiple_of(512);
                    let old = &history.images[history.images.len() - 2];
                    let sector = sector.start..sector.end.min(old.len()).min(file.len()).max(sector.start);
                    file[sector.clone()].copy_from_slice(&old[sector]);
                }
            }
            let Ok(found) = recover(&file) else { panic!("the header is good") };
            stale[case] += stale_messages(&history, &found);
            found.check_sums();
            cases[case] += 1;
        }
    }
    println!("crashes with stale sectors, RESUMED flipped, zeroed, stale itself: {cases:?}, stale messages {stale:?}");
}

fn stale_messages(history: &History, found: &Recovered) -> usize {
    let mut epochs_of: HashMap<(u64, &[u8]), usize> = HashMap::new();
    let streams: Vec<_> = history.images.iter().map(|image| Stream::of_bytes(image.clone())).collect();
    for (epoch, stream) in streams.iter().enumerate() {
        for (start, message) in stream.starts.iter().zip(&stream.messages) {
            epochs_of.insert((*start, message), epoch);
        }
    }
    let last = streams.last().unwrap();
    let (mut stale, mut end, mut is_new) = (0, 0, false);
    for message in &found.messages {
        let epoch = epochs_of.get(&(message.position, &message.body[..]));
        assert!(epoch.is_some(), "never appended at {}: {:?}", message.position, found.findings);
        assert!(message.position >= end, "messages overlap");
        end = message.position + size_of(&message.body);
        let is_good = last.starts.binary_search(&message.position).is_ok_and(|nth| last.messages[nth] == message.body);
        assert!(is_good || !is_new, "stale at {} behind good ones: {:?}", message.position, found.findings);
        is_new |= is_good && message.position > history.resumed_at as u64;
        stale += usize::from(!is_good);
    }
    stale
}

/// A stale tail alone behind the RESUMED sync frame, which is all that became durable.
#[test]
fn a_stale_tail_is_reported_and_not_delivered() {
    let mut noise = Noise::new(13);
    for checksum in ALL_CHECKSUMS {
        let history = History::new(checksum, 2, &mut noise);
        let old = &history.images[0];
        let end = history.resumed_at + 64;
        let mut file = history.images[1][..end].to_vec();
        file.extend(&old[end.min(old.len())..]);
        let found = recover(&file).unwrap();
        let stream = Stream::of_bytes(history.images[1].clone());
        assert_eq!(found.messages.len(), stream.whole_before(end));
        assert!(!found.has(|finding| matches!(finding, Finding::Lost { .. })), "{:?}", found.findings);
        assert_eq!(found.end.position, end as u64);
    }
}
