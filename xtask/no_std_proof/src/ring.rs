//! A ring in memory: laps of messages, with a restart behind each.

use core::hint::black_box;
use core::num::NonZeroU64;

use flatstream_format::{Algorithm, Essentials};
use flatstream_ring::{Contents, Geometry, Medium, ReadAt, Recorder};

/// One that promises a length.
const HEADER: &[u8] = include_bytes!("../../../examples/firmware/header.bin");
const RING: Option<Geometry> = Geometry::new(4096, 1024);
const MESSAGES: u64 = 300;

struct Memory([u8; 4096]);

impl ReadAt for Memory {
    type Error = ();

    fn read_at(&mut self, offset: u32, into: &mut [u8]) -> Result<(), ()> {
        let from = self.0.get(offset as usize..).and_then(|rest| rest.get(..into.len())).ok_or(())?;
        into.iter_mut().zip(from).for_each(|(place, byte)| *place = *byte);
        Ok(())
    }
}

impl Memory {
    fn place(&mut self, offset: u32, len: usize) -> Result<&mut [u8], ()> {
        self.0.get_mut(offset as usize..).and_then(|rest| rest.get_mut(..len)).ok_or(())
    }
}

impl Medium for Memory {
    fn erase(&mut self, offset: u32, len: u32) -> Result<(), ()> {
        self.place(offset, len as usize)?.fill(0xFF);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), ()> {
        self.place(offset, bytes.len())?.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
        Ok(())
    }
}

pub(crate) fn works() -> Option<()> {
    let (header, geometry) = (Essentials::parse(HEADER).ok()?, RING?);
    let mut memory = black_box(Memory([0x5A; 4096]));
    let mut buffer = [0; 1032];
    Recorder::format(&mut memory, geometry, &header, NonZeroU64::MIN, Algorithm::CRC32C).ok()?.append(0, &[7]).ok()?;
    for number in 1..MESSAGES {
        let mut recorder = Recorder::open(&mut memory, geometry, &header, Algorithm::CRC32C, &mut buffer).ok()??;
        recorder.append(number as i64, &number.to_le_bytes()).ok()?;
    }
    let found = Contents::find(&mut memory, geometry, &header, &Algorithm::CRC32C, &mut buffer).ok()??;
    let start = found.positions().start;
    let len = found.read(&mut memory, start, &mut buffer).ok()?;
    (len != 0 && found.sequence() == MESSAGES).then_some(())
}
