//! One input, decoded by the crate and by the reference.

use std::collections::BTreeMap;
use std::fmt;

use flatstream_format::{
    Algorithm, ChecksumType, Decoded, Decoder, End, EndState, Error, Essentials, Evidence, EvidenceKind, HeaderBuilder,
    SliceReader, Span, Stop, StopReason, TailSearch, TailSyncs, frame_len,
};
use flatstream_testkit::reference::{Ending, Found, Kind, Maker, Part, Reading, Rules, State, ending, read};

/// The longest message of all streams here.
const MAX_MESSAGE_LEN: u32 = 64;

/// A header, as both sides read it.
pub(crate) struct Decoding {
    pub(crate) rules: Rules,
    pub(crate) essentials: Essentials,
    header: Vec<u8>,
}

/// What was compared, and what came out.
#[derive(Default)]
pub(crate) struct Compared {
    inputs: u64,
    /// Calls of the decoder.
    steps: u64,
    bytes: u64,
    /// Why reading stopped, and how it ended, with how often.
    outcomes: BTreeMap<&'static str, u64>,
}

impl Compared {
    /// How many inputs, and calls of the decoder.
    pub(crate) fn tried(&self) -> (u64, u64) {
        (self.inputs, self.steps)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.inputs += other.inputs;
        self.steps += other.steps;
        self.bytes += other.bytes;
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
    }

    fn count(&mut self, outcome: &'static str) {
        *self.outcomes.entry(outcome).or_default() += 1;
    }

    pub(crate) fn must_hold(&self, outcomes: &[&str]) {
        for outcome in outcomes {
            assert!(self.outcomes.contains_key(outcome), "no input ended with {outcome}");
        }
    }

    /// All codes of damage in the specification, and all ways to end.
    pub(crate) fn must_hold_everything(&self) {
        self.must_hold(&[
            "incomplete",
            "blank",
            "frame_length",
            "sync_missing",
            "frame_check",
            "frame_pad",
            "control_kind",
            "kind_unsupported",
            "sync_field",
            "sync_stream",
            "sync_header",
            "sync_position",
            "sync_epoch",
            "sync_sequence",
            "after_closed",
            "closed",
            "open",
            "torn",
            "scattered",
            "corrupt",
        ]);
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inputs, steps, bytes, outcomes } = self;
        write!(f, "{inputs} inputs of {bytes} bytes, {steps} decoding steps, {outcomes:?}")
    }
}

/// What the crate says, in the reference's words.
fn part_of(decoded: &Decoded<'_>, position: u64) -> Part {
    match decoded {
        Decoded::Message(message) => Part::Message(message.position(), message.sequence(), message.to_vec()),
        Decoded::Sync(sync) => Part::Sync(flatstream_testkit::reference::Sync {
            header_check: sync.header_check,
            version: sync.version,
            checksum: sync.checksum_id,
            alignment_log2: sync.alignment_log2,
            flags: sync.flags.bits(),
            epoch: sync.epoch,
            stream_id: sync.stream_id,
            position: sync.position,
            sequence: sync.sequence,
            durable: sync.durable,
        }),
        Decoded::Control { kind, .. } => Part::Control(position, *kind),
        other => panic!("{other:?}"),
    }
}

fn state_of(state: EndState) -> State {
    match state {
        EndState::Closed => State::Closed,
        EndState::Open => State::Open,
        EndState::Torn => State::Torn,
        EndState::Scattered => State::Scattered,
        EndState::Corrupt => State::Corrupt,
    }
}

fn found_of(evidence: Evidence) -> Found {
    let kind = match evidence.kind {
        EvidenceKind::Frame => Kind::Frame,
        EvidenceKind::Sync => Kind::Sync,
        EvidenceKind::SyncInPlace => Kind::SyncInPlace,
        EvidenceKind::Header => Kind::Header,
        other => panic!("{other:?}"),
    };
    Found { position: evidence.position, kind }
}

