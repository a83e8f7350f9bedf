//! Streams that are stored in messages of a stream, and frames that are left from before it was reopened: they must not
//! pass for the stream's own. Specification: section 6, and the table of section 18.

mod common;

use common::{ALL_CHECKSUMS, Recovered, Stream, options, recover, recover_link};
use flatstream_io::{ChecksumType, Finding, Writer};
use flatstream_testkit::noise::Noise;

/// Messages, some of which hold other streams: whole, from a frame on, and from its middle on; or copies of what the
/// stream itself holds so far.
fn with_nested(checksum: ChecksumType, is_own: bool) -> (Stream, Vec<usize>) {
    let small = options(checksum).sync_interval(512);
    let foreign = Stream::new(small.clone().stream_id(77), Noise::new(3).messages(25, 60));
    let mut writer = Writer::new(Vec::new(), small.sync_interval(2048)).unwrap();
    let mut carriers = Vec::new();
    let mut noise = Noise::new(4);
    for nth in 0..40 {
        let filler = noise.messages(1, 90).remove(0);
        writer.append(&filler).unwrap();
        if nth % 4 == 3 {
            writer.flush().unwrap();
            let nested = if is_own { writer.get_ref().clone() } else { foreign.bytes.clone() };
            let from = match nth % 16 {
                3 => 0,
                7 => foreign.header_len,
                11 => foreign.starts[5] as usize,
                _ => foreign.starts[5] as usize + 5,
            };
            carriers.push(writer.append(&nested[from..]).unwrap() as usize);
        }
    }
    (Stream::of_bytes(writer.finish().unwrap()), carriers)
}

/// Every bit of the head flipped, and heads that belong elsewhere.
fn damaged_heads(stream: &Stream, nth: usize) -> Vec<Vec<u8>> {
    let head = stream.starts[nth] as usize;
    let mut all = Vec::new();
    for bit in 0..64 {
        let mut damaged = stream.bytes.clone();
        damaged[head + bit / 8] ^= 1 << (bit % 8);
        all.push(damaged);
    }
    let body_head = stream.bytes[head + 8..head + 16].to_vec();
    for content in [vec![0; 8], vec![0xFF; 8], vec![0; 16], vec![0xFF; 16], body_head, vec![1, 2, 3, 4, 8, 0, 0, 0]] {
        let mut damaged = stream.bytes.clone();
        damaged[head..head + content.len()].copy_from_slice(&content);
        all.push(damaged);
    }
    all
}

#[test]
fn nested_streams_are_not_delivered() {
    let mut cases = 0;
    for checksum in ALL_CHECKSUMS {
        for is_own in [false, true] {
            let (stream, carriers) = with_nested(checksum, is_own);
            for nth in carriers {
                for damaged in damaged_heads(&stream, nth) {
                    let found = recover(&damaged).unwrap();
                    let lost = stream.check_in_place(&damaged, &found);
                    assert_eq!((lost, found.losses.may_be_more), (1, false), "{:?}", found.findings);
                    cases += 1;
                }
            }
        }
    }
    println!("{cases} damaged heads before nested streams: 1 message lost each time, 0 nested ones delivered");
}

/// What lies in front of the nested stream is lost too: its own frames, sync frames, or the header and everything.
#[test]
fn nested_streams_are_not_delivered_if_more_is_lost() {
    let (mut cases, mut lost) = (0, 0);
    for checksum in ALL_CHECKSUMS {
        for is_own in [false, true] {
            let (stream, carriers) = with_nested(checksum, is_own);
            for nth in carriers {
                for before in [0, 8, 64, 200, 1000, 3000, usize::MAX] {
                    for fill in [0x00, 0xFF, 0x55] {
                        let mut damaged = stream.bytes.clone();
                        let end = stream.starts[nth] as usize + 8;
                        damaged[end.saturating_sub(before)..end].fill(fill);
                        let found = recover(&damaged).unwrap();
                        lost += stream.check_in_place(&damaged, &found);
                        assert!(!found.losses.may_be_more, "{:?}", found.findings);
                        cases += 1;
                    }
                }
            }
        }
    }
    println!("{cases} lost ranges before nested streams: {lost} messages lost, 0 nested ones delivered");
}

/// On a link, a header behind damage is a sender that started anew, and nothing tells it from one in a message. But the
/// stream itself is found again, and told what became of it.
#[test]
fn on_a_link_the_stream_is_found_again_behind_a_nested_one() {
    let (mut cases, mut nested, mut most_lost) = (0, 0, 0);
    for checksum in ALL_CHECKSUMS {
        for is_own in [false, true] {
            let (stream, carriers) = with_nested(checksum, is_own);
            for nth in carriers {
                for damaged in damaged_heads(&stream, nth) {
                    let found = recover_link(&damaged).unwrap();
                    let is_new = found.has(|finding| matches!(finding, Finding::NewStream { .. }));
                    let (own, foreign) = split(&stream, &found);
                    let lost = found.losses.messages as usize;
                    assert_eq!(own + lost, stream.messages.len(), "{:?}", found.findings);
                    let is_displaced = found.has(|finding| matches!(finding, Finding::Displaced { .. }));
                    assert!(!is_displaced, "{:?}", found.findings);
                    most_lost = most_lost.max(lost);
                    assert!(is_new || foreign == 0, "{:?}", found.findings);
                    assert!(!is_own || foreign == 0, "{:?}", found.findings);
                    nested += foreign;
                    cases += 1;
                }
            }
        }
    }
    println!(
        "{cases} damaged heads before nested streams, on links: {nested} nested messages, all behind a `NewStream`"
    );
    println!("at most {most_lost} of the stream's own lost, counted exactly");
    assert!(most_lost <= 2);
}

/// How many messages are the stream's own, which come in order, and how many aren't.
fn split(stream: &Stream, found: &Recovered) -> (usize, usize) {
    let (mut own, mut foreign, mut next) = (0, 0, 0);
    for message in found.bodies() {
        match stream.messages[next..].iter().position(|own| own == message) {
            Some(skipped) => {
                next += skipped + 1;
                own += 1;
            }
            None => foreign += 1,
        }
    }
    (own, foreign)
}
