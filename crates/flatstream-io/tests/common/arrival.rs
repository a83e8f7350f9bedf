//! How bytes may come.
#![allow(dead_code, reason = "not every test uses all of it")]

use std::io::ErrorKind as Io;

use flatstream_io::Result;
use flatstream_testkit::faulty::{PlannedSource, Reading};
use flatstream_testkit::noise::Noise;

use crate::common::Recovered;

/// Bytes in pieces, some of which come only after the source had nothing to give.
pub(crate) fn in_pieces<'a>(bytes: &'a [u8], most: usize, noise: &mut Noise) -> PlannedSource<'a> {
    let mut plan = Vec::new();
    let mut planned = 0;
    while planned < bytes.len() {
        let len = 1 + noise.below(most);
        plan.push(Reading::AtMost(len));
        planned += len;
        match noise.below(3) {
            0 => plan.push(Reading::Fail(Io::WouldBlock)),
            1 => plan.push(Reading::Fail(Io::Interrupted)),
            _ => {}
        }
    }
    PlannedSource::new(bytes, plan)
}

/// Whatever was found, it is the same.
pub(crate) fn outlines_agree(case: &str, whole: &Result<Recovered>, pieces: &Result<Recovered>) {
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => {
            let (whole, pieces) = (whole.outline(), pieces.outline());
            assert_eq!(whole.1, pieces.1, "{case}");
            assert!(whole == pieces, "{case}");
        }
        (Err(whole), Err(pieces)) => assert_eq!(whole.kind(), pieces.kind(), "{case}: {whole} / {pieces}"),
        (whole, pieces) => panic!("{case}: {whole:?} / {pieces:?}"),
    }
}
