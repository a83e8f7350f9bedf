//! Streams with known messages, and what readers make of them.
#![allow(dead_code, reason = "not every test uses all of it")]

use std::io::Read;

use flatstream_io::format::{Algorithm, Decoded, Decoder, Essentials, Salt, Sync, SyncFlags, frame_len};
use flatstream_io::{
    Checksum, ChecksumType, Clock, End, EndState, Finding, Header, HeaderBuilder, Losses, Opening, ReadOptions,
    Recovery, Result, WriteOptions, Writer,
};
use flatstream_testkit::noise::Noise;

pub(crate) const ALL_CHECKSUMS: [ChecksumType; 5] =
    [ChecksumType::None, ChecksumType::Crc32c, ChecksumType::Crc32, ChecksumType::Xxh64, ChecksumType::Xxh3];

pub(crate) const STREAM_ID: u64 = 0x0123_4567_89AB_CDEF;

/// A stream of known messages, and where everything is.
#[derive(Clone)]
pub(crate) struct Stream {
    pub(crate) bytes: Vec<u8>,
    pub(crate) messages: Vec<Vec<u8>>,
    /// The position of each message's frame.
    pub(crate) starts: Vec<u64>,
    pub(crate) syncs: Vec<Sync>,
    /// Position and size of each other control frame.
    pub(crate) controls: Vec<(u64, u64)>,
    pub(crate) header_len: usize,
}

impl Stream {
    /// The stream that the tables of the specification are about: 300 messages of 1 to 120 bytes, a sync frame per KiB.
    pub(crate) fn of_hundreds(checksum: ChecksumType) -> Self {
        Self::new(options(checksum).sync_interval(1024).max_message_len(1 << 16), Noise::new(7).messages(300, 120))
    }

    pub(crate) fn new(options: WriteOptions, messages: Vec<Vec<u8>>) -> Self {
        let mut writer = Writer::new(Vec::new(), options).unwrap();
        messages.iter().for_each(|message| assert!(writer.append(message).is_ok()));
        let stream = Self::of_bytes(writer.finish().unwrap());
        assert_eq!(stream.messages, messages);
        Self { messages, ..stream }
    }

    /// A whole stream with one of the standard checksums.
    pub(crate) fn of_bytes(bytes: Vec<u8>) -> Self {
        let header = Header::decode(&bytes).unwrap();
        let mut decoder = Decoder::new(header.essentials(), 0, Algorithm::new(header.checksum()).unwrap());
        let header_len = decoder.position() as usize;
        let (mut messages, mut starts, mut syncs, mut controls) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        while (decoder.position() as usize) < bytes.len() {
            let position = decoder.position();
            match decoder.decode(&bytes[position as usize..]).unwrap() {
                Decoded::Message(message) => {
                    messages.push(message.to_vec());
                    starts.push(position);
                }
                Decoded::Sync(sync) => syncs.push(sync),
                Decoded::Control { .. } => controls.push((position, decoder.position() - position)),
                other => panic!("{other:?} at {position}"),
            }
        }
        Self { bytes, messages, starts, syncs, controls, header_len }
    }

    pub(crate) fn whole_before(&self, len: usize) -> usize {
        let ends = (0..self.starts.len()).map(|nth| self.end_of(nth));
        ends.take_while(|&end| end <= len as u64).count()
    }

    /// The same, where something follows that takes the place of a pad: the message is delivered all the same.
    pub(crate) fn bodies_before(&self, len: usize) -> usize {
        let ends = self.starts.iter().zip(&self.messages).map(|(start, message)| start + 8 + message.len() as u64);
        ends.take_while(|&end| end <= len as u64).count()
    }

    pub(crate) fn end_of(&self, nth: usize) -> u64 {
        self.starts[nth] + size_of(&self.messages[nth])
    }

