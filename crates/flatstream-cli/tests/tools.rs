//! What the program writes, read by the programs of others: flatc, jq, polars, and Python's mcap.

mod common;
#[path = "../../flatstream-schema/tests/messages/mod.rs"]
mod messages;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{event, flatstream, record};
use flatstream::{WriteOptions, Writer};
use flatstream_testkit::folder::Folder;
use flatstream_testkit::{flatc, tools};
use messages::{Contents, SCHEMAS, message, walker};
use serde_json::{Value, json};

/// A recording, the schema's text, and the messages in it.
struct Recorded {
    name: &'static str,
    schema: PathBuf,
    messages: Vec<Vec<u8>>,
}

/// Telemetry events, and made-up messages of each schema, as streams in the folder.
fn record_all(folder: &Folder, contents: Contents) -> Vec<Recorded> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    record(folder, "telemetry.fls");
    let telemetry = Recorded {
        name: "telemetry",
        schema: root.join("schemas/telemetry.fbs"),
        messages: (0..100).map(event).collect(),
    };
    let made_up = SCHEMAS.iter().map(|(name, bfbs)| {
        let walker = walker(name);
        let messages: Vec<_> = (0..100).map(|seed| message(&walker, contents, seed)).collect();
        let options = WriteOptions::new().schema(*bfbs).message_type(walker.root().name());
        let mut writer = Writer::create_new(folder.join(format!("{name}.fls")), options).unwrap();
        messages.iter().for_each(|message| _ = writer.append(message).unwrap());
        writer.finish().unwrap();
        Recorded { name, schema: root.join(format!("crates/flatstream-schema/tests/schemas/{name}.fbs")), messages }
    });
    std::iter::once(telemetry).chain(made_up).collect()
}

fn convert(folder: &Folder, name: &str, format: &str, more: &[&str]) -> PathBuf {
    let out = format!("{name}.{format}");
    let file = format!("{name}.fls");
    flatstream(folder).args(["convert", "--to", format, &file, "-o", &out]).args(more).assert().success().stderr_eq("");
    folder.join(out)
}

fn lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// flatc writes 12 digits behind the point of a double, and 6 behind that of a float.
fn assert_same(ours: &Value, theirs: &Value, at: &str) {
    match (ours, theirs) {
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            ours.iter().zip(theirs).for_each(|(ours, theirs)| assert_same(ours, theirs, at));
        }
        (Value::Object(ours), Value::Object(theirs)) if ours.keys().eq(theirs.keys()) => {
            ours.values().zip(theirs.values()).for_each(|(ours, theirs)| assert_same(ours, theirs, at));
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let [a, b] = [a, b].map(|number| number.as_f64().unwrap());
            assert!(a == b || (a - b).abs() <= 0.500_000_1e-6 || a as f32 == b as f32, "{a} {b} in {at}");
        }
        _ => assert_eq!(ours, theirs, "{at}"),
    }
}

#[test]
fn lines_of_json_are_what_flatc_prints_of_each_message() {
    let Some(flatc) = flatc::find() else { return };
    let folder = Folder::new("cli-flatc");
    for Recorded { name, schema, messages } in record_all(&folder, Contents::AsFlatcPrints) {
        let ours = lines(&convert(&folder, name, "jsonl", &[]));
        assert_eq!(ours.len(), messages.len());
        for (nth, message) in messages.iter().enumerate() {
            fs::write(folder.join(format!("{name}-{nth}.bin")), message).unwrap();
        }
        let output = Command::new(&flatc)
            .current_dir(folder.path())
            .args(["--json", "--strict-json", "--raw-binary"])
            .arg(schema)
            .arg("--")
            .args((0..messages.len()).map(|nth| format!("{name}-{nth}.bin")))
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        for (nth, ours) in ours.iter().enumerate() {
            let text = fs::read_to_string(folder.join(format!("{name}-{nth}.json"))).unwrap();
            // Keys are written with their defaults, and flatc writes those as they are.
            let text = [": nan", ": inf", ": -inf"].iter().fold(text, |text, word| text.replace(word, ": null"));
            let theirs: Value = serde_json::from_str(&text).unwrap();
            assert_same(ours, &theirs, &format!("{name}, message {nth}: {ours}\n{theirs}"));
        }
    }
}

/// jq's numbers are doubles, but for what it only passes on as text.
const JQ: &str = "
import jq, sys
leaves = jq.compile('[.. | select(type != \"object\" and type != \"array\") | [type, tostring]]')
for line in open(sys.argv[1], encoding='utf-8'):
    print(leaves.input_text(line).text())
";

/// Type and text of each value that is neither an object nor a list.
fn leaves(value: &Value, all: &mut Vec<[String; 2]>) {
    let (kind, text) = match value {
        Value::Array(items) => return items.iter().for_each(|item| leaves(item, all)),
        Value::Object(fields) => return fields.values().for_each(|field| leaves(field, all)),
        Value::String(text) => ("string", text.clone()),
        Value::Number(_) => ("number", value.to_string()),
        Value::Bool(_) => ("boolean", value.to_string()),
        Value::Null => ("null", value.to_string()),
    };
    all.push([kind.to_owned(), text]);
}

/// In an order of their own, and numbers written in one way.
fn sorted(mut leaves: Vec<[String; 2]>) -> Vec<[String; 2]> {
    for [kind, text] in &mut leaves {
        let is_integer = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
        if kind == "number" && !is_integer {
            let number: f64 = text.parse().unwrap();
            *text = number.to_string();
        }
    }
    leaves.sort();
    leaves
}

