//! What `docs/format/spec.md` says in its tables is what the crates do.

use std::ops::Range;

use flatstream_format::layout::{self, control, drop, frame, header, sync};
use flatstream_format::{
    Algorithm, Checksum, ChecksumType, EPOCH_MULTIPLIER, MASK_MULTIPLIERS, MIX_MULTIPLIERS, Salt, SliceReader,
    StopReason, SyncFlags, TIME_NONE, limits,
};
use flatstream_testkit::spec::{number, table, worked_example};

fn check_fields(title: &str, fields: &[(&str, &Range<usize>)]) {
    let rows = table(title);
    for (name, range) in fields {
        let row = rows.iter().find(|row| row["field"] == *name).unwrap_or_else(|| panic!("{title}: no field {name}"));
        assert_eq!(number(&row["offset"]), range.start as i128, "{title}: offset of {name}");
        assert_eq!(number(&row["size"]), range.len() as i128, "{title}: size of {name}");
    }
}

#[test]
fn header_region_layout() {
    check_fields("Header region layout", &[("length", &header::LENGTH)]);
    let rows = table("Header region layout");
    assert_eq!(number(&rows[1]["offset"]), header::LENGTH.end as i128);
    let check = rows.iter().find(|row| row["field"] == "header_check").unwrap();
    assert_eq!((check["offset"].as_str(), number(&check["size"])), ("N", header::CHECK_LEN as i128));
}

#[test]
fn frame_layout() {
    check_fields("Frame layout", &[("check", &frame::CHECK), ("length", &frame::LENGTH)]);
    let rows = table("Frame layout");
    let body = rows.iter().find(|row| row["field"] == "body").unwrap();
    assert_eq!(number(&body["offset"]), frame::HEAD_LEN as i128);
}

#[test]
fn sync_body_layout() {
    let fields = [
        ("kind", &sync::KIND),
        ("header_check", &sync::HEADER_CHECK),
        ("version", &sync::VERSION),
        ("checksum", &sync::CHECKSUM),
        ("alignment_log2", &sync::ALIGNMENT_LOG2),
        ("flags", &sync::FLAGS),
        ("epoch", &sync::EPOCH),
        ("stream_id", &sync::STREAM_ID),
        ("position", &sync::POSITION),
        ("sequence", &sync::SEQUENCE),
        ("time", &sync::TIME),
        ("durable", &sync::DURABLE),
    ];
    check_fields("Sync body layout", &fields);
    assert_eq!(table("Sync body layout").len(), fields.len());
}

#[test]
fn drop_body_layout() {
    let fields =
        [("kind", &drop::KIND), ("reserved", &drop::RESERVED), ("messages", &drop::MESSAGES), ("bytes", &drop::BYTES)];
    check_fields("Drop body layout", &fields);
    assert_eq!(table("Drop body layout").len(), fields.len());
}

#[test]
fn constants() {
    let ours: [(&str, i128); 21] = [
        ("EPOCH_MULTIPLIER", EPOCH_MULTIPLIER.into()),
        ("MIX_MULTIPLIER_1", MIX_MULTIPLIERS[0].into()),
        ("MIX_MULTIPLIER_2", MIX_MULTIPLIERS[1].into()),
        ("MASK_MULTIPLIER_1", MASK_MULTIPLIERS[0].into()),
        ("MASK_MULTIPLIER_2", MASK_MULTIPLIERS[1].into()),
        ("CONTROL_BIT", frame::CONTROL_BIT.into()),
        ("HEADER_LEN_MAX", header::LENGTH_MAX.into()),
        ("CONTROL_BODY_MIN", control::BODY_LEN_MIN as i128),
        ("CONTROL_BODY_LIMIT", control::BODY_LIMIT.into()),
        ("SYNC_BODY_LEN", sync::BODY_LEN as i128),
        ("SYNC_BODY_MAX", sync::BODY_LEN_MAX as i128),
        ("SYNC_FRAME_LEN", sync::FRAME_LEN as i128),
        ("ALIGNMENT", layout::ALIGNMENT as i128),
        ("FORMAT_VERSION", layout::FORMAT_VERSION.into()),
        ("SYNC_FLAG_CLOSED", SyncFlags::CLOSED.bits().into()),
        ("SYNC_FLAG_RESUMED", SyncFlags::RESUMED.bits().into()),
        ("SYNC_INTERVAL_DEFAULT", limits::SYNC_INTERVAL.into()),
        ("SYNC_GAP_MIN", limits::SYNC_GAP_MIN.into()),
        ("DURABLE_SYNC_DISTANCE", limits::DURABLE_SYNC_DISTANCE.into()),
        ("SECTOR_LEN", limits::SECTOR_LEN.into()),
        ("TIME_NONE", TIME_NONE.into()),
    ];
    let rows = table("Constants");
    assert_eq!(rows.len(), ours.len());
    for (name, value) in ours {
        let row = rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no constant {name}"));
        assert_eq!(number(&row["value"]), value, "{name}");
    }
}

