//! A known stream and a script of damage: nothing is returned that was not written, nothing good before the damage is
//! missing, and what is said to be lost is.

use flatstream_io::ReadOptions;
use flatstream_testkit::noise::Choices;

use crate::common::{ALL_CHECKSUMS, varied};
use crate::damage::{
    check_in_place, check_moved, check_strict_comes_first, damage_by_moving, damage_in_place, recovery,
};
use crate::script::Script;

/// More flipped bits could be what a checksum doesn't see, and a fuzzer is good at finding that.
const DAMAGES_MAX: usize = 4;

pub fn check(data: &[u8]) {
    let mut script = Script::new(data);
    let checksum = ALL_CHECKSUMS[script.below(ALL_CHECKSUMS.len())];
    let stream = varied(checksum, &mut script.noise());
    let is_moved = script.below(2) == 1;
    let read = ReadOptions::new().recovery(recovery(&mut script)).block_size(1 << (6 + script.below(12)));
    let cut = script.below(stream.bytes.len());
    let mut damaged = stream.bytes.clone();
    for _ in 0..DAMAGES_MAX {
        if script.is_over() || damaged.is_empty() {
            break;
        }
        match is_moved && script.below(2) == 1 {
            true => damage_by_moving(&mut damaged, &stream.bytes, &mut script),
            false => damage_in_place(&mut damaged, &stream.bytes, &mut script),
        }
    }
    damaged.truncate(damaged.len() - cut.min(damaged.len()));
    check_strict_comes_first(&damaged);
    if is_moved {
        check_moved(&stream, checksum, &damaged);
    } else if let Some((found, _)) = check_in_place(&stream, &damaged, read) {
        assert!(!found.has_contradiction());
    }
}
