//! What `bench` measures: the same work by flatstream, and without it.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use flatstream::parallel::SplitFile;
use flatstream::{ReadOptions, Reader, SyncPolicy, WriteOptions, Writer};

/// As large as the block of a `Writer`.
const BUFFER: usize = 256 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Appends messages to a new file; nothing is synced.
    Write,
    /// Reads them again, from the page cache as far as it holds them.
    Read,
    /// Verifies the file on all processors.
    Verify,
    /// Appends messages, each of which is synced before the next.
    DurableAppend,
}

impl Work {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Write => "write a file",
            Self::Read => "read a file",
            Self::Verify => "verify a file",
            Self::DurableAppend => "durable, a sync each",
        }
    }
}

/// By flatstream, with CRC-32C.
pub(crate) fn ours(work: Work, path: &Path, message: &[u8], messages: u64) -> io::Result<Duration> {
    let append = |mut writer: Writer<File>| -> io::Result<()> {
        for _ in 0..messages {
            writer.append(message)?;
        }
        writer.finish()?;
        Ok(())
    };
    let write = || append(Writer::new(File::create(path)?, WriteOptions::new())?);
    let write_durably = || append(Writer::create(path, WriteOptions::new().sync_policy(SyncPolicy::EveryMessage))?);
    match work {
        Work::Write => timed(write),
        Work::DurableAppend => timed(write_durably),
        Work::Read => {
            write()?;
            timed(|| {
                let mut reader = Reader::new(File::open(path)?)?;
                while let Some(message) = reader.next_message()? {
                    black_box(message);
                }
                Ok(())
            })
        }
        Work::Verify => {
            write()?;
            timed(|| {
                let verified = SplitFile::open_with_options(path, &ReadOptions::new())?.par_verify(0)?;
                black_box(verified.messages);
                Ok(())
            })
        }
    }
}

/// Lengths and messages, without a check; for `Verify`, reading all bytes.
pub(crate) fn plain(work: Work, path: &Path, message: &[u8], messages: u64) -> io::Result<Duration> {
    let frame = |sink: &mut dyn Write| -> io::Result<()> {
        sink.write_all(&(message.len() as u32).to_le_bytes())?;
        sink.write_all(message)
    };
    let write = || -> io::Result<()> {
        let mut sink = BufWriter::with_capacity(BUFFER, File::create(path)?);
        for _ in 0..messages {
            frame(&mut sink)?;
        }
        sink.flush()
    };
    match work {
        Work::Write => timed(write),
        Work::DurableAppend => timed(|| {
            let mut file = File::create(path)?;
            let framed = [&(message.len() as u32).to_le_bytes()[..], message].concat();
            for _ in 0..messages {
                file.write_all(&framed)?;
                file.sync_data()?;
            }
            Ok(())
        }),
        Work::Read => {
            write()?;
            timed(|| read_plain(path))
        }
        Work::Verify => {
            write()?;
            timed(|| {
                let mut file = File::open(path)?;
                let mut buffer = vec![0; BUFFER];
                while file.read(&mut buffer)? > 0 {
                    black_box(&buffer[..]);
                }
                Ok(())
            })
        }
    }
}

fn read_plain(path: &Path) -> io::Result<()> {
    let mut source = BufReader::with_capacity(BUFFER, File::open(path)?);
    let mut message = Vec::new();
    let mut head = [0; 4];
    loop {
        match source.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
        message.resize(u32::from_le_bytes(head) as usize, 0);
        source.read_exact(&mut message)?;
        black_box(&message[..]);
    }
}

fn timed(work: impl FnOnce() -> io::Result<()>) -> io::Result<Duration> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}
