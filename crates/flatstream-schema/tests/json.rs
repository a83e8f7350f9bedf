//! What JSON says where flatc says something else, or nothing.

mod messages;

use flatbuffers::{FlatBufferBuilder, TableFinishedWIPOffset, UnionWIPOffset, WIPOffset};
use flatstream_schema::{JsonOptions, NotFinite, Schema, SchemaError, Walker};
use flatstream_testkit::noise::Noise;

use messages::{Contents, SCHEMAS, message, walker};

type Root = WIPOffset<TableFinishedWIPOffset>;

/// A message by the official builder.
fn built(build: impl FnOnce(&mut FlatBufferBuilder<'static>) -> Root) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let root = build(&mut builder);
    builder.finish(root, None);
    builder.finished_data().to_vec()
}

/// The slot of the field of this id.
const fn slot(id: u16) -> u16 {
    4 + 2 * id
}

fn table(builder: &mut FlatBufferBuilder<'static>, push: impl FnOnce(&mut FlatBufferBuilder<'static>)) -> Root {
    let start = builder.start_table();
    push(builder);
    builder.end_table(start)
}

fn json_with(walker: &Walker, message: &[u8], options: JsonOptions) -> String {
    let mut text = b"before ".to_vec();
    walker.write_json(message, &options, &mut text).unwrap();
    String::from_utf8(text).unwrap().strip_prefix("before ").unwrap().to_owned()
}

fn reals(double: f64, float: f32) -> Vec<u8> {
    built(|builder| {
        let plain = table(builder, |builder| {
            builder.push_slot_always(slot(9), float);
            builder.push_slot_always(slot(10), double);
        });
        table(builder, |builder| builder.push_slot_always(slot(0), plain))
    })
}

