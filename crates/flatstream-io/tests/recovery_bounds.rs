//! What recovery costs: bytes hashed and memory, where no sync frame comes for long and where every number is a
//! plausible length. Specification: section 12, "Salvage", and section 14.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{options, size_of};
use flatstream_io::{Checksum, ChecksumType, Finding, Losses, ReadOptions, Reader, Recovery, WriteOptions, Writer};
use flatstream_testkit::allocations::{CountingAllocator, largest_allocation};
use flatstream_testkit::noise::Noise;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const MIB: usize = 1 << 20;

/// Counts what it hashes.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicU64>);

impl Checksum for Counting {
    fn digest(&self, body: &[u8]) -> u32 {
        self.0.fetch_add(body.len() as u64, Ordering::Relaxed);
        flatstream_io::format::Algorithm::CRC32C.digest(body)
    }
}

fn writing() -> WriteOptions {
    options(ChecksumType::Private(200)).private_checksum(200, Counting::default())
}

/// A stream, and where each message's frame starts.
struct Written {
    bytes: Vec<u8>,
    starts: Vec<usize>,
    messages: Vec<Vec<u8>>,
}

fn write(options: WriteOptions, messages: Vec<Vec<u8>>) -> Written {
    let mut writer = Writer::new(Vec::new(), options).unwrap();
    let mut ends = Vec::with_capacity(messages.len());
    for message in &messages {
        writer.append(message).unwrap();
        ends.push(writer.position() as usize - size_of(message) as usize);
    }
    Written { bytes: writer.finish().unwrap(), starts: ends, messages }
}

/// Messages of 8 to 120 bytes, of which the first 8 are their number.
fn numbered(count: usize) -> Vec<Vec<u8>> {
    let mut noise = Noise::new(51);
    (0..count as u64)
        .map(|nth| [&nth.to_le_bytes()[..], &noise.bytes(8 * 14)[..noise.clone().below(113)]].concat())
        .collect()
}

/// What reading cost, and what was found.
struct Cost {
    delivered: usize,
    hashed: u64,
    largest: usize,
    losses: Losses,
}

/// Reads all; every message has to be one that was written, and none comes twice.
fn read(stream: &Written, damaged: &[u8], recovery: Recovery) -> Cost {
    let counting = Counting::default();
    let options = ReadOptions::new().private_checksum(200, counting.clone()).recovery(recovery);
    let ((delivered, losses), largest) = largest_allocation(|| {
        let mut reader = Reader::with_options(damaged, options).unwrap();
        let (mut delivered, mut next) = (0, 0);
        while let Some(message) = reader.next_message().unwrap() {
            // Those that are missing are few and known to the caller.
            let skipped = stream.messages[next..].iter().position(|written| written == message);
            next += skipped.expect("a message that was never written, or comes twice") + 1;
            delivered += 1;
            for finding in reader.take_findings() {
                assert!(!matches!(finding, Finding::Contradiction { .. }), "{finding}");
            }
        }
        reader.end().unwrap();
        (delivered, *reader.losses())
    });
    Cost { delivered, hashed: counting.0.load(Ordering::Relaxed), largest, losses }
}

impl Cost {
    /// `region`: how many bytes lie between damage and the next sync frame, in all.
    fn check(&self, case: &str, stream: &Written, region: usize, held: usize) {
        let Self { delivered, hashed, largest, losses } = self;
        let len = stream.bytes.len();
        let all = stream.messages.len();
        println!("{case}: {delivered} of {all} delivered, {hashed} bytes of {len} hashed, {largest} allocated at once");
        // What is read in the ordinary way is hashed once, and so is a frame that turns out to be none, up to 16 MiB.
        let most = 2 * len as u64 + 16 * region as u64 + (64 << 20);
        assert!(*hashed <= most, "{case}: hashed {hashed} bytes, {most} at most");
        assert!(*largest <= held, "{case}: {largest} bytes at once, {held} at most");
        assert!(!losses.may_be_more, "{case}");
        assert_eq!(*delivered as u64 + losses.messages, stream.messages.len() as u64, "{case}");
    }
}