impl Decoding {
    pub(crate) fn new() -> Self {
        let header = HeaderBuilder::new(ChecksumType::Crc32c).max_message_len(MAX_MESSAGE_LEN).build().unwrap();
        let essentials = *header.essentials();
        let rules = Rules {
            header_len: essentials.header_len as usize,
            header_check: essentials.header_check,
            max_message_len: MAX_MESSAGE_LEN,
            patience: 0,
        };
        Self { rules, essentials, header: header.as_bytes().to_vec() }
    }

    pub(crate) fn maker(&self) -> Maker {
        Maker::new(&self.rules, &self.header)
    }

    pub(crate) fn decoder(&self) -> Decoder<Algorithm> {
        Decoder::new(&self.essentials, 0, Algorithm::CRC32C)
    }

    /// Decodes byte by byte. If `all_lengths`, frame by frame with every number of bytes that may be there: the answer
    /// is the reference's as soon as the frame is whole, or as soon as it can't be one, and stays it. So by induction
    /// it is the same for every arrival of the whole input: each hands the decoder, frame by frame, some growing row of
    /// these lengths.
    pub(crate) fn compare(&self, bytes: &[u8], all_lengths: bool, sum: &mut Compared) {
        sum.inputs += 1;
        sum.bytes += bytes.len() as u64;
        let reading = read(&self.rules, bytes);
        sum.count(reading.stop.unwrap_or("end of data"));
        let mut decoder = self.decoder();
        let mut rest = &bytes[self.rules.header_len..];
        for part in &reading.parts {
            let whole = decoder.clone();
            let decided = self.bytes_until_decided(&mut decoder, rest, sum);
            let used = (decoder.position() - whole.position()) as usize;
            assert_eq!(decided, used, "{bytes:02x?}: {part:?} was given before or after its last byte");
            for len in (decided..=rest.len()).filter(|&len| all_lengths || len == rest.len()) {
                let mut other = whole.clone();
                let decoded = other.decode(&rest[..len]).unwrap_or_else(|stop| panic!("{bytes:02x?}: {stop}"));
                assert_eq!(&part_of(&decoded, whole.position()), part, "{bytes:02x?}, {len} bytes are there");
                assert!(is_same(&other, &decoder), "{bytes:02x?}, {len} bytes are there");
                sum.steps += 1;
            }
            self.compare_row(&whole, rest, part, bytes);
            rest = &rest[used..];
        }
        assert_eq!(bytes.len() - rest.len(), reading.end, "{bytes:02x?}");
        self.compare_stop(&mut decoder, rest, (&reading, bytes), all_lengths, sum);
    }

    /// Offers more and more until there is an answer.
    fn bytes_until_decided(&self, decoder: &mut Decoder<Algorithm>, rest: &[u8], sum: &mut Compared) -> usize {
        for len in 0..=rest.len() {
            sum.steps += 1;
            let before = decoder.clone();
            match decoder.decode(&rest[..len]) {
                Ok(Decoded::NeedMore(need)) => {
                    assert!(need > len, "{need} bytes are needed, {len} are there");
                    assert!(need as u64 <= self.need_max(), "{need} bytes are needed");
                    assert!(is_same(&before, decoder), "nothing was decided, and it isn't where it was");
                }
                _ => return len,
            }
        }
        panic!("{rest:02x?}: there is a frame, and nothing is decided")
    }

    /// The longest frame that the header and the format allow.
    fn need_max(&self) -> u64 {
        frame_len(1 << 20)
    }

    /// The other way to decode messages takes the same ones.
    fn compare_row(&self, decoder: &Decoder<Algorithm>, rest: &[u8], part: &Part, bytes: &[u8]) {
        let mut decoder = decoder.clone();
        let mut spans = [Span::default(); 1];
        let (count, used) = decoder.messages(rest, &mut spans);
        match part {
            Part::Message(_, _, body) => {
                let span = spans[0].offset as usize..(spans[0].offset + spans[0].len) as usize;
                assert_eq!((count, &rest[span]), (1, &body[..]), "{bytes:02x?}");
                assert_eq!(used as u64, frame_len(body.len() as u32), "{bytes:02x?}");
            }
            _ => assert_eq!((count, used), (0, 0), "{bytes:02x?}"),
        }
    }

