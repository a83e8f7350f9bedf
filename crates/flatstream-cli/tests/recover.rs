//! `flatstream recover`

mod common;

use std::fs;

use common::{Recording, flatstream, flip, read, record, record_damaged, record_torn, write_text};
use flatstream_testkit::folder::Folder;
use snapbox::str;

#[test]
fn every_good_message_is_saved_into_a_new_stream() {
    let folder = Folder::new("cli-recover-damaged");
    let path = record_damaged(&folder, "damaged.fls");
    let before = read(&path);
    flatstream(&folder)
        .args(["recover", "damaged.fls", "--output", "saved.fls"])
        .assert()
        .code(3)
        .stderr_eq("")
        .stdout_eq(str![[r#"
99 messages saved in saved.fls, read back and compared
  64 bytes skipped from 3984 to 4048: at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56)
  1 message lost before position 4752
  1 message lost, in 64 bytes
  damaged.fls was closed at position 7568, and wasn't changed

"#]]);
    assert!(read(&path) == before);
    flatstream(&folder).args(["verify", "saved.fls"]).assert().success().stdout_eq(str![[r#"
saved.fls: whole: 99 messages, closed at position 7504

"#]]);
    // What is there already isn't written over.
    flatstream(&folder).args(["recover", "damaged.fls", "-o", "saved.fls"]).assert().code(1).stderr_eq(str![[r#"
error: damaged.fls: saved.fls can't be created: entity already exists

"#]]);
    flatstream(&folder)
        .args(["recover", "damaged.fls", "-o", "other.fls", "--format", "json"])
        .assert()
        .code(3)
        .stdout_eq(str![[r#"
{"complete":false,"findings":["64 bytes skipped from 3984 to 4048: at position 3984: the frame's check is 0x354e12e5, expected 0x29670fe1 (length 56)","1 message lost before position 4752"],"header_recovered":false,"lost_bytes":64,"lost_messages":1,"messages":99,"more_may_be_lost":false,"output":"other.fls","path":"damaged.fls"}

"#]]);
}

#[test]
fn a_whole_stream_is_saved_without_loss() {
    let folder = Folder::new("cli-recover-whole");
    record(&folder, "events.fls");
    flatstream(&folder).args(["recover", "events.fls", "-o", "saved.fls"]).assert().success().stdout_eq(str![[r#"
100 messages saved in saved.fls, read back and compared
  events.fls was closed at position 7568, and wasn't changed

"#]]);
}

#[test]
fn a_lost_header_costs_no_message() {
    let folder = Folder::new("cli-recover-header");
    let path = record(&folder, "events.fls");
    flip(&path, 20);
    flatstream(&folder).args(["recover", "events.fls", "-o", "saved.fls"]).assert().code(3).stdout_eq(str![[r#"
100 messages saved in saved.fls, read back and compared
  the header is damaged: its check at position 652 is 0x19c279ef, expected 0x72b6e65d; the sync frame at offset 656 tells the checksum, nothing else is known
  656 bytes skipped from 0 to 656: the header is damaged: its check at position 652 is 0x19c279ef, expected 0x72b6e65d
  the header was lost: type, schema and metadata of the messages with it
  0 messages lost, in 656 bytes
  events.fls was closed at position 7568, and wasn't changed

"#]]);
    flatstream(&folder).args(["verify", "saved.fls"]).assert().success().stdout_eq(str![[r#"
saved.fls: whole: 100 messages, closed at position 6768

"#]]);
}

#[test]
fn a_torn_end_is_cut_in_place_and_kept() {
    let folder = Folder::new("cli-recover-torn");
    record_torn(&folder, "torn.fls");
    flatstream(&folder).args(["recover", "--in-place", "torn.fls"]).assert().success().stdout_eq(str![[r#"
torn.fls: 99 messages kept, the last session didn't close the stream, 44 bytes cut behind position 7440 with 0 whole messages among them, kept in torn.fls.epoch-1-tail-at-7440; epoch 1 begins

"#]]);
    flatstream(&folder).args(["verify", "torn.fls"]).assert().success().stdout_eq(str![[r#"
torn.fls: whole: 99 messages, open at position 7504

"#]]);
    flatstream(&folder).args(["recover", "--in-place", "torn.fls"]).assert().success().stdout_eq(str![[r#"
torn.fls: nothing to cut: 99 messages

"#]]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn more_than_a_torn_end_is_not_cut_in_place() {
    let folder = Folder::new("cli-recover-refused");
    let path = record_damaged(&folder, "damaged.fls");
    let before = read(&path);
    flatstream(&folder).args(["recover", "--in-place", "damaged.fls"]).assert().code(1).stderr_eq(str![[r#"
error: damaged.fls is corrupt at position 3984, nothing behind was delivered; a sync frame of this stream follows at position 7504; it says that bytes behind the damage were durable, so they aren't cut, and nothing was changed
  next: `flatstream recover damaged.fls --output NEW` saves what can be read

"#]]);
    assert!(read(&path) == before);
}

#[test]
fn where_to_write_must_be_said() {
    let folder = Folder::new("cli-recover-usage");
    record(&folder, "events.fls");
    flatstream(&folder).args(["recover", "events.fls"]).assert().code(2).stdout_eq("").stderr_eq(str![[r#"
error: the following required arguments were not provided:
  <--output <NEW>|--in-place>

Usage: flatstream recover <--output <NEW>|--in-place> <FILE>

For more information, try '--help'.

"#]]);
    flatstream(&folder).args(["recover", "events.fls", "--in-place", "-o", "x.fls"]).assert().code(2);
}

#[test]
fn what_is_no_stream_leaves_nothing_behind() {
    let folder = Folder::new("cli-recover-foreign");
    write_text(&folder, "paper.pdf");
    flatstream(&folder).args(["recover", "paper.pdf", "-o", "saved.fls"]).assert().code(1).stderr_eq(str![[r#"
error: paper.pdf: not a flatstream: expected "FLS1" at position 8, found "%PDF-1.7, an"

"#]]);
    assert!(!folder.join("saved.fls").exists());
}

/// The first sectors are of another stream of the same program: its header is the same to the byte.
#[test]
fn a_stream_whose_beginning_was_overwritten_is_read_by_its_id() {
    let folder = Folder::new("cli-recover-other");
    record(&folder, "events.fls");
    let mut other = Recording::new().with_schema();
    other.options = other.options.stream_id(0xBEEF);
    let mut writer = other.create(&folder.join("other.fls"));
    other.append(&mut writer, 500..600);
    writer.finish().unwrap();
    let mut bytes = read(&folder.join("events.fls"));
    bytes[..1024].copy_from_slice(&read(&folder.join("other.fls"))[..1024]);
    fs::write(folder.join("mixed.fls"), bytes).unwrap();
    let run = |arguments: &[&str]| flatstream(&folder).args(arguments).assert();
    run(&["recover", "mixed.fls", "-o", "wrong.fls"]).code(3).stdout_eq(str![[r#"
4 messages saved in wrong.fls, read back and compared
  6592 bytes skipped from 976 to 7568: at position 976: the frame's check is 0x81b2cb00, expected 0x6b9c0b73 (length 56)
  another stream, 0x000000000000f1a7, goes on at offset 1680; it wasn't read: `recover --stream-id 0xf1a7 --output NEW` saves it
  messages may be lost behind 7568, and no sync frame follows that tells how many
  0 messages or more lost, in 6,592 bytes
  mixed.fls was scattered at position 976, nothing behind was delivered, and wasn't changed

"#]]);
    run(&["recover", "mixed.fls", "--stream-id", "0xf1a7", "-o", "right.fls"]).code(3).stdout_eq(str![[r#"
95 messages saved in right.fls, read back and compared
  384 bytes skipped from 656 to 1040: at position 656: a sync frame of stream 0x000000000000beef, expected stream 0x000000000000f1a7
  5 messages lost before position 1680
  5 messages lost, in 384 bytes
  mixed.fls was closed at position 7568, and wasn't changed

"#]]);
    run(&["head", "-n", "1", "--recover", "--stream-id", "61863", "mixed.fls"]).code(3).stdout_eq(str![[r#"
       ?  2026-11-27T10:00:01.5Z     56 B  {"timestamp_ns":1795773600500000000,"source_id":"pump-ü","value":20.625}

"#]]);
    run(&["cat", "--stream-id", "61863", "mixed.fls"]).code(2);
    run(&["cat", "--recover", "--stream-id", "0", "mixed.fls"]).code(2);
}
