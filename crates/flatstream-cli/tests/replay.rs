//! `flatstream replay`

mod common;

use std::io::Read as _;
use std::net::TcpListener;
use std::thread;

use common::{Recording, event, flatstream, read, record, record_log, record_without_schema};
use flatstream_testkit::folder::Folder;
use snapbox::str;

/// So fast that nothing is waited for.
const FAST: [&str; 2] = ["--rate", "1e9"];

#[test]
fn messages_come_as_cat_prints_them() {
    let folder = Folder::new("cli-replay");
    let path = record(&folder, "events.fls");
    record_log(&folder, "log");
    for more in [&[][..], &["--by", "timestamp_ns"], &["--where", "source_id=pump-2"], &["--max-gap", "0"]] {
        let condition = if more.first() == Some(&"--where") { more } else { &[] };
        let cat =
            flatstream(&folder).args(["cat", "--format", "ndjson", "events.fls"]).args(condition).output().unwrap();
        for name in ["events.fls", "log", "-"] {
            let command = flatstream(&folder).args(["replay", name, "--format", "ndjson"]).args(FAST).args(more);
            let output = command.stdin(read(&path)).output().unwrap();
            assert!(output.stdout == cat.stdout, "{name} {more:?}");
        }
    }
    let command = flatstream(&folder).args(["replay", "events.fls", "--format", "raw"]).args(FAST);
    command.assert().success().stderr_eq(str![[r#"
100 messages in [..], late by [..] at most

"#]]);
}

#[test]
fn messages_go_to_an_address_behind_their_lengths() {
    let folder = Folder::new("cli-replay-tcp");
    record(&folder, "events.fls");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp:{}", listener.local_addr().unwrap());
    let received = thread::spawn(move || {
        let mut bytes = Vec::new();
        listener.accept().unwrap().0.read_to_end(&mut bytes).unwrap();
        bytes
    });
    flatstream(&folder).args(["replay", "events.fls", "--to", &address]).args(FAST).assert().success().stdout_eq("");
    let expected: Vec<u8> = (0..100)
        .flat_map(|number| [&(event(number).len() as u32).to_le_bytes()[..], &event(number)].concat())
        .collect();
    assert!(received.join().unwrap() == expected);
}

#[test]
fn what_has_no_pace_is_said() {
    let folder = Folder::new("cli-replay-usage");
    record(&folder, "events.fls");
    record_without_schema(&folder, "bare.fls");
    let refused = |arguments: &[&str]| flatstream(&folder).arg("replay").args(arguments).assert().code(2).stdout_eq("");
    refused(&["events.fls", "--rate", "0"]).stderr_eq(str![[r#"
error: a rate of replay is a finite number above 0

"#]]);
    refused(&["events.fls", "--to", "udp:localhost:1"]).stderr_eq(str![[r#"
error: "udp:localhost:1" is no address: expected tcp:HOST:PORT

"#]]);
    refused(&["events.fls", "--by", "speed"]).stderr_eq(str![[r#"
error: speed: Telemetry.TelemetryEvent has no field "speed", only: timestamp_ns, source_id, value

"#]]);
    refused(&["bare.fls", "--by", "value"]).stderr_eq(str![[r#"
error: bare.fls: no schema says which fields there are

"#]]);
}

/// What was sent before isn't all there is.
#[test]
fn a_peer_that_goes_away_is_an_error() {
    let folder = Folder::new("cli-replay-gone");
    let recording = Recording::new().with_schema();
    let mut writer = recording.create(&folder.join("long.fls"));
    // 34 MB, more than the system takes before anybody has read any of it.
    recording.append(&mut writer, 0..600_000);
    writer.finish().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp:{}", listener.local_addr().unwrap());
    let peer = thread::spawn(move || drop(listener.accept().unwrap()));
    let failed =
        flatstream(&folder).args(["replay", "--rate", "1000000", "--to", &address, "long.fls"]).assert().code(1);
    peer.join().unwrap();
    let said = String::from_utf8(failed.get_output().stderr.clone()).unwrap();
    assert!(said.contains(&format!("{address} can't be written")), "{said}");
}
