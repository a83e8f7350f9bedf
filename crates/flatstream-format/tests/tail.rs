//! What is said of a stream's end, and the search for sync frames wherever they lie.
#![cfg(feature = "alloc")]

mod common;

use common::{STREAM_ID, Stream};
use flatstream_format::{
    Algorithm, ChecksumType, Decoder, EndState, Essentials, EvidenceKind, FoundSync, SliceReader, StopReason, Sync,
    SyncFlags, TailSearch, limits,
};

/// A sync frame that says where it lies.
fn sync_at(position: u64) -> Sync {
    Sync {
        header_check: 0x1234_5678,
        version: 1,
        checksum_id: 1,
        alignment_log2: 3,
        flags: SyncFlags::NONE,
        epoch: 3,
        stream_id: STREAM_ID,
        position,
        sequence: 12,
        time: 5,
        durable: 0,
    }
}

#[test]
fn an_end_is_told_in_words() {
    let words = |state, bytes_behind, searched_all| {
        flatstream_format::End { state, position: 7440, bytes_behind, searched_all }.to_string()
    };
    assert_eq!(words(EndState::Closed, 0, true), "closed at position 7440");
    assert_eq!(words(EndState::Open, 0, true), "open at position 7440");
    assert_eq!(words(EndState::Closed, 9, true), "closed at position 7440, 9 blank bytes behind");
    assert_eq!(words(EndState::Open, 9, true), "open at position 7440, 9 blank bytes behind");
    assert_eq!(words(EndState::Torn, 44, true), "torn at position 7440, 44 bytes behind not understood");
    assert_eq!(words(EndState::Scattered, 9, true), "scattered at position 7440, nothing behind was delivered");
    assert_eq!(words(EndState::Corrupt, 9, true), "corrupt at position 7440, nothing behind was delivered");
    let not_all = "torn at position 7440, 9 bytes behind not understood, not all of them searched for frames";
    assert_eq!(words(EndState::Torn, 9, false), not_all);
}

#[test]
fn evidence_is_told_in_words() {
    let words = |kind| flatstream_format::Evidence { position: 7440, kind }.to_string();
    assert_eq!(words(EvidenceKind::Frame), "a good frame of this stream follows at position 7440");
    assert_eq!(words(EvidenceKind::Sync), "a sync frame of this stream follows at position 7440");
    assert_eq!(words(EvidenceKind::SyncInPlace), "a sync frame stands at position 7440, as it says");
    assert_eq!(words(EvidenceKind::Header), "a second stream begins at position 7440");
}

#[test]
fn an_end_is_closed_or_torn_or_neither() {
    use EndState::{Closed, Corrupt, Open, Scattered, Torn};
    for state in [Closed, Open, Torn, Scattered, Corrupt] {
        let end = flatstream_format::End { state, position: 0, bytes_behind: 0, searched_all: true };
        assert_eq!((end.is_closed(), end.is_torn()), (state == Closed, state == Torn));
    }
}

/// All that is found if the data arrive in two parts; and how many bytes were held back in between.
fn found_in_two(data: &[u8], cut: usize) -> (Vec<u64>, usize) {
    let mut found = Vec::new();
    let done = FoundSync::each_in(&data[..cut], 1000, |sync| found.push(sync.position));
    let told_before: Vec<u64> = found.clone();
    FoundSync::each_in(&data[done..], 1000 + done as u64, |sync| {
        if !told_before.contains(&sync.position) {
            found.push(sync.position);
        }
    });
    (found, cut - done)
}

#[test]
fn sync_frames_are_found_wherever_they_lie_and_however_they_arrive() {
    for gap in 0..20 {
        let frame = sync_at(80).to_frame();
        let data = [&vec![b's'; gap], &frame[..], &b"synchronous"[..], &frame[..], &frame[..40]].concat();
        let expected = [gap, gap + 75].map(|start| 1000 + start as u64);
        for cut in 0..=data.len() {
            // Without the last 40 bytes: a beginning that nothing follows.
            let (found, held) = found_in_two(&data, cut);
            // A frame's place counts into its check by what it says, so it is found out of its place too.
            assert_eq!(found, expected, "gap {gap}, cut at {cut}");
            assert!(held < 64, "{held} bytes are held at {cut}");
        }
    }
}

