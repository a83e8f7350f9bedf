//! What strict readers make of bytes, in a form that can be compared.
#![allow(dead_code, reason = "not every test uses all of it")]

use std::io::Read;

use flatstream_io::{EndState, Error, Finding, Opening, ReadOptions, SliceReader};

/// What a strict reader gives: messages, the error, the end.
pub(crate) type Strict = (Vec<(u64, u64, Vec<u8>)>, Option<String>, Option<(EndState, u64)>);

pub(crate) fn strict_by_slice(bytes: &[u8]) -> Result<Strict, String> {
    let mut reader = SliceReader::new(bytes).map_err(|error| error.to_string())?;
    let (mut messages, mut failed) = (Vec::new(), None);
    for message in &mut reader {
        match message {
            Ok(message) => messages.push((message.position(), message.sequence(), message.to_vec())),
            Err(error) => failed = Some(error.code().to_owned() + &error.position().to_string()),
        }
    }
    Ok((messages, failed, reader.end().map(|end| (end.state, end.position))))
}

pub(crate) fn strict_by_source(source: impl Read, block_size: usize) -> Result<Strict, String> {
    let options = ReadOptions::new().block_size(block_size);
    let mut opening = Opening::new(source, options);
    let mut reader = loop {
        match opening.open() {
            Ok(reader) => break reader,
            Err(error) if error.is_retryable() => {}
            Err(error) => return Err(error.to_string()),
        }
    };
    let (mut messages, mut failed) = (Vec::new(), None);
    for message in reader.by_ref() {
        match message {
            Ok(message) => messages.push((message.position(), message.sequence().unwrap(), message.to_vec())),
            Err(error) if error.is_retryable() => {}
            Err(error) => failed = Some(code_and_position(&error)),
        }
    }
    assert!(reader.losses().is_none());
    let told = reader.take_findings();
    assert!(told.iter().all(|finding| matches!(finding, Finding::Dropped { .. })), "{told:?}");
    let end = loop {
        match reader.end() {
            Err(error) if error.is_retryable() => {}
            end => break end.ok(),
        }
    };
    Ok((messages, failed, end.map(|end| (end.state, end.position))))
}

fn code_and_position(error: &Error) -> String {
    let error = error.format_error().unwrap_or_else(|| panic!("{error}"));
    error.code().to_owned() + &error.position().to_string()
}
