//! What flatstream's tests share. It depends on none of the crates it helps to test, so that nothing here can be right
//! or wrong together with them.

pub mod adler32;
pub mod allocations;
pub mod damage;
pub mod disk;
pub mod faulty;
pub mod flatc;
pub mod folder;
pub mod noise;
pub mod python;
pub mod reference;
pub mod spec;
pub mod tools;
pub mod vectors;
