//! Encodes a stream, decodes it, compares, with the crate `flatstream-format` alone; and records into a ring, with
//! `flatstream-ring`. It links only if no panicking branch is left in all of that: the panic handler calls a function
//! that doesn't exist.

#![no_std]
#![no_main]

mod memory;
mod ring;

use core::hint::black_box;
use core::num::NonZeroU64;

use flatstream_format::{
    Algorithm, Decoded, Decoder, Encoder, Essentials, Session, SliceReader, Span, SyncFlags, limits,
};

const HEADER: &[u8] = include_bytes!("../../../crates/flatstream-format/tests/minimal_header.bin");
const MESSAGES: u64 = 200;
const MESSAGE_LEN_MAX: usize = 61;

unsafe extern "C" {
    fn a_panicking_branch_survived() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: never reached, because it never links.
    unsafe { a_panicking_branch_survived() }
}

/// The message with this sequence number, different from every other.
fn message(sequence: u64, buffer: &mut [u8; MESSAGE_LEN_MAX]) -> &[u8] {
    let mut byte = sequence as u8;
    for place in buffer.iter_mut() {
        *place = byte;
        byte = byte.wrapping_mul(7).wrapping_add(1);
    }
    let len = 1 + (sequence % MESSAGE_LEN_MAX as u64) as usize;
    buffer.get(..len).unwrap_or(&[1])
}

fn encode(stream: &mut [u8]) -> Option<usize> {
    let essentials = Essentials::parse(HEADER).ok()?;
    let mut encoder = Encoder::new(&essentials, Session { stream_id: NonZeroU64::MIN, epoch: 0 }, Algorithm::CRC32C);
    let (header, mut rest) = stream.split_at_mut_checked(HEADER.len())?;
    header.copy_from_slice(HEADER);
    let mut buffer = [0; MESSAGE_LEN_MAX];
    while encoder.sequence() < MESSAGES {
        if encoder.sync_due() {
            let len = encoder.encode_sync(encoder.sequence() as i64, SyncFlags::NONE, rest).ok()?;
            rest = rest.get_mut(len..)?;
        }
        let message = message(encoder.sequence(), &mut buffer);
        let len = encoder.encode_message(message, rest).ok()?;
        rest = rest.get_mut(len..)?;
    }
    encoder.encode_sync(i64::MAX, SyncFlags::CLOSED, rest).ok()?;
    Some(encoder.position() as usize)
}

/// By the reader of slices; returns how many messages were as they should be.
fn read(stream: &[u8]) -> Option<u64> {
    let mut reader = SliceReader::new(stream).ok()?;
    let mut good = 0;
    let mut buffer = [0; MESSAGE_LEN_MAX];
    for found in &mut reader {
        good += u64::from(found.ok()?.body() == message(good, &mut buffer));
    }
    reader.end()?.is_closed().then_some(good)
}

/// By the decoder, in rows and in small pieces; returns how many messages came.
fn decode(stream: &[u8]) -> Option<u64> {
    let header = Essentials::parse(stream).ok()?;
    let mut decoder = Decoder::new(&header, limits::READER_MAX_MESSAGE_LEN, Algorithm::new(header.checksum).ok()?);
    let mut start = header.header_len as usize;
    let mut end = start;
    let mut spans = [Span::default(); 4];
    while end < stream.len() {
        end = stream.len().min(end.saturating_add(100));
        loop {
            let data = stream.get(start..end)?;
            let (_, used) = decoder.messages(data, &mut spans);
            start = start.saturating_add(used);
            let before = decoder.position();
            match decoder.decode(data.get(used..)?).ok()? {
                Decoded::NeedMore(_) => break,
                _ => start = start.saturating_add(decoder.position().wrapping_sub(before) as usize),
            }
        }
    }
    (start == stream.len()).then_some(decoder.sequence())
}

/// Damage of every byte is answered, not panicked at; returns how much of it was noticed.
fn damage(stream: &mut [u8], at: usize) -> bool {
    if let Some(byte) = stream.get_mut(at) {
        *byte ^= 0x10;
    }
    let noticed = read(stream) != Some(MESSAGES);
    if let Some(byte) = stream.get_mut(at) {
        *byte ^= 0x10;
    }
    noticed
}

fn prove() -> bool {
    let mut buffer = [0xA5; 16 << 10];
    let Some(len) = encode(black_box(&mut buffer)) else { return false };
    let Some(stream) = buffer.get_mut(..len) else { return false };
    let all_noticed = (0..len).step_by(37).all(|at| damage(black_box(stream), at));
    let is_read = read(black_box(stream)) == Some(MESSAGES) && decode(black_box(stream)) == Some(MESSAGES);
    is_read && all_noticed && ring::works().is_some()
}

/// The system starts a program with an aligned stack; a function expects it as it is behind a call.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    core::arch::naked_asm!("call {run}", "ud2", run = sym run)
}

#[cfg(target_arch = "aarch64")]
#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    run()
}

extern "C" fn run() -> ! {
    let mut status = i32::from(!prove());
    if cfg!(feature = "panics") {
        let bytes = black_box(HEADER);
        status += i32::from(bytes[black_box(7usize)]);
    }
    exit(status)
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn exit(status: i32) -> ! {
    // SAFETY: the system call `exit_group`, which takes a number and doesn't return.
    unsafe { core::arch::asm!("syscall", in("rax") 231, in("rdi") status, options(noreturn, nostack)) }
}

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
fn exit(status: i32) -> ! {
    // SAFETY: the system call `exit_group`, which takes a number and doesn't return.
    unsafe { core::arch::asm!("svc 0", in("x8") 94, in("x0") status, options(noreturn, nostack)) }
}
