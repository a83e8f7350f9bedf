use std::io::{self, ErrorKind, Write};

use crate::error::{Error, Result};
use crate::storage::StorageFile;

/// A sink that is called no more after it has failed once.
pub(crate) struct Output<W> {
    /// `None` only after `take`.
    sink: Option<W>,
    /// How many bytes the sink has taken.
    taken: u64,
    failure: Option<Error>,
    /// Set while the sink is being called. If it panics there, what it took is unknown, so nothing more is sent to it.
    is_in_sink: bool,
}

impl<W: Write> Output<W> {
    pub(crate) fn new(sink: W) -> Self {
        Self { sink: Some(sink), taken: 0, failure: None, is_in_sink: false }
    }

    /// Refuses after the first failure, naming it.
    pub(crate) fn check_usable(&self) -> Result<()> {
        match &self.failure {
            Some(first) => Err(first.refused()),
            None if self.is_in_sink => {
                Err(Error::write(io::Error::other("the sink panicked in an earlier call"), self.taken))
            }
            None => Ok(()),
        }
    }

    /// Whether anything may still be sent, with no one there to hear of an error.
    pub(crate) fn is_usable_on_drop(&self) -> bool {
        self.sink.is_some() && self.failure.is_none() && !self.is_in_sink
    }

    /// How many bytes the sink has taken.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// The sink holds so many bytes of the stream already.
    pub(crate) fn skip(&mut self, len: u64) {
        self.taken += len;
    }

    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = self.call(Error::write, |sink| match sink.write(rest)? {
                0 => Err(io::Error::new(ErrorKind::WriteZero, "the sink takes no more bytes")),
                written if written > rest.len() => Err(io::Error::other("the sink took more bytes than it was given")),
                written => Ok(written),
            })?;
            self.taken += written as u64;
            rest = &rest[written..];
        }
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> Result<()> {
        self.call(Error::write, W::flush)
    }

    /// Syncs the sink by `sync`, once: not even an interruption is tried again, because after a failed fsync a second
    /// one may report success for pages that the system has dropped.
    pub(crate) fn sync(&mut self, sync: fn(&mut W) -> io::Result<()>) -> Result<()> {
        self.call(Error::sync, |sink| {
            sync(sink).map_err(|error| match error.kind() {
                ErrorKind::Interrupted => io::Error::other(format!("it was interrupted ({error})")),
                _ => error,
            })
        })
    }

    /// Calls the sink until it isn't interrupted; nothing else is tried again.
    fn call<T>(
        &mut self,
        as_error: fn(io::Error, u64) -> Error,
        mut call: impl FnMut(&mut W) -> io::Result<T>,
    ) -> Result<T> {
        self.check_usable()?;
        let sink = self.sink.as_mut().ok_or_else(|| Error::usage("the writer was finished before"))?;
        self.is_in_sink = true;
        let result = loop {
            match call(sink) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        self.is_in_sink = false;
        result.map_err(|error| {
            let error = as_error(error, self.taken);
            self.failure = Some(error.clone());
            error
        })
    }

    pub(crate) fn take(&mut self) -> Option<W> {
        self.sink.take()
    }

    pub(crate) fn get_ref(&self) -> Option<&W> {
        self.sink.as_ref()
    }
}

impl<W: StorageFile> Output<W> {
    /// The file ends here.
    pub(crate) fn cut_at(&mut self, position: u64) -> Result<()> {
        self.call(Error::write, |file| file.set_end(position))
    }
}