    /// Where reading stops: nothing is given for any number of bytes, the reason is the reference's in the end, and one
    /// that was given before doesn't change.
    fn compare_stop(
        &self,
        decoder: &mut Decoder<Algorithm>,
        rest: &[u8],
        (reading, bytes): (&Reading, &[u8]),
        all_lengths: bool,
        sum: &mut Compared,
    ) {
        let before = decoder.clone();
        let mut said: Option<Stop> = None;
        for len in 0..=rest.len() {
            if said.is_some() && len < rest.len() && !all_lengths {
                continue;
            }
            sum.steps += 1;
            match (decoder.decode(&rest[..len]), &said) {
                (Ok(Decoded::NeedMore(need)), None) => assert!(need > len && need as u64 <= self.need_max()),
                (Err(stop), None) => said = Some(stop),
                (Err(stop), Some(said)) => assert_eq!(&stop, said, "{bytes:02x?}, {len} bytes are there"),
                (other, _) => panic!("{bytes:02x?}, {len} bytes are there: {other:?}"),
            }
            assert!(is_same(&before, decoder), "{bytes:02x?}: it stopped, and isn't where it was");
            assert_eq!(decoder.messages(&rest[..len], &mut [Span::default()]), (0, 0), "{bytes:02x?}");
        }
        let stop = said.or_else(|| decoder.at_end_of_data(rest));
        assert_eq!(stop.as_ref().map(|stop| stop.reason.code()), reading.stop, "{bytes:02x?}");
        assert!(stop.is_none_or(|stop| stop.position == reading.end as u64), "{bytes:02x?}");
    }

    /// How it ended: of the whole, and of bytes that come one by one or, if `in_two`, in any two pieces.
    pub(crate) fn compare_tail(&self, bytes: &[u8], in_two: bool, sum: &mut Compared) {
        let reading = read(&self.rules, bytes);
        let expected = ending(&self.rules, bytes, &reading);
        let mut reader = SliceReader::with_hasher(bytes, 0, Algorithm::CRC32C).unwrap();
        let (mut bodies, mut error) = (Vec::new(), None);
        for message in reader.by_ref() {
            match message {
                Ok(message) => bodies.push(message.body()),
                Err(other) => assert!(error.replace(other).is_none(), "{bytes:02x?}: two errors"),
            }
        }
        let expected_bodies = reading.parts.iter().filter_map(|part| match part {
            Part::Message(_, _, body) => Some(&body[..]),
            _ => None,
        });
        assert!(bodies.into_iter().eq(expected_bodies), "{bytes:02x?}");
        if reading.stop == Some("kind_unsupported") {
            let code = error.map(|error| (error.code(), error.position()));
            assert_eq!(code, Some(("kind_unsupported", reading.end as u64)), "{bytes:02x?}");
            assert_eq!(reader.end(), None);
            return;
        }
        let end = reader.end().unwrap_or_else(|| panic!("{bytes:02x?} has no end"));
        sum.count(match end.state {
            EndState::Closed => "closed",
            EndState::Open => "open",
            EndState::Torn => "torn",
            EndState::Scattered => "scattered",
            EndState::Corrupt => "corrupt",
        });
        compare_end(&end, &expected, bytes);
        compare_error(error.as_ref(), &reading, &expected, bytes);
        let Some(stop) = reader.decoder().at_end_or_stop(&bytes[reading.end..]) else { return };
        let cuts = if in_two { reading.end..bytes.len() } else { bytes.len()..bytes.len() };
        let fed = |cuts: &mut dyn Iterator<Item = usize>| search_in_pieces(reader.decoder(), &stop, bytes, cuts);
        for cut in cuts {
            compare_search(&fed(&mut [cut].into_iter()), &expected, bytes);
        }
        compare_search(&fed(&mut (reading.end..bytes.len())), &expected, bytes);
    }
}