    /// Asserts that what was found was appended, in order and none twice, and that sequences are right where they are
    /// given. Returns how many bodies differ; the caller says whether that may be (without a checksum it may).
    pub(crate) fn check(&self, found: &Recovered) -> u64 {
        let mut changed = 0;
        let mut last = None;
        for message in &found.messages {
            assert!(last < Some(message.position), "positions ascend");
            last = Some(message.position);
            let nth = self.starts.binary_search(&message.position);
            let nth = nth.unwrap_or_else(|_| panic!("nothing was appended at position {}", message.position));
            assert!(message.sequence.is_none_or(|sequence| sequence == nth as u64), "sequence of message {nth}");
            assert_eq!(message.address % 8, 0, "message {nth} is aligned");
            assert_eq!(message.body.len(), self.messages[nth].len());
            changed += u64::from(message.body != self.messages[nth]);
        }
        found.check_sums();
        changed
    }

    pub(crate) fn changed_bodies(&self, found: &Recovered) -> u64 {
        let is_changed = |message: &&Found| {
            self.starts.binary_search(&message.position).is_ok_and(|nth| self.messages[nth] != message.body)
        };
        found.messages.iter().filter(is_changed).count() as u64
    }

    /// As [`check`](Self::check), and that what is reported lost is exactly that, and that every byte of `damaged` is
    /// accounted for: it lies in a good frame, in a range that was skipped, or behind the end. For damage that moves
    /// nothing.
    ///
    /// Returns how many messages are lost.
    pub(crate) fn check_in_place(&self, damaged: &[u8], found: &Recovered) -> u64 {
        for message in &found.messages {
            let start = message.position as usize + 8;
            let there = &damaged[start..][..message.body.len()];
            assert!(there == message.body, "the message at {} is the one that lies there", message.position);
        }
        let changed = self.check(found);
        assert!(found.header.checksum() == ChecksumType::None || changed == 0, "{changed} bodies changed");
        self.check_coverage(damaged, found);
        self.check_lost(found)
    }

    /// How many messages have a byte in this range, head and pad included.
    pub(crate) fn touched(&self, range: &std::ops::Range<usize>) -> u64 {
        let is_touched = |nth: &usize| self.starts[*nth] < range.end as u64 && self.end_of(*nth) > range.start as u64;
        (0..self.starts.len()).filter(is_touched).count() as u64
    }

    /// Delivered and lost messages are all there were before the end.
    pub(crate) fn check_lost(&self, found: &Recovered) -> u64 {
        let lost = found.losses.messages;
        let delivered = found.messages.len() as u64;
        // What became of another session isn't this stream's matter.
        let is_new = found.has(|finding| matches!(finding, Finding::NewStream { .. }));
        if found.has_contradiction() || is_new && found.losses.may_be_more {
            return lost;
        }
        let last =
            found.messages.last().map_or(0, |last| self.starts.binary_search(&last.position).unwrap() as u64 + 1);
        let known = last.max(found.last_sync.map_or(0, |sync| sync.sequence));
        if found.losses.may_be_more {
            assert!(delivered + lost <= known, "{delivered} delivered, {lost} lost, {known} at most");
        } else {
            assert_eq!(delivered + lost, known, "{delivered} delivered, {lost} lost: {:?}", found.findings);
        }
        lost
    }

    fn check_coverage(&self, damaged: &[u8], found: &Recovered) {
        let frames = found.messages.iter().map(|message| (message.position, message.position + size_of(&message.body)));
        let mut covered: Vec<_> = frames.chain(found.skipped()).collect();
        covered.sort_unstable();
        let is_recovered = found.has(|finding| matches!(finding, Finding::HeaderRecovered { .. }));
        let mut at = if is_recovered { 0 } else { u64::from(Essentials::parse(damaged).unwrap().header_len) };
        for (begin, end) in covered {
            at = self.skip_controls(damaged, found, at, begin);
            assert_eq!(at, begin, "nothing says what became of bytes {at} to {begin}: {:?}", found.findings);
            at = end;
        }
        if at < found.end.position {
            at = self.skip_controls(damaged, found, at, found.end.position);
        }
        let is_all_told = at == damaged.len() as u64;
        let is_rest_told = at == found.end.position && at + found.end.bytes_behind == damaged.len() as u64;
        assert!(
            is_all_told || is_rest_told,
            "nothing says what became of bytes {at} to {}: {}, {:?}",
            damaged.len(),
            found.end,
            found.findings
        );
    }

