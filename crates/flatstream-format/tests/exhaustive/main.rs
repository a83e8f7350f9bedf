//! The decoder, and the search behind the place where it stops, over all small inputs and in all the pieces in which
//! these may arrive, against `flatstream_testkit::reference`, which is the specification once more.
//!
//! `FLATSTREAM_EXHAUSTIVE=1` goes one piece further, which takes many times as long; `FLATSTREAM_THINNED` one less far.
//! Each test prints how much it tried:
//! `cargo nextest run -p flatstream-format --test exhaustive --no-capture`.
#![cfg(feature = "alloc")]

mod arrivals;
mod comparison;

use std::thread;

use comparison::{Compared, Decoding};
use flatstream_testkit::reference::{Maker, PIECES, Piece, crc32c, for_each_row, mask, salt};

/// As many pieces as in a quick run, one more, or on a machine that is emulated one less.
fn depth(pieces: usize) -> usize {
    let is_set = |name: &str| std::env::var(name).is_ok_and(|value| value != "0");
    pieces + usize::from(is_set("FLATSTREAM_EXHAUSTIVE")) - usize::from(is_set("FLATSTREAM_THINNED"))
}

/// Where nothing is thinned or added, these are the figures of docs/PROOF.md.
fn must_be_as_documented(tried: (u64, u64), documented: (u64, u64)) {
    if depth(1) == 1 {
        assert_eq!(tried, documented, "docs/PROOF.md says otherwise");
    }
}

