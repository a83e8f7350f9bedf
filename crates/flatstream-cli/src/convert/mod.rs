//! Formats of other programs.

#[cfg(feature = "full")]
pub(crate) mod arrow;
pub(crate) mod csv;
pub(crate) mod mcap;

mod about;
mod columns;
mod plain;
