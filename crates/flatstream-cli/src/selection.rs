//! The messages of a FILE argument that were asked for.

use std::path::{Path, PathBuf};

use flatstream::format::Sync;
use flatstream::{Header, Losses};

use crate::arguments::Selection;
use crate::filter::Filter;
use crate::messages::{Item, Messages, Place};
use crate::outcome::{Done, Failure, Outcome};
use crate::text::{counted, printable};

/// A source, and which of its messages are wanted.
pub(crate) struct Selected {
    path: PathBuf,
    place: Place,
    messages: Messages,
    filter: Filter,
    is_lenient: bool,
}

impl Selected {
    pub(crate) fn open(path: &Path, selection: &Selection) -> Result<Self, Failure> {
        let Selection { window, reading } = selection;
        let place = Place::of(window)?;
        let messages = Messages::open(path, reading)?;
        let filter = Filter::new(path, &reading.choice, &place, messages.header())?;
        Ok(Self { path: path.to_owned(), place, messages, filter, is_lenient: reading.recover })
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
        self.scan(|item, is_chosen| {
            if is_chosen {
                take(item)?;
                left = left.map(|left| left - 1);
            }
            Ok(left != Some(0))
        })
    }

    /// Gives all messages of the window, and whether the conditions choose them, as far as `take` says that it wants
    /// more; and then says what was noticed beside them.
    pub(crate) fn scan(&mut self, mut take: impl FnMut(&Item, bool) -> Result<bool, Failure>) -> Outcome {
        let (filter, is_lenient) = (&self.filter, self.is_lenient);
        let mut done = Done::Well;
        let result = self.messages.each(&self.place, filter.key.as_ref(), |item| {
            if filter.is_behind(&item) {
                return Ok(false);
            }
            let is_chosen = match filter.holds(&item) {
                Err(failure) if is_lenient => {
                    eprintln!("{}", printable(failure.what()));
                    done = Done::WithLoss;
                    false
                }
                other => other?,
            };
            take(&item, is_chosen)
        });
        for finding in self.messages.take_findings() {
            eprintln!("{}: {finding}", self.path.display());
        }
        let losses = say_losses(&self.path, &self.messages.losses());
        result.map(|()| losses.max(done))
    }

    /// As [`Messages::sync_behind`].
    pub(crate) fn sync_behind(&mut self, sync: Option<Sync>) -> Option<Sync> {
        self.messages.sync_behind(sync)
    }

    pub(crate) fn losses(&self) -> Losses {
        self.messages.losses()
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
