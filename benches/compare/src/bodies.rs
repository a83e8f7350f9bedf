//! The messages that every subject writes and reads, and what is done with each that was read.

use flatbuffers::FlatBufferBuilder;
use flatstream_testkit::noise::Noise;
use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs, finish_telemetry_event_buffer};

use crate::aligned::Aligned;
use crate::rounds::Found;

/// Bytes of all bodies together, so that they stay in a processor's own cache.
const POOL_LEN: usize = 1 << 20;

const BODIES_MAX: usize = 1024;

/// Bodies begin half a page behind the start of one; buffers begin at its start, or shortly behind. A processor takes
/// two places whose last 12 bits agree for the same, so that a copy between them waits.
const GAP: usize = 2048;

/// Adds what a reader looks at: a message's length, the first 8 bytes of every 64, and its last 8. So every cache line
/// of a message has to be there, whatever copies and checks it, and the look costs all subjects the same: about a
/// nanosecond for 64 bytes.
#[inline]
pub(crate) fn look(sum: u64, message: &[u8]) -> u64 {
    let (lines, _) = message.as_chunks::<64>();
    let lines_sum = lines.iter().fold(sum, |sum, line| sum.wrapping_add(first_word(line)));
    let last = message.last_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    lines_sum.wrapping_add(last).wrapping_add(message.len() as u64)
}

#[inline]
fn first_word(line: &[u8; 64]) -> u64 {
    line.first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

/// Some different messages, which are taken in turn.
pub(crate) struct Bodies {
    bytes: Aligned,
    /// Offset and length of each.
    spans: Vec<(usize, usize)>,
}

impl Bodies {
    /// Telemetry, cut into messages of `len` bytes, each with its number in front.
    pub(crate) fn of_len(len: usize) -> Self {
        let count = (POOL_LEN / len).clamp(4, BODIES_MAX);
        let mut events = Events::new();
        let mut bytes = Vec::new();
        while bytes.len() < count * len {
            bytes.extend_from_slice(events.next_event());
        }
        bytes.truncate(count * len);
        for (number, body) in (0u32..).zip(bytes.chunks_exact_mut(len)) {
            body[..4].copy_from_slice(&number.to_le_bytes());
        }
        Self::new(&bytes, (0..count).map(|nth| (nth * len, len)))
    }

    /// Events as the example `telemetry` records them: FlatBuffers of one measured value each.
    pub(crate) fn telemetry() -> Self {
        let mut events = Events::new();
        let (mut bytes, mut spans) = (Vec::new(), Vec::new());
        for _ in 0..BODIES_MAX {
            let event = events.next_event();
            spans.push((bytes.len(), event.len()));
            bytes.extend_from_slice(event);
        }
        Self::new(&bytes, spans)
    }

    fn new(bodies: &[u8], spans: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut bytes = Aligned::zeroed(GAP + bodies.len());
        bytes[GAP..].copy_from_slice(bodies);
        Self { bytes, spans: spans.into_iter().map(|(offset, len)| (GAP + offset, len)).collect() }
    }

    /// So many messages.
    pub(crate) fn take(&self, count: usize) -> Take<'_> {
        Take { bodies: self, nth: 0, left: count }
    }

    /// What a reader of so many messages finds.
    pub(crate) fn found(&self, count: usize) -> Found {
        let cycle = self.take(self.spans.len()).fold(0, look);
        let (cycles, rest) = (count / self.spans.len(), count % self.spans.len());
        let sum = self.take(rest).fold(cycle.wrapping_mul(cycles as u64), look);
        Found { count: count as u64, sum }
    }

    /// Bytes of a message, in the mean.
    pub(crate) fn mean_len(&self) -> f64 {
        self.spans.iter().map(|(_, len)| *len as f64).sum::<f64>() / self.spans.len() as f64
    }
}

/// See [`Bodies::take`].
#[derive(Clone)]
pub(crate) struct Take<'a> {
    bodies: &'a Bodies,
    nth: usize,
    left: usize,
}

impl<'a> Iterator for Take<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        let (offset, len) = self.bodies.spans[self.nth];
        self.nth += 1;
        if self.nth == self.bodies.spans.len() {
            self.nth = 0;
        }
        Some(&self.bodies.bytes[offset..offset + len])
    }
}

/// Events of eight processors and some processes, the same in every run.
struct Events {
    builder: FlatBufferBuilder<'static>,
    noise: Noise,
    timestamp_ns: u64,
}

impl Events {
    fn new() -> Self {
        Self { builder: FlatBufferBuilder::new(), noise: Noise::new(1), timestamp_ns: 1_790_000_000_000_000_000 }
    }

    fn next_event(&mut self) -> &[u8] {
        let source_id = self.next_source();
        self.timestamp_ns += self.noise.number() % 100_000;
        let value = (self.noise.number() % 1_000_000) as f64 / 100.0;
        self.builder.reset();
        let source_id = Some(self.builder.create_string(&source_id));
        let arguments = TelemetryEventArgs { timestamp_ns: self.timestamp_ns, source_id, value };
        let event = TelemetryEvent::create(&mut self.builder, &arguments);
        finish_telemetry_event_buffer(&mut self.builder, event);
        self.builder.finished_data()
    }

    fn next_source(&mut self) -> String {
        const KINDS: [&str; 4] = ["user s", "nice s", "system s", "idle s"];
        const PROCESSES: [&str; 5] = ["init", "sshd", "rust-analyzer", "kworker/u8:2-events_unbound", "chronyd"];
        let number = self.noise.number();
        if number % 5 < 4 {
            return format!("cpu{}/{}", number >> 8 & 7, KINDS[(number >> 16 & 3) as usize]);
        }
        let process = PROCESSES[(number >> 8) as usize % PROCESSES.len()];
        let what = if number >> 32 & 1 == 0 { "user s" } else { "resident MB" };
        format!("process {} {process}/{what}", number >> 40 & 0xFFFF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_one_length_differ_from_each_other() {
        let bodies = Bodies::of_len(64);
        let mut all: Vec<&[u8]> = bodies.take(BODIES_MAX).collect();
        assert!(all.iter().all(|body| body.len() == 64));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), BODIES_MAX);
    }

    #[test]
    fn telemetry_can_be_read_as_such_and_has_many_lengths() {
        let bodies = Bodies::telemetry();
        let mut lens: Vec<usize> = bodies.take(BODIES_MAX).map(<[u8]>::len).collect();
        lens.sort();
        lens.dedup();
        assert!(lens.len() > 4, "{lens:?}");
        let events = bodies.take(BODIES_MAX).map(telemetry_schema::telemetry::root_as_telemetry_event);
        assert!(events.into_iter().all(|event| event.is_ok()));
    }

    #[test]
    fn a_look_sees_a_changed_line_and_a_changed_end() {
        let message = [7; 200];
        let before = look(0, &message);
        for place in [0, 64, 128, 199] {
            let mut changed = message;
            changed[place] = 8;
            assert_ne!(look(0, &changed), before, "byte {place}");
        }
        assert_ne!(look(0, &message[..199]), before);
    }
}
