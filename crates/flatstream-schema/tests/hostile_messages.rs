//! Whatever the bytes of a message and of its schema are, decoding ends in an answer, and soon.

mod decoding;
mod messages;

use std::collections::BTreeSet;

use flatbuffers::{FlatBufferBuilder, TableFinishedWIPOffset, UnionWIPOffset, WIPOffset};
use flatstream_schema::{
    Element, FieldPath, JsonOptions, MessageFault, Object, Schema, SchemaError, Type, Value, Walker,
};
use flatstream_testkit::damage;
use proptest::prelude::*;

use decoding::{decode, limited, paths};
use messages::{Contents, SCHEMAS, message, walker};

/// Some messages of each schema; not the largest.
fn some_messages(walker: &Walker, count: usize) -> Vec<Vec<u8>> {
    let made = (0..).map(|seed| message(walker, Contents::Anything, seed));
    made.filter(|message| (60..1200).contains(&message.len())).take(count).collect()
}

#[test]
fn every_truncation_gives_an_answer() {
    for (name, _) in SCHEMAS {
        let walker = limited(walker(name));
        let paths = paths(&walker);
        for message in some_messages(&walker, 5) {
            assert_eq!(decode(&walker, &paths, &message), Ok(()), "{name}");
            let cut: Vec<_> = damage::truncations(&message).map(|cut| decode(&walker, &paths, cut)).collect();
            let refused = cut.iter().filter(|decoded| decoded.is_err()).count();
            // Only a pad or what is shared may be missing without a loss.
            assert!(refused > cut.len() / 2, "{name}: {refused} of {}", cut.len());
        }
    }
}

#[test]
fn every_single_bit_error_gives_an_answer() {
    for (name, _) in SCHEMAS {
        let walker = limited(walker(name));
        let paths = paths(&walker);
        let (mut good, mut bad) = (0, 0);
        for message in some_messages(&walker, 3) {
            damage::for_each_bit_flip(&message, |_, damaged| match decode(&walker, &paths, damaged) {
                Ok(()) => good += 1,
                Err(_) => bad += 1,
            });
        }
        assert!(good > 0 && bad > 0, "{name}: {good} decoded, {bad} refused");
    }
}

#[test]
fn every_single_bit_error_of_a_schema_gives_an_answer() {
    let mut inconsistencies = BTreeSet::new();
    for name in ["robot", "structs", "unions", "nested", "wide"] {
        let (_, bfbs) = SCHEMAS.iter().find(|(known, _)| *known == name).unwrap();
        let messages = some_messages(&walker(name), 2);
        let mut decoded = 0;
        damage::for_each_bit_flip(bfbs, |_, damaged| {
            let Ok(schema) = Schema::read(damaged) else { return };
            match Walker::new(&schema) {
                Ok(walker) => {
                    assert_fields_have_their_own_bytes(&walker, walker.root(), 0);
                    let walker = limited(walker);
                    let paths = paths(&walker);
                    decoded += messages.iter().filter(|message| decode(&walker, &paths, message).is_ok()).count();
                }
                Err(SchemaError::Inconsistent { what, .. }) => _ = inconsistencies.insert(what),
                Err(error) => panic!("{error}"),
            }
        });
        assert!(decoded > 0, "{name}");
    }
    for expected in [
        "its offset isn't the one of its id",
        "a union without its type field",
        "its bytes aren't its own, or aren't inside of the struct",
        "a struct has only scalars, structs and arrays",
        "structs nest too deep, or in a circle",
        "its nested_flatbuffer isn't there",
        "two of its values have the same number",
    ] {
        assert!(inconsistencies.contains(expected), "{expected}: {inconsistencies:?}");
    }
}

/// Of the structs that are reached in a few steps.
fn assert_fields_have_their_own_bytes(walker: &Walker, object: &Object, depth: usize) {
    let mut end = 0;
    for field in object.fields() {
        let (element, len) = match walker.type_of(field).unwrap() {
            Type::One(element) | Type::Vector(element) => (element, 1),
            Type::Array(element, len) => (element, usize::from(len)),
        };
        let size = match element {
            Element::Scalar(scalar) => scalar.size(),
            Element::Enum(_) => 1,
            Element::Struct(object) => object.struct_size().unwrap(),
            _ => 4,
        };
        if let Some(struct_size) = object.struct_size() {
            assert!(usize::from(field.offset()) >= end, "{}.{}", object.name(), field.name());
            end = usize::from(field.offset()) + size * len;
            assert!(end <= struct_size, "{}.{}", object.name(), field.name());
        }
        if let Element::Table(object) | Element::Struct(object) = element
            && depth < 3
        {
            assert_fields_have_their_own_bytes(walker, object, depth + 1);
        }
    }
}

