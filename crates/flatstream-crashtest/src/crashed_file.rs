//! A file of any size as a crash left it: sparse, but with real frames where anyone looks.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use flatstream::format::{Algorithm, Encoder, Session, SyncFlags};
use flatstream::{WriteOptions, Writer};

/// So many bytes of real frames are known to be durable.
const DURABLE_FRAMES: u64 = 200 << 10;

/// Makes a file of about `size` bytes: its beginning, a hole that nobody reads, and real frames at its end, of which
/// the last is torn. All but the last `unsynced` bytes are known to be durable. Returns how many whole messages it
/// holds.
///
/// # Errors
/// Those of the system.
pub fn make(path: &Path, size: u64, unsynced: u64) -> io::Result<u64> {
    let writer = Writer::create_new(path, WriteOptions::new())?;
    let stream_id = writer.stream_id().try_into().map_err(io::Error::other)?;
    let header = writer.header().clone();
    drop(writer);
    let start = (size - unsynced - DURABLE_FRAMES) & !7;
    let session = Session { stream_id, epoch: 1 };
    let mut encoder = Encoder::resume(header.essentials(), session, Algorithm::CRC32C, start, 1_000_000);
    let mut bytes = Vec::new();
    let message = [7; 100];
    while encoder.position() < size {
        if encoder.position() + unsynced < size {
            encoder.set_durable(encoder.position());
        }
        if encoder.sync_due() {
            bytes.extend(encoder.sync(0, SyncFlags::NONE).map_err(io::Error::other)?);
        }
        bytes.extend(encoder.message(&message).map_err(io::Error::other)?);
        bytes.extend(message);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    bytes.truncate(bytes.len() - 5);
    OpenOptions::new().write(true).open(path)?.write_all_at(&bytes, start)?;
    Ok(encoder.sequence() - 1)
}