    /// Behind the unchanged sync frames and other control frames at `at`, which lie before `before`.
    fn skip_controls(&self, damaged: &[u8], found: &Recovered, mut at: u64, before: u64) -> u64 {
        while at < before {
            let sync = self.syncs.iter().find(|sync| sync.position == at).map(|_| 64);
            let control = self.controls.iter().find(|(position, _)| *position == at).map(|(_, len)| *len);
            let Some(len) = sync.or(control) else { break };
            let range = at as usize..(at + len) as usize;
            let is_pad_told = found.has(|finding| *finding == Finding::Pad { position: at });
            if !is_pad_told && damaged.get(range.clone()) != self.bytes.get(range) {
                break;
            }
            at += len;
        }
        at
    }
}

/// The size of a message's frame.
pub(crate) fn size_of(message: &[u8]) -> u64 {
    frame_len(message.len() as u32)
}

pub(crate) fn options(checksum: ChecksumType) -> WriteOptions {
    WriteOptions::new().checksum(checksum).stream_id(STREAM_ID).clock(Clock::Unspecified, || 0)
}

/// The header of another stream, with a program's name of this length.
pub(crate) fn other_header(checksum: ChecksumType, name_len: usize) -> Header {
    HeaderBuilder::new(checksum).sync_interval(4096).writer("x".repeat(name_len)).build().unwrap()
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) position: u64,
    pub(crate) sequence: Option<u64>,
    pub(crate) body: Vec<u8>,
    address: usize,
}

/// All that a recovering reader gave.
#[derive(Clone, Debug)]
pub(crate) struct Recovered {
    pub(crate) messages: Vec<Found>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) losses: Losses,
    pub(crate) end: End,
    pub(crate) header: Header,
    pub(crate) last_sync: Option<Sync>,
    left_out: u64,
}

impl Recovered {
    /// The ranges that were skipped, in offsets.
    pub(crate) fn skipped(&self) -> impl Iterator<Item = (u64, u64)> {
        self.findings.iter().filter_map(|finding| match finding {
            Finding::Skipped { begin, end, .. } => Some((*begin, *end)),
            _ => None,
        })
    }

    pub(crate) fn has_contradiction(&self) -> bool {
        self.has(|finding| matches!(finding, Finding::Contradiction { .. }))
    }

    /// Whether it was read on from a sync frame that doesn't lie where it says.
    pub(crate) fn is_displaced(&self) -> bool {
        self.has(|finding| matches!(finding, Finding::Displaced { .. }))
    }

    pub(crate) fn has(&self, is_wanted: impl Fn(&Finding) -> bool) -> bool {
        self.findings.iter().any(is_wanted)
    }

