//! Proof by crashing. [`power_cut`] runs schedules of appends, syncs and power cuts over the simulated disk of
//! `flatstream-testkit` and checks, after each, what flatstream promises, [`log_power_cut`] the same with logs;
//! [`storage`] puts flatstream's files on that disk.
//!
//! It is a crate of its own because the simulated disk knows nothing of flatstream, and flatstream nothing of it.

#![forbid(unsafe_code)]

pub mod crashed_file;
pub mod log_power_cut;
pub mod log_world;
pub mod peers;
pub mod power_cut;
pub mod storage;
pub mod traced;

/// The message of this number, as the appender writes it and tests expect it: 24 to 279 bytes.
#[must_use]
pub fn numbered(number: u64) -> Vec<u8> {
    let mut message = number.to_le_bytes().to_vec();
    message.resize(24 + (number % 256) as usize, number as u8);
    message
}

/// The same as the appender writes it that was started with this salt: other bytes, and another length. So it can be
/// told which of several appenders wrote the message that was kept.
#[must_use]
pub fn salted(number: u64, salt: u64) -> Vec<u8> {
    let mut message = numbered(number);
    if salt != 0 {
        message.extend_from_slice(&salt.to_le_bytes()[..1 + (salt % 8) as usize]);
    }
    message
}