fn trees() -> Walker {
    walker("trees")
}

/// A tree whose nodes hold the same child twice.
fn doubled(levels: usize) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let mut node = node(&mut builder, &[]);
    for _ in 1..levels {
        node = self::node(&mut builder, &[(6, node), (8, node)]);
    }
    builder.finish(node, None);
    builder.finished_data().to_vec()
}

fn chain(levels: usize) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let mut node = node(&mut builder, &[]);
    for _ in 1..levels {
        node = self::node(&mut builder, &[(6, node)]);
    }
    builder.finish(node, None);
    builder.finished_data().to_vec()
}

type Node = WIPOffset<TableFinishedWIPOffset>;

fn node(builder: &mut FlatBufferBuilder<'static>, children: &[(u16, Node)]) -> Node {
    let start = builder.start_table();
    children.iter().for_each(|&(slot, child)| builder.push_slot_always(slot, child));
    builder.end_table(start)
}

#[test]
fn tables_nest_as_deep_as_the_limit_says() {
    assert!(trees().json(&chain(64)).is_ok());
    let error = trees().json(&chain(65)).unwrap_err();
    assert_eq!(error.fault(), MessageFault::TooDeep { max: 64 });
    assert_eq!(error.path(), vec!["left"; 64].join("."));
    assert_eq!(
        trees().depth_max(2).json(&chain(3)).unwrap_err().to_string(),
        "left.left: tables are nested deeper than 2"
    );
    assert!(trees().depth_max(3).json(&chain(3)).is_ok());
}

#[test]
fn shared_tables_count_each_time() {
    let message = doubled(20);
    assert!(message.len() < 500);
    assert!(trees().tables_max((1 << 20) - 1).json(&message).is_ok());
    let error = trees().json(&message).unwrap_err();
    assert_eq!(error.fault(), MessageFault::TooManyTables { max: 1_000_000 });
    let error = trees().json(&doubled(60)).unwrap_err();
    assert_eq!(error.fault(), MessageFault::TooManyTables { max: 1_000_000 });
}

/// 100 KB of offsets, all to a string of 100 KB: 2.5 GB of text.
#[test]
fn shared_text_counts_each_time() {
    let mut builder = FlatBufferBuilder::new();
    let text = builder.create_string(&"x".repeat(100_000));
    let texts = builder.create_vector(&vec![text; 25_000]);
    let start = builder.start_table();
    builder.push_slot_always(26, texts);
    let root = builder.end_table(start);
    builder.finish(root, None);
    let error = walker("vectors").json(builder.finished_data()).unwrap_err();
    assert_eq!(error.fault(), MessageFault::UnfoldsTooFar { max: 64 << 20 });
    assert_eq!(error.path(), "l[672]");
}

