use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use flatstream_io::{Error, Finding, ReadOptions, Reader, Result};

use crate::catalog::Opened;
use crate::finding::LogFindings;
use crate::problem::Problem;

/// The segment that is read.
pub(crate) struct Current {
    pub(crate) first: u64,
    pub(crate) path: PathBuf,
    pub(crate) reader: Reader<Arc<File>>,
    /// Before this message of the log the next segment begins, if there is one. Then all messages before it are here,
    /// and nothing behind them counts: neither half a mark that the segment is closed nor what a power cut left there.
    pub(crate) until: Option<u64>,
    /// Whether it was said that the rest of it can't be read.
    pub(crate) is_broken_off: bool,
    file: Arc<File>,
}

impl Current {
    pub(crate) fn new(opened: Opened, until: Option<u64>) -> Self {
        let Opened { first, path, file, reader } = opened;
        Self { first, path, reader, until, is_broken_off: false, file }
    }

    /// The number of the next message, over all segments.
    #[inline]
    pub(crate) fn sequence(&self) -> u64 {
        self.first.saturating_add(self.reader.sequence())
    }

    #[inline]
    pub(crate) fn is_at_border(&self) -> bool {
        self.until.is_some_and(|until| self.sequence() >= until)
    }

    pub(crate) fn failed(&self, error: Error) -> Error {
        Problem::reading(&self.path, error)
    }

    /// Whether the numbers of messages are known here.
    fn is_sequence_known(&self) -> bool {
        self.reader.cursor().is_some() || self.reader.stream_id().is_none()
    }

    /// Reads again what it ended in, which may be more now. Where the number of the next message isn't known, because
    /// of damage, nothing could tell what was handed out already: then the rest is left out.
    pub(crate) fn read_again(&mut self, options: &ReadOptions, findings: &mut LogFindings) -> Result<()> {
        if !self.is_sequence_known() {
            return Ok(());
        }
        let (sequence, position) = (self.reader.sequence(), self.reader.position());
        let is_behind = |finding: &Finding| place_of(finding) >= position;
        let mut found = self.reader.take_findings();
        found.retain(|finding| !is_behind(finding));
        findings.push_all(&self.path, found);
        let mut losses = *self.reader.losses();
        // All of these are about the end.
        losses.may_be_more = false;
        let torn = self.reader.end().map_or(0, |end| end.bytes_behind);
        if torn > 0 && losses.bytes >= torn {
            losses.ranges = losses.ranges.saturating_sub(1);
            losses.bytes -= torn;
        }
        findings.add(&losses, self.reader.findings_left_out());
        let failed = |error| Problem::reading(&self.path, error);
        let begin = (&*self.file).seek(SeekFrom::Start(0));
        begin.map_err(|error| Error::file(&self.path, "read", error))?;
        self.reader = Reader::with_options(Arc::clone(&self.file), options.clone()).map_err(failed)?;
        self.reader.seek_to_sequence(sequence).map_err(failed)?;
        // What lies before was said.
        self.reader.take_findings();
        Ok(())
    }

    /// Hands over what was noticed here.
    pub(crate) fn leave(mut self, findings: &mut LogFindings) {
        findings.push_all(&self.path, self.reader.take_findings());
        let mut losses = *self.reader.losses();
        // Where the next segment begins says how many are missing.
        losses.may_be_more &= self.until.is_none();
        findings.add(&losses, self.reader.findings_left_out());
    }
}

/// Where a finding begins.
fn place_of(finding: &Finding) -> u64 {
    match finding {
        Finding::Skipped { begin, .. } | Finding::LostUnknown { begin } => *begin,
        Finding::SecondStream { offset } => *offset,
        _ => 0,
    }
}
