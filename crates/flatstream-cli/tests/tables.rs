//! Parquet and Arrow files, read by pyarrow, DuckDB and polars.

#![cfg(feature = "full")]

mod common;
#[path = "../../flatstream-schema/tests/messages/mod.rs"]
mod messages;

use std::path::{Path, PathBuf};

use common::{START, event, flatstream, record, record_damaged};
use flatstream::{WriteOptions, Writer};
use flatstream_schema::{Element, Field, JsonOptions, NotFinite, Object, Scalar, Type, Walker};
use flatstream_testkit::folder::Folder;
use flatstream_testkit::tools;
use messages::{Contents, SCHEMAS, message, walker};
use serde_json::{Value, json};
use snapbox::str;

fn convert(folder: &Folder, file: &str, format: &str, more: &[&str]) -> PathBuf {
    let out = format!("{file}.{format}");
    flatstream(folder).args(["convert", "--to", format, file, "-o", &out]).args(more).assert().success().stderr_eq("");
    folder.join(out)
}

fn record_generated(folder: &Folder, name: &str) -> (String, Vec<Vec<u8>>) {
    let (_, bfbs) = SCHEMAS.iter().find(|(known, _)| *known == name).unwrap();
    let walker = walker(name);
    let options = WriteOptions::new().schema(*bfbs).message_type(walker.root().name());
    let file = format!("{name}.fls");
    let mut writer = Writer::create_new(folder.join(&file), options).unwrap();
    let made: Vec<_> = (0..200).map(|seed| message(&walker, Contents::Anything, seed)).collect();
    made.iter().for_each(|message| _ = writer.append(message).unwrap());
    writer.finish().unwrap();
    (file, made)
}

/// The message as JSON with the defaults of all scalars, and without.
fn as_json(walker: &Walker, message: &[u8]) -> [Value; 2] {
    [true, false].map(|defaults| {
        let mut text = Vec::new();
        let options = JsonOptions::new().defaults(defaults).not_finite(NotFinite::Strings);
        walker.write_json(message, &options, &mut text).unwrap();
        serde_json::from_slice(&text).unwrap()
    })
}

/// Compares what others read in a row with what JSON says of the message.
struct Comparison<'w> {
    walker: &'w Walker,
    /// The tables that a value stands in.
    within: Vec<&'w str>,
    at: String,
}

impl<'w> Comparison<'w> {
    fn object(&mut self, object: &'w Object, [with, without]: [&Value; 2], row: &Value) {
        if with.is_null() {
            return assert_eq!(*row, Value::Null, "{}", self.at);
        }
        if self.within.contains(&object.name()) {
            let text = row.as_str().unwrap_or_else(|| panic!("{}: {row}", self.at));
            return assert_eq!(serde_json::from_str::<Value>(text).unwrap(), *without, "{}", self.at);
        }
        if object.fields().is_empty() {
            return assert_eq!(*row, json!(true), "{}", self.at);
        }
        let columns = row.as_object().unwrap_or_else(|| panic!("{}: {row}", self.at));
        assert!(columns.keys().all(|name| object.field(name).is_some()) && columns.len() == object.fields().len());
        self.within.push(object.name());
        for field in object.fields() {
            let name = field.name();
            let tag = &with[&format!("{name}_type")];
            self.field(field, [&with[name], &without[name]], tag, &columns[name]);
        }
        self.within.pop();
    }

    fn field(&mut self, field: &'w Field, both: [&Value; 2], tag: &Value, row: &Value) {
        let walker = self.walker;
        if let Some(root) = walker.nested_root(field) {
            return self.object(root, both, row);
        }
        match walker.type_of(field).unwrap() {
            Type::One(element) => self.element(element, both, tag, row),
            Type::Vector(Element::Scalar(Scalar::UByte)) => match both[0].as_array() {
                None => assert_eq!(*row, Value::Null, "{}", self.at),
                Some(bytes) => {
                    let hex: String = bytes.iter().map(|byte| format!("{:02x}", byte.as_u64().unwrap())).collect();
                    assert_eq!(*row, json!(hex), "{}", self.at);
                }
            },
            Type::Vector(element) | Type::Array(element, _) => match both[0].as_array() {
                None => assert_eq!(*row, Value::Null, "{}", self.at),
                Some(items) => {
                    let row = row.as_array().unwrap_or_else(|| panic!("{}: {row}", self.at));
                    assert_eq!(row.len(), items.len(), "{}", self.at);
                    for (nth, item) in items.iter().enumerate() {
                        self.element(element, [item, &both[1][nth]], &tag[nth], &row[nth]);
                    }
                }
            },
        }
    }

