//! What may change in a schema and what may not, next to what the real `flatc --conform` says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flatstream_schema::{ConformError, SchemaError, conform};
use flatstream_testkit::flatc;
use flatstream_testkit::folder::Folder;
use flatstream_testkit::noise::Noise;

/// What `flatc --conform` says of the same pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flatc {
    Agrees,
    /// It says yes where `conform` says no.
    LetsItPass,
}

use Flatc::{Agrees, LetsItPass};

/// What changes, the old schema, the new one, what is said about it (nothing if it conforms), and what flatc says.
type Case = (&'static str, &'static str, &'static str, Option<&'static str>, Flatc);

const CASES: &[Case] = &[
    // What may change.
    ("nothing", "table T { a: int; }", "table T { a: int; }", None, Agrees),
    ("a field is added", "table T { a: int; }", "table T { a: int; b: string; }", None, Agrees),
    ("a field is renamed", "table T { a: int; }", "table T { z: int; }", None, Agrees),
    ("a field is deprecated", "table T { a: int; }", "table T { a: int (deprecated); }", None, Agrees),
    ("a deprecated field comes back", "table T { a: int (deprecated); }", "table T { a: int; }", None, Agrees),
    (
        "fields change their order, not their ids",
        "table T { a: int (id: 0); b: float (id: 1); }",
        "table T { b: float (id: 1); a: int (id: 0); }",
        None,
        Agrees,
    ),
    ("a table is added", "table T { a: int; }", "table N { x: int; } table T { a: int; n: N; }", None, Agrees),
    (
        "a table that nothing mentions is deleted",
        "table N { x: int; } table T { a: int; }",
        "table T { a: int; }",
        None,
        Agrees,
    ),
    (
        "an enum value is added",
        "enum E : byte { A } table T { e: E; }",
        "enum E : byte { A, B } table T { e: E; }",
        None,
        Agrees,
    ),
    (
        "an enum value is renamed",
        "enum E : byte { A, B } table T { e: E; }",
        "enum E : byte { A, Z } table T { e: E; }",
        None,
        Agrees,
    ),
    (
        "a union member is added",
        "table A {} table B {} union U { A } table T { u: U; }",
        "table A {} table B {} union U { A, B } table T { u: U; }",
        None,
        Agrees,
    ),
    (
        "a union member is renamed",
        "table A {} union U { A } table T { u: U; }",
        "table A {} union U { Z: A } table T { u: U; }",
        None,
        Agrees,
    ),
    (
        "comments and attributes",
        "table T { a: int; }",
        "/// Says more.\ntable T { a: int (hash: \"fnv1_32\"); }",
        None,
        Agrees,
    ),
    // Fields.
    ("a field's type", "table T { a: double; }", "table T { a: int; }", Some("N.T.a: double -> int"), Agrees),
    ("a field's sign", "table T { a: uint; }", "table T { a: int; }", Some("N.T.a: uint -> int"), Agrees),
    ("a field becomes a vector", "table T { a: int; }", "table T { a: [int]; }", Some("N.T.a: int -> [int]"), Agrees),
    (
        "a vector's elements",
        "table T { a: [ubyte]; }",
        "table T { a: string; }",
        Some("N.T.a: [ubyte] -> string"),
        Agrees,
    ),
    (
        "a field becomes an enum",
        "enum E : byte { A } table T { e: byte; }",
        "enum E : byte { A } table T { e: E; }",
        Some("N.T.e: byte -> N.E (byte)"),
        Agrees,
    ),
    (
        "a field's table",
        "table A {} table B {} table T { x: A; }",
        "table A {} table B {} table T { x: B; }",
        Some("N.T.x: N.A -> N.B"),
        Agrees,
    ),
    (
        "a table's name",
        "table A {} table T { x: [A]; }",
        "table B {} table T { x: [B]; }",
        Some("N.T.x: [N.A] -> [N.B]"),
        Agrees,
    ),
    (
        "a field is renamed to another type",
        "table T { a: int; }",
        "table T { z: long; }",
        Some("N.T.a: int -> long"),
        Agrees,
    ),
    (
        "a field is renamed to another default",
        "table T { a: int = 1; }",
        "table T { z: int = 2; }",
        Some("N.T.a: default 1 -> default 2"),
        LetsItPass,
    ),
    (
        "the last field is deleted",
        "table T { a: int; b: int; }",
        "table T { a: int; }",
        Some("N.T.b: field 1 -> deleted"),
        Agrees,
    ),
    (
        "two fields of a type change places",
        "table T { a: int; b: int; }",
        "table T { b: int; a: int; }",
        Some("N.T.a: field 0 -> field 1"),
        Agrees,
    ),
    (
        "a field is put in front",
        "table T { a: int; }",
        "table T { z: int; a: int; }",
        Some("N.T.a: field 0 -> field 1"),
        Agrees,
    ),
    (
        "an integer default",
        "table T { a: int = 1; }",
        "table T { a: int = 2; }",
        Some("N.T.a: default 1 -> default 2"),
        Agrees,
    ),
    (
        "a real default",
        "table T { a: float = 1.5; }",
        "table T { a: float; }",
        Some("N.T.a: default 1.5 -> default 0"),
        Agrees,
    ),
    (
        "a boolean default",
        "table T { a: bool = true; }",
        "table T { a: bool; }",
        Some("N.T.a: default 1 -> default 0"),
        Agrees,
    ),
    (
        "a scalar becomes optional",
        "table T { a: int; }",
        "table T { a: int = null; }",
        Some("N.T.a: not optional -> optional"),
        Agrees,
    ),
    (
        "a field becomes required",
        "table T { a: string; }",
        "table T { a: string (required); }",
        Some("N.T.a: not required -> required"),
        LetsItPass,
    ),
    (
        "a field isn't required any more",
        "table T { a: string (required); }",
        "table T { a: string; }",
        Some("N.T.a: required -> not required"),
        LetsItPass,
    ),
    (
        "a required field is added",
        "table T { a: int; }",
        "table T { a: int; b: string (required); }",
        Some("N.T.b: not there -> required"),
        LetsItPass,
    ),
    // Structs.
    (
        "a struct grows",
        "struct S { x: int; } table T { s: S; }",
        "struct S { x: int; y: int; } table T { s: S; }",
        Some("N.S: 4 bytes -> 8 bytes"),
        LetsItPass,
    ),
    (
        "a struct grows into its padding",
        "struct S { x: int; y: byte; } table T { s: S; }",
        "struct S { x: int; y: byte; z: byte; } table T { s: S; }",
        Some("N.S: 2 fields -> 3 fields"),
        LetsItPass,
    ),
    (
        "a struct shrinks",
        "struct S { x: int; y: int; } table T { s: S; }",
        "struct S { x: int; } table T { s: S; }",
        Some("N.S.y: field 1 -> deleted"),
        Agrees,
    ),
    (
        "a struct's field",
        "struct S { x: int; } table T { s: S; }",
        "struct S { x: float; } table T { s: S; }",
        Some("N.S.x: int -> float"),
        Agrees,
    ),
    (
        "a struct's alignment",
        "struct S { x: int; y: int; } table T { s: S; }",
        "struct S (force_align: 8) { x: int; y: int; } table T { s: S; }",
        Some("N.S: aligned to 4 bytes -> aligned to 8 bytes"),
        LetsItPass,
    ),
    (
        "an array's length",
        "struct S { x: [byte:4]; } table T { s: S; }",
        "struct S { x: [byte:5]; } table T { s: S; }",
        Some("N.S.x: [byte:4] -> [byte:5]"),
        LetsItPass,
    ),
    (
        "a struct becomes a table",
        "struct S { x: int; } table T { a: int; }",
        "table S { x: int; } table T { a: int; }",
        Some("N.S: struct -> table"),
        Agrees,
    ),
    // Enums and unions.
    (
        "an enum value's number",
        "enum E : byte { A, B } table T { e: E; }",
        "enum E : byte { A, B = 5 } table T { e: E; }",
        Some("N.E.B: 1 -> 5"),
        Agrees,
    ),
    (
        "an enum value is put in front",
        "enum E : byte { A } table T { e: E; }",
        "enum E : byte { Z, A } table T { e: E; }",
        Some("N.E.A: 0 -> 1"),
        Agrees,
    ),
    (
        "an enum value is deleted",
        "enum E : byte { A, B } table T { e: E; }",
        "enum E : byte { A } table T { e: E; }",
        Some("N.E.B: 1 -> deleted"),
        LetsItPass,
    ),
    (
        "an enum's underlying type",
        "enum E : byte { A } table T { a: int; }",
        "enum E : short { A } table T { a: int; }",
        Some("N.E: byte -> short"),
        Agrees,
    ),
    (
        "an enum becomes flags",
        "enum E : ubyte { A } table T { a: int; }",
        "enum E : ubyte (bit_flags) { A } table T { a: int; }",
        Some("N.E.A: 0 -> 1"),
        Agrees,
    ),
    (
        "union members change places",
        "table A {} table B {} union U { A, B } table T { u: U; }",
        "table A {} table B {} union U { B, A } table T { u: U; }",
        Some("N.U.A: 1 -> 2"),
        Agrees,
    ),
    (
        "a union's number passes to another type",
        "table A {} table B {} union U { A } table T { u: U; }",
        "table A {} table B {} union U { B } table T { u: U; }",
        Some("N.U.A: N.A -> N.B"),
        LetsItPass,
    ),
    (
        "a union member's type",
        "table A {} table B {} union U { X: A } table T { u: U; }",
        "table A {} table B {} union U { X: B } table T { u: U; }",
        Some("N.U.X: N.A -> N.B"),
        LetsItPass,
    ),
    (
        "a union member is deleted",
        "table A {} table B {} union U { A, B } table T { u: U; }",
        "table A {} table B {} union U { A } table T { u: U; }",
        Some("N.U.B: 2 -> deleted"),
        LetsItPass,
    ),
    // The root.
    (
        "the root type",
        "table T {} table R {} root_type T;",
        "table T {} table R {} root_type R;",
        Some("root type: N.T -> N.R"),
        LetsItPass,
    ),
];

