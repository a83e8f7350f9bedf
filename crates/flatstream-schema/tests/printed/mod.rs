//! Messages as the real flatc prints them.

use std::fs;
use std::path::Path;
use std::process::Command;

use flatstream_schema::{JsonOptions, Walker};
use flatstream_testkit::folder::Folder;
use serde_json::Value;

use crate::messages::walker;

/// Of the schema of this name.
pub(crate) fn compare(flatc: &Path, name: &str, messages: &[Vec<u8>], defaults: bool) {
    let folder = Folder::new(&format!("flatc-{}-{name}-{defaults}", env!("CARGO_CRATE_NAME")));
    let walker = walker(name);
    for (nth, message) in messages.iter().enumerate() {
        fs::write(folder.join(format!("{nth}.bin")), message).unwrap();
    }
    run_flatc(flatc, folder.path(), name, messages.len(), defaults);
    for (nth, message) in messages.iter().enumerate() {
        let theirs = fs::read(folder.join(format!("{nth}.json"))).unwrap();
        let theirs = String::from_utf8(theirs).unwrap();
        let ours = json(&walker, message, defaults);
        let at = format!("{name}, message {nth}, defaults {defaults}:\n{ours}\n{theirs}");
        assert_eq!(keys(&ours), keys(&theirs), "{at}");
        let parsed: [Value; 2] = [&ours, &theirs].map(|text| serde_json::from_str(&printable(text)).expect(&at));
        assert_same(&parsed[0], &parsed[1], &at);
    }
}

fn run_flatc(flatc: &Path, folder: &Path, name: &str, count: usize, defaults: bool) {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/schemas/{name}.fbs"));
    let output = Command::new(flatc)
        .current_dir(folder)
        .args(["--json", "--strict-json", "--raw-binary"])
        .args(defaults.then_some("--defaults-json"))
        .arg(schema)
        .arg("--")
        .args((0..count).map(|nth| format!("{nth}.bin")))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{name}: {said}");
}

fn json(walker: &Walker, message: &[u8], defaults: bool) -> String {
    let mut text = Vec::new();
    walker.write_json(message, &JsonOptions::new().defaults(defaults), &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// In the order of the text.
fn keys(text: &str) -> Vec<&str> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once('"') {
        let mut is_escaped = false;
        let end = behind.find(|c| {
            let is_end = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            is_end
        });
        let (string, behind) = behind.split_at(end.unwrap());
        rest = &behind[1..];
        if rest.starts_with(':') {
            keys.push(string);
        }
    }
    keys
}

/// flatc's text as JSON: it writes defaults that are no numbers as they are, and JSON has none.
fn printable(text: &str) -> String {
    const NO_NUMBERS: &[&str] = &[": nan", ": inf", ": -inf"];
    NO_NUMBERS.iter().fold(text.to_owned(), |text, word| text.replace(word, ": null"))
}

/// Field, what flatc prints of its default, and what we do. A binary schema holds defaults as `long`s; of what is more,
/// flatc makes 0 there.
const LOST_DEFAULTS: &[(&str, &str, &str)] =
    &[("ulong", "\"Greatest\"", "\"Nothing\""), ("wide", "\"Highest\"", "0"), ("i", "18446744073709551615", "0")];

fn is_lost_default(field: &str, ours: &Value, theirs: &Value) -> bool {
    LOST_DEFAULTS.contains(&(field, &theirs.to_string(), &ours.to_string()))
}

/// flatc writes 12 digits behind the point of a double, and 6 behind that of a float.
fn is_same_number(ours: f64, theirs: f64) -> bool {
    ours == theirs || (ours - theirs).abs() <= 0.500_000_1e-6 || ours as f32 == theirs as f32
}

fn assert_same(ours: &Value, theirs: &Value, at: &str) {
    match (ours, theirs) {
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            ours.iter().zip(theirs).for_each(|(ours, theirs)| assert_same(ours, theirs, at));
        }
        (Value::Object(ours), Value::Object(theirs)) if ours.keys().eq(theirs.keys()) => {
            for ((key, ours), theirs) in ours.iter().zip(theirs.values()) {
                if !is_lost_default(key, ours, theirs) {
                    assert_same(ours, theirs, at);
                }
            }
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let same = is_same_number(a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!(same, "{a} {b} in {at}");
        }
        _ => assert_eq!(ours, theirs, "{at}"),
    }
}
