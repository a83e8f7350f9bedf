//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::rounds::Rounds;
use crate::tables::{Settings, TABLES};

#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) table: Option<String>,
    lens: Option<Vec<usize>>,
    rounds: Option<usize>,
    folder: PathBuf,
    is_quick: bool,
    /// Where the documents are, if they are to be written.
    pub(crate) write: Option<PathBuf>,
}

pub(crate) fn help() -> String {
    let tables: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
    format!(
        "\
flatstream-compare [OPTIONS]

  --table NAME     one table, to stdout: {}
  --len BYTES,...  messages of these lengths only, in the tables from append to fresh
  --rounds N       rounds (11; with --quick 7), at least 7
  --folder PATH    where files are made (target)
  --write PATH     all tables, as PATH/BENCHMARKS.md and PATH/benchmarks/*.svg
  --quick          shorter runs and smaller files: to see that all works, not to quote
",
        tables.join(", ")
    )
}

impl Arguments {
    /// `None`: help was asked for.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut arguments = Self {
            table: None,
            lens: None,
            rounds: None,
            folder: PathBuf::from("target"),
            is_quick: false,
            write: None,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--table" => arguments.table = Some(table(&value()?)?),
                "--len" => arguments.lens = Some(value()?.split(',').map(number).collect::<Result<_, _>>()?),
                "--rounds" => arguments.rounds = Some(number(&value()?)?.max(7)),
                "--folder" => arguments.folder = PathBuf::from(value()?),
                "--write" => arguments.write = Some(PathBuf::from(value()?)),
                "--quick" => arguments.is_quick = true,
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("unknown option: {word}")),
            }
        }
        let is_partial = arguments.table.is_some() || arguments.lens.is_some();
        if arguments.write.is_some() && is_partial {
            return Err("--write takes all tables and all lengths".to_owned());
        }
        Ok(Some(arguments))
    }

    pub(crate) fn settings(&self) -> Settings {
        let (count, least) = if self.is_quick { (7, 8) } else { (11, 40) };
        let rounds = Rounds { count: self.rounds.unwrap_or(count), least: Duration::from_millis(least) };
        Settings { rounds, folder: self.folder.clone(), is_quick: self.is_quick, lens: self.lens.clone() }
    }
}

fn table(name: &str) -> Result<String, String> {
    let is_known = TABLES.iter().any(|table| table.name == name);
    is_known.then(|| name.to_owned()).ok_or_else(|| format!("unknown table: {name}"))
}

fn number(word: &str) -> Result<usize, String> {
    word.parse().map_err(|_| format!("no number: {word}"))
}
