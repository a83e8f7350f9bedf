//! The first inputs: made of the vectors of `docs/format`, and of the schemas of `flatstream-schema`.

use std::path::Path;
use std::{fs, io};

use flatstream_io::{ReadOptions, Reader, Recovery};
use flatstream_testkit::noise::Noise;
use flatstream_testkit::vectors;

use crate::common::{ALL_CHECKSUMS, varied};
use crate::messages::{Contents, SCHEMAS, message, walker};
use crate::{TARGETS, cli_readers, schema_walker};

/// Longer ones cost more than they show.
const LEN_MAX: usize = 16 << 10;

/// Writes them into a folder for each target.
///
/// # Errors
/// Those of the file system.
pub fn write(corpus: &Path) -> io::Result<()> {
    for (target, _) in TARGETS {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        for (nth, seed) in of_target(target).into_iter().enumerate() {
            fs::write(folder.join(format!("seed-{nth:04}")), seed)?;
        }
    }
    Ok(())
}

fn of_target(target: &str) -> Vec<Vec<u8>> {
    match target {
        "schema_walker" => of_schemas(),
        "cli_readers" => of_program(),
        // Their inputs are choices: nothing that is stored anywhere.
        "recover" | "round_trip" => (0..64).map(|seed| Noise::new(seed).bytes(8 << (seed % 6))).collect(),
        _ => streams(),
    }
}

fn streams() -> Vec<Vec<u8>> {
    let vectors = ["valid", "invalid"].into_iter().flat_map(vectors::load).map(|vector| vector.bytes);
    let varied = ALL_CHECKSUMS.into_iter().map(|checksum| varied(checksum, &mut Noise::new(3)).bytes);
    vectors.chain(varied).filter(|bytes| bytes.len() <= LEN_MAX).collect()
}

fn of_schemas() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (which, (name, bfbs)) in (0_u8..).zip(SCHEMAS) {
        let walker = walker(name);
        seeds.push([&[schema_walker::SCHEMA, which], *bfbs].concat());
        for seed in 0..3 {
            let message = message(&walker, Contents::Anything, seed);
            seeds.push([&[schema_walker::MESSAGE, which], &message[..]].concat());
        }
        let fields = walker.root().fields().iter();
        seeds.extend(fields.map(|field| [&[schema_walker::PATH, which], field.name().as_bytes()].concat()));
    }
    seeds
}

fn of_program() -> Vec<Vec<u8>> {
    let mut files = vec![cli_readers::recording()];
    files.extend(streams().into_iter().filter(|stream| {
        // Some of each kind is enough: a command does more than a reader.
        let read = ReadOptions::new().recovery(Recovery::new());
        stream.len() < 2000 && Reader::with_options(&stream[..], read).is_ok()
    }));
    let mut seeds: Vec<_> =
        (0_u8..).zip(files).map(|(which, file)| [&[cli_readers::FILE, which % 14], &file[..]].concat()).collect();
    seeds.extend(cli_readers::as_mcap().map(|mcap| [&[cli_readers::MCAP], &mcap[..]].concat()));
    for (which, words) in [
        (0, "1970-01-01T00:00:00Z..2026-11-27T10:00:00.5Z"),
        (0, "-5..100"),
        (1, "3..7"),
        (2, "pose.position.x=1..2.5"),
        (3, "name=robot"),
        (3, "id>=3"),
        (4, "0x200"),
        (5, "id!=3"),
    ] {
        seeds.push([&[cli_readers::WORDS, which], words.as_bytes()].concat());
    }
    for (which, (name, _)) in (0_u8..).zip(SCHEMAS) {
        let walker = walker(name);
        for seed in 0..3 {
            let Ok(text) = walker.json(&message(&walker, Contents::AsFlatcPrints, seed)) else { continue };
            seeds.push([&[cli_readers::JSON, which], text.as_bytes()].concat());
        }
    }
    seeds
}
