//! Progress on the standard error, where that is a terminal.

use std::io::{self, IsTerminal, Read};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

/// A bar over so many bytes; it isn't drawn where nobody could see it.
pub(crate) fn bar(bytes: u64, what: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {binary_bytes}/{binary_total_bytes}, {eta}");
    let bar = ProgressBar::new(bytes).with_prefix(what.to_owned()).with_finish(ProgressFinish::AndClear);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// Counts bytes of work whose end nobody knows.
pub(crate) fn spinner(what: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{spinner} {prefix} {binary_bytes}, {binary_bytes_per_sec}");
    let bar = ProgressBar::new_spinner().with_prefix(what.to_owned()).with_finish(ProgressFinish::AndClear);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar
}

/// A source that shows how far it was read.
pub(crate) struct Shown<R> {
    source: R,
    bar: ProgressBar,
}

impl<R> Shown<R> {
    pub(crate) fn new(source: R, bar: ProgressBar) -> Self {
        Self { source, bar }
    }
}

impl<R: Read> Read for Shown<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.bar.inc(count as u64);
        Ok(count)
    }
}
