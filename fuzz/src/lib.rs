//! What the fuzz targets check: one file each, with a function `check` that panics where something is wrong. The
//! targets themselves, in `fuzz_targets`, only call it. `regressions.rs` calls it with what was found before.

pub mod cli_readers;
pub mod decode;
pub mod header;
pub mod recover;
pub mod round_trip;
pub mod schema_walker;
pub mod split_input;
pub mod sync;

/// A target's name, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 8] = [
    ("decode", decode::check),
    ("split_input", split_input::check),
    ("round_trip", round_trip::check),
    ("recover", recover::check),
    ("schema_walker", schema_walker::check),
    ("header", header::check),
    ("sync", sync::check),
    ("cli_readers", cli_readers::check),
];

pub mod repair;
mod script;

// What the crates' own tests check with.
#[path = "../../crates/flatstream-io/tests/common/arrival.rs"]
mod arrival;
#[path = "../../crates/flatstream-io/tests/common/mod.rs"]
mod common;
#[path = "../../crates/flatstream-io/tests/common/damage.rs"]
mod damage;
#[path = "../../crates/flatstream-schema/tests/decoding/mod.rs"]
mod decoding;
#[path = "../../crates/flatstream-io/tests/common/growing.rs"]
mod growing;
#[path = "../../crates/flatstream-schema/tests/messages/mod.rs"]
mod messages;
#[expect(unreachable_pub, reason = "it is public in its own crate")]
#[path = "../../crates/flatstream-crashtest/src/storage.rs"]
mod storage;
#[path = "../../crates/flatstream-io/tests/common/strict.rs"]
mod strict;

pub mod seeds;

#[cfg(test)]
mod regressions;