    pub(crate) fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        self.messages.iter().map(|message| &message.body[..])
    }

    /// What the findings say and what is added up is the same; skipped ranges ascend and don't overlap.
    pub(crate) fn check_sums(&self) {
        assert_eq!(self.left_out, 0);
        let (mut messages, mut may_be_more, mut ranges, mut bytes, mut last) = (0, false, 0, 0, 0);
        for (begin, end) in self.skipped() {
            assert!(last <= begin && begin < end, "skipped ranges: {:?}", self.findings);
            last = end;
            ranges += 1;
            bytes += end - begin;
        }
        for finding in &self.findings {
            match finding {
                Finding::Lost { messages: more, .. } => messages = u64::saturating_add(messages, *more),
                Finding::LostUnknown { .. } => may_be_more = true,
                _ => {}
            }
        }
        let Losses { messages: lost, may_be_more: unknown, ranges: all_ranges, bytes: all_bytes, .. } = self.losses;
        assert_eq!((messages, may_be_more, ranges, bytes), (lost, unknown, all_ranges, all_bytes));
    }

    /// Everything but the reasons, which may depend on how the bytes came.
    #[expect(clippy::type_complexity, reason = "compared as a whole")]
    pub(crate) fn outline(&self) -> (Vec<(u64, Option<u64>, &[u8])>, Vec<String>, Losses, EndState, u64) {
        let messages = self.messages.iter().map(|found| (found.position, found.sequence, &found.body[..])).collect();
        let findings = self.findings.iter().map(|finding| match finding {
            Finding::Skipped { begin, end, .. } => format!("skipped {begin} to {end}"),
            Finding::HeaderRecovered { offset, .. } => format!("header recovered at {offset}"),
            other => format!("{other:?}"),
        });
        (messages, findings.collect(), self.losses, self.end.state, self.end.position)
    }
}

pub(crate) fn recover(bytes: &[u8]) -> Result<Recovered> {
    recover_from(bytes, file_options())
}

pub(crate) fn recover_link(bytes: &[u8]) -> Result<Recovered> {
    recover_from(bytes, link_options())
}

pub(crate) fn file_options() -> ReadOptions {
    ReadOptions::new().recovery(Recovery::new())
}

pub(crate) fn link_options() -> ReadOptions {
    ReadOptions::new().recovery(Recovery::link())
}

/// Reads everything, calling again after every retryable error.
pub(crate) fn recover_from(source: impl Read, options: ReadOptions) -> Result<Recovered> {
    let mut opening = Opening::new(source, options);
    let mut reader = loop {
        match opening.open() {
            Ok(reader) => break reader,
            Err(error) if error.is_retryable() => {}
            Err(error) => return Err(error),
        }
    };
    let (mut messages, mut findings) = (Vec::new(), Vec::new());
    while let Some(message) = reader.next() {
        match message {
            Ok(message) => messages.push(Found {
                position: message.position(),
                sequence: message.sequence(),
                body: message.to_vec(),
                address: message.as_ptr() as usize,
            }),
            Err(error) if error.is_retryable() => {}
            Err(error) => return Err(error),
        }
        findings.extend(reader.take_findings());
    }
    findings.extend(reader.take_findings());
    Ok(Recovered {
        messages,
        findings,
        losses: *reader.losses(),
        end: reader.end()?,
        header: reader.header().clone(),
        last_sync: reader.last_sync().copied(),
        left_out: reader.findings_left_out(),
    })
}

/// How often something random is tried: `FLATSTREAM_FUZZ=100` tries it a hundred times as often, with other numbers.
pub(crate) fn rounds(usual: u64) -> u64 {
    let factor = std::env::var("FLATSTREAM_FUZZ").ok().and_then(|factor| factor.parse().ok());
    usual * factor.unwrap_or(1)
}

/// Puts frames together that no writer makes, or not in this order.
pub(crate) struct Assembler {
    pub(crate) bytes: Vec<u8>,
    header: Header,
    stream_id: u64,
    epoch: u32,
    sequence: u64,
    /// What positions and offsets differ by.
    shift: u64,
}

impl Assembler {
    pub(crate) fn new(header: Header) -> Self {
        Self { bytes: header.as_bytes().to_vec(), header, stream_id: STREAM_ID, epoch: 0, sequence: 0, shift: 0 }
    }

    /// Of another stream.
    pub(crate) fn of_stream(self, stream_id: u64) -> Self {
        Self { stream_id, ..self }
    }

    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(crate) fn position(&self) -> u64 {
        self.shift.wrapping_add(self.bytes.len() as u64)
    }

    /// From here on frames name other positions, and sync frames count from another number.
    pub(crate) fn jump_to(&mut self, position: u64, sequence: u64) {
        self.shift = position.wrapping_sub(self.bytes.len() as u64);
        self.sequence = sequence;
    }

