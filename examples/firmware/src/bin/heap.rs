//! As `record`, but the FlatBuffers crate builds the messages, in a heap of 8 KiB.

#![no_std]
#![no_main]

extern crate alloc;

use core::mem::MaybeUninit;

use embedded_alloc::LlffHeap;
use flatbuffers::FlatBufferBuilder;
use flatstream_firmware::host::HostFile;
use flatstream_firmware::{HEADER, MESSAGES, SESSION, finish, telemetry};
use flatstream_format::{Algorithm, Encoder, Essentials, SyncFlags, TIME_NONE};

#[rustfmt::skip]
#[allow(clippy::all, dead_code, unused_imports, reason = "flatc's")]
#[path = "../../../../schemas/src/telemetry_generated.rs"]
mod telemetry_generated;

use telemetry_generated::telemetry::{TelemetryEvent, TelemetryEventArgs};

#[global_allocator]
static HEAP: LlffHeap = LlffHeap::empty();

const HEAP_LEN: usize = 8 << 10;
const SOURCES: [&str; 7] = ["pump-0", "pump-1", "pump-2", "pump-3", "pump-4", "pump-5", "pump-6"];

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: [MaybeUninit<u8>; HEAP_LEN] = [MaybeUninit::uninit(); HEAP_LEN];
    // SAFETY: once, at the start, and nothing else uses the memory.
    unsafe { HEAP.init(MEMORY.as_mut_ptr().addr(), HEAP_LEN) };
    finish(record())
}

fn record() -> Option<()> {
    let header = Essentials::parse(HEADER).ok()?;
    let mut encoder = Encoder::new(&header, SESSION, Algorithm::CRC32C);
    let mut file = HostFile::create(c"heap.fls")?;
    file.write(HEADER)?;
    let mut builder = FlatBufferBuilder::new();
    // A value of 0 is written too, as in the messages without a heap.
    builder.force_defaults(true);
    let mut frame = [0; 256];
    for number in 0..MESSAGES {
        let (time, source, value) = telemetry::event(number);
        builder.reset();
        let source_id = Some(builder.create_string(SOURCES[usize::from(source)]));
        let args = TelemetryEventArgs { timestamp_ns: time, source_id, value: f64::from_bits(value) };
        let root = TelemetryEvent::create(&mut builder, &args);
        builder.finish(root, None);
        if encoder.sync_due() {
            let len = encoder.encode_sync(time as i64, SyncFlags::NONE, &mut frame).ok()?;
            file.write(frame.get(..len)?)?;
        }
        let len = encoder.encode_message(builder.finished_data(), &mut frame).ok()?;
        file.write(frame.get(..len)?)?;
    }
    let len = encoder.encode_sync(TIME_NONE, SyncFlags::CLOSED, &mut frame).ok()?;
    file.write(frame.get(..len)?)
}
