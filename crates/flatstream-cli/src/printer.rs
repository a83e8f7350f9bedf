//! Writes messages in one of the formats.

use std::fmt::Display;
use std::io::{self, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flatstream::schema::{JsonOptions, Walker};
use flatstream::{Clock, Header};

use crate::arguments::{MessagesFormat, Reading};
use crate::convert::csv::Table;
use crate::messages::Item;
use crate::outcome::{Done, Failure};
use crate::shape;
use crate::text::{preview, printable};
use crate::time;

/// So many bytes of a message that can't be decoded are shown.
const PREVIEW: usize = 64;

pub(crate) const NO_COLUMNS: &str = "no schema says which columns there are: `--schema FILE.bfbs` gives one";

pub(crate) struct Printer {
    format: MessagesFormat,
    walker: Option<Walker>,
    table: Option<Table>,
    clock: Clock,
    json: JsonOptions,
    /// Whether a message that can't be decoded is said, and gone on behind.
    is_lenient: bool,
    line: Vec<u8>,
    /// Messages that can't be rows.
    left_out: u64,
}

impl Printer {
    pub(crate) fn new(format: MessagesFormat, reading: &Reading, header: Option<&Header>) -> Result<Self, Failure> {
        let walker = match format {
            MessagesFormat::Raw => None,
            _ => shape::walker(header, &reading.choice.schema)?,
        };
        let table = match (format, &walker) {
            (MessagesFormat::Csv, Some(walker)) => Some(Table::new(walker.clone())?),
            (MessagesFormat::Csv, None) => return Err(Failure::usage(NO_COLUMNS)),
            _ => None,
        };
        let clock = header.map(Header::clock).unwrap_or_default();
        let (json, is_lenient) = (JsonOptions::new(), reading.recover);
        Ok(Self { format, walker, table, clock, json, is_lenient, line: Vec::new(), left_out: 0 })
    }

    /// What stands before all messages.
    pub(crate) fn head(&self) -> &[u8] {
        self.table.as_ref().map(Table::head).unwrap_or_default()
    }

    /// A message with the end of its line; nothing for one that can't be a row.
    pub(crate) fn line(&mut self, item: &Item) -> Result<&[u8], Failure> {
        self.line.clear();
        match self.format {
            MessagesFormat::Raw => {
                self.line.extend_from_slice(&(item.message.len() as u32).to_le_bytes());
                self.line.extend_from_slice(&item.message);
                return Ok(&self.line);
            }
            MessagesFormat::Ndjson => self.write_object(item)?,
            MessagesFormat::Csv => {
                if !self.write_row(item)? {
                    self.left_out += 1;
                    return Ok(&[]);
                }
            }
            MessagesFormat::Text => {
                self.write_head(item)?;
                match self.walker {
                    Some(_) => self.write_object(item)?,
                    None => write!(self.line, "{}", preview(&item.message, PREVIEW))?,
                }
            }
        }
        self.line.push(b'\n');
        Ok(&self.line)
    }

    /// Whether all messages were written.
    pub(crate) fn done(&self) -> Done {
        if self.left_out > 0 { Done::WithLoss } else { Done::Well }
    }

    /// As JSON without an end of line.
    pub(crate) fn object(&mut self, item: &Item) -> Result<&[u8], Failure> {
        self.line.clear();
        self.write_object(item)?;
        Ok(&self.line)
    }

    fn write_head(&mut self, item: &Item) -> io::Result<()> {
        match item.sequence {
            Some(sequence) => write!(self.line, "{sequence:>8}")?,
            None => write!(self.line, "{:>8}", "?")?,
        }
        if item.time() != flatstream::TIME_NONE {
            write!(self.line, "  {}", time::to_text(item.time(), self.clock))?;
        }
        write!(self.line, "  {:>5} B  ", item.message.len())
    }

    /// As a JSON object.
    fn write_object(&mut self, item: &Item) -> Result<(), Failure> {
        let Some(walker) = &self.walker else {
            let data = BASE64_STANDARD.encode(&item.message);
            return Ok(write!(self.line, "{{\"schema\":null,\"data\":\"{data}\"}}")?);
        };
        let Err(error) = walker.write_json(&item.message, &self.json, &mut self.line) else { return Ok(()) };
        say_undecoded(item, &error, self.is_lenient)?;
        let error = serde_json::Value::from(error.to_string());
        let data = BASE64_STANDARD.encode(&item.message);
        Ok(write!(self.line, "{{\"error\":{error},\"data\":\"{data}\"}}")?)
    }

    /// As cells; `false` if the message can't be decoded, which was said.
    fn write_row(&mut self, item: &Item) -> Result<bool, Failure> {
        let Some(table) = &mut self.table else { return Ok(false) };
        match table.write_row(&item.message, &mut self.line) {
            Ok(()) => Ok(true),
            Err(error) => say_undecoded(item, &error, self.is_lenient).map(|()| false),
        }
    }
}

/// A message isn't one of the schema: said and gone on behind, or why the program can't go on.
pub(crate) fn say_undecoded(item: &Item, error: &dyn Display, is_lenient: bool) -> Result<(), Failure> {
    let failure = undecoded(item, error);
    if !is_lenient {
        return Err(failure);
    }
    eprintln!("{}", printable(failure.what()));
    Ok(())
}

/// Why the program can't go on behind a message.
pub(crate) fn undecoded(item: &Item, error: &dyn Display) -> Failure {
    Failure::Other {
        what: format!("{}, isn't one of the schema: {error}", item.place()),
        advice: Some("`--recover` goes on behind it, `cat --format raw` shows the bytes".to_owned()),
    }
}
