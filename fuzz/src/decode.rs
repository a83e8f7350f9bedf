//! Any bytes, read strictly: no panic, and the same messages and the same end from a slice, from a source, in parts and
//! by several threads.

use flatstream_format::{Header, SliceReader};
use flatstream_io::ReadOptions;
use flatstream_io::parallel::par_verify;

use crate::strict::{Strict, strict_by_slice, strict_by_source};

pub fn check(data: &[u8]) {
    let by_slice = strict_by_slice(data);
    for block_size in [64, 1000, 1 << 20] {
        match (&by_slice, strict_by_source(data, block_size)) {
            (Ok(by_slice), Ok(by_source)) => assert_eq!(*by_slice, by_source, "blocks of {block_size}"),
            // A slice reader takes the numbers alone of a header.
            (Ok(_), Err(error)) => assert!(Header::decode(data).is_err(), "{error}"),
            (Err(error), by_source) => assert!(by_source.is_err(), "{error}"),
        }
    }
    if let Ok(strict) = by_slice {
        check_parts(data, &strict);
    }
}

fn check_parts(data: &[u8], strict: &Strict) {
    let (messages, failed, end) = strict;
    match (par_verify(data, &ReadOptions::new(), 2), failed) {
        (Ok(verified), None) => {
            assert_eq!(verified.messages, messages.len() as u64);
            assert_eq!(Some((verified.end.state, verified.end.position)), *end);
        }
        (Err(error), Some(failed)) => {
            let error = error.format_error().expect("an error of the bytes");
            assert_eq!(error.code().to_owned() + &error.position().to_string(), *failed);
        }
        (verified, failed) => panic!("{verified:?}, and a strict reader gave {failed:?}"),
    }
    let mut next = 0;
    let Ok(reader) = SliceReader::new(data) else { return };
    for mut part in reader.split(3) {
        for message in &mut part {
            let Ok(message) = message else { return };
            let (position, sequence, body) = &messages[next];
            assert_eq!((message.position(), message.sequence(), message.body()), (*position, *sequence, &body[..]));
            next += 1;
        }
        // The others are of no account.
        if part.end().is_some() {
            assert_eq!(next, messages.len());
            return;
        }
    }
}
