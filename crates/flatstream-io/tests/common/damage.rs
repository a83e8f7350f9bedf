//! Damage of every kind, and what holds whatever it was.
#![allow(dead_code, reason = "not every test uses all of it")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use flatstream_io::{ChecksumType, ErrorKind, Finding, ReadOptions, Reader, Recovery};
use flatstream_testkit::noise::Choices;

use crate::common::{Recovered, Stream, file_options, link_options, recover_from};

/// Damages in place: the positions of everything else stay.
pub(crate) fn damage_in_place(bytes: &mut [u8], original: &[u8], choices: &mut impl Choices) {
    let at = choices.below(bytes.len());
    let len = match choices.below(4) {
        0 => 1 + choices.below(8),
        1 => 1 + choices.below(100),
        2 => 512,
        _ => 1 + choices.below(3000),
    };
    // Sectors are where sectors are.
    let at = if len == 512 { at & !511 } else { at };
    let end = (at + len).min(bytes.len());
    match choices.below(6) {
        0 => bytes[at] ^= 1 << choices.below(8),
        1 => bytes[at..end].fill(0),
        2 => bytes[at..end].fill(0xFF),
        3 => {
            let random = choices.bytes(end - at);
            bytes[at..end].copy_from_slice(&random);
        }
        _ => {
            let from = choices.below((original.len() + at).saturating_sub(end) + 1);
            let end = end.min(at + original.len() - from);
            let from = if len == 512 { from & !511 } else { from };
            bytes[at..end].copy_from_slice(&original[from..from + end - at]);
        }
    }
}

/// Damages that move what follows.
pub(crate) fn damage_by_moving(bytes: &mut Vec<u8>, original: &[u8], choices: &mut impl Choices) {
    let at = choices.below(bytes.len());
    let end = (at + 1 + choices.below(900.min(original.len() / 2))).min(bytes.len());
    match choices.below(3) {
        0 => drop(bytes.drain(at..end)),
        1 => drop(bytes.splice(at..at, choices.bytes(end - at))),
        _ => {
            let from = choices.below(original.len() - (end - at));
            drop(bytes.splice(at..at, original[from..from + end - at].to_vec()));
        }
    }
}

/// How a damaged stream is read.
pub(crate) fn recovery(choices: &mut impl Choices) -> Recovery {
    let window = [4 << 10, 5001, 16 << 10, 16 << 20][choices.below(4)];
    Recovery::new().careful(choices.below(4) == 0).window(window)
}

/// Reads what was damaged in place: nothing is wrong, and what became of each byte is told. `None` if there is no
/// stream in it any more; otherwise also how many messages are lost.
pub(crate) fn check_in_place(stream: &Stream, damaged: &[u8], read: ReadOptions) -> Option<(Recovered, u64)> {
    let found = match recover_from(damaged, read) {
        Ok(found) => found,
        Err(error) => {
            assert_ne!(error.kind(), ErrorKind::Io, "{error}");
            return None;
        }
    };
    // A sector in the wrong place may hold the only sync frame that is left.
    let lost = explain(&found, || match found.is_displaced() {
        true => stream.check_lost(&found),
        false => stream.check_in_place(damaged, &found),
    });
    Some((found, lost))
}

/// The same of what was moved too, in a file and on a link: what was found by each, and how many messages are lost.
pub(crate) fn check_moved(stream: &Stream, checksum: ChecksumType, damaged: &[u8]) -> Vec<(Recovered, u64)> {
    let found = [file_options(), link_options()].into_iter().filter_map(|read| recover_from(damaged, read).ok());
    let checked = found.map(|found| {
        let lost = explain(&found, || {
            let changed = stream.check(&found);
            assert!(checksum == ChecksumType::None || changed == 0, "{changed} wrong");
            // What lies before the place where a stream was joined isn't counted; its header may be that of the next.
            let is_joined = found.has(|finding| matches!(finding, Finding::HeaderRecovered { .. }));
            if is_joined { found.losses.messages } else { stream.check_lost(&found) }
        });
        (found, lost)
    });
    checked.collect()
}

/// A recovering reader finds all that a strict one does, first; and where the strict one finds no damage, nothing else.
pub(crate) fn check_strict_comes_first(damaged: &[u8]) {
    let Ok(mut strict) = Reader::new(damaged) else { return };
    let (good, errors): (Vec<_>, Vec<_>) = strict.by_ref().partition(Result::is_ok);
    let found = recover_from(damaged, file_options()).unwrap();
    let good: Vec<_> = good.into_iter().map(Result::unwrap).collect();
    assert!(good.iter().zip(&found.messages).all(|(good, found)| good[..] == found.body));
    assert!(found.messages.len() >= good.len());
    if errors.is_empty() {
        assert_eq!((found.messages.len(), found.losses.is_none()), (good.len(), true));
        assert_eq!(found.end, strict.end().unwrap());
    }
}

/// A failure says what was found.
fn explain<T>(found: &Recovered, check: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|_| panic!("{:?}\n{}", found.findings, found.end))
}