/// All rows of up to `longest` pieces, shared out among threads.
fn all_rows(start: &Maker, longest: usize, check: impl Fn(&Maker, usize, &mut Compared) + Send + Sync) -> Compared {
    let mut sum = Compared::default();
    check(start, 0, &mut sum);
    let check = &check;
    let of_first = |first: &'static [Piece]| {
        move || {
            let mut sum = Compared::default();
            let mut one = start.clone();
            first[0].1(&mut one);
            for len in 1..=longest {
                for_each_row(&one, PIECES, len - 1, &mut |maker| check(maker, len, &mut sum));
            }
            sum
        }
    };
    for pair in PIECES.chunks(2) {
        thread::scope(|scope| {
            let threads: Vec<_> = pair.chunks(1).map(|first| scope.spawn(of_first(first))).collect();
            for one in threads {
                sum.add(&one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
        });
    }
    sum
}

/// Behind nothing, behind a sync frame, behind messages, behind an end.
fn starts(decoding: &Decoding) -> [(&'static str, Maker); 4] {
    let header = decoding.maker();
    let mut sync = header.clone();
    sync.sync(|_| {});
    let mut messages = sync.clone();
    messages.message(b"12345678");
    messages.epoch += 1;
    messages.sync(|sync| (sync.flags, sync.durable) = (2, sync.position));
    messages.message(b"9");
    let mut closed = sync.clone();
    closed.sync(|sync| sync.flags = 1);
    [("header", header), ("sync", sync), ("messages", messages), ("closed", closed)]
}

#[test]
fn every_row_of_frames_and_of_what_is_none_is_decoded_as_the_specification_says() {
    let decoding = Decoding::new();
    let mut sum = Compared::default();
    for (name, start) in starts(&decoding) {
        let longest = depth(3) + usize::from(name == "sync");
        let one = all_rows(&start, longest, |maker, len, sum| {
            decoding.compare(&maker.bytes, len <= depth(3), sum);
            decoding.compare_tail(&maker.bytes, len <= depth(2), sum);
        });
        println!("{} pieces, rows of up to {longest} behind {name}: {one}", PIECES.len());
        sum.add(&one);
    }
    println!("in all: {sum}");
    sum.must_hold_everything();
    must_be_as_documented(sum.tried(), (921_724, 146_154_923));
}

#[test]
fn every_small_input_is_decoded_the_same_in_each_of_its_arrivals() {
    let decoding = Decoding::new();
    let mut sum = arrivals::Tried::default();
    for (_, start) in starts(&decoding) {
        for len in 0..=depth(2) {
            for_each_row(&start, PIECES, len, &mut |maker| {
                arrivals::in_three_pieces(&decoding, &maker.bytes, start.bytes.len(), &mut sum);
            });
        }
        for len in 0..=depth(7) {
            for_each_string(&[0x00, 0xFF, 0x01], len, &mut |bytes| {
                let behind = [&start.bytes[..], bytes].concat();
                arrivals::in_any_pieces(&decoding, &behind, start.bytes.len(), &mut sum);
            });
        }
    }
    println!("{sum}");
    must_be_as_documented((sum.inputs, sum.arrivals), (16_844, 14_219_184));
}

/// Calls `check` with each string of `len` of these bytes.
fn for_each_string(alphabet: &[u8], len: usize, check: &mut impl FnMut(&[u8])) {
    let mut digits = vec![0; len];
    let mut string = vec![alphabet[0]; len];
    loop {
        check(&string);
        let Some(at) = digits.iter().rposition(|&digit| digit + 1 < alphabet.len()) else { return };
        digits[at] += 1;
        digits[at + 1..].fill(0);
        for (byte, &digit) in string.iter_mut().zip(&digits) {
            *byte = alphabet[digit];
        }
    }
}

#[test]
fn every_string_of_few_bytes_is_decoded_as_the_specification_says() {
    let decoding = Decoding::new();
    let mut sum = Compared::default();
    for (name, start) in starts(&decoding) {
        let mut all_strings = |alphabet: &[u8], longest: usize| {
            for len in 0..=longest {
                for_each_string(alphabet, len, &mut |bytes| {
                    let bytes = [&start.bytes[..], bytes].concat();
                    decoding.compare(&bytes, true, &mut sum);
                    decoding.compare_tail(&bytes, false, &mut sum);
                });
            }
        };
        all_strings(&[0x00, 0xFF, 0x01, 0x80], depth(8));
        // A whole frame is 16 bytes long, at least.
        if name == "sync" {
            all_strings(&[0x00, 0x01], depth(16).max(16));
        }
    }
    println!("{sum}");
    sum.must_hold(&["blank", "frame_length", "incomplete", "frame_check"]);
    must_be_as_documented(sum.tried(), (480_595, 74_783_591));
}

/// A word of 4 bytes; `RIGHT` becomes what makes the frame that begins there right, whatever follows.
const RIGHT: u32 = 0x5249_4748;
const WORDS: [u32; 12] = [
    0,
    u32::MAX,
    1,
    8,
    9,
    64,
    65,
    0x8000_0008,
    0x8000_0003,
    u32::from_le_bytes(*b"meta"),
    u32::from_le_bytes(*b"CHNK"),
    RIGHT,
];

/// So every structure that fits is met with a check that holds, not only those that a writer makes.
#[test]
fn every_row_of_words_is_decoded_as_the_specification_says_with_right_checks_too() {
    let decoding = Decoding::new();
    let mut sum = Compared::default();
    let start = &starts(&decoding)[1].1;
    let salt = salt(start.stream_id, start.epoch);
    let longest = depth(5);
    for len in 0..=longest {
        let mut digits = vec![0; len];
        loop {
            let mut bytes = start.bytes.clone();
            bytes.extend(digits.iter().flat_map(|&digit| u32::to_le_bytes(WORDS[digit])));
            make_right(&mut bytes, start.bytes.len(), salt);
            decoding.compare(&bytes, true, &mut sum);
            decoding.compare_tail(&bytes, false, &mut sum);
            let Some(at) = digits.iter().rposition(|&digit| digit + 1 < WORDS.len()) else { break };
            digits[at] += 1;
            digits[at + 1..].fill(0);
        }
    }
    println!("{} words, rows of up to {longest}: {sum}", WORDS.len());
    sum.must_hold(&["blank", "frame_length", "incomplete", "frame_check", "frame_pad", "control_kind"]);
    must_be_as_documented(sum.tried(), (271_453, 28_860_043));
}

fn make_right(bytes: &mut [u8], from: usize, salt: u64) {
    // From the end, because a body may hold words that are made right themselves.
    for at in (from..bytes.len().saturating_sub(7)).step_by(4).rev() {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if word(at) == RIGHT {
            let length_word = word(at + 4);
            let body = bytes.get(at + 8..).and_then(|rest| rest.get(..(length_word & 0x7fff_ffff) as usize));
            let check = crc32c(body.unwrap_or_default()) ^ mask(salt, at as u64, length_word);
            bytes[at..at + 4].copy_from_slice(&check.to_le_bytes());
        }
    }
}
