//! Writes messages in one of the formats.

use std::io::{self, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flatstream::schema::{JsonOptions, Walker};
use flatstream::{Clock, Header};

use crate::arguments::{MessagesFormat, Printing};
use crate::messages::Item;
use crate::outcome::Failure;
use crate::shape;
use crate::text::preview;
use crate::time;

/// So many bytes of a message that can't be decoded are shown.
const PREVIEW: usize = 64;

pub(crate) struct Printer {
    format: MessagesFormat,
    walker: Option<Walker>,
    clock: Clock,
    json: JsonOptions,
    /// Whether a message that can't be decoded is said, and gone on behind.
    is_lenient: bool,
    line: Vec<u8>,
}

impl Printer {
    pub(crate) fn new(options: &Printing, header: Option<&Header>) -> Result<Self, Failure> {
        let walker = match options.format {
            MessagesFormat::Raw => None,
            MessagesFormat::Text | MessagesFormat::Ndjson => shape::walker(header, &options.choice.schema)?,
        };
        let clock = header.map(Header::clock).unwrap_or_default();
        let (format, is_lenient) = (options.format, options.recover);
        Ok(Self { format, walker, clock, json: JsonOptions::new(), is_lenient, line: Vec::new() })
    }

    pub(crate) fn print(&mut self, item: &Item, out: &mut impl Write) -> Result<(), Failure> {
        match self.format {
            MessagesFormat::Raw => {
                out.write_all(&(item.message.len() as u32).to_le_bytes())?;
                out.write_all(&item.message)?;
            }
            MessagesFormat::Ndjson => {
                self.line.clear();
                self.write_object(item)?;
                self.line.push(b'\n');
                out.write_all(&self.line)?;
            }
            MessagesFormat::Text => {
                self.line.clear();
                self.write_head(item)?;
                match self.walker {
                    Some(_) => self.write_object(item)?,
                    None => write!(self.line, "{}", preview(&item.message, PREVIEW))?,
                }
                self.line.push(b'\n');
                out.write_all(&self.line)?;
            }
        }
        Ok(())
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
        let begin = self.line.len();
        let Err(error) = walker.write_json(&item.message, &self.json, &mut self.line) else { return Ok(()) };
        self.line.truncate(begin);
        let place = match item.sequence {
            Some(sequence) => format!("message {sequence}, at position {}", item.message.position()),
            None => format!("the message at position {}", item.message.position()),
        };
        let what = format!("{place}, isn't one of the schema: {error}");
        if !self.is_lenient {
            return Err(Failure::Other {
                what,
                advice: Some("`--recover` goes on behind it, `--format raw` shows the bytes".to_owned()),
            });
        }
        eprintln!("{what}");
        let error = serde_json::Value::from(error.to_string());
        let data = BASE64_STANDARD.encode(&item.message);
        Ok(write!(self.line, "{{\"error\":{error},\"data\":\"{data}\"}}")?)
    }
}