#[test]
fn jq_reads_the_same_values_in_lines_of_json() {
    let Some(python) = tools::python_with(&["jq"]) else { return };
    let folder = Folder::new("cli-jq");
    for Recorded { name, .. } in record_all(&folder, Contents::Anything) {
        let path = convert(&folder, name, "jsonl", &[]);
        let ours = lines(&path);
        let theirs = tools::run(&python, JQ, &[&path]);
        assert_eq!(theirs.lines().count(), ours.len());
        for (ours, theirs) in ours.iter().zip(theirs.lines()) {
            let mut expected = Vec::new();
            leaves(ours, &mut expected);
            assert_eq!(sorted(expected), sorted(serde_json::from_str(theirs).unwrap()), "{name}: {ours}");
        }
    }
}

const POLARS: &str = "
import json, polars, sys
ndjson = polars.read_ndjson(sys.argv[1], infer_schema_length=None)
csv = polars.read_csv(sys.argv[2], infer_schema_length=None)
assert ndjson.equals(csv), (ndjson, csv)
for row in ndjson.iter_rows(named=True):
    print(json.dumps(row))
";

#[test]
fn polars_reads_the_same_values_in_lines_of_json_and_in_csv() {
    let Some(python) = tools::python_with(&["polars"]) else { return };
    let folder = Folder::new("cli-polars");
    record(&folder, "telemetry.fls");
    let [jsonl, csv] = ["jsonl", "csv"].map(|format| convert(&folder, "telemetry", format, &[]));
    let rows = tools::run(&python, POLARS, &[&jsonl, &csv]);
    let rows: Vec<Value> = rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    assert_eq!(rows, lines(&jsonl));
}

/// A line of facts, and then one for each message.
const MCAP: &str = "
import json, sys
from mcap.reader import make_reader
with open(sys.argv[1], 'rb') as file:
    reader = make_reader(file, validate_crcs=True)
    records = {record.name: record.metadata for record in reader.iter_metadata()}
    print(json.dumps(records))
    for schema, channel, message in reader.iter_messages(log_time_order=False):
        print(json.dumps({
            'schema': schema and [schema.name, schema.encoding, schema.data.hex()],
            'channel': [channel.topic, channel.message_encoding],
            'sequence': message.sequence,
            'time': message.log_time,
            'data': message.data.hex(),
        }))
";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn python_reads_the_same_messages_and_schema_in_mcap() {
    let Some(python) = tools::python_with(&["mcap"]) else { return };
    let folder = Folder::new("cli-python-mcap");
    for Recorded { name, messages, .. } in record_all(&folder, Contents::Anything) {
        let (root, bfbs) = match name {
            "telemetry" => ("Telemetry.TelemetryEvent".to_owned(), telemetry_schema::BFBS),
            _ => (walker(name).root().name().to_owned(), SCHEMAS.iter().find(|(known, _)| *known == name).unwrap().1),
        };
        let said = tools::run(&python, MCAP, &[&convert(&folder, name, "mcap", &[])]);
        let mut said = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let records = said.next().unwrap();
        assert_eq!(records["flatstream.header"]["message_type"], root);
        if name == "telemetry" {
            assert_eq!(records["flatstream.metadata"], json!({ "site": "north" }));
        }
        let mut count = 0;
        for (message, said) in messages.iter().zip(said.by_ref()) {
            assert_eq!(said["schema"], json!([root, "flatbuffer", hex(bfbs)]), "{name}");
            assert_eq!(said["channel"], json!([root, "flatbuffer"]), "{name}");
            assert_eq!(said["sequence"], count, "{name}");
            assert_eq!(said["data"], hex(message), "{name}");
            count += 1;
        }
        assert_eq!((count, said.next()), (messages.len(), None), "{name}");
    }
}

/// An MCAP file of compressed chunks, with the messages of another one.
const COMPRESS: &str = "
import sys
from mcap.reader import make_reader
from mcap.writer import CompressionType, Writer
with open(sys.argv[1], 'rb') as source, open(sys.argv[2], 'wb') as sink:
    writer = Writer(sink, compression=CompressionType[sys.argv[3]])
    writer.start()
    channel = None
    for schema, old, message in make_reader(source).iter_messages(log_time_order=False):
        if channel is None:
            id = writer.register_schema(schema.name, schema.encoding, schema.data)
            channel = writer.register_channel(old.topic, old.message_encoding, id)
        writer.add_message(channel, message.log_time, message.data, message.publish_time, message.sequence)
    writer.finish()
";

#[test]
fn compressed_mcap_files_are_read_or_it_is_said_how_they_can_be() {
    let Some(python) = tools::python_with(&["mcap"]) else { return };
    let folder = Folder::new("cli-mcap-compressed");
    record(&folder, "telemetry.fls");
    let plain = convert(&folder, "telemetry", "mcap", &[]);
    for compression in ["ZSTD", "LZ4"] {
        let compressed = folder.join(format!("{compression}.mcap"));
        let _ = tools::run(&python, COMPRESS, &[&plain, &compressed, Path::new(compression)]);
        let out = format!("{compression}.fls");
        let arguments = ["convert", "--from", "mcap", &format!("{compression}.mcap"), "-o", &out];
        let converted = flatstream(&folder).args(arguments).assert();
        if cfg!(feature = "full") {
            converted.success().stderr_eq("");
            let lines =
                |file: &str| flatstream(&folder).args(["cat", "--format", "raw", file]).output().unwrap().stdout;
            assert!(lines(&out) == lines("telemetry.fls") && !lines(&out).is_empty());
        } else {
            let said = String::from_utf8(converted.code(1).get_output().stderr.clone()).unwrap();
            assert!(said.contains("compression") && said.contains("--features full"), "{said}");
            assert!(!folder.join(&out).exists());
        }
    }
}
