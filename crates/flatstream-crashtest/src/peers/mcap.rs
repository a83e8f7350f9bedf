//! The `mcap` crate: a container for recordings of robots, and what one would take today for a stream of FlatBuffers.
//!
//! **How it is set up.** [`mcap::Writer`] with its default options over a `BufWriter`, as its documentation's example
//! has it (no compression, because the features are off: without C code). A message is acknowledged when
//! [`Writer::flush`](mcap::Writer::flush) and then a sync of the file have succeeded; the file's name is made durable
//! when it was created. `flush` without a sync is what hands over.
//!
//! **Why that is fair.** Of `flush` the documentation says: "We finish the chunk to guarantee that the file can be
//! streamed by future readers at least up to this point"
//! (<https://docs.rs/mcap/0.26.0/mcap/write/struct.Writer.html#method.flush>), so no message that was acknowledged is
//! in a half chunk. It says nothing of syncs but, at `into_inner`, "you may wish to call `std::fs::File::sync_all()`";
//! the file is kept beside the writer for that, as `File::try_clone` allows.
//!
//! **How it is read.** In two ways, which are two rows. [`McapCareful`]: linearly, every chunk's checksum compared
//! before its messages are delivered, a missing end accepted. [`McapRecover`]: as the crate's own `recover` example
//! does (<https://docs.rs/crate/mcap/0.26.0/source/examples/recover.rs>), whose comment says: "A truncated file lacks
//! trailing magic, so do not require one, and a damaged chunk should not end recovery, so leave chunk CRC validation
//! off. The reader stops at the first record it cannot parse; everything before it is kept."
//!
//! **What it can't.** The crate has no way to open a file and append to it: [`mcap::Writer::new`] begins a file. After
//! a crash an application goes on in a new one, whatever is in the old; the table says so of each file that was there.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use flatstream_testkit::disk::{Disk, DiskFile};
use mcap::records::MessageHeader;
use mcap::sans_io::LinearReaderOptions;

use super::{Failure, Peer, ReadBack, fail};

const FILE: &str = "log.mcap";

/// Every chunk's checksum is compared before its messages are delivered.
#[derive(Debug)]
pub struct McapCareful(Recording);

/// Read as the crate's `recover` example reads: without checksums.
#[derive(Debug)]
pub struct McapRecover(Recording);

struct Recording {
    writer: mcap::Writer<BufWriter<Handle>>,
    file: Arc<DiskFile>,
    channel_id: u16,
    count: u32,
}

impl Recording {
    fn create(disk: &Disk) -> Result<Self, Failure> {
        let file = Arc::new(disk.create_new(FILE).map_err(fail)?);
        let handle = Handle { file: Arc::clone(&file), position: 0 };
        let mut writer = mcap::Writer::new(BufWriter::new(handle)).map_err(fail)?;
        let channel_id = writer.add_channel(0, "telemetry", "flatbuffer", &BTreeMap::new()).map_err(fail)?;
        disk.sync_directory().map_err(fail)?;
        Ok(Self { writer, file, channel_id, count: 0 })
    }

    fn append(&mut self, message: &[u8]) -> Result<(), Failure> {
        let (channel_id, sequence, time) = (self.channel_id, self.count, u64::from(self.count));
        self.count += 1;
        let header = MessageHeader { channel_id, sequence, log_time: time, publish_time: time };
        self.writer.write_to_known_channel(&header, message).map_err(fail)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.writer.flush().map_err(fail)
    }

    fn sync(&mut self) -> Result<(), Failure> {
        self.flush()?;
        self.file.sync().map_err(fail)
    }
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording").field("count", &self.count).finish_non_exhaustive()
    }
}

/// As `peers` wants it; the two differ in how they are read alone.
macro_rules! impl_peer {
    ($peer:ident, $name:literal, $options:expr) => {
        impl Peer for $peer {
            const NAME: &'static str = $name;

            fn create(disk: &Disk) -> Result<Self, Failure> {
                Recording::create(disk).map(Self)
            }

            fn append(&mut self, message: &[u8]) -> Result<(), Failure> {
                self.0.append(message)
            }

            fn hand_over(&mut self) -> Result<(), Failure> {
                self.0.flush()
            }

            fn acknowledge(&mut self) -> Result<(), Failure> {
                self.0.sync()
            }

            fn read_back(disk: &Disk) -> ReadBack {
                read_back(disk, $options)
            }
        }
    };
}

impl_peer!(McapCareful, "mcap, checksums compared", LinearReaderOptions::default().with_prevalidate_chunk_crcs(true));
impl_peer!(McapRecover, "mcap, read as its `recover`", LinearReaderOptions::default());

fn read_back(disk: &Disk, options: LinearReaderOptions) -> ReadBack {
    let mut found = ReadBack::default();
    let Some(bytes) = disk.read(FILE) else { return found };
    found.needs_new_file = Some("mcap can't append to a file".to_owned());
    // A length that was made up by damage must not become an allocation.
    let options = options.with_skip_end_magic(true).with_record_length_limit(1 << 26);
    let mut reader = mcap::io::MessageReader::new_with_options(&bytes[..], options);
    // With overflow checks, as in tests, the reader panics at a record that is longer than its chunk; without, it reads
    // on.
    while let Some(message) = catch_unwind(AssertUnwindSafe(|| reader.next())).transpose() {
        match message {
            Ok(Ok(message)) => found.messages.push(message.data.into_owned()),
            Ok(Err(error)) => found.error = Some(error.to_string()),
            Err(_) => {
                found.error = Some("the reader panicked".to_owned());
                break;
            }
        }
    }
    found
}

/// The file with a place for the next byte, as a `File` has one.
#[derive(Debug)]
struct Handle {
    file: Arc<DiskFile>,
    position: u64,
}

impl Write for Handle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write_at(bytes, self.position)?;
        self.position += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Handle {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(position) => (position, 0),
            SeekFrom::Current(offset) => (self.position, offset),
            SeekFrom::End(offset) => (self.file.len()?, offset),
        };
        let position = base.checked_add_signed(offset).ok_or(io::ErrorKind::InvalidInput)?;
        self.position = position;
        Ok(position)
    }
}