/// A stream of 40 MiB without sync frames: one message is damaged, all others come.
#[test]
fn no_sync_frame_for_long() {
    for (limit, held) in [(4096, MIB), (16 << 20, 80 * MIB)] {
        let stream = write(writing().sync_interval(0).max_message_len(limit), numbered(550_000));
        assert!(stream.bytes.len() > 35 * MIB);
        for recovery in [Recovery::new(), Recovery::link()] {
            for (nth, flip) in [(0, 0), (200_000, 4), (300_000, 6), (549_999, 5), (400_000, 8)] {
                let mut damaged = stream.bytes.clone();
                let at = stream.starts[nth] + flip;
                damaged[at] ^= 1;
                let cost = read(&stream, &damaged, recovery);
                cost.check(&format!("limit {limit}, byte {flip} of message {nth}"), &stream, stream.bytes.len(), held);
                assert_eq!(cost.losses.messages, 1);
            }
        }
    }
}

/// Many damaged places, so that each window has some.
#[test]
fn much_damage_and_no_sync_frame() {
    for limit in [4096, 16 << 20] {
        let stream = write(writing().sync_interval(0).max_message_len(limit), numbered(140_000));
        let mut damaged = stream.bytes.clone();
        let mut noise = Noise::new(52);
        for nth in (0..140_000).step_by(1000) {
            damaged[stream.starts[nth] + noise.below(8)] ^= 1 << noise.below(8);
        }
        let cost = read(&stream, &damaged, Recovery::new());
        cost.check(&format!("limit {limit}, 140 damaged heads"), &stream, stream.bytes.len(), 80 * MIB);
        assert_eq!(cost.losses.messages, 140);
    }
}

/// Bodies whose every second word is a plausible length.
fn plausible(kind: usize, len: usize, noise: &mut Noise) -> Vec<u8> {
    let mut body = vec![0x55; len];
    for at in (0..len / 8).map(|nth| nth * 8) {
        let rest = (len - at - 8) as u32;
        let word = match kind {
            // All the same and small; small ones, like samples of an ADC; any that end inside; to the very end; random.
            0 => 64,
            1 => 1 + noise.below(4095) as u32,
            2 => 1 + noise.below(rest as usize + 1) as u32,
            3 => rest.max(1),
            4 => 8 + 8 * noise.below(8) as u32,
            _ => noise.number() as u32,
        };
        body[at + 4..at + 8].copy_from_slice(&word.to_le_bytes());
    }
    body
}

/// The damaged head of a message of 4 MiB before, between and behind small ones: only that message is lost.
#[test]
fn a_large_message_full_of_plausible_lengths() {
    let mut noise = Noise::new(53);
    for kind in 0..6 {
        for interval in [65_536, 0] {
            let mut messages = numbered(30_000);
            messages[10_000] = plausible(kind, 4 * MIB, &mut noise);
            let stream = write(writing().sync_interval(interval), messages);
            for (what, flip, changed) in [("check", 0, 1u8), ("length", 5, 0x10), ("body", 5000, 1)] {
                let mut damaged = stream.bytes.clone();
                damaged[stream.starts[10_000] + flip] ^= changed;
                for recovery in [Recovery::new(), Recovery::link()] {
                    let region = if interval == 0 { stream.bytes.len() } else { 5 * MIB };
                    let cost = read(&stream, &damaged, recovery);
                    cost.check(&format!("kind {kind}, interval {interval}, {what}"), &stream, region, 80 * MIB);
                    assert_eq!(cost.losses.messages, 1, "kind {kind}, interval {interval}, {what}");
                }
            }
        }
    }
}

/// The sync frame behind it is damaged too, so that small messages lie between it and the next.
#[test]
fn a_large_message_and_the_sync_frame_behind_it() {
    let mut noise = Noise::new(54);
    for kind in 0..6 {
        let mut messages = numbered(5_000);
        messages[2_000] = plausible(kind, 4 * MIB, &mut noise);
        let stream = write(writing(), messages);
        let mut damaged = stream.bytes.clone();
        let sync = stream.starts[2_001] - 64;
        assert_eq!(&damaged[sync + 8..sync + 12], b"sync");
        damaged[sync + 30] ^= 1;
        damaged[stream.starts[2_000]] ^= 1;
        let cost = read(&stream, &damaged, Recovery::new());
        cost.check(&format!("kind {kind}, sync damaged"), &stream, 5 * MIB, 80 * MIB);
        assert_eq!(cost.losses.messages, 1, "kind {kind}");
    }
}