    fn element(&mut self, element: Element<'w>, both: [&Value; 2], tag: &Value, row: &Value) {
        let [with, _] = both;
        match element {
            Element::Table(object) | Element::Struct(object) => self.object(object, both, row),
            Element::Union(_) if with.is_null() => assert_eq!(*row, Value::Null, "{}", self.at),
            Element::Union(declared) => {
                let columns = row.as_object().unwrap_or_else(|| panic!("{}: {row}", self.at));
                for member in declared.values().iter().filter(|member| self.walker.member_type(member).is_some()) {
                    let column = &columns[member.name()];
                    if *tag != *member.name() {
                        assert_eq!(*column, Value::Null, "{}", self.at);
                        continue;
                    }
                    let of = self.walker.member_type(member).unwrap();
                    self.element(of, both, &Value::Null, column);
                }
            }
            Element::Scalar(Scalar::Float) if with.is_number() => {
                assert_eq!(row.as_f64().map(|row| row as f32), with.as_f64().map(|with| with as f32), "{}", self.at);
            }
            Element::Scalar(Scalar::Double) if with.is_number() => {
                assert_eq!(row.as_f64(), with.as_f64(), "{}", self.at);
            }
            // A value without a name is called by its number.
            Element::Enum(_) if with.is_number() => assert_eq!(*row, json!(with.to_string()), "{}", self.at),
            _ => assert_eq!(row, with, "{}", self.at),
        }
    }
}

