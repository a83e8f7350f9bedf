//! Flash whose power goes after so many bytes, and a host that reads it.

#![allow(dead_code, reason = "each test uses a part")]

use core::num::NonZeroU64;

use flatstream_io::{ReadOptions, Reader, Recovery};
use flatstream_ring::format::{Algorithm, ChecksumType, Essentials, Header, HeaderBuilder};
use flatstream_ring::{Contents, Geometry, Medium, ReadAt, Recorder, RingError};

pub(crate) const RING: Geometry = Geometry::new(2048, 256).unwrap();
pub(crate) const MESSAGE_LEN_MAX: u32 = 200;
pub(crate) const BUFFER_LEN: usize = 208;
pub(crate) const STREAM: NonZeroU64 = NonZeroU64::new(0x17_0000_0042).unwrap();

/// The power is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut;

/// Each byte that is erased or written takes a step. At the step where the power goes, the byte is anything that flash
/// may hold then.
#[derive(Clone, Debug)]
pub(crate) struct Flash {
    pub(crate) bytes: Vec<u8>,
    pub(crate) steps: u64,
    pub(crate) power_for: u64,
    noise: u64,
    /// The page that was erased last, or is just being erased.
    pub(crate) last_erased: u32,
}

impl Flash {
    pub(crate) fn new(noise: u64) -> Self {
        let noise = noise.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        // What was there before the first start is anything.
        let mut flash = Self { bytes: Vec::new(), steps: 0, power_for: u64::MAX, noise, last_erased: 0 };
        flash.bytes = (0..RING.len()).map(|_| flash.number() as u8).collect();
        flash
    }

    fn number(&mut self) -> u64 {
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 7;
        self.noise ^= self.noise << 17;
        self.noise >> 16
    }

    fn step(&mut self) -> Result<(), Cut> {
        if self.steps >= self.power_for {
            return Err(Cut);
        }
        self.steps += 1;
        Ok(())
    }
}

impl ReadAt for Flash {
    type Error = Cut;

    fn read_at(&mut self, offset: u32, into: &mut [u8]) -> Result<(), Cut> {
        into.copy_from_slice(&self.bytes[offset as usize..][..into.len()]);
        Ok(())
    }
}

impl Medium for Flash {
    fn erase(&mut self, offset: u32, len: u32) -> Result<(), Cut> {
        assert_eq!((len, offset % len), (RING.page_len(), 0), "erases pages");
        self.last_erased = offset;
        for at in offset..offset + len {
            if self.step().is_err() {
                // An erase works on the whole page at once: each bit that isn't erased yet may still be what it was.
                for at in offset..offset + len {
                    let kept = self.number() as u8;
                    self.bytes[at as usize] |= kept;
                }
                return Err(Cut);
            }
            // In a seed of three, bytes are erased one by one.
            if self.noise % 3 == 0 {
                self.bytes[at as usize] = 0xFF;
            }
        }
        self.bytes[offset as usize..][..len as usize].fill(0xFF);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Cut> {
        assert_eq!((offset % 8, bytes.len() % 8), (0, 0), "writes words");
        assert!(offset % RING.page_len() + bytes.len() as u32 <= RING.page_len(), "writes within a page");
        for (at, byte) in (offset as usize..).zip(bytes) {
            assert_eq!(self.bytes[at], 0xFF, "writes where it is blank");
            if self.step().is_err() {
                // Bits are only cleared; some of this word's were.
                let end = bytes.len().min((at - offset as usize) / 8 * 8 + 8) + offset as usize;
                for (at, byte) in (at..end).zip(&bytes[at - offset as usize..]) {
                    self.bytes[at] &= byte | self.number() as u8;
                }
                return Err(Cut);
            }
            self.bytes[at] = *byte;
        }
        Ok(())
    }
}

pub(crate) fn header() -> Header {
    HeaderBuilder::new(ChecksumType::Crc32c).max_message_len(MESSAGE_LEN_MAX).sync_interval(0).build().unwrap()
}

pub(crate) fn essentials() -> Essentials {
    *header().essentials()
}

/// The message with a number: 5 to 200 bytes that tell it.
pub(crate) fn message(number: u64) -> Vec<u8> {
    let len = 5 + (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) % 196;
    (0..len).map(|at| if at < 4 { (number >> (8 * at)) as u8 } else { (number * 31 + at * 7) as u8 }).collect()
}

pub(crate) fn number_of(message: &[u8]) -> u64 {
    u64::from(u32::from_le_bytes(message[..4].try_into().unwrap()))
}

/// What firmware does at every start.
pub(crate) fn open(flash: &mut Flash) -> Result<Recorder<&mut Flash, Algorithm>, RingError<Cut>> {
    match find(flash) {
        Some(_) => {
            let mut buffer = [0; BUFFER_LEN];
            Ok(Recorder::open(flash, RING, &essentials(), Algorithm::CRC32C, &mut buffer)?.unwrap())
        }
        None => Recorder::format(flash, RING, &essentials(), STREAM, Algorithm::CRC32C),
    }
}

pub(crate) fn find(flash: &mut Flash) -> Option<Contents> {
    Contents::find(flash, RING, &essentials(), &Algorithm::CRC32C, &mut [0; BUFFER_LEN]).unwrap()
}

/// The stream as a device sends it: the header, and what the ring has.
pub(crate) fn stream(flash: &mut Flash) -> Vec<u8> {
    let mut stream = header().as_bytes().to_vec();
    if let Some(found) = find(flash) {
        let positions = found.positions();
        let start = stream.len();
        stream.resize(start + (positions.end - positions.start) as usize, 0);
        let len = found.read(flash, positions.start, &mut stream[start..]).unwrap();
        assert_eq!(len, stream.len() - start);
    }
    stream
}

/// What a host makes of it: the numbers of the messages, and how many it reports as lost.
pub(crate) fn read(stream: &[u8]) -> (Vec<u64>, u64) {
    let options = ReadOptions::new().recovery(Recovery::new());
    let mut reader = Reader::with_options(stream, options).unwrap();
    let mut numbers = Vec::new();
    while let Some(found) = reader.next_message().unwrap() {
        let number = number_of(found);
        assert_eq!(found, message(number), "only what was written comes out");
        assert!(numbers.last().is_none_or(|last| *last < number), "in order, and once: {number} behind {numbers:?}");
        numbers.push(number);
    }
    (numbers, reader.losses().messages)
}

/// On a machine that is emulated, with `FLATSTREAM_THINNED=n` in the environment, only every n-th cut is made.
pub(crate) fn thinned() -> usize {
    std::env::var("FLATSTREAM_THINNED").ok().and_then(|step| step.parse().ok()).filter(|step| *step > 0).unwrap_or(1)
}
