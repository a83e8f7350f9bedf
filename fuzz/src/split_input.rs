//! Any bytes, however they arrive: what a strict and what a recovering reader make of them, and what a follower gives of
//! a file that grows, doesn't depend on it.

use std::cell::RefCell;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::time::Duration;

use flatstream_format::{Algorithm, Checksum, Header};
use flatstream_io::follow::Start;
use flatstream_io::{FollowOptions, Follower, ReadOptions, Recovery};
use flatstream_testkit::folder::Folder;
use flatstream_testkit::noise::Noise;

use crate::arrival::{in_pieces, outlines_agree};
use crate::common::recover_from;
use crate::growing::drain;
use crate::strict::{strict_by_slice, strict_by_source};

pub fn check(data: &[u8]) {
    let mut noise = Noise::new(Algorithm::CRC32C.digest(data).into());
    let most = [1, 40, 3000][noise.below(3)];
    check_strict(data, most, &mut noise);
    let window = [4 << 10, 5001, 16 << 20][noise.below(3)];
    for recovery in [Recovery::new(), Recovery::link(), Recovery::new().careful(true)] {
        let read = || ReadOptions::new().recovery(recovery.window(window));
        let whole = recover_from(data, read());
        let pieces = recover_from(in_pieces(data, most, &mut noise), read());
        outlines_agree(&format!("{recovery:?}, pieces of up to {most}"), &whole, &pieces);
        let blocks = recover_from(data, read().block_size(64 << noise.below(6)));
        outlines_agree(&format!("{recovery:?}, small blocks"), &whole, &blocks);
        if let Ok(found) = whole {
            found.check_sums();
        }
    }
}

fn check_strict(data: &[u8], most: usize, noise: &mut Noise) {
    let whole = strict_by_source(data, 1 << 20);
    let pieces = strict_by_source(in_pieces(data, most, noise), 64 << noise.below(6));
    assert_eq!(whole, pieces, "pieces of up to {most}");
    if let Ok((messages, None, Some(_))) = strict_by_slice(data)
        && Header::decode(data).is_ok()
        && noise.below(4) == 0
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