/// A message, and how many bytes decoding it visits.
fn of_cost(build: impl FnOnce(&mut FlatBufferBuilder<'static>) -> Node, cost: usize) -> (Vec<u8>, usize) {
    let mut builder = FlatBufferBuilder::new();
    let root = build(&mut builder);
    builder.finish(root, None);
    (builder.finished_data().to_vec(), cost)
}

/// A table of one field.
fn holder(builder: &mut FlatBufferBuilder<'static>, slot: u16, value: WIPOffset<impl Sized>) -> Node {
    let start = builder.start_table();
    builder.push_slot_always(slot, WIPOffset::<()>::new(value.value()));
    builder.end_table(start)
}

#[test]
fn what_is_visited_is_counted_to_the_byte() {
    const N: usize = 1000;
    // 4 of each table, offset and length; what a scalar, struct or string has; an eighth of each field of a schema.
    let leaves = of_cost(
        |builder| {
            let start = builder.start_table();
            builder.push_slot_always(4, 7_i32);
            let leaf = builder.end_table(start);
            let leaves = builder.create_vector(&[leaf; N]);
            holder(builder, 14, leaves)
        },
        4 + 4 + (4 + 4 * N) + N * (4 + 4),
    );
    let monsters = of_cost(
        |builder| {
            let monster = node(builder, &[]);
            let monsters = builder.create_vector(&[monster; N]);
            holder(builder, 26, monsters)
        },
        (4 + 7) + 4 + (4 + 4 * N) + N * (4 + 7),
    );
    let points = of_cost(
        |builder| {
            let [_, point] = [2_f32, 1.0].map(|coordinate| builder.push(coordinate));
            let point = WIPOffset::<UnionWIPOffset>::new(point.value());
            let points = builder.create_vector(&[point; N]);
            let tags = builder.create_vector(&[2_u8; N]);
            let start = builder.start_table();
            builder.push_slot_always(8, tags);
            builder.push_slot_always(10, points);
            builder.end_table(start)
        },
        (4 + 1) + 4 + (4 + N) + 4 + (4 + 4 * N) + N * 8,
    );
    for (name, (message, cost)) in [("trees", leaves), ("monster", monsters), ("unions", points)] {
        let walker = walker(name);
        let shared = cost - message.len();
        assert!(walker.clone().shared_bytes_max(shared).json(&message).is_ok(), "{name}");
        let error = walker.shared_bytes_max(shared - 1).json(&message).unwrap_err();
        assert_eq!(error.fault(), MessageFault::UnfoldsTooFar { max: shared - 1 }, "{name}");
    }
}

/// Unshared, a message of any size is decoded, even if nothing may be shared.
#[test]
fn what_is_not_shared_is_not_limited() {
    for (name, _) in SCHEMAS {
        let walker = walker(name);
        // Vtables are shared, and so are not counted; absent fields are, by eighths.
        let slack = 4096;
        for seed in 0..100 {
            let message = message(&walker, Contents::Anything, seed);
            let limited = walker.clone().shared_bytes_max(slack);
            assert_eq!(limited.json(&message), walker.json(&message), "{name}");
        }
    }
}

#[test]
fn text_is_as_long_as_the_limit_says() {
    let walker = trees();
    let message = chain(10);
    let text = walker.json(&message).unwrap();
    let mut out = b"before".to_vec();
    let limit = |bytes| JsonOptions::new().len_max(bytes);
    walker.write_json(&message, &limit(text.len()), &mut out).unwrap();
    assert_eq!(out, format!("before{text}").into_bytes());
    let error = walker.write_json(&message, &limit(20), &mut out).unwrap_err();
    assert_eq!(error.to_string(), "left.left.left: its JSON is longer than 20 bytes");
    assert_eq!(out, format!("before{text}").into_bytes(), "as it was before");
}

#[test]
fn errors_name_the_part_and_the_place() {
    let cases: &[(&[u8], &str)] = &[
        (b"", "the root: the offset would be at 0..4, and the message has 0 bytes"),
        (&[8, 0, 0, 0], "the root: the table would be at 8..12, and the message has 4 bytes"),
        (&[4, 0, 0, 0, 9, 0, 0, 0], "the root: the table's vtable would be at -5..-1, and the message has 8 bytes"),
        (
            &[4, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF],
            "the root: the table's vtable would be at 6..65541, and the message has 8 bytes",
        ),
    ];
    for (message, expected) in cases {
        assert_eq!(trees().json(message).unwrap_err().to_string(), *expected);
        let path = FieldPath::parse(&trees(), "left.leaf.value").unwrap();
        assert!(path.read(message).is_err());
    }
    let mut message = chain(3);
    let child = u32::from_le_bytes(message[..4].try_into().unwrap()) as usize;
    let field = child + 4;
    message[field..field + 4].copy_from_slice(&1000_u32.to_le_bytes());
    let expected = format!(
        "left: the table would be at {}..{}, and the message has {} bytes",
        field + 1000,
        field + 1004,
        message.len()
    );
    assert_eq!(trees().json(&message).unwrap_err().to_string(), expected);
    let path = FieldPath::parse(&trees(), "left.leaf.value").unwrap();
    assert_eq!(path.read(&message).unwrap_err().to_string(), expected);
}

/// The word before what is found is overwritten.
fn overwritten(mut message: Vec<u8>, found: &[u8], word: u32) -> (Vec<u8>, usize) {
    let at = message.windows(found.len()).position(|window| window == found).unwrap() - 4;
    message[at..at + 4].copy_from_slice(&word.to_le_bytes());
    (message, at)
}

#[test]
fn lengths_that_lead_outside_are_errors() {
    let mut builder = FlatBufferBuilder::new();
    let text = builder.create_string("text");
    let numbers = builder.create_vector(&[0x0A0B_0C0D_i32]);
    let texts = builder.create_vector(&[text]);
    let start = builder.start_table();
    builder.push_slot_always(14, numbers);
    builder.push_slot_always(26, texts);
    let root = builder.end_table(start);
    builder.finish(root, None);
    let message = builder.finished_data().to_vec();
    let len = message.len();
    let read = |path| FieldPath::parse(&walker("vectors"), path).unwrap();

    let (damaged, at) = overwritten(message.clone(), b"text", 100);
    let what = format!("the string would be at {at}..{}, and the message has {len} bytes", at + 104);
    assert_eq!(walker("vectors").json(&damaged).unwrap_err().to_string(), format!("l[0]: {what}"));
    assert_eq!(read("l[0]").read(&damaged).unwrap_err().to_string(), format!("l[0]: {what}"));

    let (damaged, at) = overwritten(message.clone(), &[0x0D, 0x0C, 0x0B, 0x0A], u32::MAX);
    let end = at as u64 + 4 + 4 * u64::from(u32::MAX);
    let what = format!("the vector would be at {at}..{end}, and the message has {len} bytes");
    assert_eq!(walker("vectors").json(&damaged).unwrap_err().to_string(), format!("f: {what}"));
    assert_eq!(read("f[0]").read(&damaged).unwrap_err().to_string(), format!("f[0]: {what}"));
}

#[test]
fn all_of_a_64_bit_offset_counts() {
    // A table at 12 whose vtable, at 4, has its first field only: an offset to itself, and 2^32 further.
    let word = |high: u32| {
        let (root, vtable) = (12_u32.to_le_bytes(), [6_u16, 12, 4, 0].map(u16::to_le_bytes).concat());
        let table = [8_u32, 8, high].map(u32::to_le_bytes).concat();
        let text = [2_u32.to_le_bytes(), *b"ab\0\0"].concat();
        [&root[..], &vtable, &table, &text].concat()
    };
    let (walker, path) = (walker("wide"), FieldPath::parse(&walker("wide"), "name").unwrap());
    assert_eq!(walker.json(&word(0)).unwrap(), r#"{"name":"ab"}"#);
    assert_eq!(path.read(&word(0)).unwrap().and_then(Value::as_str), Some("ab"));
    assert!(walker.json(&word(1)).is_err() && path.read(&word(1)).is_err());
    assert!(walker.json(&word(u32::MAX)).is_err() && path.read(&word(u32::MAX)).is_err());
}

#[test]
fn errors_in_nested_messages_say_where_these_begin() {
    let mut builder = FlatBufferBuilder::new();
    let nested = builder.create_vector(&[200_u8, 0, 0, 0]);
    let start = builder.start_table();
    builder.push_slot_always(6, nested);
    let root = builder.end_table(start);
    builder.finish(root, None);
    let message = builder.finished_data();
    let base = message.windows(4).position(|window| window == [200, 0, 0, 0]).unwrap();
    let expected =
        format!("the table would be at 200..204 of the nested FlatBuffer, which begins at {base} and has 4 bytes");
    let walker = walker("nested");
    assert_eq!(walker.json(message).unwrap_err().to_string(), format!("payload: {expected}"));
    let path = FieldPath::parse(&walker, "payload.id").unwrap();
    assert_eq!(path.read(message).unwrap_err().to_string(), format!("payload: {expected}"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    /// Words that are overwritten reach offsets and lengths.
    #[test]
    fn mutated_messages_give_an_answer(
        schema in 0..SCHEMAS.len(),
        seed in 0_u64..50,
        words in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![
            any::<u32>(), 0_u32..64, (0_u32..64).prop_map(u32::wrapping_neg),
        ]), 1..6),
    ) {
        let walker = limited(walker(SCHEMAS[schema].0));
        let mut message = message(&walker, Contents::Anything, seed);
        for (place, word) in words {
            let at = place.index(message.len() - 3);
            message[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        let _ = decode(&walker, &[], &message);
    }

    #[test]
    fn random_messages_give_an_answer(
        schema in 0..SCHEMAS.len(),
        start in 4_u32..32,
        mut message in prop::collection::vec(prop_oneof![any::<u8>(), 0_u8..16], 0..300),
    ) {
        let walker = limited(walker(SCHEMAS[schema].0));
        let _ = decode(&walker, &paths(&walker), &message);
        // And with a root that is inside.
        if let Some(root) = message.first_chunk_mut() {
            *root = start.to_le_bytes();
        }
        let _ = decode(&walker, &paths(&walker), &message);
    }

    #[test]
    fn mutated_schemas_give_an_answer(
        schema in 0..SCHEMAS.len(),
        words in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![
            any::<u32>(), 0_u32..64, (0_u32..64).prop_map(u32::wrapping_neg),
        ]), 1..4),
    ) {
        let (name, bfbs) = SCHEMAS[schema];
        let mut bytes = bfbs.to_vec();
        for (place, word) in words {
            let at = 8 + place.index(bytes.len() - 12);
            bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        if let Ok(schema) = Schema::read(&bytes)
            && let Ok(damaged) = Walker::new(&schema)
        {
            let damaged = limited(damaged);
            let paths = paths(&damaged);
            for seed in 0..3 {
                let _ = decode(&damaged, &paths, &message(&walker(name), Contents::Anything, seed));
            }
        }
    }

    #[test]
    fn random_schemas_give_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut bfbs = bytes;
        if bfbs.len() >= 8 {
            bfbs[4..8].copy_from_slice(b"BFBS");
        }
        let _ = Schema::read(&bfbs).and_then(|schema| Walker::new(&schema)).map_err(|error| error.to_string());
    }
}