/// The schema as it is written in a case, whole: a root type is added where the case says none.
fn write_schema(folder: &Folder, name: &str, declarations: &str) -> PathBuf {
    let root = if declarations.contains("root_type") { "" } else { "root_type T;" };
    let path = folder.join(name);
    fs::write(&path, format!("namespace N;\n{declarations}\n{root}\n")).unwrap();
    path
}

fn run(flatc: &Path, folder: &Folder, arguments: &[&str], schema: &Path) -> Output {
    Command::new(flatc).current_dir(folder.path()).args(arguments).arg(schema).output().unwrap()
}

fn bfbs(flatc: &Path, folder: &Folder, schema: &Path) -> Vec<u8> {
    let output = run(flatc, folder, &["--binary", "--schema"], schema);
    assert!(output.status.success(), "{}: {}", schema.display(), String::from_utf8_lossy(&output.stdout));
    fs::read(schema.with_extension("bfbs")).unwrap()
}

#[test]
fn conform_says_of_every_change_what_it_should_and_flatc_is_never_stricter() {
    let Some(flatc) = flatc::find() else { return };
    let folder = Folder::new("conform");
    for &(what, old, new, expected, of_flatc) in CASES {
        let [old, new] = [("old.fbs", old), ("new.fbs", new)].map(|(name, text)| write_schema(&folder, name, text));
        let [old_bfbs, new_bfbs] = [&old, &new].map(|schema| bfbs(&flatc, &folder, schema));
        let said = conform(&old_bfbs, &new_bfbs).err().map(|error| error.to_string());
        assert_eq!(said.as_deref(), expected, "{what}");

        let output = run(&flatc, &folder, &["--conform", old.to_str().unwrap()], &new);
        let flatc_conforms = output.status.success();
        let theirs = String::from_utf8_lossy(&output.stdout).into_owned();
        match of_flatc {
            Agrees => assert_eq!(flatc_conforms, expected.is_none(), "{what}: flatc says {theirs}"),
            LetsItPass => assert!(flatc_conforms && expected.is_some(), "{what}: flatc says {theirs}"),
        }
    }
}

