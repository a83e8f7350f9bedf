//! The messages of a FILE argument that were asked for.

use std::path::{Path, PathBuf};

use flatstream::{Header, Losses};

use crate::arguments::Selection;
use crate::filter::Filter;
use crate::messages::{Item, Messages, Place};
use crate::outcome::{Done, Failure, Outcome};
use crate::text::counted;

/// A source, and which of its messages are wanted.
pub(crate) struct Selected {
    path: PathBuf,
    place: Place,
    messages: Messages,
    filter: Filter,
}

impl Selected {
    pub(crate) fn open(path: &Path, selection: &Selection) -> Result<Self, Failure> {
        let Selection { window, reading } = selection;
        let place = Place::of(window)?;
        let messages = Messages::open(path, reading.recover, reading.max_message_len)?;
        let filter = Filter::new(path, &reading.choice, &place, messages.header())?;
        Ok(Self { path: path.to_owned(), place, messages, filter })
    }

    /// As [`Messages::header`].
    pub(crate) fn header(&self) -> Option<&Header> {
        self.messages.header()
    }

    /// Gives one message after the other, at most so many, and then says what was noticed beside them.
    pub(crate) fn each(
        &mut self,
        count_max: Option<u64>,
        mut take: impl FnMut(&Item) -> Result<(), Failure>,
    ) -> Outcome {
        let mut left = count_max;
        if left == Some(0) {
            return Ok(Done::Well);
        }
        let filter = &self.filter;
        let result = self.messages.each(&self.place, filter.key.as_ref(), |item| {
            let is_wanted = !filter.is_behind(&item);
            if is_wanted && filter.holds(&item.message) {
                take(&item)?;
                left = left.map(|left| left - 1);
            }
            Ok(is_wanted && left != Some(0))
        });
        for finding in self.messages.take_findings() {
            eprintln!("{}: {finding}", self.path.display());
        }
        let losses = say_losses(&self.path, &self.messages.losses());
        result.map(|()| losses)
    }
}

fn say_losses(path: &Path, losses: &Losses) -> Done {
    if losses.is_none() {
        return Done::Well;
    }
    let more = if losses.may_be_more { " or more" } else { "" };
    let (messages, bytes) = (counted(losses.messages, "message"), counted(losses.bytes, "byte"));
    eprintln!("{}: {messages}{more} lost, in {bytes}", path.display());
    Done::WithLoss
}
