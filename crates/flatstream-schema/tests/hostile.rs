//! Whatever the bytes are, reading a schema ends in an answer.

use std::collections::BTreeSet;

use flatbuffers::{FlatBufferBuilder, InvalidFlatbuffer, TableFinishedWIPOffset, WIPOffset};
use flatstream_schema::{ConformError, Schema, SchemaError, conform};
use proptest::prelude::*;

const KINDS: &[u8] = include_bytes!("kinds.bfbs");

#[test]
fn a_good_schema_says_what_it_declares() {
    let schema = Schema::read(KINDS).unwrap();
    assert_eq!(schema.root_table(), Some("Kinds.Everything"));
    assert_eq!(schema.file_identifier(), Some("KIND"));
    assert!(schema.has_table("Kinds.Note"));
    assert!(!schema.has_table("Kinds.Point"), "a struct is no table");
    assert!(!schema.has_table("Note"), "names are full names");
    assert!(format!("{schema:?}").contains("Kinds.Shape"));
}

/// The last bytes are a pad.
#[test]
fn every_shorter_prefix_is_refused() {
    let end = KINDS.len() - KINDS.iter().rev().take_while(|&&byte| byte == 0).count();
    for len in 0..end {
        let error = Schema::read(&KINDS[..len]).unwrap_err();
        let is_without_identifier = len < 8;
        assert_eq!(error == SchemaError::NotASchema, is_without_identifier, "{len}: {error}");
    }
}

#[test]
fn every_single_bit_error_gives_an_answer() {
    let mut inconsistencies = BTreeSet::new();
    let mut good = 0;
    for bit in 0..KINDS.len() * 8 {
        let mut bytes = KINDS.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let read = Schema::read(&bytes);
        good += usize::from(read.is_ok());
        assert_eq!(matches!(conform(KINDS, &bytes), Err(ConformError::New(_))), read.is_err(), "bit {bit}");
        assert_eq!(matches!(conform(&bytes, KINDS), Err(ConformError::Old(_))), read.is_err(), "bit {bit}");
        if let Err(SchemaError::Inconsistent { what, .. }) = read {
            inconsistencies.insert(what);
        }
    }
    assert!(good > 0, "names and numbers may change into others");
    // What the FlatBuffers verifier lets pass.
    let expected = ["another field has its id", "its type isn't one, or isn't there", "its underlying type isn't one"];
    for what in expected {
        assert!(inconsistencies.iter().any(|found| found.starts_with(what)), "{what}: {inconsistencies:?}");
    }
}

#[test]
fn two_declarations_of_a_name_are_refused() {
    for (from, to, path) in [
        ("radius", "center", "Kinds.Circle.center"),
        ("Kinds.Shape", "Kinds.Color", "Kinds.Color"),
        ("Circle", "Remark", "Kinds.Shape.Remark"),
    ] {
        let error = Schema::read(&replace(KINDS, from.as_bytes(), to.as_bytes())).unwrap_err();
        let SchemaError::Inconsistent { path: found, .. } = error else { panic!("{from}: {error}") };
        assert_eq!(found, path);
    }
}

/// A thousand tables that all have the same thousand fields: 20 KB that would unfold to a million fields.
#[test]
fn a_small_schema_that_unfolds_to_a_large_one_is_refused() {
    let mut builder = FlatBufferBuilder::new();
    let empty = builder.start_table();
    let shared_type = builder.end_table(empty);
    let name = builder.create_string("name");
    let field = table(&mut builder, &[(4, name.value()), (6, shared_type.value())]);
    let fields = builder.create_vector(&[field; 1000]);
    let object = table(&mut builder, &[(4, name.value()), (6, fields.value())]);
    let objects = builder.create_vector(&[object; 1100]);
    let enums = builder.create_vector::<WIPOffset<&str>>(&[]);
    let schema = table(&mut builder, &[(4, objects.value()), (6, enums.value())]);
    builder.finish(schema, Some("BFBS"));
    assert!(builder.finished_data().len() < 20_000);
    let error = Schema::read(builder.finished_data()).unwrap_err();
    let SchemaError::Invalid(why) = error else { panic!("{error}") };
    assert!(matches!(why, InvalidFlatbuffer::TooManyTables | InvalidFlatbuffer::ApparentSizeTooLarge), "{why}");
}

fn table(builder: &mut FlatBufferBuilder<'static>, slots: &[(u16, u32)]) -> WIPOffset<TableFinishedWIPOffset> {
    let start = builder.start_table();
    for &(slot, offset) in slots {
        builder.push_slot_always(slot, WIPOffset::<TableFinishedWIPOffset>::new(offset));
    }
    builder.end_table(start)
}

/// Everywhere, and to the same length.
fn replace(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut replaced = bytes.to_vec();
    let places: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(old)).collect();
    assert!(!places.is_empty());
    for at in places {
        replaced[at..at + new.len()].copy_from_slice(new);
    }
    replaced
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    /// Words that are overwritten reach offsets, indices and lengths.
    #[test]
    fn mutated_schemas_give_an_answer(
        words in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![
            any::<u32>(), 0u32..64, (0u32..64).prop_map(u32::wrapping_neg),
        ]), 1..6),
        cut in 0usize..8,
    ) {
        let mut bytes = KINDS.to_vec();
        for (place, word) in words {
            let at = 8 + place.index(bytes.len() - 12);
            bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        bytes.truncate(bytes.len() - cut);
        if let Ok(schema) = Schema::read(&bytes) {
            let _ = (schema.root_table(), schema.file_identifier(), format!("{schema:?}"));
            prop_assert_eq!(schema.check_conforms_to(&schema), Ok(()));
        }
        let _ = conform(&bytes, KINDS).map_err(|error| error.to_string());
        let _ = conform(KINDS, &bytes).map_err(|error| error.to_string());
    }
}
