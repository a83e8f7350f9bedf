//! Each assumption of the theorem dropped, the others kept: a file in which the decision comes out wrong. Named after
//! the assumption that is missing.

use flatstream::format::limits::SCATTERED_TAIL_MAX;
use flatstream::format::{Algorithm, Encoder, Essentials, Session, SliceReader, Sync, SyncFlags};
use flatstream::{ChecksumType, EndState, ErrorKind, OnTail, Writer};

use crate::medium::{Medium, SECTOR};
use crate::{FILE, created, open, options, read};

/// What the file holds behind a power cut that took these sectors of what wasn't durable, and left this in their place.
fn without(cache: &[u8], sectors: &[usize], fill: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    let mut left = cache.to_vec();
    for &nth in sectors {
        let range = nth * SECTOR..((nth + 1) * SECTOR).min(left.len());
        let block = fill(nth);
        left[range.clone()].copy_from_slice(&block[..range.len()]);
    }
    left
}

fn zeros(_: usize) -> Vec<u8> {
    vec![0; SECTOR]
}

/// A new file with so many messages of 100 bytes, of which the first `durable` were synced.
fn with_messages(messages: u8, durable: u8) -> Medium {
    let medium = created();
    let mut writer = open(&medium).unwrap();
    for number in 1..=messages {
        writer.append(&[number; 100]).unwrap();
        if number == durable {
            writer.sync().unwrap();
        }
    }
    writer.flush().unwrap();
    medium
}

fn refusal(file: &[u8]) -> ErrorKind {
    open(&Medium::with(FILE, file)).unwrap_err().kind()
}

/// M1, and no sync frame tells: the end is taken for an ordinary one.
#[test]
fn m1_without_durable_bytes_that_stay_what_was_acknowledged_is_cut() {
    let medium = created();
    let mut writer = open(&medium).unwrap();
    medium.lie();
    for number in 1..=8 {
        writer.append(&[number; 100]).unwrap();
    }
    assert_eq!(writer.sync().unwrap(), 8, "the medium says so");
    let cache = medium.content(FILE).cache;
    let left = without(&cache, &[1, 2], zeros);
    assert_ne!(read(&left).state, EndState::Corrupt);
    let medium = Medium::with(FILE, &left);
    assert!(open(&medium).unwrap().sequence() < 8);
}

/// M1, and a sync frame tells: what only lost its newest bytes is called corrupt.
#[test]
fn m1_without_durable_bytes_that_stay_a_file_is_refused_that_only_lost_its_newest() {
    let medium = created();
    let mut writer = open(&medium).unwrap();
    medium.lie();
    for number in 1..=20 {
        writer.append(&[number; 100]).unwrap();
        if number == 8 {
            writer.sync().unwrap();
        }
    }
    writer.flush().unwrap();
    let left = without(&medium.content(FILE).cache, &[1, 2], zeros);
    assert_eq!(read(&left).state, EndState::Corrupt);
    assert_eq!(refusal(&left), ErrorKind::Damaged);
}

/// M2: what would be a false length or a false digest otherwise is taken for a message.
#[test]
fn m2_without_checks_that_tell_a_message_is_read_that_was_never_appended() {
    let medium = Medium::default();
    let options = || options().checksum(ChecksumType::None);
    let mut writer = Writer::create_new_in(&medium, FILE, options()).unwrap();
    writer.append(&[1; 2 * SECTOR]).unwrap();
    writer.flush().unwrap();
    let left = without(&medium.content(FILE).cache, &[1], zeros);
    let found = read(&left);
    assert_eq!((found.messages.len(), found.state), (1, EndState::Open));
    assert_ne!(found.messages[0], [1; 2 * SECTOR]);
}

/// M3: the second writer doesn't know what the first one is doing.
#[test]
fn m3_without_a_lock_that_holds_what_was_acknowledged_is_written_over() {
    let medium = created();
    medium.grant_every_lock();
    let (mut one, mut other) = (open(&medium).unwrap(), open(&medium).unwrap());
    one.append(&[1; 56]).unwrap();
    assert_eq!(one.sync().unwrap(), 1);
    other.append(&[2; 100]).unwrap();
    assert_eq!(other.sync().unwrap(), 1);
    let found = read(&medium.content(FILE).durable);
    assert_eq!(found.messages, [[1; 56]], "one of the two that were acknowledged");
    // The first writer's frame stands over the sync frame that began the second one's epoch.
    assert_eq!(found.state, EndState::Torn);
}

