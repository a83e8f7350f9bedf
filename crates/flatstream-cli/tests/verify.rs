//! `flatstream verify`

mod common;

use std::fs;

use common::{
    flatstream, flip, read, record, record_damaged, record_log, record_torn, record_without_schema, segments_of,
    write_text,
};
use flatstream_testkit::folder::Folder;
use snapbox::str;

#[test]
fn what_is_whole_is_said_to_be() {
    let folder = Folder::new("cli-verify-whole");
    let path = record(&folder, "closed.fls");
    record_without_schema(&folder, "other.fls");
    record_log(&folder, "log");
    flatstream(&folder).args(["verify", "closed.fls", "other.fls"]).assert().success().stderr_eq("").stdout_eq(str![[
        r#"
closed.fls: whole: 100 messages, closed at position 7568
other.fls: whole: 100 messages, closed at position 7064

"#
    ]]);
    flatstream(&folder).args(["verify", "log"]).assert().success().stderr_eq("").stdout_eq(str![[r#"
log: whole: 100 messages, closed at position 1472

"#]]);
    flatstream(&folder).args(["verify", "-"]).stdin(read(&path)).assert().success().stdout_eq(str![[r#"
-: whole: 100 messages, closed at position 7568

"#]]);
    flatstream(&folder).args(["verify", "--format", "json", "closed.fls"]).assert().success().stdout_eq(str![[r#"
{"end":{"bytes_behind":0,"position":7568,"state":"closed"},"error":null,"error_position":null,"findings":[],"lost_bytes":0,"lost_messages":0,"messages":100,"more_may_be_lost":false,"path":"closed.fls","whole":true}

"#]]);
}

#[test]
fn a_torn_stream_is_not_whole() {
    let folder = Folder::new("cli-verify-torn");
    record_torn(&folder, "torn.fls");
    flatstream(&folder).args(["verify", "torn.fls"]).assert().code(1).stderr_eq("").stdout_eq(str![[r#"
torn.fls: not whole: 99 messages, torn at position 7440, 44 bytes behind not understood

"#]]);
}

#[test]
fn an_open_stream_is_whole_unless_it_must_be_closed() {
    let folder = Folder::new("cli-verify-open");
    let path = record(&folder, "open.fls");
    // Without the mark that it is closed.
    let bytes = read(&path);
    fs::write(&path, &bytes[..bytes.len() - 64]).unwrap();
    flatstream(&folder).args(["verify", "open.fls"]).assert().success().stdout_eq(str![[r#"
open.fls: whole: 100 messages, open at position 7504

"#]]);
    flatstream(&folder).args(["verify", "--require-closed", "open.fls"]).assert().code(1).stdout_eq(str![[r#"
open.fls: not closed: 100 messages, open at position 7504

"#]]);
}

#[test]
fn damage_is_said_with_its_place_and_what_it_cost() {
    let folder = Folder::new("cli-verify-damaged");
    let path = record_damaged(&folder, "damaged.fls");
    flip(&path, 6000);
    flatstream(&folder).args(["verify", "damaged.fls"]).assert().code(1).stderr_eq("").stdout_eq(str![[r#"
damaged.fls: not whole: damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a sync frame of this stream follows at position 4752
  64 bytes skipped from 3984 to 4048: at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56)
  1 message lost before position 4752
  64 bytes skipped from 5968 to 6032: at position 5968: the frame's check is 0xd472fbba, expected 0xe9d42b71 (length 56)
  1 message lost before position 6800
  98 messages good
  2 messages lost, in 128 bytes

"#]]);
    flatstream(&folder)
        .args(["verify", "--format", "json", "damaged.fls"])
        .assert()
        .code(1)
        .stderr_eq("")
        .stdout_eq(str![[r#"
{"end":{"bytes_behind":3584,"position":3984,"state":"corrupt"},"error":"damaged at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56); a sync frame of this stream follows at position 4752","error_position":3984,"findings":["64 bytes skipped from 3984 to 4048: at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56)","1 message lost before position 4752","64 bytes skipped from 5968 to 6032: at position 5968: the frame's check is 0xd472fbba, expected 0xe9d42b71 (length 56)","1 message lost before position 6800"],"lost_bytes":128,"lost_messages":2,"messages":98,"more_may_be_lost":false,"path":"damaged.fls","whole":false}

"#]]);
}

#[test]
fn every_flipped_bit_of_a_stream_is_noticed() {
    let folder = Folder::new("cli-verify-bits");
    let path = record(&folder, "events.fls");
    let len = read(&path).len() as u64;
    for position in (0..len).step_by(97) {
        flip(&path, position);
        flatstream(&folder).args(["verify", "events.fls"]).assert().code(1);
        flip(&path, position);
    }
    flatstream(&folder).args(["verify", "events.fls"]).assert().success();
}

#[test]
fn a_log_with_a_missing_segment_is_not_whole() {
    let folder = Folder::new("cli-verify-log");
    let log = record_log(&folder, "log");
    fs::remove_file(&segments_of(&log)[1]).unwrap();
    flatstream(&folder).args(["verify", "log"]).assert().code(1).stderr_eq("").stdout_eq(str![[r#"
log: not whole: the messages from 31 to 61 are missing in log, which goes on with 62
  31 messages good

"#]]);
}

#[test]
fn what_is_no_stream_is_an_error() {
    let folder = Folder::new("cli-verify-foreign");
    write_text(&folder, "paper.pdf");
    flatstream(&folder).args(["verify", "paper.pdf"]).assert().code(1).stdout_eq("").stderr_eq(str![[r#"
error: paper.pdf: not a flatstream: expected "FLS1" at position 8, found "%PDF-1.7, an"
  next: `flatstream recover paper.pdf --output NEW` looks for messages all the same

"#]]);
}

/// `o` is in most sentences.
#[test]
fn a_file_is_named_whatever_its_name() {
    let folder = Folder::new("cli-verify-name");
    write_text(&folder, "o");
    let said = flatstream(&folder).args(["verify", "o"]).output().unwrap().stderr;
    assert!(String::from_utf8(said).unwrap().starts_with("error: o: not a flatstream"));
}
