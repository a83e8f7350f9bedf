//! Chooses messages by what they say.

use std::path::Path;

use flatstream::Header;

use crate::arguments::Choice;
use crate::key::{Condition, Key};
use crate::messages::{Item, Place};
use crate::outcome::Failure;
use crate::printer::undecoded;
use crate::shape;

/// Which of the messages that are read are printed.
pub(crate) struct Filter {
    pub(crate) key: Option<Key>,
    conditions: Vec<Condition>,
    /// Messages from this number on aren't.
    until: Option<u64>,
}

impl Filter {
    pub(crate) fn new(path: &Path, choice: &Choice, place: &Place, header: Option<&Header>) -> Result<Self, Failure> {
        let mut filter = Self { key: None, conditions: Vec::new(), until: None };
        if let Place::Sequences(range) = place {
            filter.until = Some(range.end);
        }
        let keys = if let Place::Keys(text) = place { Some(text) } else { None };
        if keys.is_none() && choice.conditions.is_empty() {
            return Ok(filter);
        }
        let Some(walker) = shape::walker(header, &choice.schema)? else {
            return Err(Failure::usage(format!("{}: no schema says which fields there are", path.display())));
        };
        filter.key = keys.map(|text| Key::parse(text, &walker)).transpose()?;
        let conditions = choice.conditions.iter().map(|text| Condition::parse(text, &walker));
        filter.conditions = conditions.collect::<Result<_, _>>()?;
        Ok(filter)
    }

    /// Whether a message comes before the range of the key.
    pub(crate) fn is_before(&self, message: &[u8]) -> bool {
        self.key.as_ref().is_some_and(|key| key.is_before(message))
    }

    /// Whether a message, and all that follow, come behind what is wanted.
    pub(crate) fn is_behind(&self, item: &Item) -> bool {
        let is_behind_key = self.key.as_ref().is_some_and(|key| key.is_behind(&item.message));
        is_behind_key || self.until.zip(item.sequence).is_some_and(|(until, sequence)| sequence >= until)
    }

    /// Whether all conditions are true.
    ///
    /// # Errors
    /// The message can't be decoded.
    pub(crate) fn holds(&self, item: &Item) -> Result<bool, Failure> {
        for condition in &self.conditions {
            match condition.holds(&item.message) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => return Err(undecoded(item, &error)),
            }
        }
        Ok(true)
    }
}