/// Two changes at once: `conform` says yes only if both may be, and then flatc says so too.
#[test]
fn of_two_changes_both_have_to_be_allowed() {
    let Some(flatc) = flatc::find() else { return };
    let folder = Folder::new("conform-two");
    let mut noise = Noise::new(7);
    let (mut conforming, mut differing) = (0, 0);
    for _ in 0..80 {
        // All but the last, which is about the root type.
        let chosen: Vec<&Case> = (0..2).map(|_| &CASES[noise.below(CASES.len() - 1)]).collect();
        let text = |side: fn(&Case) -> &'static str| -> String {
            let namespaces = chosen.iter().enumerate();
            namespaces.map(|(nth, case)| format!("namespace N{nth};\n{}\n", side(case))).collect()
        };
        let [old, new] = [("old.fbs", text(|case| case.1)), ("new.fbs", text(|case| case.2))].map(|(name, text)| {
            let path = folder.join(name);
            fs::write(&path, format!("{text}namespace R;\ntable Root {{}}\nroot_type Root;\n")).unwrap();
            path
        });
        let result = conform(&bfbs(&flatc, &folder, &old), &bfbs(&flatc, &folder, &new));
        let flatc_conforms = run(&flatc, &folder, &["--conform", old.to_str().unwrap()], &new).status.success();
        let names: Vec<_> = chosen.iter().map(|case| case.0).collect();
        assert_eq!(result.is_ok(), chosen.iter().all(|case| case.3.is_none()), "{names:?}: {result:?}");
        assert!(flatc_conforms || result.is_err(), "{names:?}");
        if result.is_ok() { conforming += 1 } else { differing += 1 }
    }
    assert!(conforming > 0 && differing > 0, "{conforming} conform, {differing} don't");
}

const KINDS: &[u8] = include_bytes!("kinds.bfbs");

#[test]
fn every_schema_conforms_to_itself() {
    for schema in [KINDS, telemetry_schema::BFBS] {
        conform(schema, schema).unwrap();
    }
}

#[test]
fn a_mismatch_says_where_and_what() {
    let error = conform(KINDS, telemetry_schema::BFBS).unwrap_err();
    let ConformError::Mismatch(mismatch) = error else { panic!("{error}") };
    let said: [&str; 3] = [mismatch.path(), mismatch.in_old(), mismatch.in_new()];
    assert_eq!(said, ["root type", "Kinds.Everything", "Telemetry.TelemetryEvent"]);
    assert!(!mismatch.is_deletion());
    assert_eq!(Err(ConformError::Mismatch(mismatch.reversed())), conform(telemetry_schema::BFBS, KINDS));
}

#[test]
fn of_two_schemas_the_one_that_is_none_is_named() {
    let none = b"no schema at all".as_slice();
    assert_eq!(conform(none, KINDS), Err(ConformError::Old(SchemaError::NotASchema)));
    let said = conform(KINDS, none).unwrap_err().to_string();
    assert_eq!(said, "the new schema is not a binary schema: expected \"BFBS\" at position 4");
}
