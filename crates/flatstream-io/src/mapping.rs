//! The one call that maps a file into memory, and what makes it safe enough.
//!
//! A mapped file is memory that other processes can change, while Rust takes the bytes behind a `&[u8]` for fixed. No
//! check in this process can rule that out, so it is a matter of who writes to the file, as `MappedReader::open` tells
//! its caller:
//!
//! - The writers of this project never change a byte of an accepted frame (specification, section 2: nothing that is
//!   written is ever changed; section 16 counts on it). They append, and when they reopen a file they cut only what
//!   lies behind its good frames. A frame's bytes that are written again on reopening are the same bytes.
//! - `MappedReader` reads only frames that were whole when it was opened, and everything behind them by `pread`. So a
//!   cut takes no page away from under a read, and no byte is read here that a writer is still to write.
//! - A program that writes over the file or makes it shorter breaks this. Then a message that was verified may change
//!   while it is used, or the process is ended by SIGBUS. The caller has to know that there is none, or read by
//!   `Reader`, which copies.
//!
//! The mapping itself is sound: it is read-only, made by the system, as long as the file was then, and unmapped when
//! dropped, which borrows of its bytes prevent.
#![allow(unsafe_code, reason = "mapping a file can't be done without: see above")]

use std::fs::File;
use std::io;
use std::ops::Deref;

use memmap2::{Mmap, MmapOptions};

/// The first bytes of a file, mapped.
#[derive(Debug)]
pub(crate) struct Mapping(Mmap);

impl Mapping {
    pub(crate) fn new(file: &File, len: usize) -> io::Result<Self> {
        // SAFETY: nobody changes the bytes that are read through it, for the reasons above, as the caller of
        // `MappedReader::open` vouches.
        let map = unsafe { MmapOptions::new().len(len).map(file) }?;
        Ok(Self(map))
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
