//! The messages that benches are run with: of one length each, and as they are recorded.

use flatbuffers::FlatBufferBuilder;
use flatstream_testkit::noise::Noise;
use telemetry_schema::telemetry::{TelemetryEvent, TelemetryEventArgs, finish_telemetry_event_buffer};

const LENS: [usize; 6] = [16, 64, 256, 1 << 10, 16 << 10, 1 << 20];

/// Some messages, over and over.
pub(crate) struct Load {
    pub(crate) name: String,
    pub(crate) bodies: Vec<Vec<u8>>,
}

impl Load {
    /// One message of each length, from 16 B to 1 MiB, and a recording.
    pub(crate) fn all() -> Vec<Self> {
        let of_len = |len: usize| Self { name: len.to_string(), bodies: vec![Noise::new(1).bytes(len)] };
        let telemetry = Self { name: "telemetry".to_owned(), bodies: telemetry() };
        LENS.into_iter().map(of_len).chain([telemetry]).collect()
    }

    /// The sum of the messages' lengths.
    pub(crate) fn bytes(&self) -> usize {
        self.bodies.iter().map(Vec::len).sum()
    }
}

/// So many ticks of a millisecond make 16,000 events, or about 1 MB.
const TICKS: u64 = 1000;

const PROCESSORS: u32 = 2;

const PROCESSES_PER_TICK: usize = 4;

/// As names and numbers are on a machine that builds something.
const PROCESSES: [&str; 12] = [
    "1 systemd",
    "2 kthreadd",
    "17 ksoftirqd/0",
    "64 kworker/0:1H-kblockd",
    "412 systemd-journal",
    "730 dbus-daemon",
    "1188 sshd",
    "2301 bash",
    "23008 telemetry",
    "24090 cargo",
    "24103 rustc",
    "24117 rustc",
];

/// The events that the example `telemetry` records from `/proc`, in its order, and built as it builds them: four
/// counters of each processor, then two values of each of four processes in turn. Only the values are made up.
fn telemetry() -> Vec<Vec<u8>> {
    let mut noise = Noise::new(2);
    let mut processes = PROCESSES.iter().rev().cycle();
    let mut builder = FlatBufferBuilder::new();
    let mut events = Vec::new();
    for tick in 0..TICKS {
        let timestamp_ns = 1_700_000_000_000_000_000 + 1_000_000 * tick;
        let mut record = |name: &str| {
            builder.reset();
            let source_id = Some(builder.create_string(name));
            let args = TelemetryEventArgs { timestamp_ns, source_id, value: noise.below(1 << 20) as f64 * 0.01 };
            let event = TelemetryEvent::create(&mut builder, &args);
            finish_telemetry_event_buffer(&mut builder, event);
            events.push(builder.finished_data().to_vec());
        };
        for processor in 0..PROCESSORS {
            for kind in ["user", "nice", "system", "idle"] {
                record(&format!("cpu{processor}/{kind} s"));
            }
        }
        for process in processes.by_ref().take(PROCESSES_PER_TICK) {
            record(&format!("process {process}/user s"));
            record(&format!("process {process}/resident MB"));
        }
    }
    events
}