#[test]
fn what_may_become_a_sync_frame_is_held_and_nothing_else() {
    let frame = sync_at(0).to_frame();
    let held = |data: &[u8]| data.len() - FoundSync::each_in(data, 0, |_| {});
    for len in 0..64 {
        // A head and a kind are 12 bytes: with less than that, nothing is known.
        let expected = if len < 12 { len.min(11) } else { len };
        assert_eq!(held(&frame[..len]), expected, "{len} bytes");
    }
    assert_eq!(held(&frame), 11);
    let mut damaged = frame;
    damaged[40] ^= 1;
    assert_eq!(held(&damaged), 11, "it is all there, and it is none");
    let with_length_word = |word: u32| {
        let mut head = frame;
        head[4..8].copy_from_slice(&word.to_le_bytes());
        held(&head[..60])
    };
    assert_eq!(with_length_word(56), 11, "a message");
    for (len, expected) in [(0, 11), (55, 11), (56, 60), (57, 60), (64, 60), (65, 60), (1000, 60), (1 << 20, 11)] {
        assert_eq!(with_length_word(1 << 31 | len), expected, "a control frame of {len} bytes");
    }
}

#[test]
fn a_sync_frame_whose_fields_are_out_of_range_is_none() {
    assert!(FoundSync::at_start_of(&sync_at(8).to_frame(), 8).is_some_and(|found| found.is_in_place()));
    assert!(FoundSync::at_start_of(&sync_at(8).to_frame(), 16).is_some_and(|found| !found.is_in_place()));
    let of = |change: fn(&mut Sync)| {
        let mut sync = sync_at(8);
        change(&mut sync);
        FoundSync::at_start_of(&sync.to_frame(), 8)
    };
    assert_eq!(of(|sync| sync.version = 2), None);
    assert_eq!(of(|sync| sync.alignment_log2 = 4), None);
    assert_eq!(of(|sync| sync.stream_id = 0), None);
    let frame = sync_at(8).to_frame();
    for byte in 0..64 {
        let mut damaged = frame;
        damaged[byte] ^= 0x10;
        assert_eq!(FoundSync::at_start_of(&damaged, 8), None, "byte {byte}");
    }
    for len in 0..64 {
        assert_eq!(FoundSync::at_start_of(&frame[..len], 8), None, "{len} bytes");
    }
}

/// The stream `bytes` are read up to damage; then the search behind it.
fn search_of(stream: &Stream, bytes: &[u8]) -> (Decoder<Algorithm>, TailSearch, usize) {
    let header = Essentials::parse(bytes).unwrap();
    let mut decoder = Decoder::new(&header, 0, Algorithm::CRC32C);
    loop {
        let at = decoder.position() as usize;
        match decoder.decode(&bytes[at..]) {
            Ok(_) if decoder.position() as usize == at => panic!("{} more bytes are there", stream.bytes.len() - at),
            Ok(_) => {}
            Err(stop) => {
                let search = TailSearch::new(&decoder, stop);
                return (decoder, search, at);
            }
        }
    }
}

fn stream() -> Stream {
    Stream::new(ChecksumType::Crc32c, 256, (0..30u8).map(|nth| vec![nth + 1; 20 + usize::from(nth)]).collect())
}

