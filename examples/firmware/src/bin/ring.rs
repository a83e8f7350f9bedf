//! A black box: the last 8 KiB of telemetry in RAM, with a restart behind every 500 messages. In the end the stream
//! that it holds goes into a file on the host, and the memory as it is into another.

#![no_std]
#![no_main]

use flatstream_firmware::encode::Crc32c;
use flatstream_firmware::host::HostFile;
use flatstream_firmware::ring::{FRAME_LEN_MAX, Memory, RING};
use flatstream_firmware::{HEADER, MESSAGES, SESSION, finish, telemetry};
use flatstream_format::Essentials;
use flatstream_ring::{Contents, Recorder};

const RESTART_EVERY: u32 = 500;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::NEW;
    finish(record(MEMORY).and_then(|()| send(MEMORY)))
}

fn record(memory: &mut Memory) -> Option<()> {
    let header = Essentials::parse(HEADER).ok()?;
    let mut recorder = Recorder::format(&mut *memory, RING, &header, SESSION.stream_id, Crc32c).ok()?;
    recorder.append(0, &telemetry::message(0)).ok()?;
    for start in (1..MESSAGES).step_by(RESTART_EVERY as usize) {
        let mut buffer = [0; FRAME_LEN_MAX];
        let mut recorder = Recorder::open(&mut *memory, RING, &header, Crc32c, &mut buffer).ok()??;
        for number in start..MESSAGES.min(start + RESTART_EVERY) {
            let (time, ..) = telemetry::event(number);
            recorder.append(time as i64, &telemetry::message(number)).ok()?;
        }
    }
    Some(())
}

/// After a reset: the header, and what the ring has.
fn send(memory: &mut Memory) -> Option<()> {
    let header = Essentials::parse(HEADER).ok()?;
    let mut buffer = [0; FRAME_LEN_MAX];
    let found = Contents::find(memory, RING, &header, &Crc32c, &mut buffer).ok()??;
    let mut file = HostFile::create(c"ring.fls")?;
    file.write(HEADER)?;
    let mut position = found.positions().start;
    while position < found.positions().end {
        let len = found.read(memory, position, &mut buffer).ok()?;
        file.write(buffer.get(..len)?)?;
        position += len as u64;
    }
    HostFile::create(c"ring.img")?.write(memory.image())?;
    let mut facts = HostFile::create(c"ring.txt")?;
    facts.write_fact("messages", MESSAGES)?;
    facts.write_fact("recorder", size_of::<Recorder<(), Crc32c>>() as u32)
}
