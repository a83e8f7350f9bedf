//! What the program reads: files of any bytes by its commands, MCAP files, windows, keys and conditions as they are
//! written on the command line, and messages of JSON.
//!
//! An input is a byte that says what is done, one that chooses among variants, and the rest. What is printed isn't
//! looked at: each command has to come to an end, without a panic, and leave no file that isn't whole.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs;
use std::sync::LazyLock;

use flatstream_cli::run;
use flatstream_io::{Reader, WriteOptions, Writer};
use flatstream_schema::Walker;
use flatstream_testkit::folder::Folder;
use flatstream_testkit::noise::Choices;

use crate::messages::{Contents, SCHEMAS, message, walker};
use crate::script::Script;

/// What an input's first byte says is done.
pub(crate) const FILE: u8 = 0;
pub(crate) const MCAP: u8 = 1;
pub(crate) const WORDS: u8 = 2;
pub(crate) const JSON: u8 = 3;

/// With any bytes as `in`.
const OF_FILES: [&str; 14] = [
    "info in --scan --format json",
    "info in",
    "cat in --recover --format ndjson",
    "cat in --recover --format csv",
    "cat in --last 3",
    "head in --format raw",
    "tail in -n 2 --recover",
    "verify in --format json --threads 2",
    "inspect in@200",
    "recover in --output new",
    "schema show in",
    "cut in --output new --sequences 1..9",
    "convert in --to mcap --output new",
    "split in --output folder --every-messages 5",
];

/// With a good file as `good`, and words of the input behind.
const OF_WORDS: [&str; 6] = [
    "cat good --times",
    "cat good --sequences",
    "cat good --key",
    "cat good --where",
    "inspect",
    "cut good --output new --where",
];

thread_local! {
    static FOLDER: RefCell<Folder> = RefCell::new({
        let folder = Folder::new("fuzz-cli");
        fs::write(folder.join("good"), recording()).unwrap();
        folder
    });
}

pub(crate) const ROBOT: &str = "robot";

static WALKERS: LazyLock<Vec<Walker>> = LazyLock::new(|| SCHEMAS.iter().map(|(name, _)| walker(name)).collect());

/// A stream of messages that its schema says.
pub(crate) fn recording() -> Vec<u8> {
    let (walker, (_, bfbs)) = (walker(ROBOT), SCHEMAS.iter().find(|(name, _)| *name == ROBOT).unwrap());
    let options = WriteOptions::new().stream_id(7).sync_interval(256).message_type(walker.root().name()).schema(*bfbs);
    let mut writer = Writer::new(Vec::new(), options).unwrap();
    for seed in 0..20 {
        writer.append(&message(&walker, Contents::AsFlatcPrints, seed)).unwrap();
    }
    writer.finish().unwrap()
}

/// The recording as an MCAP file.
pub(crate) fn as_mcap() -> Option<Vec<u8>> {
    FOLDER.with_borrow(|folder| {
        let [good, new] = ["good", "new"].map(|file| folder.join(file));
        let line = ["flatstream", "convert", "--to", "mcap", "--output"].map(OsString::from);
        let _ = run(line.into_iter().chain([new.clone().into(), good.into()]));
        let made = fs::read(&new).ok();
        let _ = fs::remove_file(&new);
        made
    })
}

pub fn check(data: &[u8]) {
    let mut script = Script::new(data);
    match script.below(4) as u8 {
        FILE => {
            let line = OF_FILES[script.below(OF_FILES.len())];
            run_in_folder(line, Some(script.rest()), None);
        }
        MCAP => run_in_folder("convert in --from mcap --output new", Some(script.rest()), None),
        WORDS => {
            let line = OF_WORDS[script.below(OF_WORDS.len())];
            let Ok(words) = str::from_utf8(script.rest()) else { return };
            // Options, and what no shell can hand over, are the arguments' parser's matter.
            if !words.starts_with('-') && !words.contains(['/', '\0']) {
                run_in_folder(line, None, Some(words));
            }
        }
        _ => {
            let which = script.below(WALKERS.len());
            check_json(&WALKERS[which], script.rest());
        }
    }
}

/// Runs a line in which `in`, `good`, `new` and `folder` are files.
fn run_in_folder(line: &str, input: Option<&[u8]>, words: Option<&str>) {
    FOLDER.with_borrow(|folder| {
        if let Some(input) = input {
            fs::write(folder.join("in"), input).unwrap();
        }
        let argument = |word: &str| match word.split('@').next() {
            Some(file @ ("in" | "good" | "new" | "folder")) => {
                let mut path = folder.join(file).into_os_string();
                path.push(&word[file.len()..]);
                path
            }
            _ => OsString::from(word),
        };
        let words = words.map(|words| match line {
            "inspect" => argument(&format!("good@{words}")),
            _ => OsString::from(words),
        });
        let _ = run(["flatstream".into()].into_iter().chain(line.split(' ').map(argument)).chain(words));
        check_new(folder);
    });
}

/// A file that was made is a closed stream, or an MCAP file.
fn check_new(folder: &Folder) {
    let new = folder.join("new");
    if let Ok(bytes) = fs::read(&new) {
        fs::remove_file(&new).unwrap();
        if !bytes.starts_with(b"\x89MCAP") {
            let mut reader = Reader::new(&bytes[..]).unwrap();
            reader.by_ref().for_each(|message| drop(message.unwrap()));
            assert!(reader.end().unwrap().is_closed());
        }
    }
    let _ = fs::remove_dir_all(folder.join("folder"));
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "in" || name == "good"), "{left:?}");
}

/// What was made of JSON is a message, and says the same.
fn check_json(walker: &Walker, text: &[u8]) {
    let message = match walker.message_from_json(text) {
        Ok(message) => message,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let said = walker.json(&message).unwrap();
    let again = walker.message_from_json(said.as_bytes()).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!(walker.json(&again).unwrap(), said);
}
