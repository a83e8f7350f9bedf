//! `wal-db`: a write-ahead log whose storage is a trait.
//!
//! **Why this one.** okaywal was the first choice, but it opens its files with `std::fs` (0.3.1, its latest release:
//! `src/lib.rs` lists the folder, `src/log_file.rs` opens, renames and syncs); no release has a trait for other
//! storage. raft-engine 0.4.2 has a `FileSystem` trait, but lists its folder (`src/file_pipe_log/pipe_builder.rs`) and
//! syncs it (`src/file_pipe_log/pipe.rs`) with `std::fs` beside it, so that half of what matters would bypass the
//! simulated disk; and it builds C code. `wal-db` does all its I/O through [`WalStore`].
//!
//! **How it is set up.** [`Wal::with_store_and_config`] with the default [`WalConfig`], a message per record; `sync`
//! acknowledges. The store does on the simulated disk what the crate's `FileStore` does on a file: it writes at a
//! position until all is written, `sync` is `fdatasync`, `truncate` is `set_len`. The file's name is made durable when
//! it was created.
//!
//! **Why that is fair.** Of `sync` the documentation says: "returns only when every record appended before it is on
//! stable storage and will survive a power loss", of `append`: "returns when the record is in the operating system's
//! page cache" (<https://docs.rs/wal-db/1.1.0/wal_db/>): so every append hands over, and there is nothing else to be
//! handed over. It says nothing of making the name durable; the harness does that, as for all.
//!
//! **How it is read.** By opening it, which is its recovery: it "scans forward and stops at the first record that is
//! incomplete or fails its checksum [...] and truncates that tail", and then by `iter`.

use std::io::{self, ErrorKind};

use flatstream_testkit::disk::{Disk, DiskFile};
use wal_db::{Wal, WalConfig, WalError, WalStore};

use super::{Failure, Peer, ReadBack, fail};

const FILE: &str = "log.wal";

/// A log in a single file.
#[derive(Debug)]
pub struct WalDb(Wal<Store>);

impl Peer for WalDb {
    const NAME: &'static str = "wal-db";

    fn create(disk: &Disk) -> Result<Self, Failure> {
        let store = Store(disk.create_new(FILE).map_err(fail)?);
        let wal = Wal::with_store_and_config(store, WalConfig::new()).map_err(fail)?;
        disk.sync_directory().map_err(fail)?;
        Ok(Self(wal))
    }

    fn append(&mut self, message: &[u8]) -> Result<(), Failure> {
        self.0.append(message).map(drop).map_err(fail)
    }

    fn hand_over(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn acknowledge(&mut self) -> Result<(), Failure> {
        self.0.sync().map_err(fail)
    }

    fn read_back(disk: &Disk) -> ReadBack {
        let mut found = ReadBack::default();
        let Ok(file) = disk.open(FILE) else { return found };
        let wal = match Wal::with_store_and_config(Store(file), WalConfig::new()) {
            Ok(wal) => wal,
            Err(error) => return ReadBack { needs_new_file: Some(error.to_string()), ..found },
        };
        let mut read = || {
            for record in wal.iter()? {
                found.messages.push(record?.into_data());
            }
            Ok(())
        };
        found.error = read().err().map(|error: WalError| error.to_string());
        found
    }
}

/// `FileStore` on the simulated disk.
#[derive(Debug)]
struct Store(DiskFile);

fn failed(error: io::Error) -> WalError {
    error.into()
}

impl WalStore for Store {
    fn write_at(&self, mut offset: u64, mut bytes: &[u8]) -> wal_db::Result<()> {
        while !bytes.is_empty() {
            let count = self.0.write_at(bytes, offset).map_err(failed)?;
            offset += count as u64;
            bytes = &bytes[count..];
        }
        Ok(())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> wal_db::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.0.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(filled)
    }

    fn truncate(&self, len: u64) -> wal_db::Result<()> {
        self.0.set_len(len).map_err(failed)
    }

    fn sync(&self) -> wal_db::Result<()> {
        self.0.sync().map_err(failed)
    }

    fn len(&self) -> wal_db::Result<u64> {
        self.0.len().map_err(failed)
    }
}
