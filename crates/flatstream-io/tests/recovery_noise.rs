//! Bytes that are no stream, and sync frames that are none: nothing of them is accepted. Specification: section 18.

mod common;

use common::{ALL_CHECKSUMS, STREAM_ID, Stream, file_options, link_options, options, recover, recover_from, rounds};
use flatstream_io::format::{FoundSync, Sync, SyncFlags};
use flatstream_io::{ChecksumType, EndState, ErrorKind, Finding};
use flatstream_testkit::noise::Noise;

const MIB: usize = 1 << 20;

fn fill(file: &mut [u8], noise: &mut Noise) {
    for word in file.chunks_exact_mut(8) {
        word.copy_from_slice(&noise.number().to_le_bytes());
    }
}

#[test]
fn random_files_are_no_streams() {
    let (mut noise, mut file) = (Noise::new(41), vec![0; MIB]);
    for nth in 0..1000 {
        fill(&mut file, &mut noise);
        let read = if nth % 2 == 0 { file_options() } else { link_options() };
        assert_eq!(recover_from(&file[..], read).unwrap_err().kind(), ErrorKind::NotAStream);
    }
    println!("1,000 random files of 1 MiB: 0 frames accepted");
}

/// The identity of a stream is known, so every number in the noise may be the length of one of its frames.
#[test]
fn noise_behind_a_stream_holds_no_frames() {
    let (mut noise, mut file) = (Noise::new(42), vec![0; MIB]);
    let mut cases = 0;
    for checksum in ALL_CHECKSUMS {
        for limit in [200, 1 << 12, 1 << 20, 1 << 24] {
            let stream = Stream::new(options(checksum).max_message_len(limit), vec![vec![1; 100]; 3]);
            for link in [false, true].into_iter().cycle().take(10) {
                fill(&mut file, &mut noise);
                file[..stream.bytes.len() - 64].copy_from_slice(&stream.bytes[..stream.bytes.len() - 64]);
                let found = recover_from(&file[..], if link { link_options() } else { file_options() }).unwrap();
                assert_eq!((found.messages.len(), found.end.state), (3, EndState::Torn));
                assert!(found.losses.is_none());
                cases += 1;
            }
        }
    }
    println!("{cases} streams with 1 MiB of noise behind: 0 frames accepted");
}

/// All fields are plausible, only the check isn't right.
fn forged(noise: &mut Noise, header_check: u32, checksum: ChecksumType) -> [u8; 64] {
    let position = (noise.number() >> (noise.below(64))) & !7;
    let sync = Sync {
        header_check,
        version: 1,
        checksum_id: checksum.id(),
        alignment_log2: 3,
        flags: SyncFlags::from_bits(noise.below(4) as u8),
        epoch: noise.below(3) as u32,
        stream_id: STREAM_ID,
        position,
        sequence: noise.number() >> noise.below(64),
        time: noise.number() as i64,
        durable: position / 2,
    };
    let mut frame = sync.to_frame();
    let right: [u8; 4] = frame[..4].try_into().unwrap();
    while frame[..4] == right {
        let wrong = match noise.below(3) {
            0 => (u32::from_le_bytes(right) ^ 1 << noise.below(32)).to_le_bytes(),
            _ => (noise.number() as u32).to_le_bytes(),
        };
        frame[..4].copy_from_slice(&wrong);
    }
    frame
}

#[test]
fn forged_sync_frames_are_not_accepted() {
    let stream = Stream::new(options(ChecksumType::Crc32c).max_message_len(512), vec![vec![1; 100]; 3]);
    let header_check = stream.syncs[0].header_check;
    let mut noise = Noise::new(43);
    let count = rounds(1_000_000);
    for _ in 0..count / 50_000 {
        let mut bytes = stream.bytes[..stream.bytes.len() - 64].to_vec();
        for _ in 0..50_000 {
            let frame = forged(&mut noise, header_check, ChecksumType::Crc32c);
            assert!(FoundSync::at_start_of(&frame, 0).is_none());
            bytes.extend(frame);
        }
        for (shift, read) in [(0, file_options()), (0, link_options()), (1, link_options())] {
            let found = recover_from(&bytes[shift..], read);
            match found {
                Ok(found) => assert_eq!((found.messages.len(), found.end.state), (3, EndState::Torn)),
                // Joined without the header, and nothing to join at but the first sync frame.
                Err(error) => panic!("{error}"),
            }
        }
    }
    println!("{count} forged sync frames: 0 accepted");
}

/// Right in themselves, but of another stream: in a file and, once a header was read, on a link.
#[test]
fn sync_frames_of_other_streams_are_not_accepted() {
    let stream = Stream::of_hundreds(ChecksumType::Crc32c);
    let first = stream.syncs[0];
    let mut noise = Noise::new(44);
    let mut cases = 0;
    for nth in 0..stream.messages.len() {
        let at = stream.starts[nth] as usize;
        for is_in_place in [false, true] {
            for same_header in [false, true] {
                let position = if is_in_place { at as u64 } else { (noise.number() >> 30) & !7 };
                let foreign = Sync {
                    stream_id: STREAM_ID ^ 1 << noise.below(64),
                    position,
                    sequence: 7,
                    header_check: if same_header { first.header_check } else { noise.number() as u32 },
                    ..first
                };
                let mut damaged = stream.bytes.clone();
                damaged[at..at + 64].copy_from_slice(&foreign.to_frame());
                let found = recover(&damaged).unwrap();
                let lost = stream.check_in_place(&damaged, &found);
                assert_eq!(lost, stream.touched(&(at..at + 64)));

                let inserted = [&stream.bytes[..at], &foreign.to_frame(), &stream.bytes[at..]].concat();
                let found = recover_from(&inserted[..], link_options()).unwrap();
                assert_eq!((stream.check(&found), stream.check_lost(&found)), (0, 0));
                assert!(!found.has(|finding| matches!(finding, Finding::NewStream { .. })));
                cases += 2;
            }
        }
    }
    println!("{cases} sync frames of other streams: 0 accepted");
}
