//! The real flatc reads the header of any stream file.

use std::fs;
use std::path::Path;
use std::process::Command;

use flatstream::{ChecksumType, WriteOptions, Writer};
use flatstream_testkit::folder::Folder;
use flatstream_testkit::{flatc, vectors};

/// The header as JSON, as the README and the specification say it is printed.
fn header_json(flatc: &Path, folder: &Path, file: &str) -> String {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/stream_header.fbs");
    let output = Command::new(flatc)
        .current_dir(folder)
        .args(["--json", "--strict-json", "--size-prefixed"])
        .arg(schema)
        .args(["--", file])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{file}: {said}");
    fs::read_to_string(folder.join(file).with_extension("json")).unwrap()
}

#[test]
fn flatc_prints_the_header_of_any_stream_file() {
    let Some(flatc) = flatc::find() else { return };
    let folder = Folder::new("flatc");

    let options = WriteOptions::new()
        .checksum(ChecksumType::None)
        .message_type("Telemetry.TelemetryEvent")
        .schema(telemetry_schema::BFBS)
        .metadata("vehicle", "17");
    let mut writer = Writer::new(fs::File::create(folder.join("ours.fls")).unwrap(), options).unwrap();
    writer.append(b"a message").unwrap();
    writer.finish().unwrap();
    let json = header_json(&flatc, folder.path(), "ours.fls");
    for expected in
        ["\"checksum\": \"None\"", "\"message_type\": \"Telemetry.TelemetryEvent\"", "\"vehicle\"", "UnixUtc"]
    {
        assert!(json.contains(expected), "{expected} in {json}");
    }

    for vector in vectors::load("valid") {
        let file = format!("{}.fls", vector.name);
        fs::write(folder.join(&file), &vector.bytes).unwrap();
        let json = header_json(&flatc, folder.path(), &file);
        assert!(json.contains("\"version\": 1"), "{}: {json}", vector.name);
    }
}
