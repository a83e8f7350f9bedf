//! Literally every arrival of an input, where there are few enough.

use std::fmt;

use flatstream_format::{Decoded, Stop};
use flatstream_testkit::reference::read;

use crate::comparison::Decoding;

/// What was tried.
#[derive(Default)]
pub(crate) struct Tried {
    pub(crate) inputs: u64,
    pub(crate) arrivals: u64,
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} inputs, {} arrivals", self.inputs, self.arrivals)
    }
}

/// Positions of what was accepted, and the place and the reason of the stop.
type Outline = (Vec<u64>, u64, Option<&'static str>);

/// Decodes what is there at each of these ends of the input, as far as it goes.
fn decode(decoding: &Decoding, bytes: &[u8], ends: impl IntoIterator<Item = usize>) -> Outline {
    let mut decoder = decoding.decoder();
    let mut positions = Vec::new();
    let mut stop: Option<Stop> = None;
    for end in ends {
        while stop.is_none() {
            let start = decoder.position();
            match decoder.decode(&bytes[start as usize..end]) {
                Ok(Decoded::NeedMore(_)) => break,
                Ok(_) => positions.push(start),
                Err(error) => stop = Some(error),
            }
        }
    }
    let position = decoder.position();
    let stop = stop.or_else(|| decoder.at_end_of_data(&bytes[position as usize..]));
    (positions, position, stop.map(|stop| stop.reason.code()))
}

fn expected(decoding: &Decoding, bytes: &[u8]) -> Outline {
    let reading = read(&decoding.rules, bytes);
    let whole = decode(decoding, bytes, [bytes.len()]);
    assert_eq!((whole.1, whole.2), (reading.end as u64, reading.stop), "{bytes:02x?}");
    assert_eq!(whole.0.len(), reading.parts.len(), "{bytes:02x?}");
    whole
}

/// In one, two and three pieces, cut anywhere behind `from`.
pub(crate) fn in_three_pieces(decoding: &Decoding, bytes: &[u8], from: usize, tried: &mut Tried) {
    let expected = expected(decoding, bytes);
    tried.inputs += 1;
    for first in from..=bytes.len() {
        for second in first..=bytes.len() {
            tried.arrivals += 1;
            let found = decode(decoding, bytes, [first, second, bytes.len()]);
            assert!(found == expected, "{bytes:02x?} cut at {first} and {second}: {found:?}");
        }
    }
}

/// In any pieces of what lies behind `from`.
pub(crate) fn in_any_pieces(decoding: &Decoding, bytes: &[u8], from: usize, tried: &mut Tried) {
    let expected = expected(decoding, bytes);
    tried.inputs += 1;
    for cuts in 0..1usize << (bytes.len() - from) {
        tried.arrivals += 1;
        let ends = (from..bytes.len()).filter(|at| cuts >> (at - from) & 1 == 1).chain([bytes.len()]);
        let found = decode(decoding, bytes, ends);
        assert!(found == expected, "{bytes:02x?} cut by {cuts:b}: {found:?}");
    }
}
