//! Messages made of JSON.

mod messages;
mod printed;

use flatstream_schema::{JsonOptions, NotFinite, Schema, Walker};
use flatstream_testkit::flatc;
use proptest::prelude::*;
use serde_json::Value;

use messages::{Contents, SCHEMAS, message, walker};

/// Of each schema.
const MESSAGES: u64 = 300;

fn json(walker: &Walker, message: &[u8]) -> String {
    let mut text = Vec::new();
    walker.write_json(message, &JsonOptions::new().not_finite(NotFinite::Strings), &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// What is left of it in a message that a verifier accepts: a union of no type isn't there.
fn without_nothing(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(name, value)| !(value.is_null() || name.ends_with("_type") && value == "NONE"))
            .map(|(name, value)| (name, without_nothing(value)))
            .collect(),
        Value::Array(elements) => elements.into_iter().map(without_nothing).collect(),
        other => other,
    }
}

fn parsed(text: &str) -> Value {
    without_nothing(serde_json::from_str(text).unwrap())
}

#[test]
fn what_is_made_of_a_messages_json_has_the_same_json() {
    for (name, _) in SCHEMAS {
        let walker = walker(name);
        let mut equal = 0;
        for seed in 0..MESSAGES {
            let text = json(&walker, &message(&walker, Contents::AsFlatcPrints, seed));
            let made = walker.message_from_json(text.as_bytes());
            let made = made.unwrap_or_else(|error| panic!("{name}, {seed}: {error}\n{text}"));
            let again = json(&walker, &made);
            assert_eq!(parsed(&again), parsed(&text), "{name}, {seed}");
            equal += u64::from(again == text);
            assert!(again == text || text.contains("\"NONE\""), "{name}, {seed}\n{again}\n{text}");
        }
        assert!(equal > 0, "{name}: {equal}");
    }
}

#[test]
fn what_only_json_strings_can_say_comes_back_too() {
    for (name, _) in SCHEMAS {
        let walker = walker(name);
        let mut made = 0;
        for seed in 0..MESSAGES {
            let text = json(&walker, &message(&walker, Contents::Anything, seed));
            match walker.message_from_json(text.as_bytes()) {
                Ok(message) => {
                    assert_eq!(parsed(&json(&walker, &message)), parsed(&text), "{name}, {seed}");
                    made += 1;
                }
                Err(error) => {
                    let is_known = error.what().ends_with("has no member 200") || text.contains("_type\":200");
                    assert!(is_known, "{name}, {seed}: {error}\n{text}");
                }
            }
        }
        assert!(made > 0, "{name}: {made}");
    }
}

/// `shape` before `shape_type`, as programs write it that sort by name.
#[test]
fn fields_may_come_in_any_order() {
    for (name, _) in SCHEMAS {
        let walker = walker(name);
        for seed in 0..MESSAGES {
            let text = json(&walker, &message(&walker, Contents::AsFlatcPrints, seed));
            let sorted = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&text).unwrap()).unwrap();
            let made = walker.message_from_json(sorted.as_bytes());
            let made = made.unwrap_or_else(|error| panic!("{name}, {seed}: {error}\n{sorted}"));
            assert_eq!(parsed(&json(&walker, &made)), parsed(&text), "{name}, {seed}");
        }
    }
}

#[test]
fn flatc_prints_the_same_of_what_is_made() {
    let Some(flatc) = flatc::find() else { return };
    for (name, _) in SCHEMAS {
        let walker = walker(name);
        let made = (0..MESSAGES).map(|seed| {
            let text = walker.json(&message(&walker, Contents::AsFlatcPrints, seed)).unwrap();
            walker.message_from_json(text.as_bytes()).unwrap()
        });
        printed::compare(&flatc, name, &made.collect::<Vec<_>>(), false);
    }
}