#[test]
fn the_frame_behind_one_that_was_rejected_is_evidence() {
    let stream = stream();
    let mut bytes = stream.bytes.clone();
    let start = stream.ends[1];
    bytes[start + 10] ^= 1;
    let (decoder, mut search, at) = search_of(&stream, &bytes);
    assert_eq!(at, start);
    let next = stream.ends[2] as u64;
    for len in 0..=bytes.len() - at {
        let is_there = at + len >= stream.ends[3];
        let mut search = search.clone();
        assert_eq!(search.search_behind_rejected(decoder.hasher(), &bytes[at..at + len]), is_there, "{len} bytes");
        let evidence = search.evidence().map(|evidence| (evidence.position, evidence.kind));
        assert_eq!(evidence, is_there.then_some((next, EvidenceKind::Frame)));
    }
    // If that one is damaged too, it can be looked at, and is no evidence.
    bytes[next as usize + 10] ^= 1;
    assert!(search.search_behind_rejected(decoder.hasher(), &bytes[at..]));
    assert_eq!(search.evidence(), None);
}

#[test]
fn frames_are_searched_for_at_every_place_that_may_hold_one_and_no_further() {
    let stream = stream();
    let mut bytes = stream.bytes.clone();
    let start = stream.ends[1];
    bytes[start..start + 8].fill(0xEE);
    let (decoder, search, at) = search_of(&stream, &bytes);
    let distance = stream.ends[2] - at;
    for starts in (0..300).step_by(4) {
        let mut search = search.clone();
        search.search_frames(decoder.hasher(), &bytes[at..], at as u64, starts);
        let evidence = search.evidence().map(|evidence| (evidence.position, evidence.kind));
        let is_found = starts > distance;
        assert_eq!(evidence, is_found.then_some((stream.ends[2] as u64, EvidenceKind::Frame)), "{starts}");
    }
    // Of a length that the stream can have, its limit included.
    let len = stream.messages[3].len() as u32;
    for (limit, is_evidence) in [(len - 1, false), (len, true), (len + 1, true)] {
        let header = Essentials { max_message_len: limit, ..Essentials::parse(&bytes).unwrap() };
        let mut strict = Decoder::new(&header, 0, Algorithm::CRC32C);
        strict.decode(&bytes[stream.header_len..]).unwrap();
        let mut search = TailSearch::new(&strict, strict.wrong_at(at as u64, &bytes[at..]).unwrap());
        search.search_frames(strict.hasher(), &bytes[at..stream.ends[3]], at as u64, bytes.len() - at);
        assert_eq!(search.evidence().is_some(), is_evidence, "{len} bytes, at most {limit}");
    }
    // Not in its place.
    let mut elsewhere = search.clone();
    elsewhere.search_frames(decoder.hasher(), &bytes[at..], at as u64 + 8, bytes.len() - at);
    assert_eq!(elsewhere.evidence(), None);
}

#[test]
fn zeros_before_a_frame_do_not_hide_it() {
    let stream = stream();
    for gap in [0, 8, 248, 256, 264, 504, 512, 1000, 1024] {
        let mut bytes = stream.bytes.clone();
        let start = stream.ends[1];
        // A gap of zeros where a block was lost; the frames behind it stand where they should.
        let until = stream.boundaries.iter().copied().find(|&end| end >= start + gap).unwrap_or(bytes.len());
        bytes[start..until].fill(0);
        if gap == 0 {
            bytes[start] = 0xEE;
        }
        let (decoder, mut search, at) = search_of(&stream, &bytes);
        search.search_frames(decoder.hasher(), &bytes[at..], at as u64, bytes.len() - at);
        let first = stream.boundaries.iter().copied().find(|&frame| frame >= until.max(start + 1));
        assert_eq!(search.evidence().map(|evidence| evidence.position), first.map(|first| first as u64), "gap {gap}");
    }
}

