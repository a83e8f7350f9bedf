//! How far a long run has come: one line on stderr, rewritten in a terminal; elsewhere one line for each piece of work.

use std::io::{IsTerminal, Write, stderr};

pub(crate) struct Progress<'a> {
    title: &'a str,
    is_terminal: bool,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(title: &'a str) -> Self {
        let is_terminal = stderr().is_terminal();
        if !is_terminal {
            eprintln!("{title}");
        }
        Self { title, is_terminal }
    }

    pub(crate) fn round(&self, round: usize, rounds: usize) {
        if self.is_terminal {
            eprint!("\r\x1b[K{}: round {} of {rounds}", self.title, round + 1);
            let _ = stderr().flush();
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if self.is_terminal {
            eprintln!();
        }
    }
}
