//! Proof by crashing. [`power_cut`] runs schedules of appends, syncs and power cuts over the simulated disk of
//! `flatstream-testkit` and checks, after each, what flatstream promises; [`storage`] puts flatstream's files on that disk.
//!
//! It is a crate of its own because the simulated disk knows nothing of flatstream, and flatstream nothing of it.

#![forbid(unsafe_code)]

pub mod power_cut;
pub mod storage;
