//! flatstream itself, as its README says: `append`, `flush`, `sync`, and [`Writer::open`] after a crash.

use flatstream::{Reader, WriteOptions, Writer};
use flatstream_testkit::disk::Disk;

use super::{Failure, Peer, ReadBack, fail};
use crate::storage::{DiskStorage, OpenFile};

const FILE: &str = "log.fls";

/// A stream in a file of its own.
#[derive(Debug)]
pub struct Flatstream(Writer<OpenFile>);

/// The default ones, but for the stream's id, which has to be the same in each run of a seed.
fn options() -> WriteOptions {
    WriteOptions::new().stream_id(0x5EED)
}

impl Peer for Flatstream {
    const NAME: &'static str = "flatstream";

    fn create(disk: &Disk) -> Result<Self, Failure> {
        Writer::create_new_in(&DiskStorage(disk.clone()), FILE, options()).map(Self).map_err(fail)
    }

    fn append(&mut self, message: &[u8]) -> Result<(), Failure> {
        self.0.append(message).map(drop).map_err(fail)
    }

    fn hand_over(&mut self) -> Result<(), Failure> {
        self.0.flush().map_err(fail)
    }

    fn acknowledge(&mut self) -> Result<(), Failure> {
        self.0.sync().map(drop).map_err(fail)
    }

    /// Opens the file for appending, which repairs it, and reads it strictly.
    fn read_back(disk: &Disk) -> ReadBack {
        let mut found = ReadBack::default();
        if !disk.exists(FILE) {
            return found;
        }
        if let Err(error) = Writer::open_in(&DiskStorage(disk.clone()), FILE, options()) {
            found.needs_new_file = Some(error.to_string());
        }
        let bytes = disk.read(FILE).unwrap_or_default();
        let mut read = || {
            let mut reader = Reader::new(&bytes[..])?;
            while let Some(message) = reader.next_message()? {
                found.messages.push(message.to_vec());
            }
            Ok(())
        };
        found.error = read().err().map(|error: flatstream::Error| error.to_string());
        found
    }
}