#[test]
fn a_search_that_hashes_too_much_says_that_it_left_something_out() {
    let header = flatstream_format::HeaderBuilder::new(ChecksumType::Crc32c).max_message_len(1 << 20).build().unwrap();
    let stream = Stream::with_header(header.as_bytes(), STREAM_ID, vec![vec![1; 8]]);
    let mut bytes = stream.bytes.clone();
    bytes.truncate(stream.ends[0]);
    // Each eight bytes are the head of a message of a mebibyte less 64.
    let head = [1, 2, 3, 4, 0xC0, 0xFF, 0x0F, 0];
    bytes.extend(head.repeat((2 << 20) / 8));
    let (decoder, search, at) = search_of(&stream, &bytes);
    let budget = limits::SEARCH_HASH_FREE / (1 << 20);
    for (starts, is_all_searched) in [(8, true), (8 * budget as usize, true), (1 << 20, false)] {
        let mut search = search.clone();
        search.search_frames(decoder.hasher(), &bytes[at..], at as u64, starts);
        search.search_syncs(&bytes[at..], at as u64, true);
        let end = search.end();
        assert_eq!((end.state, end.searched_all), (EndState::Torn, is_all_searched), "{starts}");
        assert_eq!(end.bytes_behind, 2 << 20);
    }
}

#[test]
fn a_window_holds_twice_the_longest_frame_within_its_limits() {
    let sizes = [(100, 2 << 20), (1 << 20, 2 * ((1 << 20) + 8)), (3 << 20, 2 * ((3 << 20) + 8)), (16 << 20, 32 << 20)];
    for (longest, expected) in sizes {
        let header = flatstream_format::HeaderBuilder::new(ChecksumType::Crc32c).max_message_len(longest);
        let header = header.build().unwrap();
        let stream = Stream::with_header(header.as_bytes(), STREAM_ID, vec![vec![1; 8]]);
        let mut bytes = stream.bytes.clone();
        bytes[stream.ends[0]] ^= 1;
        let (_, mut search, _) = search_of(&stream, &bytes);
        assert_eq!(search.window_len(), expected, "{longest}");
        search.search_syncs(&[1], search.stop().position, true);
        search.note_slide();
        assert!(search.end().searched_all, "frames of {longest} bytes fit into half a window");
    }
    let header = flatstream_format::HeaderBuilder::new(ChecksumType::Crc32c).max_message_len(17 << 20).build().unwrap();
    let stream = Stream::with_header(header.as_bytes(), STREAM_ID, vec![vec![1; 8]]);
    let mut bytes = stream.bytes.clone();
    bytes[stream.ends[0]] ^= 1;
    let (_, mut search, at) = search_of(&stream, &bytes);
    assert_eq!(search.window_len(), 32 << 20);
    search.search_syncs(&bytes[at..at + 7], at as u64, true);
    search.note_slide();
    assert!(!search.end().searched_all);
}

