//! What flatc makes of `telemetry.fbs`: `cargo xtask codegen`. Lint exceptions stand here, where regeneration can't
//! reach them.

#[allow(clippy::all, clippy::pedantic, dead_code, unused_imports)]
#[rustfmt::skip]
mod telemetry_generated;

pub use telemetry_generated::telemetry;

/// The binary schema, as a stream's header carries it.
pub const BFBS: &[u8] = include_bytes!("telemetry.bfbs");
