use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

/// Why JSON makes no message: [`Walker::message_from_json`](crate::Walker::message_from_json).
///
/// It says so as `items[2].count: 300 is no ubyte, expected 0 to 255, at line 1, column 57`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    path: String,
    what: String,
    /// Line and column.
    place: Option<(usize, usize)>,
}

impl JsonError {
    pub(super) fn new(path: String, what: String, place: (usize, usize)) -> Self {
        Self { path, what, place: Some(place) }
    }

    /// The text is right, and the message would be too large.
    pub(super) fn of_message(what: &'static str) -> Self {
        Self { path: String::new(), what: what.to_owned(), place: None }
    }

    /// Which part of the message, such as `items[2].name`; empty for the root table.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong with it, without the place.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// In which line of the text, from 1 on; 0 if it is of no line.
    #[must_use]
    pub fn line(&self) -> usize {
        self.place.map_or(0, |(line, _)| line)
    }

    /// The byte of the line where the reader stood when it saw that, from 1 on: most often the one behind what is
    /// wrong. 0 if it is of no line, and at the very beginning of one.
    #[must_use]
    pub fn column(&self) -> usize {
        self.place.map_or(0, |(_, column)| column)
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.what)?;
        match self.place {
            Some((line, column)) => write!(f, ", at line {line}, column {column}"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for JsonError {}
