//! What readers find in a stream, as lines of a vector file. Specification: section 20.
#![allow(dead_code, reason = "not every test uses all of it")]

use std::fmt::Write as _;
use std::io::Read;

use flatstream_io::format::Algorithm;
use flatstream_io::{Checksum, ChecksumType, Error, ErrorKind, Finding, ReadOptions, Reader};

/// `%recover` of a file that is read so, without the word itself: messages, then findings kind by kind, then the end.
/// `digests` puts the CRC-32 of its body behind each message.
pub(crate) fn recovered(source: impl Read, options: ReadOptions, digests: bool) -> Vec<String> {
    let mut reader = match Reader::with_options(source, options) {
        Ok(reader) => reader,
        Err(error) => return vec![failed(&error)],
    };
    let (mut facts, mut findings) = (Vec::new(), Vec::new());
    while let Some(message) = reader.next() {
        findings.extend(reader.take_findings());
        match message {
            Ok(message) => facts.push(message_fact(message.position(), message.sequence(), &message, digests)),
            Err(error) => {
                facts.push(failed(&error));
                return facts;
            }
        }
    }
    findings.extend(reader.take_findings());
    assert_eq!(reader.findings_left_out(), 0);
    for key in ["skipped", "pad", "header", "lost", "contradiction", "second_stream", "other_stream"] {
        let is_wanted = |fact: &String| fact.split(' ').next() == Some(key);
        facts.extend(findings.iter().filter_map(finding_fact).filter(is_wanted));
    }
    let end = reader.end().unwrap();
    facts.push(format!("end {} position={}", end.state, end.position));
    facts
}

fn message_fact(position: u64, sequence: Option<u64>, body: &[u8], digests: bool) -> String {
    let sequence = sequence.map_or_else(|| "?".to_owned(), |sequence| sequence.to_string());
    let mut fact = format!("message {position} length={} sequence={sequence}", body.len());
    if digests {
        let digest = Algorithm::new(ChecksumType::Crc32).unwrap().digest(body);
        let _ = write!(fact, " crc=0x{digest:08x}");
    }
    fact
}

fn finding_fact(finding: &Finding) -> Option<String> {
    Some(match finding {
        Finding::Skipped { begin, end, .. } => format!("skipped {begin} {end}"),
        Finding::Pad { position } => format!("pad {position}"),
        Finding::HeaderRecovered { offset, .. } | Finding::HeaderContradicted { offset } => format!("header {offset}"),
        Finding::Lost { messages, position } => format!("lost {messages} position={position}"),
        Finding::LostUnknown { .. } => "lost unknown".to_owned(),
        Finding::Contradiction { position, counted, delivered } => {
            format!("contradiction {} position={position}", delivered.wrapping_sub(*counted))
        }
        Finding::SecondStream { offset } => format!("second_stream {offset}"),
        Finding::OtherStream { offset, stream_id } => format!("other_stream {offset} stream_id={stream_id:#018x}"),
        _ => return None,
    })
}

/// The error of a stream that can't be read on.
pub(crate) fn failed(error: &Error) -> String {
    match error.format_error() {
        Some(format) if error.kind() == ErrorKind::Limit => format!("limit position={}", format.position()),
        Some(format) => format!("error {} position={}", format.code(), format.position()),
        None => format!("error {error}"),
    }
}

/// What a strict reader finds: messages, the error, the end.
pub(crate) fn strict(bytes: &[u8], options: ReadOptions) -> Vec<String> {
    let mut reader = match Reader::with_options(bytes, options) {
        Ok(reader) => reader,
        Err(error) => return vec![failed(&error)],
    };
    let mut facts = Vec::new();
    for message in reader.by_ref() {
        facts.push(match message {
            Ok(message) => message_fact(message.position(), message.sequence(), &message, false),
            Err(error) => failed(&error),
        });
    }
    if let Ok(end) = reader.end() {
        let bytes = if end.is_torn() { format!(" bytes={}", end.bytes_behind) } else { String::new() };
        facts.push(format!("end {} position={}{bytes}", end.state, end.position));
    }
    facts
}