/// All that can be seen of it from outside.
fn is_same(one: &Decoder<Algorithm>, other: &Decoder<Algorithm>) -> bool {
    (one.position(), one.sequence(), one.last_sync(), one.is_closed())
        == (other.position(), other.sequence(), other.last_sync(), other.is_closed())
}

trait StopOf {
    fn at_end_or_stop(&self, rest: &[u8]) -> Option<Stop>;
}

impl StopOf for Decoder<Algorithm> {
    fn at_end_or_stop(&self, rest: &[u8]) -> Option<Stop> {
        match self.clone().decode(rest) {
            Err(stop) => Some(stop),
            _ => self.at_end_of_data(rest),
        }
    }
}

fn compare_end(end: &End, expected: &Ending, bytes: &[u8]) {
    assert_eq!((state_of(end.state), end.position), (expected.state, expected.position), "{bytes:02x?}");
    assert_eq!(end.position + end.bytes_behind, bytes.len() as u64, "{bytes:02x?}: bytes are missing");
    assert!(end.searched_all, "{bytes:02x?}");
}

fn compare_error(error: Option<&Error>, reading: &Reading, expected: &Ending, bytes: &[u8]) {
    if !matches!(expected.state, State::Scattered | State::Corrupt) {
        assert_eq!(error, None, "{bytes:02x?}");
        return;
    }
    let Some(Error::Frame { stop, evidence: Some(evidence) }) = error else { panic!("{bytes:02x?}: {error:?}") };
    assert_eq!((Some(stop.reason.code()), stop.position), (reading.stop, expected.position), "{bytes:02x?}");
    assert!(expected.evidence.contains(&found_of(*evidence)), "{bytes:02x?}: {evidence}");
}

/// What the search finds if the input comes with pauses at these places, and whatever isn't done with is offered again.
fn search_in_pieces(
    decoder: &Decoder<Algorithm>,
    stop: &Stop,
    bytes: &[u8],
    cuts: &mut dyn Iterator<Item = usize>,
) -> TailSearch {
    let from = stop.position as usize;
    let mut search = TailSearch::new(decoder, stop.clone());
    let mut is_header_searched = false;
    let mut searched = from;
    for end in cuts.chain([bytes.len()]) {
        searched += search.search_syncs(&bytes[searched..end], searched as u64, end == bytes.len());
        is_header_searched = is_header_searched || search.search_header(&bytes[from..end]);
        // No sync frame was let go of that isn't whole yet.
        assert!(searched + 1024 + 12 > end, "{} bytes are held", end - searched);
    }
    search.search_behind_rejected(decoder.hasher(), &bytes[from..]);
    // In two windows, of which the first is held together with what follows.
    let middle = from + (bytes.len() - from) / 16 * 8;
    search.search_frames(decoder.hasher(), &bytes[from..], from as u64, middle - from);
    search.search_frames(decoder.hasher(), &bytes[middle..], middle as u64, bytes.len() - middle);
    search
}

fn compare_search(search: &TailSearch, expected: &Ending, bytes: &[u8]) {
    if matches!(search.stop().reason, StopReason::UnsupportedKind(_)) {
        return;
    }
    let is_blank = search.is_blank();
    compare_end(&search.end(), expected, bytes);
    assert_eq!(search.evidence().is_some(), !expected.evidence.is_empty(), "{bytes:02x?}");
    if let Some(evidence) = search.evidence() {
        assert!(expected.evidence.contains(&found_of(evidence)) && !is_blank, "{bytes:02x?}: {evidence}");
    }
    let TailSyncs { displaced, foreign, epoch_max, durable_max } = *search.syncs();
    assert_eq!(
        (displaced, foreign, epoch_max),
        (expected.displaced, expected.foreign, expected.epoch_max),
        "{bytes:02x?}"
    );
    let is_beyond = durable_max.is_some_and(|(durable, _)| durable > expected.position);
    assert_eq!(is_beyond, expected.state == State::Corrupt, "{bytes:02x?}");
}