#[test]
fn flatbuffers_verify_what_is_made() {
    let walker = Walker::new(&Schema::read(telemetry_schema::BFBS).unwrap()).unwrap();
    for (text, said) in [
        (
            r#"{"timestamp_ns":18446744073709551615,"source_id":"pump-ü","value":-0.1}"#,
            (u64::MAX, Some("pump-ü"), -0.1),
        ),
        (r#" { "value" : 1e-300 , "source_id" : "" } "#, (0, Some(""), 1e-300)),
        (r#"{"source_id":null,"timestamp_ns":"7"}"#, (7, None, 0.0)),
        ("{}", (0, None, 0.0)),
    ] {
        let message = walker.message_from_json(text.as_bytes()).unwrap();
        let event = telemetry_schema::telemetry::root_as_telemetry_event(&message).unwrap();
        assert_eq!((event.timestamp_ns(), event.source_id(), event.value()), said, "{text}");
    }
}

#[test]
fn the_roots_identifier_is_written() {
    let robot = walker("robot").message_from_json(br#"{"time_ns":1}"#).unwrap();
    assert_eq!(&robot[4..8], b"ROBO");
    let bfbs = SCHEMAS.iter().find(|(name, _)| *name == "robot").unwrap().1;
    let log = Walker::of_table(&Schema::read(bfbs).unwrap(), "Robot.Log").unwrap();
    assert_ne!(&log.message_from_json(br#"{"text":""}"#).unwrap()[4..8], b"ROBO");
}

#[test]
fn null_is_what_is_not_there_or_no_number() {
    let made = |name: &str, text: &str| {
        let walker = walker(name);
        walker.json(&walker.message_from_json(text.as_bytes()).unwrap()).unwrap()
    };
    assert_eq!(made("scalars", r#"{"plain":{"f":null,"j":null,"k":1}}"#), r#"{"plain":{"j":null,"k":1.0}}"#);
    assert_eq!(made("vectors", r#"{"j":[null,1],"l":null,"m":null}"#), r#"{"j":[null,1.0]}"#);
    assert_eq!(made("optional", r#"{"a":null,"j":null,"text":null,"b":0}"#), r#"{"b":0}"#);
    assert_eq!(made("unions", r#"{"shape_type":"NONE","shape":null,"shapes":null,"single":null}"#), "{}");
    assert_eq!(made("nested", r#"{"payload":null}"#), "{}");
}

#[test]
fn numbers_and_names_may_be_said_in_several_ways() {
    let made = |name: &str, text: &str| {
        let walker = walker(name);
        json(&walker, &walker.message_from_json(text.as_bytes()).unwrap())
    };
    assert_eq!(made("enums", r#"{"dense":3,"rights":"Write  Read","small":-100}"#), {
        r#"{"small":"Low","dense":"D","rights":"Read Write"}"#
    });
    assert_eq!(made("enums", r#"{"ulong":18446744073709551615,"wide":"Highest"}"#), {
        r#"{"ulong":"Greatest","wide":"Highest"}"#
    });
    assert_eq!(made("scalars", r#"{"plain":{"a":"true","i":"18446744073709551615","j":"nan","k":"-inf"}}"#), {
        r#"{"plain":{"a":true,"i":18446744073709551615,"j":"NaN","k":"-Infinity"}}"#
    });
    assert_eq!(made("scalars", r#"{"plain":{"a":1,"k":"\u0031.5"}}"#), r#"{"plain":{"a":true,"k":1.5}}"#);
}

/// The walk is short where the number isn't: 24 bits of a float and 53 of a double come back from any text.
#[test]
fn floats_are_the_nearest_ones_of_their_text() {
    let walker = walker("scalars");
    for text in ["0.1", "16777217", "1.00000017881393421514957253748434595763683319091796875001", "3.4028235677973e38"]
    {
        let made = walker.message_from_json(format!(r#"{{"plain":{{"j":{text},"k":{text}}}}}"#).as_bytes()).unwrap();
        let (float, double) = (text.parse::<f32>().unwrap(), text.parse::<f64>().unwrap());
        let said: Value = serde_json::from_str(&walker.json(&made).unwrap()).unwrap();
        assert_eq!(said["plain"]["k"].as_f64().unwrap(), double);
        assert_eq!(said["plain"]["j"].to_string().parse::<f32>().unwrap(), float, "{text}");
    }
}

#[test]
fn what_a_message_cannot_hold_is_said_with_its_path_and_place() {
    let walker = Walker::new(&Schema::read(include_bytes!("kinds.bfbs")).unwrap()).unwrap();
    for (text, said) in [
        ("", "EOF while parsing a value, at line 1, column 0"),
        ("{\"name\":\"\"", "EOF while parsing an object, at line 1, column 10"),
        ("{\"name\":\"\"} {", "trailing characters, at line 1, column 13"),
        ("[]", "invalid type: sequence, expected an object of the fields of Kinds.Everything, at line 1, column 0"),
        ("{}", "the required field \"name\" is missing, at line 1, column 2"),
        ("{\"name\":7}", "name: invalid type: integer `7`, expected a string, at line 1, column 9"),
        ("{\"name\":\"\",\"name\":\"\"}", "name: it stands twice, at line 1, column 17"),
        ("{\"name\":\"\",\n\"small\":128}", "small: 128 is no byte, expected -128 to 127, at line 2, column 12"),
        ("{\"name\":\"\",\"small\":1.5}", "small: expected an integer, found 1.5, at line 1, column 23"),
        ("{\"name\":\"\",\"small\":[1]}", "small: expected an integer, found a list, at line 1, column 23"),
        ("{\"name\":\"\",\"flag\":\"yes\"}", "flag: expected true or false, found \"yes\", at line 1, column 24"),
        ("{\"name\":\"\",\"ratio\":\"half\"}", "ratio: expected a number, found \"half\", at line 1, column 26"),
        ("{\"name\":\"\",\"ratio\":1e39}", "ratio: 1e39 is more than a float holds, at line 1, column 24"),
        (
            "{\"name\":\"\",\"color\":\"Pink\"}",
            "color: Kinds.Color has no value \"Pink\", only: Red, Green, Blue, at line 1, column 26",
        ),
        (
            "{\"name\":\"\",\"color\":\"Red Blue\"}",
            "color: \"Red Blue\" is more than one value of Kinds.Color, which has no flags, at line 1, column 30",
        ),
        ("{\"name\":\"\",\"bytes\":[1,256]}", "bytes[1]: 256 is no ubyte, expected 0 to 255, at line 1, column 26"),
        (
            "{\"name\":\"\",\"points\":[{\"x\":1,\"z\":2}]}",
            "points[0]: Kinds.Point has no field \"z\", only: x, y, at line 1, column 31",
        ),
        (
            "{\"name\":\"\",\"points\":[{\"x\":1}]}",
            "points[0]: Kinds.Point is a struct, and its field \"y\" is missing, at line 1, column 28",
        ),
        (
            "{\"name\":\"\",\"notes\":[{\"text\":\"\"},{}]}",
            "notes[1]: the required field \"text\" is missing, at line 1, column 34",
        ),
        ("{\"name\":\"\",\"box\":{\"label\":[1]}}", "box.label: expected 3 elements, found 1, at line 1, column 29"),
        (
            "{\"name\":\"\",\"box\":{\"label\":[1,2,3,4]}}",
            "box.label: expected 3 elements, found more, at line 1, column 35",
        ),
        (
            "{\"name\":\"\",\"shape\":{}}",
            "shape: it is a union, and there is no \"shape_type\" that says which member it is, at line 1, column 22",
        ),
        (
            "{\"name\":\"\",\"shape_type\":\"Circle\"}",
            "shape: there is none, and its type says Circle, at line 1, column 33",
        ),
        ("{\"name\":\"\",\"shape_type\":9,\"shape\":{}}", "shape: Kinds.Shape has no member 9, at line 1, column 34"),
        (
            "{\"name\":\"\",\n\"shape\":{\"radius\":\n[]},\n\"shape_type\":\"Circle\"}",
            "shape.radius: expected a number, found a list, at line 3, column 3",
        ),
        (
            "{\"name\":\"\",\"shapes_type\":[\"Circle\"],\"shapes\":[]}",
            "shapes: expected 1 elements, as there are types, found 0, at line 1, column 47",
        ),
        (
            "{\"name\":\"\",\"parent\":{\"name\":\"\",\"parent\":[]}}",
            "parent.parent: invalid type: sequence, expected an object of the fields of Kinds.Everything, \
             at line 1, column 40",
        ),
        ("{\"name\":\"\\ud800\"}", "name: unexpected end of hex escape, at line 1, column 16"),
    ] {
        let error = walker.message_from_json(text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), said, "{text}");
        let (what, place) = said.split_once(", at ").unwrap();
        let path = if error.path().is_empty() { String::new() } else { format!("{}: ", error.path()) };
        assert_eq!(format!("{path}{}", error.what()), what);
        assert_eq!(format!("line {}, column {}", error.line(), error.column()), place);
    }
    let not_utf_8 = walker.message_from_json(b"{\"name\":\"\xff\"}").unwrap_err();
    assert_eq!(not_utf_8.to_string(), "name: invalid unicode code point, at line 1, column 10");
}

#[test]
fn whatever_nests_without_end_is_refused() {
    let trees = walker("trees");
    let deep = |open: &str, close: &str, count: usize| open.repeat(count) + "{}" + &close.repeat(count);
    assert!(trees.message_from_json(deep("{\"left\":", "}", 63).as_bytes()).is_ok());
    let error = trees.message_from_json(deep("{\"left\":", "}", 64).as_bytes()).unwrap_err();
    assert_eq!(error.what(), "tables are nested deeper than 64");
    assert!(error.path().starts_with("left.left."), "{error}");
    for open in ["{\"left\":", "{\"children\":["] {
        assert!(trees.message_from_json(open.repeat(100_000).as_bytes()).is_err());
    }
    let unions = walker("unions");
    let aside = deep("{\"main\":", ",\"main_type\":\"Group\"}", 100_000);
    let text = format!("{{\"shape\":{aside},\"shape_type\":\"Group\"}}");
    let error = unions.message_from_json(text.as_bytes()).unwrap_err();
    assert_eq!(error.what(), "tables are nested deeper than 64", "{error}");
}

#[test]
fn every_shorter_text_is_an_error() {
    for (name, _) in SCHEMAS {
        let walker = walker(name);
        let texts = (0..MESSAGES).map(|seed| json(&walker, &message(&walker, Contents::AsFlatcPrints, seed)));
        for (seed, text) in texts.filter(|text| text.len() < 1000).take(10).enumerate() {
            for len in 0..text.len() {
                assert!(walker.message_from_json(&text.as_bytes()[..len]).is_err(), "{name}, {seed}, {len}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    /// Pieces of JSON that come to stand where others stood: an error, or a message that can be decoded.
    #[test]
    fn damaged_json_gives_an_answer(
        schema in 0..SCHEMAS.len(),
        seed in 0..200_u64,
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, prop::sample::select(&[
            "", "{", "}", "[", "]", ",", ":", "\"", "\\", "null", "true", "-", "1e400", "9223372036854775808", "{}",
            "[]", "[null]", "\"NONE\"", "\"a\":1,", "\u{fc}", " ", "\n", "0.5", "255", "{\"x\":1}", "[[", "\\ud800",
        ][..])), 1..4),
    ) {
        let (name, _) = SCHEMAS[schema];
        let walker = walker(name);
        let mut text = json(&walker, &message(&walker, Contents::Anything, seed)).into_bytes();
        for (place, len, piece) in edits {
            let at = place.index(text.len() + 1);
            let end = (at + len).min(text.len());
            text.splice(at..end, piece.bytes());
        }
        match walker.message_from_json(&text) {
            Ok(message) => {
                let said = walker.json(&message);
                prop_assert!(said.is_ok(), "{said:?}");
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}

/// Of a message that begins at a multiple of 16, verifiers and C++ want each value at a multiple of its alignment.
#[test]
fn every_value_is_aligned() {
    let real = 1234.5678_f64;
    let box_text = r#"{"corners":[{"x":1234.5,"y":0,"z":0},{"x":0,"y":0,"z":0}],"weight":0,"tiny":{"flag":true}}"#;
    let body = |field: &str| {
        let text = r#"{"tiny":{"flag":true},"point":{"x":0,"y":0,"z":0},"core":{"tiny":{"flag":true}},"#;
        format!("{text}{field}}}")
    };
    let corner = 1234.5_f32.to_le_bytes().to_vec();
    let real_bytes = real.to_le_bytes().to_vec();
    let padded = format!(r#""padded":{{"a":1,"b":{real},"c":1,"d":1}}"#);
    for (name, text, bytes, align) in [
        ("scalars", format!(r#"{{"plain":{{"a":true,"k":{real},"d":1}}}}"#), real_bytes.clone(), 8),
        ("vectors", format!(r#"{{"a":[true],"k":[{real}]}}"#), real_bytes.clone(), 8),
        ("vectors", r#"{"l":["x"],"aligned":[201,202,203,204]}"#.to_owned(), vec![201, 202, 203, 204], 16),
        ("structs", body(&padded), real_bytes.clone(), 8),
        ("structs", body(&format!(r#""box":{box_text}"#)), corner.clone(), 16),
        ("structs", body(&format!(r#""boxes":[{box_text}]"#)), corner, 16),
        (
            "unions",
            r#"{"title":"a","shape_type":"Id","shape":{"number":72623859790382856}}"#.to_owned(),
            (1..=8).rev().collect(),
            8,
        ),
        ("nested", format!(r#"{{"sender":"a","sibling":{{"x":{real}}}}}"#), real_bytes.clone(), 8),
        ("nested", format!(r#"{{"again":{{"sender":"ab","sibling":{{"x":{real}}}}}}}"#), real_bytes.clone(), 8),
        ("wide", format!(r#"{{"near":"a","doubles":[{real}]}}"#), real_bytes, 8),
    ] {
        let message = walker(name).message_from_json(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
        let places: Vec<usize> = (0..message.len()).filter(|at| message[*at..].starts_with(&bytes)).collect();
        assert_eq!(places.len(), 1, "{text}");
        assert_eq!(places[0] % align, 0, "{text}: {places:?}");
    }
}