#[test]
fn limits_of_memory_and_time() {
    let rows = table("14. Limits");
    let mib = |len: u64| format!("{} MiB", len as f64 / f64::from(1 << 20));
    let (held_min, held_max) = (mib(limits::SEARCH_WINDOW_MIN as u64), mib(limits::SEARCH_WINDOW_MAX as u64));
    let (factor, free) = (limits::SEARCH_HASH_FACTOR, mib(limits::SEARCH_HASH_FREE));
    let window = mib(limits::SALVAGE_WINDOW_MAX as u64);
    let ours = [
        ("search for evidence (i): bytes held", format!("twice the longest message, {held_min} to {held_max}")),
        ("search for evidence (i): bytes hashed", format!("{factor} times the bytes searched, and {free}")),
        ("salvage: hashed bytes", format!("{} times the region", limits::SALVAGE_HASH_FACTOR)),
        (
            "salvage: window W",
            format!("max(2 x sync_interval, the frame of max_message_len bytes), 4 KiB to {window} by default"),
        ),
        ("tail kept on reopening, scattered", format!("{} by default", mib(limits::SCATTERED_TAIL_MAX))),
    ];
    for (what, limit) in ours {
        let row = rows.iter().find(|row| row["what"] == what).unwrap_or_else(|| panic!("no limit of {what}"));
        assert_eq!(row["limit"], limit, "{what}");
    }
    assert_eq!((header::LENGTH_MIN, header::REGION_LEN_MAX), (12, 1_048_576 + 4));
    assert_eq!((sync::FRAME_LEN, sync::FRAME_LEN_MAX), (8 + 56, 8 + 1016));
    // The library's own, as its documentation says them.
    assert_eq!((limits::WRITER_MAX_MESSAGE_LEN, limits::READER_MAX_MESSAGE_LEN), (16_777_216, 67_108_864));
    assert_eq!((limits::SEEK_READ_MIN, limits::SEEK_READ_MAX, limits::SEARCH_SHORT), (4096, 131_072, 65_536));
}

#[test]
fn checksum_ids_and_check_values() {
    for row in table("Checksum ids") {
        if row["name"] == "Private" {
            assert_eq!(row["id"], format!("{}..255", flatstream_format::FIRST_PRIVATE_ID));
            continue;
        }
        let checksum = ChecksumType::from_id(number(&row["id"]) as u8).unwrap();
        assert_eq!(format!("{checksum:?}"), row["name"]);
        assert_eq!(checksum.feature().unwrap_or("always"), row["feature"]);
        if let Ok(algorithm) = Algorithm::new(checksum) {
            let digest = &row["digest of 123456789"];
            assert_eq!(i128::from(algorithm.digest(b"123456789")), number(digest), "{checksum}");
        }
    }
}

#[test]
fn mask_check_values() {
    let rows = table("Mask check values");
    assert!(rows.len() >= 8);
    for row in rows {
        let value = |column: &str| number(&row[column]) as u64;
        let salt = Salt::new(value("stream_id"), value("epoch") as u32);
        assert_eq!(salt.value(), value("salt"), "{row:?}");
        assert_eq!(u64::from(salt.mask(value("position"), value("length word") as u32)), value("mask"), "{row:?}");
    }
}

/// Every reason that a decoder can give, made up.
fn stop_reasons() -> Vec<StopReason> {
    vec![
        StopReason::Incomplete { expected: 1, found: 0 },
        StopReason::Blank,
        StopReason::Length { found: 0, limit: 1 },
        StopReason::Check { expected: 0, found: 1, length: 1 },
        StopReason::Pad,
        StopReason::ControlKind,
        StopReason::UnsupportedKind(*b"CHNK"),
        StopReason::SyncMissing,
        StopReason::SyncField("version"),
        StopReason::SyncStream { expected: 1, found: 2 },
        StopReason::SyncHeader { expected: 1, found: 2 },
        StopReason::SyncPosition { found: 8 },
        StopReason::SyncEpoch { expected: 1, found: 0 },
        StopReason::SyncSequence { expected: 1, found: 2 },
        StopReason::AfterClosed,
    ]
}

#[test]
fn error_codes() {
    let codes: Vec<String> = table("Error codes").into_iter().map(|row| row["code"].clone()).collect();
    let reasons: Vec<&str> = stop_reasons().iter().map(StopReason::code).collect();
    for reason in &reasons {
        assert!(codes.iter().any(|known| known == reason), "{reason} isn't in the table");
    }
    let of_headers =
        |code: &str| code.starts_with("header") || code == "not_a_stream" || code.ends_with("_unsupported");
    for code in &codes {
        assert!(of_headers(code) || reasons.contains(&code.as_str()), "no reason has the code {code}");
    }
    let vectors = flatstream_testkit::vectors::load("invalid");
    for vector in &vectors {
        let (code, _) = vector.error().unwrap();
        assert!(codes.iter().any(|known| known == code), "{}: {code} isn't in the table", vector.name);
    }
}

#[test]
fn the_worked_example_can_be_read() {
    let bytes = worked_example();
    let mut reader = SliceReader::new(&bytes).unwrap();
    assert_eq!(reader.by_ref().filter(Result::is_ok).count(), 2);
    assert!(reader.end().unwrap().is_closed());
}
