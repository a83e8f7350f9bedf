use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use flatstream::{ChecksumType, End, Header};

/// So many sources are shown, those that changed most first; a machine may run thousands of processes.
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

impl Values {
    fn change(&self) -> f64 {
        self.max - self.min
    }
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
            "  overhead   {overhead:.2} bytes per event (8 are its frame's head; the rest: pad, header, sync frames)"
        )?;
        writeln!(f, "  checksum   {}", self.checksum)?;
        writeln!(f, "  ended      {end}")?;
        writeln!(f)?;
        let mut sources: Vec<_> = self.sources.iter().collect();
        sources.sort_by(|(_, left), (_, right)| right.change().total_cmp(&left.change()));
        sources.truncate(ROWS_MAX);
        let width = sources.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let head = ["min", "mean", "max", "change"];
        writeln!(
            f,
            "  {:<width$} {:>7} {:>11} {:>11} {:>11} {:>9}",
            "source", "events", head[0], head[1], head[2], head[3]
        )?;
        for (name, values) in sources {
            let Values { count, min, sum, max } = values;
            let (mean, change) = (sum / *count as f64, values.change());
            writeln!(f, "  {name:<width$} {count:>7} {min:>11.3} {mean:>11.3} {max:>11.3} {change:>9.3}")?;
        }
        match self.sources.len().saturating_sub(ROWS_MAX) {
            0 => Ok(()),
            more => writeln!(f, "  ... and {more} more sources"),
        }
    }
}