/// M4: a block of a stream that was removed, with the same id, at its place.
#[test]
fn m4_without_stream_ids_that_are_new_a_message_of_another_stream_is_read() {
    let file_of = |byte: u8| {
        let medium = Medium::default();
        let mut writer = Writer::create_new_in(&medium, FILE, options()).unwrap();
        writer.append(&[byte; 2 * SECTOR]).unwrap();
        writer.append(&[byte; 2 * SECTOR]).unwrap();
        writer.flush().unwrap();
        medium.content(FILE)
    };
    let (removed, content) = (file_of(0xDD), file_of(1));
    let stale = |nth: usize| removed.cache[nth * SECTOR..].to_vec();
    let sectors: Vec<_> = (1..content.cache.len().div_ceil(SECTOR)).collect();
    let mut left = without(&content.cache, &sectors, stale);
    left[content.durable.len()..SECTOR].copy_from_slice(&removed.cache[content.durable.len()..SECTOR]);
    assert_eq!(read(&left).messages[1], [0xDD; 2 * SECTOR]);
}

/// M5: the block of another stream that was removed, which has another id, at its place.
#[test]
fn m5_without_blocks_that_are_this_streams_a_file_is_refused_that_a_power_cut_left() {
    let mut other = Writer::new(Vec::new(), options().stream_id(8)).unwrap();
    for _ in 0..20 {
        other.append(&[9; 100]).unwrap();
    }
    let other = other.finish().unwrap();
    let cache = with_messages(20, 1).content(FILE).cache;
    let left = without(&cache, &[2], |nth| other[nth * SECTOR..].to_vec());
    let found = read(&left);
    assert_eq!(found.state, EndState::Scattered);
    assert!(!found.messages.is_empty(), "nothing acknowledged is lost");
    assert_eq!(refusal(&left), ErrorKind::Refused);
    // A log's writer knows that blocks are those of segments that were removed.
    let options = options().on_tail(OnTail::CutAndKeepForeign);
    assert!(Writer::open_in(&Medium::with(FILE, &left), FILE, options).is_ok());
}

/// M6: a sync frame of this stream and epoch that lies 8 bytes from its place is no stale block's.
#[test]
fn m6_without_blocks_that_are_whole_sectors_a_file_is_refused_that_a_power_cut_left() {
    let cache = with_messages(20, 1).content(FILE).cache;
    let moved = |by: usize| without(&cache, &[2], |nth| cache[nth * SECTOR + SECTOR - by..].to_vec());
    assert_eq!(read(&moved(8)).state, EndState::Scattered);
    assert_eq!(refusal(&moved(8)), ErrorKind::Refused);
    assert!(open(&Medium::with(FILE, &moved(SECTOR))).is_ok());
}

/// M7: the author of a message knows the stream's id. The message's own frame is lost, what it holds is not.
#[test]
fn m7_without_messages_that_hold_no_sync_frame_a_file_is_refused_that_a_power_cut_left() {
    let medium = with_messages(1, 1);
    let mut writer = open(&medium).unwrap();
    let mut forged = last_sync(&medium.content(FILE).cache);
    forged.position += 8 * SECTOR as u64;
    forged.durable = forged.position;
    let mut message = vec![3; 2 * SECTOR];
    message.extend(forged.to_frame());
    let at = writer.position() as usize;
    writer.append(&message).unwrap();
    writer.flush().unwrap();
    let first = at.div_ceil(SECTOR);
    let mut left = without(&medium.content(FILE).cache, &[first], zeros);
    left[at..first * SECTOR].fill(0);
    assert_eq!(read(&left).messages.len(), 1, "nothing acknowledged is lost");
    assert_eq!(read(&left).state, EndState::Corrupt);
    assert_eq!(refusal(&left), ErrorKind::Damaged);
}

fn last_sync(file: &[u8]) -> Sync {
    let mut reader = SliceReader::new(file).unwrap();
    while reader.next().is_some() {}
    *reader.decoder().last_sync().unwrap()
}

/// W1: a writer that wrote the header and the first sync frame with everything else.
#[test]
fn w1_without_a_first_sync_frame_that_is_durable_a_file_is_refused_that_a_power_cut_left() {
    let mut writer = Writer::new(Vec::new(), options()).unwrap();
    for number in 1..=20 {
        writer.append(&[number; 100]).unwrap();
    }
    let mut left = writer.finish().unwrap();
    // The header landed, and the sector was torn behind it.
    let header_len = Essentials::parse(&left).unwrap().header_len as usize;
    left[header_len..SECTOR].fill(0);
    assert_eq!(read(&left).state, EndState::Scattered);
    assert_eq!(refusal(&left), ErrorKind::Refused);
}