#[test]
fn what_sync_frames_behind_a_stop_say_is_noted() {
    let stream = stream();
    let start = stream.ends[1] as u64;
    let mut bytes = stream.bytes[..start as usize].to_vec();
    bytes.extend([0xEE; 8]);
    let (_, fresh, at) = search_of(&stream, &bytes);
    let header = Essentials::parse(&stream.bytes).unwrap();
    let own = Sync { header_check: header.header_check, epoch: 0, durable: 0, sequence: 2, ..sync_at(start + 512) };
    let search = |sync: Sync, position: u64| {
        let mut search = fresh.clone();
        let mut data = vec![0xEE; (position - at as u64) as usize];
        data.extend(sync.to_frame());
        search.search_syncs(&data, at as u64, true);
        search
    };
    let found = search(own, start + 512);
    assert_eq!(
        found.evidence().map(|evidence| (evidence.position, evidence.kind)),
        Some((start + 512, EvidenceKind::Sync))
    );
    assert_eq!((found.end().state, found.end().bytes_behind), (EndState::Scattered, 512 + 64));
    assert_eq!((found.syncs().epoch_max, found.syncs().durable_max), (Some(0), Some((0, start + 512))));
    assert_eq!((found.syncs().displaced, found.syncs().foreign), (None, None));

    let durable = search(Sync { durable: start, ..own }, start + 512);
    assert_eq!((durable.end().state, durable.is_end_known()), (EndState::Scattered, false), "nothing durable is bad");
    let durable = search(Sync { durable: start + 1, ..own }, start + 512);
    assert_eq!((durable.end().state, durable.is_end_known()), (EndState::Corrupt, true));
    assert_eq!(durable.syncs().durable_max, Some((start + 1, start + 512)));

    // Of two, the one that says more counts, and the first if they say the same.
    let (less, more) = (Sync { durable: start - 16, ..own }, Sync { durable: start - 8, ..own });
    for [first, second] in [[less, more], [more, less], [more, more]] {
        let mut both = search(first, start + 512);
        let behind = Sync { position: start + 512 + 64, ..second };
        both.search_syncs(&behind.to_frame(), behind.position, true);
        let most = first.durable.max(second.durable);
        let position = if first.durable == most { start + 512 } else { behind.position };
        assert_eq!(both.syncs().durable_max, Some((most, position)));
    }

    let displaced = search(own, start + 520);
    assert_eq!(displaced.syncs().displaced, Some(start + 520));
    assert_eq!(displaced.evidence().map(|evidence| evidence.kind), Some(EvidenceKind::Sync));
    let by_a_sector = search(own, start + 1024);
    assert_eq!(by_a_sector.syncs().displaced, None, "it may be a stale block");

    let foreign = search(Sync { stream_id: 1, ..own }, start + 512);
    assert_eq!(foreign.evidence().map(|evidence| evidence.kind), Some(EvidenceKind::SyncInPlace));
    assert_eq!((foreign.syncs().foreign, foreign.syncs().epoch_max), (Some(start + 512), None));
    let foreign = search(Sync { stream_id: 1, ..own }, start + 520);
    assert_eq!((foreign.evidence(), foreign.end().state), (None, EndState::Torn), "neither here nor of this stream");
    let earlier = search(Sync { position: 0, epoch: 7, ..own }, start + 520);
    assert_eq!((earlier.evidence(), earlier.syncs().epoch_max), (None, Some(7)), "its frames may come back");
    let of_other_checksum = search(Sync { checksum_id: 0, ..own }, start + 520);
    assert_eq!(of_other_checksum.evidence(), None);
}

#[test]
fn a_message_beyond_the_readers_limit_is_one_only_if_all_of_it_is_there_and_no_sync_frame_in_it() {
    // Sync frames at the beginning and behind the long message.
    let messages = vec![vec![1; 8], vec![2; 400], vec![3; 8]];
    let stream = Stream::new(ChecksumType::Crc32c, 64, messages);
    let header = Essentials::parse(&stream.bytes).unwrap();
    let mut decoder = Decoder::new(&header, 100, Algorithm::CRC32C);
    let stop = loop {
        if let Err(stop) = decoder.decode(&stream.bytes[decoder.position() as usize..]) {
            break stop;
        }
    };
    assert_eq!(stop.reason, StopReason::Limit { found: 400, limit: 100 });
    let at = stop.position as usize;
    let claimed = 8 + 400;
    let fresh = TailSearch::new(&decoder, stop);
    assert!(!fresh.is_error_known());

    let search = |data: &[u8], is_last| {
        let mut search = fresh.clone();
        let done = search.search_syncs(data, at as u64, is_last);
        (search, done)
    };
    for len in 1..=claimed + 100 {
        let (search, done) = search(&stream.bytes[at..(at + len).min(stream.bytes.len())], false);
        assert_eq!(search.is_error_known(), done >= claimed, "{len} bytes");
        let error = search.error();
        match error.as_ref().map(flatstream_format::Error::to_string) {
            Some(error) => assert!(len >= claimed && error.contains("400"), "{len} bytes: {error}"),
            None => assert!(len < claimed, "{len} bytes"),
        }
    }
    // Then the stream didn't end there: it is read no further.
    for (len, is_refused) in [(claimed - 1, false), (claimed, true), (stream.bytes.len() - at, true)] {
        let mut reader = SliceReader::with_hasher(&stream.bytes[..at + len], 100, Algorithm::CRC32C).unwrap();
        let ended_badly = reader.by_ref().any(|message| message.is_err());
        assert_eq!((ended_badly, reader.end().is_none()), (is_refused, is_refused), "{len} bytes");
    }
    for inside in (8..claimed + 24).step_by(8) {
        let mut data = stream.bytes[at..at + claimed].to_vec();
        data.resize(claimed + 100, 0xEE);
        let position = (at + inside) as u64;
        let sync = Sync { header_check: header.header_check, sequence: 2, epoch: 0, ..sync_at(position) };
        data[inside..inside + 64].copy_from_slice(&sync.to_frame());
        let (found, _) = search(&data[..inside + 64], false);
        let is_inside = inside < claimed;
        assert_eq!(found.evidence().map(|evidence| evidence.position), Some(position));
        assert!(found.is_error_known(), "{inside}");
        let Some(flatstream_format::Error::Frame { stop, .. }) = found.error() else { panic!("no error: {inside}") };
        let (expected, found) = (claimed as u64, inside as u64);
        let reason = match is_inside {
            true => StopReason::Incomplete { expected, found },
            false => StopReason::Limit { found: 400, limit: 100 },
        };
        assert_eq!(stop.reason, reason, "{inside}");
    }
}

