//! A ring in RAM, as one lies in memory that a reset leaves alone, or in flash.

use core::hint::black_box;

use flatstream_format::{Checksum, Essentials};
use flatstream_ring::{Contents, Geometry, Medium, ReadAt, Recorder};

use crate::{HEADER, SESSION};

/// 8 KiB in pages of 1 KiB.
pub const RING: Geometry = Geometry::new(8 << 10, 1 << 10).unwrap();
/// The longest frame: the header promises messages of up to 1 KiB.
pub const FRAME_LEN_MAX: usize = 1032;

/// The memory of the ring.
pub struct Memory([u8; RING.len() as usize]);

impl Memory {
    /// What it holds when the device gets its first power.
    pub const NEW: Self = Self([0x5A; RING.len() as usize]);

    /// As a debugger reads it.
    pub const fn image(&self) -> &[u8] {
        &self.0
    }

    fn place(&mut self, offset: u32, len: usize) -> Result<&mut [u8], ()> {
        self.0.get_mut(offset as usize..).and_then(|rest| rest.get_mut(..len)).ok_or(())
    }
}

impl ReadAt for Memory {
    type Error = ();

    fn read_at(&mut self, offset: u32, into: &mut [u8]) -> Result<(), ()> {
        let from = self.place(offset, into.len())?;
        into.iter_mut().zip(from).for_each(|(place, byte)| *place = *byte);
        Ok(())
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

/// What firmware calls of the recorder, to be measured.
pub fn record_with<C: Checksum + Clone>(hasher: C) -> Option<()> {
    let header = Essentials::parse(black_box(HEADER)).ok()?;
    let mut buffer = [0; FRAME_LEN_MAX];
    let opened = Recorder::open(black_box(Memory::NEW), RING, &header, hasher.clone(), &mut buffer).ok()?;
    let mut recorder = match opened {
        Some(recorder) => recorder,
        None => Recorder::format(Memory::NEW, RING, &header, SESSION.stream_id, hasher.clone()).ok()?,
    };
    recorder.append(0, black_box(&[1; 56])).ok()?;
    let memory = recorder.medium();
    let found = Contents::find(memory, RING, &header, &hasher, &mut buffer).ok()??;
    found.read(memory, found.positions().start, &mut buffer).ok()?;
    black_box(&buffer);
    Some(())
}