/// W2: the sync of the sink began before the last messages were written, and the writer counts them in.
#[test]
fn w2_without_a_durable_that_was_reported_a_file_is_called_corrupt_that_a_power_cut_left() {
    let medium = created();
    let mut file = medium.content(FILE).durable;
    let mut encoder = encoder_behind(&file, 0, 0);
    let synced = file.len();
    for number in 1..=20 {
        if encoder.sync_due() {
            encoder.set_durable(encoder.position());
            file.extend(encoder.sync(0, SyncFlags::NONE).unwrap());
        }
        append(&mut encoder, &mut file, &[number; 100]);
    }
    let mut left = without(&file, &[1], zeros);
    left[synced..SECTOR].fill(0);
    assert_eq!((read(&left).state, read(&left).messages.len()), (EndState::Corrupt, 0));
    // Opening believes it, and leaves the hole where it is.
    assert_eq!(open(&Medium::with(FILE, &left)).unwrap().sequence(), 20);
}

/// W3: a writer appended before the RESUMED sync frame was durable, so its epoch is used twice.
#[test]
fn w3_without_a_resumed_sync_frame_that_is_durable_a_message_that_was_lost_comes_back() {
    let durable = with_one_message_up_to_a_sector().content(FILE).durable;
    // It is written like this, and a power cut leaves of it only blocks that no file has.
    let mut lost = durable.clone();
    let mut encoder = encoder_behind(&durable, 0, 1);
    encoder.start_epoch(1).unwrap();
    lost.extend(encoder.sync(0, SyncFlags::RESUMED).unwrap());
    append(&mut encoder, &mut lost, &[0xDD; 700]);
    // The next writer knows nothing of it.
    let medium = Medium::with(FILE, &durable);
    let mut writer = open(&medium).unwrap();
    assert_eq!((writer.epoch(), writer.sequence()), (1, 1), "the message is lost");
    let behind_resumed = writer.position() as usize;
    writer.append(&[2; 700]).unwrap();
    writer.flush().unwrap();
    let mut left = medium.content(FILE).cache;
    left[behind_resumed..].copy_from_slice(&lost[behind_resumed..]);
    assert_eq!(behind_resumed % SECTOR, 0, "whole blocks come back");
    assert_eq!(read(&left).messages[1], [0xDD; 700]);
}

/// So that a RESUMED sync frame behind it is the last of a sector.
fn with_one_message_up_to_a_sector() -> Medium {
    let mut options = options();
    options = options.block_size(4096);
    let medium = Medium::default();
    let mut writer = Writer::create_new_in(&medium, FILE, options).unwrap();
    let len = 2 * SECTOR - 64 - 8 - writer.position() as usize;
    writer.append(&vec![1; len]).unwrap();
    writer.sync().unwrap();
    drop(writer);
    medium
}

fn encoder_behind(file: &[u8], epoch: u32, messages: u64) -> Encoder<Algorithm> {
    let essentials = Essentials::parse(file).unwrap();
    let session = Session { stream_id: 7.try_into().unwrap(), epoch };
    Encoder::resume(&essentials, session, Algorithm::CRC32C, file.len() as u64, messages)
}

fn append(encoder: &mut Encoder<Algorithm>, file: &mut Vec<u8>, message: &[u8]) {
    if encoder.sync_due() {
        file.extend(encoder.sync(0, SyncFlags::NONE).unwrap());
    }
    file.extend(encoder.message(message).unwrap());
    file.extend(message);
    file.resize(file.len().next_multiple_of(8), 0);
}

/// W4: nobody synced for more than 64 MiB.
#[test]
fn w4_without_a_sync_in_64_mib_a_file_is_refused_that_a_power_cut_left() {
    let medium = with_messages(1, 1);
    let mut left = medium.content(FILE).durable;
    let synced = left.len();
    let mut encoder = encoder_behind(&left, 1, 1);
    while left.len() as u64 <= SCATTERED_TAIL_MAX + (1 << 20) {
        append(&mut encoder, &mut left, &vec![1; 1 << 20]);
    }
    left[synced..synced + SECTOR].fill(0);
    assert_eq!(read(&left).state, EndState::Scattered);
    assert_eq!(refusal(&left), ErrorKind::Refused);
}

/// V: what was acknowledged is damaged, and no sync frame behind it says that it was durable.
#[test]
fn v_without_a_sync_frame_that_says_so_what_was_acknowledged_and_damaged_is_called_torn_and_cut() {
    let medium = with_messages(3, 3);
    let mut file = medium.content(FILE).durable;
    let last = file.len() - 20;
    file[last] ^= 1;
    assert_eq!(read(&file).state, EndState::Torn);
    let medium = Medium::with(FILE, &file);
    let writer = open(&medium).unwrap();
    assert_eq!(writer.sequence(), 2, "of three that were acknowledged");
    let kept = writer.open_report().unwrap().kept_at.clone().unwrap();
    assert_eq!(medium.content(kept).durable.len(), 112, "what was cut is kept");
}
