//! Streams written by the Python implementation are read, and it reads what the crates write. It was written from the
//! specification alone and shares no code with them.

use std::fmt::Write as _;
use std::fs;

use flatstream_io::{ChecksumType, Clock, Reader, WriteOptions, Writer};
use flatstream_testkit::folder::Folder;
use flatstream_testkit::noise::Noise;
use flatstream_testkit::python;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn messages(seed: u64) -> Vec<Vec<u8>> {
    let mut messages = Noise::new(seed).messages(120, 400);
    messages.extend([16, 17, 128, 129, 240, 241, 1024].map(|len| Noise::new(seed).bytes(len)));
    messages
}

/// Those that this build can compute.
fn checksums() -> impl Iterator<Item = ChecksumType> {
    ChecksumType::STANDARD
        .into_iter()
        .filter(|checksum| Writer::new(std::io::sink(), WriteOptions::new().checksum(*checksum)).is_ok())
}

#[test]
fn python_reads_what_the_writer_wrote() {
    let folder = Folder::new("python-reads");
    let mut paths = Vec::new();
    for (nth, checksum) in checksums().enumerate() {
        let path = folder.join(format!("{nth}.fls"));
        let options = WriteOptions::new()
            .checksum(checksum)
            .sync_interval(2048)
            .schema(telemetry_schema::BFBS)
            .message_type("A.B")
            .metadata("key", "välue");
        let mut writer = Writer::new(fs::File::create(&path).unwrap(), options).unwrap();
        for message in messages(nth as u64) {
            writer.append(&message).unwrap();
        }
        writer.finish().unwrap();
        paths.push((checksum, path));
    }
    let schema: String = telemetry_schema::BFBS.iter().map(|byte| format!("{byte:02x}")).collect();
    let arguments = ["read".into()].into_iter().chain(paths.iter().map(|(_, path)| path.clone().into_os_string()));
    let Some(output) = python::run(arguments) else { return };
    assert_eq!(output.lines().count(), paths.len());
    for (nth, (line, (checksum, _))) in output.lines().zip(&paths).enumerate() {
        assert!(line.contains(&format!("\"checksum\": {}", checksum.id())), "{line}");
        assert!(line.contains("\"message_type\": \"A.B\""), "{line}");
        assert!(line.contains(&format!("\"schema\": \"{schema}\"")), "{line}");
        assert!(line.contains("\"error\": null"), "{line}");
        assert!(line.contains("\"state\": \"closed\""), "{line}");
        let found: Vec<&str> = line.split("\"hex\": \"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        let expected: Vec<String> = messages(nth as u64).iter().map(|message| hex(message)).collect();
        assert_eq!(found, expected, "{checksum}");
    }
}

#[test]
fn the_reader_reads_what_python_wrote() {
    let folder = Folder::new("python-writes");
    for (nth, checksum) in checksums().enumerate() {
        let messages = messages(100 + nth as u64);
        let list = folder.join("messages.ndjson");
        let lines: Vec<String> = messages.iter().map(|message| format!("\"{}\"\n", hex(message))).collect();
        fs::write(&list, lines.concat()).unwrap();
        let path = folder.join("python.fls");
        let name = format!("{checksum:?}").to_lowercase();
        let arguments = ["write", path.to_str().unwrap(), "--checksum", &name, "--sync-interval", "1024"];
        let arguments = arguments.into_iter().chain(["--stream-id", "77", "--messages-from", list.to_str().unwrap()]);
        let Some(_) = python::run(arguments.chain(["--time-start", "1000", "--time-step", "5"])) else { return };

        let bytes = fs::read(&path).unwrap();
        let mut reader = Reader::new(&bytes[..]).unwrap();
        assert_eq!(reader.header().checksum(), checksum);
        for message in &messages {
            assert_eq!(reader.next_message().unwrap(), Some(&message[..]));
        }
        assert_eq!(reader.next_message().unwrap(), None);
        assert!(reader.end().unwrap().is_closed());
        assert_eq!(reader.stream_id(), Some(77));

        // And the writer would have made the same bytes.
        let header = reader.header().clone();
        let time = std::sync::atomic::AtomicI64::new(1000);
        let now = move || time.fetch_add(5, std::sync::atomic::Ordering::Relaxed);
        let options = WriteOptions::new().clock(Clock::Unspecified, now).header(header).stream_id(77);
        let mut writer = Writer::new(Vec::new(), options).unwrap();
        for message in &messages {
            writer.append(message).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), bytes, "{checksum}");
    }
}
