//! Any bytes, however they arrive: what a strict and what a recovering reader make of them, and what a follower gives
//! of a file that grows, doesn't depend on it.

use std::cell::RefCell;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::time::Duration;

use flatstream_format::layout::{frame, header};
use flatstream_format::{Algorithm, Checksum, FoundSync, Header};
use flatstream_io::follow::Start;
use flatstream_io::{FollowOptions, Follower, ReadOptions, Recovery};
use flatstream_testkit::folder::Folder;
use flatstream_testkit::noise::Noise;

use crate::arrival::{in_pieces, outlines_agree};
use crate::common::{Recovered, recover_from};
use crate::growing::drain;
use crate::strict::{strict_by_slice, strict_by_source};

pub fn check(data: &[u8]) {
    let mut noise = Noise::new(Algorithm::CRC32C.digest(data).into());
    let most = [1, 40, 3000][noise.below(3)];
    check_strict(data, most, &mut noise);
    let strict = strict_by_slice(data).map(|(messages, ..)| messages).unwrap_or_default();
    let window = [4 << 10, 5001, 16 << 20][noise.below(3)];
    for recovery in [Recovery::new(), Recovery::link(), Recovery::new().careful(true)] {
        let read = || ReadOptions::new().recovery(recovery.window(window));
        let whole = recover_from(data, read());
        let bodies = || whole.iter().flat_map(Recovered::bodies).chain(strict.iter().map(|(_, _, body)| &body[..]));
        if recovery.is_link() && holds_images(data, bodies()) {
            continue;
        }
        let pieces = recover_from(in_pieces(data, most, &mut noise), read());
        outlines_agree(&format!("{recovery:?}, pieces of up to {most}"), &whole, &pieces);
        let blocks = recover_from(data, read().block_size(64 << noise.below(6)));
        outlines_agree(&format!("{recovery:?}, small blocks"), &whole, &blocks);
        if let Ok(found) = whole {
            found.check_sums();
        }
    }
}

/// Whether something looks like a sync frame or a header inside of a frame, or like a sync frame inside of a header. On
/// a link, and to a follower, that disproves the length of what is still arriving, and says nothing where it is whole:
/// section 13 of the specification.
fn holds_images<'a>(data: &[u8], bodies: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut syncs = Vec::new();
    FoundSync::each_in(data, 0, |sync| syncs.push(sync.position as usize));
    let in_control = |(start, head): (usize, &[u8])| {
        let word = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let len = (word & !frame::CONTROL_BIT) as usize;
        let body = start + 1..start.saturating_add(frame::HEAD_LEN + len);
        word & frame::CONTROL_BIT != 0 && syncs.iter().any(|sync| body.contains(sync))
    };
    let in_header = |(start, opening): (usize, &[u8])| {
        let len = u32::from_le_bytes([opening[0], opening[1], opening[2], opening[3]]) as usize;
        let region = start + 1..start.saturating_add(header::LENGTH.end + len);
        opening[header::IDENTIFIER] == header::IDENTIFIER_BYTES && syncs.iter().any(|sync| region.contains(sync))
    };
    let mut is_in_message = false;
    for body in bodies {
        FoundSync::each_in(body, 0, |_| is_in_message = true);
        is_in_message |= body.windows(4).any(|word| word == header::IDENTIFIER_BYTES);
    }
    is_in_message
        || data.windows(frame::HEAD_LEN).enumerate().any(in_control)
        || data.windows(header::IDENTIFIER.end).enumerate().any(in_header)
}

fn check_strict(data: &[u8], most: usize, noise: &mut Noise) {
    let whole = strict_by_source(data, 1 << 20);
    let pieces = strict_by_source(in_pieces(data, most, noise), 64 << noise.below(6));
    assert_eq!(whole, pieces, "pieces of up to {most}");
    if let Ok((messages, None, Some(_))) = strict_by_slice(data)
        && Header::decode(data).is_ok()
        && noise.below(4) == 0
        && !holds_images(data, messages.iter().map(|(_, _, body)| &body[..]))
    {
        let followed = follow(data, most.max(40), noise);
        assert!(followed.iter().eq(messages.iter().map(|(_, _, body)| body)), "what a follower gave");
    }
}

thread_local! {
    static FOLDER: RefCell<Folder> = RefCell::new(Folder::new("fuzz-split-input"));
}

/// What a follower gives of a file that grows by pieces, to its end.
fn follow(data: &[u8], most: usize, noise: &mut Noise) -> Vec<Vec<u8>> {
    let path = FOLDER.with_borrow(|folder| folder.join("a.fls"));
    fs::write(&path, []).unwrap();
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    let options = FollowOptions::new().from(Start::Beginning).reopening(true).polling(Duration::ZERO);
    let mut follower = Follower::open(&path, options).unwrap();
    let (mut given, mut rest) = (Vec::new(), data);
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at((1 + noise.below(most)).min(rest.len()));
        file.write_all(piece).unwrap();
        rest = behind;
        drain(&mut follower, &mut given).unwrap();
    }
    given
}
