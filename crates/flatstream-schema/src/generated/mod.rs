//! What flatc makes of `schemas/reflection.fbs`: `cargo xtask codegen`. Lint exceptions stand here, where regeneration
//! can't reach them. flatc's code reads through `unsafe`; it is only reached behind the FlatBuffers verifier.

#[allow(unsafe_code, unused_imports, dead_code, unreachable_pub, missing_docs, deprecated, rust_2018_idioms)]
#[allow(clippy::all, clippy::pedantic)]
#[rustfmt::skip]
mod reflection_generated;

pub(crate) use reflection_generated::reflection;
