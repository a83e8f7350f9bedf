//! Reads the known-answer vectors of `docs/format/vectors`. Their syntax: `docs/format/spec.md`, section 20.

use std::fs;
use std::path::{Path, PathBuf};

/// One vector: bytes, and what a strict reader makes of them.
#[derive(Clone, Debug)]
pub struct Vector {
    /// The file's name without its ending.
    pub name: String,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The facts, in the order of the file: key, and the rest of the line.
    facts: Vec<(String, String)>,
}

/// What a strict reader finds, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A sync frame.
    Sync {
        /// Where it stands.
        position: u64,
        /// Its epoch.
        epoch: u32,
        /// Its flags.
        flags: u8,
        /// The stream's id.
        stream_id: u64,
        /// Messages before it.
        sequence: u64,
        /// Its time.
        time: i64,
        /// What was durable.
        durable: u64,
    },
    /// A message.
    Message {
        /// Where its frame stands.
        position: u64,
        /// The length of its body.
        length: usize,
        /// Messages before it.
        sequence: u64,
    },
    /// A control frame of a kind that was skipped.
    Control {
        /// Where it stands.
        position: u64,
        /// Its kind.
        kind: String,
        /// The length of its body.
        length: usize,
    },
}

/// How reading ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// `closed`, `open`, `torn`, `scattered`, `corrupt`.
    pub state: String,
    /// Where the good data end.
    pub position: u64,
    /// For a torn end, the number of bytes behind.
    pub bytes: Option<u64>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/format/vectors")
}

/// All vectors of `valid` or of `invalid`, sorted by name.
///
/// # Panics
/// If there are none, or one is malformed.
#[must_use]
pub fn load(kind: &str) -> Vec<Vector> {
    let folder = folder().join(kind);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "hex"))
        .collect();
    assert!(!paths.is_empty(), "no vectors in {}", folder.display());
    paths.sort();
    paths.iter().map(|path| parse(path)).collect()
}

/// The bytes of annotated hex: `offset  bytes  # remark`.
///
/// # Panics
/// If a line is malformed, or its offset isn't the number of bytes before it.
#[must_use]
pub fn parse_hex(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('%') {
            continue;
        }
        let (offset, hex) = line.split_once("  ").unwrap_or_else(|| panic!("no hex in {line:?}"));
        assert_eq!(usize::from_str_radix(offset, 16), Ok(bytes.len()), "offset of {line:?}");
        bytes.extend(hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("two hex digits")));
    }
    bytes
}

fn parse(path: &Path) -> Vector {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(path).unwrap();
    let facts = text
        .lines()
        .filter_map(|line| line.strip_prefix('%'))
        .map(|fact| fact.split_once(' ').unwrap_or((fact, "")))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let vector = Vector { name, bytes: parse_hex(&text), facts };
    assert_eq!(vector.number("length"), Some(vector.bytes.len() as u64), "{}: %length", vector.name);
    vector
}

/// `0x…` or decimal.
fn number(text: &str) -> u64 {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.unwrap_or_else(|_| panic!("not a number: {text:?}"))
}

/// The value of `key=` among the words of a fact.
fn word<'a>(fact: &'a str, key: &str) -> &'a str {
    fact.split_whitespace()
        .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
        .unwrap_or_else(|| panic!("no {key}= in {fact:?}"))
}

fn first_word(fact: &str) -> &str {
    fact.split_whitespace().next().unwrap_or_default()
}

impl Vector {
    /// The first fact of this name.
    #[must_use]
    pub fn fact(&self, key: &str) -> Option<&str> {
        self.facts.iter().find(|(found, _)| found == key).map(|(_, value)| value.trim())
    }

    /// The first fact of this name, as a number.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<u64> {
        self.fact(key).map(number)
    }

    /// What a strict reader finds before the end or the error.
    ///
    /// # Panics
    /// If a fact is malformed.
    #[must_use]
    pub fn found(&self) -> Vec<Found> {
        let frames = self.facts.iter().filter_map(|(key, fact)| {
            let position = || number(first_word(fact));
            Some(match key.as_str() {
                "sync" => Found::Sync {
                    position: position(),
                    epoch: word(fact, "epoch").parse().unwrap(),
                    flags: word(fact, "flags").parse().unwrap(),
                    stream_id: number(word(fact, "stream_id")),
                    sequence: number(word(fact, "sequence")),
                    time: word(fact, "time").parse().unwrap(),
                    durable: number(word(fact, "durable")),
                },
                "message" => Found::Message {
                    position: position(),
                    length: number(word(fact, "length")) as usize,
                    sequence: number(word(fact, "sequence")),
                },
                "control" => Found::Control {
                    position: position(),
                    kind: word(fact, "kind").to_owned(),
                    length: number(word(fact, "length")) as usize,
                },
                _ => return None,
            })
        });
        frames.collect()
    }

    /// The bodies of the messages that a strict reader delivers.
    #[must_use]
    pub fn messages(&self) -> Vec<&[u8]> {
        let bodies = self.found().into_iter().filter_map(|found| match found {
            Found::Message { position, length, .. } => {
                let start = position as usize + 8;
                Some(&self.bytes[start..start + length])
            }
            _ => None,
        });
        bodies.collect()
    }

    /// How it ended; `None` where an error says nothing of the end.
    #[must_use]
    pub fn end(&self) -> Option<Ending> {
        let fact = self.fact("end")?;
        let state = first_word(fact).to_owned();
        let bytes = (state == "torn").then(|| number(word(fact, "bytes")));
        Some(Ending { state, position: number(word(fact, "position")), bytes })
    }

    /// What a recovering reader finds, in the order of section 20; nothing where recovery doesn't override the error.
    #[must_use]
    pub fn recovered(&self) -> Vec<&str> {
        self.facts.iter().filter(|(key, _)| key == "recover").map(|(_, fact)| fact.trim()).collect()
    }

    /// The code and the position of the error.
    #[must_use]
    pub fn error(&self) -> Option<(&str, u64)> {
        let fact = self.fact("error")?;
        Some((first_word(fact), number(word(fact, "position"))))
    }
}
