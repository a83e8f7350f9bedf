//! The header region: section 3 of the specification.

mod essentials;
#[cfg(feature = "alloc")]
mod full;

pub use essentials::{Clock, Essentials, Located, locate_header};
#[cfg(feature = "alloc")]
pub use full::{Header, HeaderBuilder};