#[test]
fn a_first_frame_beyond_the_readers_limit_is_no_damage_while_it_is_not_all_there() {
    let stream = Stream::new(ChecksumType::Crc32c, 64, vec![]);
    let header = Essentials::parse(&stream.bytes).unwrap();
    let decoder = Decoder::new(&header, 100, Algorithm::CRC32C);
    let at = decoder.position() as usize;
    let claimed = 8 + 400;
    let data = [&[1, 2, 3, 4, 0x90, 1, 0, 0][..], &[0xEE; 500]].concat();
    let stop = decoder.clone().decode(&data).unwrap_err();
    assert_eq!(stop.reason, StopReason::Limit { found: 400, limit: 100 });
    for len in 1..data.len() {
        let mut search = TailSearch::new(&decoder, stop.clone());
        search.search_syncs(&data[..len], at as u64, true);
        let expected = if len < claimed { EndState::Open } else { EndState::Torn };
        assert_eq!(search.end().state, expected, "{len} bytes");
    }
}

#[test]
fn blank_bytes_behind_the_end_are_no_damage() {
    let stream = stream();
    let at = stream.ends[1];
    for fill in [0x00, 0xFF, 0x11] {
        for len in [1, 7, 8, 255, 256, 257, 600] {
            for odd in [None, Some(0), Some(len / 2), Some(len - 1)] {
                let mut bytes = stream.bytes[..at].to_vec();
                bytes.resize(at + len.max(8), fill);
                let data = &mut bytes[at..at + len];
                odd.into_iter().for_each(|odd| data[odd] ^= 0x20);
                let data = data.to_vec();
                let header = Essentials::parse(&bytes).unwrap();
                let mut decoder = Decoder::new(&header, 0, Algorithm::CRC32C);
                while (decoder.position() as usize) < at {
                    decoder.decode(&bytes[decoder.position() as usize..]).unwrap();
                }
                let stop = flatstream_format::Stop { position: at as u64, reason: StopReason::Pad };
                let mut search = TailSearch::new(&decoder, stop);
                assert!(search.is_blank());
                // In two parts: the first one alone may be blank.
                search.search_syncs(&data[..len / 2], at as u64, false);
                search.search_syncs(&data, at as u64, true);
                let is_blank = fill != 0x11 && (odd.is_none() || len == 1 && matches!(data[0], 0 | 0xFF));
                assert_eq!(search.is_blank(), is_blank, "{len} bytes of {fill}, {odd:?}");
                let expected = if is_blank { EndState::Open } else { EndState::Torn };
                assert_eq!((search.end().state, search.end().bytes_behind), (expected, len as u64));
            }
        }
    }
}
