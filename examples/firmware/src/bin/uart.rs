//! Sends telemetry over a line that loses, doubles and flips bytes; what arrives goes into a file on the host. The
//! device counts the messages that were hit: the host has to report the same number as lost.

#![no_std]
#![no_main]

use flatstream_firmware::host::HostFile;
use flatstream_firmware::noise::Noise;
use flatstream_firmware::{HEADER, MESSAGES, SESSION, finish, telemetry};
use flatstream_format::{Algorithm, Encoder, Essentials, SyncFlags, TIME_NONE};

/// A sync frame comes before so many messages at the latest.
const SYNC_EVERY: u32 = 20;

/// Whatever is changed in the first so many bytes of a frame changes what follows too, so the frame is lost for sure.
const VULNERABLE: u32 = 48;

#[cortex_m_rt::entry]
fn main() -> ! {
    finish(send(c"uart.fls", c"uart.txt", Line::bad_once).and_then(|()| send(c"wild.fls", c"wild.txt", Line::wild)))
}

/// The line.
struct Line {
    received: HostFile,
    noise: Noise,
    /// Frames up to the next one that is hit.
    countdown: u32,
    hit: u32,
}

/// How a line treats a frame.
type Treatment = fn(&mut Line, &[u8]) -> Option<bool>;

impl Line {
    /// Hits one frame between two sync frames, or a sync frame, in one place. Whether it did.
    fn bad_once(&mut self, frame: &[u8]) -> Option<bool> {
        self.countdown = self.countdown.wrapping_sub(1);
        if self.countdown != 0 {
            self.received.write(frame)?;
            return Some(false);
        }
        // Not twice between two sync frames: a receiver can't know what lay between two changes of the place.
        self.countdown = 2 * SYNC_EVERY + 2 + self.noise.below(SYNC_EVERY);
        let at = self.noise.below(VULNERABLE) as usize;
        self.transmit_badly(frame, at)
    }

    /// Every byte may be hit.
    fn wild(&mut self, frame: &[u8]) -> Option<bool> {
        let mut start = 0;
        let mut is_hit = false;
        for at in 0..frame.len() {
            if self.noise.below(700) == 0 {
                is_hit |= self.transmit_badly(frame.get(start..=at)?, at.checked_sub(start)?)?;
                start = at + 1;
            }
        }
        self.received.write(frame.get(start..)?)?;
        Some(is_hit)
    }

    /// One byte is lost, or comes twice, or one of its bits is flipped. Whether that changes the bytes: a first byte
    /// that comes twice is only one too many before them.
    fn transmit_badly(&mut self, bytes: &[u8], at: usize) -> Option<bool> {
        let (before, rest) = bytes.split_at_checked(at)?;
        let (byte, behind) = rest.split_first()?;
        self.received.write(before)?;
        let mut is_hit = true;
        match self.noise.below(3) {
            0 => {}
            1 => {
                is_hit = before.iter().any(|other| other != byte);
                self.received.write(&[*byte, *byte])?;
            }
            _ => self.received.write(&[byte ^ 1 << self.noise.below(8)])?,
        }
        self.received.write(behind)?;
        Some(is_hit)
    }
}

fn send(name: &core::ffi::CStr, report: &core::ffi::CStr, treatment: Treatment) -> Option<()> {
    let header = Essentials::parse(HEADER).ok()?;
    let mut encoder = Encoder::new(&header, SESSION, Algorithm::CRC32C);
    let received = HostFile::create(name)?;
    let mut line = Line { received, noise: Noise::new(2_463_534_242), countdown: SYNC_EVERY, hit: 0 };
    line.received.write(HEADER)?;
    let mut frame = [0; 128];
    let len = encoder.encode_sync(0, SyncFlags::NONE, &mut frame).ok()?;
    line.received.write(frame.get(..len)?)?;
    for number in 0..MESSAGES {
        if encoder.sync_due() || number % SYNC_EVERY == 0 {
            let (time, ..) = telemetry::event(number);
            let len = encoder.encode_sync(time as i64, SyncFlags::NONE, &mut frame).ok()?;
            treatment(&mut line, frame.get(..len)?)?;
        }
        let len = encoder.encode_message(&telemetry::message(number), &mut frame).ok()?;
        line.hit += u32::from(treatment(&mut line, frame.get(..len)?)?);
    }
    // The last one arrives: it is by this that the receiver knows what else was lost.
    let len = encoder.encode_sync(TIME_NONE, SyncFlags::CLOSED, &mut frame).ok()?;
    line.received.write(frame.get(..len)?)?;
    let mut facts = HostFile::create(report)?;
    facts.write_fact("messages", MESSAGES)?;
    facts.write_fact("hit", line.hit)
}
