use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use flatstream::{ChecksumType, End, Header};

/// So many sources are shown; a machine may run thousands of processes.
const ROWS_MAX: usize = 24;

/// What a person wants to know of a recording, to see that it is right.
pub(crate) struct Summary {
    path: PathBuf,
    checksum: ChecksumType,
    header_len: usize,
    schema_len: usize,
    events: u64,
    body_bytes: u64,
    first_ns: u64,
    last_ns: u64,
    sources: BTreeMap<String, Values>,
    end: Option<End>,
}

struct Values {
    count: u64,
    min: f64,
    sum: f64,
    max: f64,
}

impl Summary {
    pub(crate) fn new(path: &Path, header: &Header) -> Self {
        Self {
            path: path.to_path_buf(),
            checksum: header.checksum(),
            header_len: header.as_bytes().len(),
            schema_len: header.schema().map_or(0, <[u8]>::len),
            events: 0,
            body_bytes: 0,
            first_ns: u64::MAX,
            last_ns: 0,
            sources: BTreeMap::new(),
            end: None,
        }
    }

    pub(crate) fn add(&mut self, len: usize, timestamp_ns: u64, source_id: &str, value: f64) {
        self.events += 1;
        self.body_bytes += len as u64;
        self.first_ns = self.first_ns.min(timestamp_ns);
        self.last_ns = self.last_ns.max(timestamp_ns);
        if !self.sources.contains_key(source_id) {
            let none = Values { count: 0, min: f64::INFINITY, sum: 0.0, max: f64::NEG_INFINITY };
            self.sources.insert(source_id.to_owned(), none);
        }
        if let Some(values) = self.sources.get_mut(source_id) {
            values.count += 1;
            values.min = values.min.min(value);
            values.sum += value;
            values.max = values.max.max(value);
        }
    }

    pub(crate) fn end(&mut self, end: End) {
        self.end = Some(end);
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(end) = &self.end else { return Ok(()) };
        let events = self.events.max(1) as f64;
        let size = end.position;
        let seconds = self.last_ns.saturating_sub(self.first_ns) as f64 / 1e9;
        writeln!(f, "{}: read back and verified", self.path.display())?;
        writeln!(f, "  events     {}", self.events)?;
        writeln!(f, "  span       {seconds:.3} s")?;
        writeln!(f, "  rate       {:.0} events/s", self.events as f64 / seconds.max(1e-9))?;
        writeln!(f, "  size       {size} bytes, of them {} of messages", self.body_bytes)?;
        writeln!(f, "  header     {} bytes, with a schema of {}", self.header_len, self.schema_len)?;
        let overhead = (size - self.body_bytes) as f64 / events;
        writeln!(
            f,
            "  overhead   {overhead:.2} bytes per event (all that isn't a message: 8 of them its frame's head)"
        )?;
        writeln!(f, "  checksum   {}", self.checksum)?;
        writeln!(f, "  ended      {end}")?;
        writeln!(f)?;
        let shown = || self.sources.iter().take(ROWS_MAX);
        let width = shown().map(|(name, _)| name.len()).max().unwrap_or_default();
        writeln!(f, "  {:<width$} {:>7} {:>14} {:>14} {:>14}", "source", "events", "min", "mean", "max")?;
        for (name, values) in shown() {
            let Values { count, min, sum, max } = values;
            let mean = sum / *count as f64;
            writeln!(f, "  {name:<width$} {count:>7} {min:>14.3} {mean:>14.3} {max:>14.3}")?;
        }
        match self.sources.len().saturating_sub(ROWS_MAX) {
            0 => Ok(()),
            more => writeln!(f, "  ... and {more} more sources"),
        }
    }
}
