//! Sources and sinks that behave as badly as the traits allow.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;

/// A source whose every read does what its plan says next; behind the plan it reads all it can.
#[derive(Debug)]
pub struct PlannedSource<'a> {
    rest: &'a [u8],
    plan: VecDeque<Reading>,
    reads: Rc<Cell<usize>>,
    given: Rc<Cell<u64>>,
}

/// What a read does.
#[derive(Clone, Copy, Debug)]
pub enum Reading {
    /// Gives at most so many bytes.
    AtMost(usize),
    /// Fails.
    Fail(ErrorKind),
}

impl<'a> PlannedSource<'a> {
    /// A source of `bytes`.
    pub fn new(bytes: &'a [u8], plan: impl IntoIterator<Item = Reading>) -> Self {
        Self { rest: bytes, plan: plan.into_iter().collect(), reads: Rc::default(), given: Rc::default() }
    }

    /// Counts the reads, for looking at while the source is lent.
    #[must_use]
    pub fn reads(&self) -> Rc<Cell<usize>> {
        Rc::clone(&self.reads)
    }

    /// Counts the bytes that were given.
    #[must_use]
    pub fn given(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.given)
    }
}

impl Read for PlannedSource<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads.set(self.reads.get() + 1);
        let at_most = match self.plan.pop_front() {
            Some(Reading::Fail(kind)) => return Err(io::Error::new(kind, "planned failure")),
            Some(Reading::AtMost(len)) => len.min(buffer.len()),
            None => buffer.len(),
        };
        let count = self.rest.read(&mut buffer[..at_most])?;
        self.given.set(self.given.get() + count as u64);
        Ok(count)
    }
}

/// A sink that keeps what it is given, at most so many bytes a call, and fails at one call.
#[derive(Debug, Default)]
pub struct FaultySink {
    /// What arrived.
    pub bytes: Vec<u8>,
    /// How many calls of `write` and `flush` there were.
    pub calls: usize,
    /// At most so many bytes are taken a call; 0 = as many as offered.
    pub at_most: usize,
    /// Which call fails, counted from 0.
    pub fail_at: Option<usize>,
    /// What the failing call does.
    pub failure: SinkFailure,
}

/// What a failing call of a sink does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SinkFailure {
    /// An error, nothing taken.
    #[default]
    Error,
    /// `write` takes no bytes and says so.
    Zero,
    /// `Interrupted`: has to be tried again.
    Interrupted,
}

impl FaultySink {
    fn fails(&mut self) -> Option<io::Result<usize>> {
        let call = self.calls;
        self.calls += 1;
        (self.fail_at == Some(call)).then(|| match self.failure {
            SinkFailure::Error => Err(io::Error::other("planned failure")),
            SinkFailure::Zero => Ok(0),
            SinkFailure::Interrupted => Err(ErrorKind::Interrupted.into()),
        })
    }
}

impl Write for FaultySink {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if let Some(failure) = self.fails() {
            return failure;
        }
        let len = if self.at_most == 0 { buffer.len() } else { buffer.len().min(self.at_most) };
        self.bytes.extend_from_slice(&buffer[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.fails() {
            Some(Err(error)) => Err(error),
            _ => Ok(()),
        }
    }
}
