//! `redb`: no log but a database, whose commit keeps what a log's does. It is here because it is widely used and
//! carefully made: what a peer can be that keeps all it acknowledges.
//!
//! **How it is set up.** A [`Database`] with default options over a [`StorageBackend`], one table from the message's
//! number to the message. Messages go into an open write transaction; a commit with the default durability
//! acknowledges, one with [`Durability::None`] is what hands over. The file's name is made durable when it was created.
//!
//! **Why that is fair.** "Commits with this durability level are guaranteed to be persistent as soon as
//! `WriteTransaction::commit` returns" (<https://docs.rs/redb/4.6.0/redb/enum.Durability.html>, `Immediate`). The
//! backend does on the simulated disk what redb's own does on a file: `sync_data` is `fdatasync`, new bytes are zeros.
//!
//! **How it is read.** By opening it, which repairs it, and then in the order of the numbers.

use std::io::{self, ErrorKind};

use flatstream_testkit::disk::{Disk, DiskFile};
use redb::{Database, Durability, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition, WriteTransaction};

use super::{Failure, Peer, ReadBack, fail};

const FILE: &str = "log.redb";
const TABLE: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("messages");

/// A database with a table of messages.
#[derive(Debug)]
pub struct Redb {
    database: Database,
    count: u64,
    /// What was appended since the last commit.
    open: Option<Transaction>,
}

struct Transaction(WriteTransaction);

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transaction")
    }
}

impl Redb {
    fn commit(&mut self, durability: Durability) -> Result<(), Failure> {
        let mut transaction = match self.open.take() {
            Some(open) => open.0,
            None => self.database.begin_write().map_err(fail)?,
        };
        transaction.set_durability(durability).map_err(fail)?;
        transaction.commit().map_err(fail)
    }
}

impl Peer for Redb {
    const NAME: &'static str = "redb (a database)";

    fn create(disk: &Disk) -> Result<Self, Failure> {
        let backend = Backend { file: disk.create_new(FILE).map_err(fail)? };
        let database = Database::builder().create_with_backend(backend).map_err(fail)?;
        let transaction = database.begin_write().map_err(fail)?;
        drop(transaction.open_table(TABLE).map_err(fail)?);
        transaction.commit().map_err(fail)?;
        disk.sync_directory().map_err(fail)?;
        Ok(Self { database, count: 0, open: None })
    }

    fn append(&mut self, message: &[u8]) -> Result<(), Failure> {
        let open = match &self.open {
            Some(open) => open,
            None => self.open.insert(Transaction(self.database.begin_write().map_err(fail)?)),
        };
        open.0.open_table(TABLE).map_err(fail)?.insert(self.count, message).map_err(fail)?;
        self.count += 1;
        Ok(())
    }

    fn hand_over(&mut self) -> Result<(), Failure> {
        self.commit(Durability::None)
    }

    /// A commit even if nothing was appended: what was handed over is durable with the next one that is.
    fn acknowledge(&mut self) -> Result<(), Failure> {
        self.commit(Durability::Immediate)
    }

    fn read_back(disk: &Disk) -> ReadBack {
        let mut found = ReadBack::default();
        let Ok(file) = disk.open(FILE) else { return found };
        let database = match Database::builder().create_with_backend(Backend { file }) {
            Ok(database) => database,
            Err(error) => return ReadBack { needs_new_file: Some(error.to_string()), ..found },
        };
        let mut read = || {
            let transaction = database.begin_read()?;
            let table = match transaction.open_table(TABLE) {
                // The power went before the table was made.
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(()),
                table => table?,
            };
            for entry in table.iter()? {
                found.messages.push(entry?.1.value().to_vec());
            }
            Ok(())
        };
        found.error = read().err().map(|error: redb::Error| error.to_string());
        found
    }
}

/// A file on the simulated disk.
#[derive(Debug)]
struct Backend {
    file: DiskFile,
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut filled = 0;
        while filled < out.len() {
            match self.file.read_at(&mut out[filled..], offset + filled as u64)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => filled += count,
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn write(&self, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = self.file.write_at(bytes, offset)?;
            offset += count as u64;
            bytes = &bytes[count..];
        }
        Ok(())
    }
}