/// 24 MiB in which every second word is a plausible length, made for the purpose: bounded work, exact count; and what
/// lies far enough behind is delivered.
#[test]
fn hostile_regions() {
    let mut noise = Noise::new(55);
    for kind in 0..6 {
        for interval in [65_536, 0] {
            for limit in [1 << 20, 16 << 20] {
                let mut messages = numbered(1_000);
                messages.extend((0..24).map(|_| plausible(kind, MIB - 64, &mut noise)));
                messages.extend(numbered(2_000).into_iter().skip(1_000));
                let stream = write(writing().sync_interval(interval).max_message_len(limit), messages);
                let mut damaged = stream.bytes.clone();
                for nth in 1_000..1_024 {
                    damaged[stream.starts[nth]] ^= 1;
                    let sync = stream.starts[nth] - 64;
                    if &damaged[sync + 8..sync + 12] == b"sync" {
                        damaged[sync] ^= 1;
                    }
                }
                let cost = read(&stream, &damaged, Recovery::new());
                let case = format!("kind {kind}, interval {interval}, limit {limit}");
                cost.check(&case, &stream, stream.bytes.len(), 80 * MIB);
                // Where there is no sync frame, what was made for the purpose can hide what follows, up to the next
                // window.
                let is_hidden = interval == 0 && limit == 1 << 20 && kind == 0;
                assert_eq!(cost.losses.messages == 24, !is_hidden, "{case}");
            }
        }
    }
}

/// A good small frame behind each damaged one that claims much: neither may each of them be hashed, nor may each step
/// forward be a short one.
#[test]
fn good_frames_between_hostile_ones() {
    for interval in [65_536, 0] {
        let mut messages = Vec::new();
        for nth in 0..60_000u64 {
            messages.push([&nth.to_le_bytes()[..], &[1; 24]].concat());
        }
        let stream = write(writing().sync_interval(interval), messages);
        let mut damaged = stream.bytes.clone();
        for nth in (0..60_000).step_by(2) {
            // A length of up to 1 MiB in head and body.
            for word in 0..4 {
                let at = stream.starts[nth] + 8 * word + 4;
                damaged[at..at + 4].copy_from_slice(&((1 << 20) - 8 * nth as u32).to_le_bytes());
            }
        }
        for recovery in [Recovery::new(), Recovery::link()] {
            let cost = read(&stream, &damaged, recovery);
            cost.check(&format!("interval {interval}, every second head"), &stream, stream.bytes.len(), 80 * MIB);
            assert!(interval == 0 || cost.losses.messages == 30_000);
        }
    }
}

/// Noise for long, and nothing of the stream in it: memory is bounded by the window, whatever it is.
#[test]
fn memory_is_bounded_by_the_window() {
    let stream = write(writing().sync_interval(0), numbered(1000));
    let mut bytes = stream.bytes[..stream.bytes.len() - 64].to_vec();
    bytes.extend(vec![0x5A; 40 * MIB]);
    for (window, held) in [(64 << 10, 600_000), (MIB, 5 * MIB), (16 * MIB, 70 * MIB)] {
        for recovery in [Recovery::new(), Recovery::link()] {
            let cost = read(&stream, &bytes, recovery.window(window));
            println!("window {window}: largest allocation {}", cost.largest);
            assert!(cost.largest <= held && cost.delivered == 1000);
        }
    }
    // The same without a header, while a stream is looked for.
    let noise = vec![0x5A; 40 * MIB];
    for recovery in [Recovery::new(), Recovery::link()] {
        let options = ReadOptions::new().recovery(recovery.window(MIB));
        let (result, largest) = largest_allocation(|| Reader::with_options(&noise[..], options).map(drop));
        assert!(result.is_err() && largest <= 5 * MIB, "{largest}");
    }
}

/// On a link every byte may be the first of a header, and data may be made so that it is.
#[test]
fn false_headers_are_not_hashed_without_bound() {
    let stream = write(writing(), numbered(100));
    let mut bytes = stream.bytes[..stream.bytes.len() - 64].to_vec();
    for _ in 0..300_000 {
        bytes.extend([0xFC, 0xFF, 0x0F, 0, 1, 2, 3, 4]);
        bytes.extend(b"FLS1");
    }
    bytes.extend(&stream.bytes[stream.bytes.len() - 64..]);
    for from in [0, 1] {
        let options = ReadOptions::new().private_checksum(200, Counting::default()).recovery(Recovery::link());
        let reader = Reader::with_options(&bytes[from..], options).unwrap();
        assert_eq!(reader.count(), 100);
    }
}