    /// From here on frames are of this epoch.
    pub(crate) fn epoch(&mut self, epoch: u32) {
        self.epoch = epoch;
    }

    pub(crate) fn sync(&mut self, flags: SyncFlags) -> Sync {
        let sync = self.next_sync(flags);
        self.bytes.extend(sync.to_frame());
        sync
    }

    /// What the next sync frame says, unless somebody lies.
    pub(crate) fn next_sync(&self, flags: SyncFlags) -> Sync {
        Sync {
            header_check: self.header.essentials().header_check,
            version: 1,
            checksum_id: self.header.checksum().id(),
            alignment_log2: 3,
            flags,
            epoch: self.epoch,
            stream_id: self.stream_id,
            position: self.position(),
            sequence: self.sequence,
            time: 0,
            durable: 0,
        }
    }

    /// A sync frame whose body has grown by so many bytes.
    pub(crate) fn grown_sync(&mut self, sync: Sync, by: usize) {
        let mut body = sync.to_body().to_vec();
        body.resize(body.len() + by, 0xA5);
        let length_word = body.len() as u32 | 1 << 31;
        let salt = Salt::new(sync.stream_id, sync.epoch);
        let check = Algorithm::CRC32C.digest(&body) ^ salt.mask(sync.position, length_word);
        self.frame_of(check, length_word, &body);
    }

    pub(crate) fn message(&mut self, body: &[u8]) {
        let hasher = Algorithm::new(self.header.checksum()).unwrap();
        self.frame(body, body.len() as u32, hasher.digest(body));
        self.sequence = self.sequence.wrapping_add(1);
    }

    pub(crate) fn control(&mut self, kind: &[u8; 4], rest: &[u8]) {
        let body = [&kind[..], rest].concat();
        self.frame(&body, body.len() as u32 | 1 << 31, Algorithm::CRC32C.digest(&body));
    }

    fn frame(&mut self, body: &[u8], length_word: u32, digest: u32) {
        let check = digest ^ Salt::new(self.stream_id, self.epoch).mask(self.position(), length_word);
        self.frame_of(check, length_word, body);
    }

    fn frame_of(&mut self, check: u32, length_word: u32, body: &[u8]) {
        self.bytes.extend(check.to_le_bytes());
        self.bytes.extend(length_word.to_le_bytes());
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
    }

    /// As many messages of up to so many bytes.
    pub(crate) fn messages(&mut self, count: usize, max_len: usize, noise: &mut Noise) {
        noise.messages(count, max_len).iter().for_each(|message| self.message(message));
    }
}

pub(crate) fn header(checksum: ChecksumType) -> Header {
    HeaderBuilder::new(checksum).sync_interval(1024).max_message_len(1 << 16).build().unwrap()
}

/// A stream with everything in it: epochs, unknown control frames, frames of dropped messages, a long sync frame.
pub(crate) fn varied(checksum: ChecksumType, noise: &mut Noise) -> Stream {
    let mut stream = Assembler::new(header(checksum));
    stream.sync(SyncFlags::NONE);
    let epochs = 1 + noise.below(3);
    for epoch in 0..epochs {
        stream.epoch(epoch as u32 * 3);
        if epoch > 0 {
            stream.sync(SyncFlags::RESUMED);
        }
        for _ in 0..4 + noise.below(6) {
            let count = 1 + noise.below(12);
            stream.messages(count, 150, noise);
            match noise.below(4) {
                0 => stream.control(b"meta", &vec![7; 4 + noise.below(40)]),
                1 => stream.control(b"drop", &[&[0; 4][..], &5u64.to_le_bytes(), &900u64.to_le_bytes()].concat()),
                _ => drop(stream.sync(SyncFlags::NONE)),
            }
        }
        if epoch + 1 == epochs || noise.below(2) == 0 {
            stream.sync(SyncFlags::CLOSED);
        }
    }
    Stream::of_bytes(stream.bytes)
}