/// What turns a row into JSON.
const PLAIN: &str = "
import json, math, sys
def plain(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return 'NaN' if math.isnan(value) else 'Infinity' if value > 0 else '-Infinity'
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value
";

/// What reads a file that the first argument names, as a list of dictionaries.
const PYARROW_PARQUET: &str = "
import pyarrow.parquet
rows = pyarrow.parquet.read_table(sys.argv[1]).to_pylist()
";
const PYARROW_ARROW: &str = "
import pyarrow
rows = pyarrow.ipc.open_file(sys.argv[1]).read_all().to_pylist()
";
const DUCKDB: &str = "
import duckdb
found = duckdb.connect().execute('SELECT * FROM read_parquet(?)', [sys.argv[1]])
names = [column[0] for column in found.description]
rows = [dict(zip(names, row)) for row in found.fetchall()]
";
const POLARS: &str = "
import polars
rows = polars.read_parquet(sys.argv[1]).to_dicts()
";

fn rows(python: &Path, reader: &str, file: &Path) -> Vec<Value> {
    let script = format!("{PLAIN}{reader}\nfor row in rows: print(json.dumps(plain(row)))");
    let said = tools::run(python, &script, &[file]);
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn others_read_what_json_says(format: &str, modules: &[&str], reader: &str) {
    let Some(python) = tools::python_with(modules) else { return };
    let folder = Folder::new(&format!("cli-tables-{format}-{}", modules[0]));
    for (name, _) in SCHEMAS {
        let (file, made) = record_generated(&folder, name);
        let rows = rows(&python, reader, &convert(&folder, &file, format, &[]));
        assert_eq!(rows.len(), made.len(), "{name}");
        let walker = walker(name);
        for (nth, (message, row)) in made.iter().zip(&rows).enumerate() {
            let [with, without] = as_json(&walker, message);
            let at = format!("{name}, message {nth}: {row}\n{with}");
            Comparison { walker: &walker, within: Vec::new(), at }.object(walker.root(), [&with, &without], row);
        }
    }
}

#[test]
fn pyarrow_reads_the_same_values_in_parquet() {
    others_read_what_json_says("parquet", &["pyarrow"], PYARROW_PARQUET);
}

#[test]
fn pyarrow_reads_the_same_values_in_arrow() {
    others_read_what_json_says("arrow", &["pyarrow"], PYARROW_ARROW);
}

#[test]
fn duckdb_reads_the_same_values_in_parquet() {
    others_read_what_json_says("parquet", &["duckdb"], DUCKDB);
}

#[test]
fn polars_reads_the_same_values_in_parquet() {
    others_read_what_json_says("parquet", &["polars"], POLARS);
}

const DUCKDB_TEXT: &str = "
import duckdb
found = duckdb.connect().execute('SELECT * FROM ' + sys.argv[1])
names = [column[0] for column in found.description]
rows = [dict(zip(names, row)) for row in found.fetchall()]
";

#[test]
fn duckdb_reads_the_same_values_in_lines_of_json_and_in_csv() {
    let Some(python) = tools::python_with(&["duckdb"]) else { return };
    let folder = Folder::new("cli-tables-duckdb-text");
    record(&folder, "events.fls");
    for format in ["jsonl", "csv"] {
        let file = convert(&folder, "events.fls", format, &[]);
        let table = if format == "csv" { "read_csv" } else { "read_json" };
        let rows = rows(&python, DUCKDB_TEXT, Path::new(&format!("{table}('{}')", file.display())));
        assert_eq!(rows, (0..100).map(telemetry).collect::<Vec<_>>(), "{format}");
    }
}

/// What `common::event` says.
fn telemetry(nth: u64) -> Value {
    as_json(&telemetry_walker(), &event(nth))[1].clone()
}

fn telemetry_walker() -> Walker {
    Walker::new(&flatstream_schema::Schema::read(telemetry_schema::BFBS).unwrap()).unwrap()
}

/// Time, as nanoseconds, its type, and what the schema says beside the columns.
const TIMES: &str = "
import pyarrow, pyarrow.parquet
file = sys.argv[1]
table = pyarrow.parquet.read_table(file) if file.endswith('parquet') else pyarrow.ipc.open_file(file).read_all()
times = table.column('timestamp_ns')
metadata = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
rows = [{'type': str(times.type), 'metadata': metadata}]
rows += [{'time': time} for time in times.cast('int64').to_pylist()]
";

#[test]
fn a_field_is_a_timestamp_if_it_is_named() {
    let folder = Folder::new("cli-tables-time");
    record(&folder, "events.fls");
    for (field, said) in [
        ("value", "error: value is no column of one integer: a timestamp is one, in nanoseconds\n"),
        ("none", "error: none is no column of one integer: a timestamp is one, in nanoseconds\n"),
    ] {
        let arguments = ["convert", "--to", "parquet", "--time", field, "events.fls", "-o", "x.parquet"];
        flatstream(&folder).args(arguments).assert().code(2).stderr_eq(said);
        assert!(!folder.join("x.parquet").exists());
    }
    let Some(python) = tools::python_with(&["pyarrow"]) else { return };
    for format in ["parquet", "arrow"] {
        let file = convert(&folder, "events.fls", format, &["--time", "timestamp_ns"]);
        let rows = rows(&python, TIMES, &file);
        assert_eq!(rows[0]["type"], "timestamp[ns, tz=UTC]");
        assert_eq!(rows[0]["metadata"]["site"], "north");
        assert_eq!(rows[0]["metadata"]["flatstream.message_type"], "Telemetry.TelemetryEvent");
        let times: Vec<_> = rows[1..].iter().map(|row| row["time"].as_i64().unwrap()).collect();
        assert_eq!(times, (0..100).map(|nth| START + nth * 100_000_000).collect::<Vec<_>>());
    }
}

/// Of an enum that the schema knows in part, in a file of several batches.
#[test]
fn a_dictionary_grows_from_batch_to_batch() {
    let Some(python) = tools::python_with(&["pyarrow"]) else { return };
    let folder = Folder::new("cli-tables-batches");
    let (_, bfbs) = SCHEMAS.iter().find(|(known, _)| *known == "enums").unwrap();
    let walker = walker("enums");
    let options = WriteOptions::new().schema(*bfbs).message_type(walker.root().name());
    let mut writer = Writer::create_new(folder.join("enums.fls"), options).unwrap();
    // More rows than a batch has.
    let made: Vec<_> = (0..200).map(|seed| message(&walker, Contents::Anything, seed)).collect();
    let all = || std::iter::repeat_n(&made[0], 70_000).chain(&made);
    all().for_each(|message| _ = writer.append(message).unwrap());
    writer.finish().unwrap();
    for (format, reader) in [("arrow", PYARROW_ARROW), ("parquet", PYARROW_PARQUET)] {
        let file = convert(&folder, "enums.fls", format, &[]);
        let rows = rows(&python, &format!("{reader}\nassert len(rows) == 70_200\nrows = rows[-200:]"), &file);
        for (nth, (message, row)) in made.iter().zip(&rows).enumerate() {
            let [with, without] = as_json(&walker, message);
            let at = format!("{format}, message {nth}: {row}\n{with}");
            Comparison { walker: &walker, within: Vec::new(), at }.object(walker.root(), [&with, &without], row);
        }
    }
}

#[test]
fn nothing_is_left_of_a_table_that_could_not_be_made_whole() {
    let folder = Folder::new("cli-tables-damaged");
    record_damaged(&folder, "damaged.fls");
    let run = |arguments: &[&str]| flatstream(&folder).arg("convert").args(arguments).assert();
    for format in ["parquet", "arrow"] {
        let out = format!("out.{format}");
        let failed = run(&["--to", format, "damaged.fls", "-o", &out]).code(1);
        let said = String::from_utf8(failed.get_output().stderr.clone()).unwrap();
        assert!(said.contains("damaged.fls") && said.contains("--recover"), "{said}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1 + usize::from(format == "arrow"));
        run(&["--recover", "--to", format, "damaged.fls", "-o", &out]).code(3);
        assert!(folder.join(&out).exists());
    }
}

#[test]
fn a_message_that_is_none_of_the_schema_is_no_row() {
    let folder = Folder::new("cli-tables-foreign");
    let options = WriteOptions::new().message_type("Telemetry.TelemetryEvent").schema(telemetry_schema::BFBS);
    let mut writer = Writer::create_new(folder.join("mixed.fls"), options).unwrap();
    for message in [&event(0)[..], &[0xFF; 24], &event(1)] {
        writer.append(message).unwrap();
    }
    writer.finish().unwrap();
    let run = |arguments: &[&str]| flatstream(&folder).arg("convert").args(arguments).assert();
    run(&["--to", "parquet", "mixed.fls", "-o", "mixed.parquet"]).code(1).stderr_eq(str![[r#"
error: message 1, at position 720, isn't one of the schema: the root: the table would be at 4294967295..4294967299, and the message has 24 bytes
  next: `--recover` goes on behind it, `cat --format raw` shows the bytes

"#]]);
    run(&["--to", "parquet", "--recover", "mixed.fls", "-o", "mixed.parquet"]).code(3).stderr_eq(str![[r#"
message 1, at position 720, isn't one of the schema: the root: the table would be at 4294967295..4294967299, and the message has 24 bytes

"#]]);
    let Some(python) = tools::python_with(&["pyarrow"]) else { return };
    let rows = rows(&python, PYARROW_PARQUET, &folder.join("mixed.parquet"));
    assert_eq!(rows, [telemetry(0), telemetry(1)]);
}

#[test]
fn a_full_disk_is_an_error() {
    let folder = Folder::new("cli-tables-full");
    record(&folder, "events.fls");
    for format in ["parquet", "arrow"] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_flatstream"))
            .current_dir(folder.path())
            .args(["convert", "--to", format, "events.fls", "-o", "-"])
            .stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{format}: {said}");
        assert!(said.contains("No space left"), "{format}: {said}");
    }
}