#[test]
fn floats_are_as_short_as_they_can_be() {
    let walker = walker("scalars");
    for (double, float, expected) in [
        (21.5, 0.1, r#"{"plain":{"j":0.1,"k":21.5}}"#),
        (1e-20, 1e-20, r#"{"plain":{"j":1e-20,"k":1e-20}}"#),
        (-0.0, -0.0, r#"{"plain":{"j":-0.0,"k":-0.0}}"#),
        (5e-324, f32::MAX, r#"{"plain":{"j":3.4028235e+38,"k":5e-324}}"#),
        (1.0 / 3.0, 1.0 / 3.0, r#"{"plain":{"j":0.33333334,"k":0.3333333333333333}}"#),
    ] {
        assert_eq!(walker.json(&reals(double, float)).unwrap(), expected);
    }
}

#[test]
fn floats_read_back_to_the_same_bits() {
    let walker = walker("scalars");
    let mut noise = Noise::new(1);
    for _ in 0..50_000 {
        let (double, float) = (f64::from_bits(noise.number()), f32::from_bits(noise.number() as u32));
        if !double.is_finite() || !float.is_finite() {
            continue;
        }
        let text = walker.json(&reals(double, float)).unwrap();
        let numbers = text.strip_prefix(r#"{"plain":{"j":"#).unwrap().strip_suffix("}}").unwrap();
        let (j, k) = numbers.split_once(r#","k":"#).unwrap();
        assert_eq!(j.parse::<f32>().unwrap().to_bits(), float.to_bits(), "{text}");
        assert_eq!(k.parse::<f64>().unwrap().to_bits(), double.to_bits(), "{text}");
    }
}

#[test]
fn what_is_no_number_is_null_or_a_string() {
    let walker = walker("scalars");
    for (double, float, nulls, strings) in [
        (f64::NAN, f32::INFINITY, r#""j":null,"k":null"#, r#""j":"Infinity","k":"NaN""#),
        (f64::NEG_INFINITY, f32::NAN, r#""j":null,"k":null"#, r#""j":"NaN","k":"-Infinity""#),
    ] {
        let message = reals(double, float);
        assert_eq!(walker.json(&message).unwrap(), format!(r#"{{"plain":{{{nulls}}}}}"#));
        let options = JsonOptions::new().not_finite(NotFinite::Strings);
        assert_eq!(json_with(&walker, &message, options), format!(r#"{{"plain":{{{strings}}}}}"#));
    }
}

#[test]
fn integers_of_64_bits_keep_all_digits() {
    let message = built(|builder| {
        let plain = table(builder, |builder| {
            builder.push_slot_always(slot(7), i64::MIN);
            builder.push_slot_always(slot(8), u64::MAX);
        });
        table(builder, |builder| builder.push_slot_always(slot(0), plain))
    });
    let expected = r#"{"plain":{"h":-9223372036854775808,"i":18446744073709551615}}"#;
    assert_eq!(walker("scalars").json(&message).unwrap(), expected);
}

fn language(bytes: &[u8]) -> Vec<u8> {
    built(|builder| {
        let text = builder.create_vector(bytes);
        table(builder, |builder| builder.push_slot_always(slot(0), text))
    })
}

#[test]
fn text_stands_as_it_is() {
    let walker = walker("strings");
    for (text, expected) in [
        ("", r#""""#),
        ("Grüße, 日本 😀", r#""Grüße, 日本 😀""#),
        ("a\"b\\c/d", r#""a\"b\\c/d""#),
        ("\n\r\t\u{8}\u{c}\u{0}\u{1f}\u{7f}é\n", r#""\n\r\t\b\f\u0000\u001f\u007fé\n""#),
        // What a terminal would obey, beyond ASCII, and what is encoded with the same first byte.
        ("\u{80}\u{9b}\u{9f}\u{a0}©\u{9b}", "\"\\u0080\\u009b\\u009f\u{a0}©\\u009b\""),
    ] {
        let json = walker.json(&language(text.as_bytes())).unwrap();
        assert_eq!(json, format!(r#"{{"language":{expected}}}"#));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["language"], text);
    }
}

#[test]
fn text_that_is_not_utf_8_has_replacement_characters() {
    let walker = walker("strings");
    for bytes in [&b"\xff"[..], b"a\xc3", b"\xed\xa0\x80\"x", b"\xf0\x9f\x98 ok \xf0\x9f\x98\x80", b"\x80\x80\n"] {
        let json = walker.json(&language(bytes)).unwrap();
        let parsed = serde_json::from_str::<serde_json::Value>(&json).unwrap();
        assert_eq!(parsed["language"], *String::from_utf8_lossy(bytes), "{json}");
        assert!(json.contains('\u{FFFD}'));
    }
}

#[test]
fn keys_are_written_with_their_defaults_and_the_rest_is_left_out() {
    let message = built(|builder| {
        let numbered = table(builder, |_| {});
        let numbered = builder.create_vector(&[numbered]);
        table(builder, |builder| builder.push_slot_always(slot(2), numbered))
    });
    assert_eq!(walker("strings").json(&message).unwrap(), r#"{"numbered":[{"number":5}]}"#);
}

#[test]
fn absent_optional_scalars_are_null_among_defaults() {
    let message = built(|builder| table(builder, |builder| builder.push_slot_always(slot(4), 0_u16)));
    let walker = walker("optional");
    assert_eq!(walker.json(&message).unwrap(), r#"{"e":0}"#);
    let expected = r#"{"a":null,"b":null,"c":null,"d":null,"e":0,"f":null,"g":null,"h":null,"i":null,"j":null,"#;
    let expected = format!(r#"{expected}"k":null,"state":null,"plain_state":"Running"}}"#);
    assert_eq!(json_with(&walker, &message, JsonOptions::new().defaults(true)), expected);
}

#[test]
fn a_value_that_equals_its_default_is_written_where_it_is_there() {
    let message = built(|builder| {
        let fields = table(builder, |builder| builder.push_slot_always(slot(0), true));
        table(builder, |builder| builder.push_slot_always(slot(1), fields))
    });
    assert_eq!(walker("scalars").json(&message).unwrap(), r#"{"with_defaults":{"a":true}}"#);
}

#[test]
fn flags_are_names_and_what_has_no_name_is_a_number() {
    let walker = walker("enums");
    for (rights, expected) in
        [(0, "0"), (1, "\"Read\""), (5, "\"Read Execute\""), (135, "\"Read Write Execute Sticky\""), (8, "8"), (9, "9")]
    {
        let message = built(|builder| table(builder, |builder| builder.push_slot_always(slot(8), rights as u8)));
        assert_eq!(walker.json(&message).unwrap(), format!(r#"{{"rights":{expected}}}"#));
    }
    let message = built(|builder| {
        table(builder, |builder| {
            builder.push_slot_always(slot(0), -100_i8);
            builder.push_slot_always(slot(1), 5_u8);
            builder.push_slot_always(slot(7), 1_u64 << 63);
        })
    });
    assert_eq!(walker.json(&message).unwrap(), r#"{"small":"Low","dense":5,"ulong":"More"}"#);
}

/// flatc leaves `bit_flags` out of a binary schema unless it is asked for it.
#[test]
fn flags_that_the_schema_does_not_know_as_flags_are_a_number() {
    let walker = Walker::new(&Schema::read(include_bytes!("kinds.bfbs")).unwrap()).unwrap();
    for (rights, expected) in [(1_u16, "\"Read\""), (3, "3")] {
        let message = built(|builder| table(builder, |builder| builder.push_slot_always(slot(6), rights)));
        assert_eq!(walker.json(&message).unwrap(), format!(r#"{{"id":0,"rights":{expected}}}"#));
    }
}

#[test]
fn a_union_of_no_type_or_an_unknown_one_is_null() {
    let walker = walker("unions");
    let of_type = |tag: Option<u8>| {
        built(|builder| {
            let empty = table(builder, |_| {});
            table(builder, |builder| {
                builder.push_slot_always(slot(1), empty);
                if let Some(tag) = tag {
                    builder.push_slot_always(slot(0), tag);
                }
            })
        })
    };
    for (tag, expected) in [
        (None, r#"{"shape":null}"#),
        (Some(0), r#"{"shape_type":"NONE","shape":null}"#),
        (Some(99), r#"{"shape_type":99,"shape":null}"#),
        (Some(1), r#"{"shape_type":"Circle","shape":{}}"#),
        (Some(5), r#"{"shape_type":"Old","shape":{}}"#),
    ] {
        assert_eq!(walker.json(&of_type(tag)).unwrap(), expected);
    }
}

#[test]
fn a_vector_of_unions_has_an_element_for_each_value() {
    let walker = walker("unions");
    let of_types = |tags: &[u8]| {
        built(|builder| {
            let empty = table(builder, |_| {}).as_union_value();
            let name = builder.create_string("x").as_union_value();
            let tags = builder.create_vector(tags);
            let shapes = builder.create_vector::<WIPOffset<UnionWIPOffset>>(&[empty, name, empty]);
            table(builder, |builder| {
                builder.push_slot_always(slot(2), tags);
                builder.push_slot_always(slot(3), shapes);
            })
        })
    };
    for (tags, expected) in [
        (&[7, 3, 1][..], r#"{"shapes_type":["Empty","Name","Circle"],"shapes":[{},"x",{}]}"#),
        (&[0, 3, 200], r#"{"shapes_type":["NONE","Name",200],"shapes":[null,"x",null]}"#),
        (&[7], r#"{"shapes_type":["Empty"],"shapes":[{},null,null]}"#),
        (&[7, 3, 1, 1], r#"{"shapes_type":["Empty","Name","Circle","Circle"],"shapes":[{},"x",{}]}"#),
    ] {
        assert_eq!(walker.json(&of_types(tags)).unwrap(), expected);
    }
}

#[test]
fn a_nested_message_without_bytes_is_null() {
    let message = built(|builder| {
        let bytes = builder.create_vector::<u8>(&[]);
        table(builder, |builder| {
            builder.push_slot_always(slot(1), bytes);
            builder.push_slot_always(slot(4), bytes);
        })
    });
    assert_eq!(walker("nested").json(&message).unwrap(), r#"{"payload":null,"plain":[]}"#);
}

/// flatc can't print `vector64`.
#[test]
fn offsets_and_lengths_of_64_bits_are_read() {
    #[rustfmt::skip]
    let message: Vec<u8> = [
        &24_u32.to_le_bytes()[..], &[0; 4],
        // The vtable: name, bytes, numbers.
        &10_u16.to_le_bytes(), &28_u16.to_le_bytes(),
        &4_u16.to_le_bytes(), &12_u16.to_le_bytes(), &20_u16.to_le_bytes(),
        &[0; 6],
        // The table, at 24.
        &16_i32.to_le_bytes(), &24_u64.to_le_bytes(), &26_u64.to_le_bytes(), &30_u64.to_le_bytes(),
        // At 52: a string; at 62: 2 bytes; at 74: 1 number.
        &2_u32.to_le_bytes(), b"ab\0\0\0\0",
        &2_u64.to_le_bytes(), &[7, 8, 0, 0],
        &1_u32.to_le_bytes(), &(-1_i32).to_le_bytes(),
    ]
    .concat();
    let expected = r#"{"name":"ab","bytes":[7,8],"numbers":[-1]}"#;
    assert_eq!(walker("wide").json(&message).unwrap(), expected);
}

#[test]
fn a_required_field_that_is_missing_is_left_out() {
    let message = built(|builder| table(builder, |_| {}));
    assert_eq!(walker("structs").json(&message).unwrap(), "{}");
}

#[test]
fn any_table_of_the_schema_can_be_the_root() {
    let schema = Schema::read(include_bytes!("schemas/scalars.bfbs")).unwrap();
    let walker = Walker::of_table(&schema, "Scalars.Plain").unwrap();
    assert_eq!(walker.root().name(), "Scalars.Plain");
    let message = built(|builder| table(builder, |builder| builder.push_slot_always(slot(1), -1_i8)));
    assert_eq!(walker.json(&message).unwrap(), r#"{"b":-1}"#);

    let structs = Schema::read(include_bytes!("schemas/structs.bfbs")).unwrap();
    for (schema, name) in [(&schema, "Plain"), (&structs, "Structs.Point"), (&structs, "")] {
        let error = Walker::of_table(schema, name).unwrap_err();
        let SchemaError::Inconsistent { path, what } = error else { panic!("{error}") };
        assert_eq!((path.as_str(), what), (name, "the schema has no table of this name"));
    }
}

/// Each text is one line of good JSON, and is the same whatever stands before it.
#[test]
fn json_of_any_message_is_json() {
    for (name, _) in SCHEMAS {
        let walker = walker(name);
        for seed in 0..200 {
            let message = message(&walker, Contents::Anything, seed);
            for defaults in [false, true] {
                let options = JsonOptions::new().defaults(defaults).not_finite(NotFinite::Strings);
                let text = json_with(&walker, &message, options);
                let parsed: serde_json::Value = serde_json::from_str(&text).expect(&text);
                assert!(parsed.is_object() && !text.contains('\n'), "{name}: {text}");
            }
        }
    }
}
