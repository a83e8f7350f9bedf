//! Formats of other programs.

pub(crate) mod csv;
pub(crate) mod mcap;

mod columns;
