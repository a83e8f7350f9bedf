use std::fs::File;
use std::io::{self, BufWriter, Write};

/// A sink that can say when what it took is durable: safe against a power cut.
///
/// For a file that is `fdatasync`. Implement it for other sinks: a replicated log might wait for its followers, a block
/// device flush its cache. After a successful [`sync`](Self::sync) everything written before has to survive whatever
/// the sink promises to survive; the stream then says so itself, in its sync frames.
///
/// ```
/// use std::io::{self, Write};
///
/// use flatstream_io::{Durable, WriteOptions, Writer};
///
/// /// Two copies; durable is what both have.
/// struct Mirror(std::fs::File, std::fs::File);
///
/// impl Write for Mirror {
///     fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
///         self.0.write_all(bytes)?;
///         self.1.write_all(bytes)?;
///         Ok(bytes.len())
///     }
///     fn flush(&mut self) -> io::Result<()> {
///         Ok(())
///     }
/// }
///
/// impl Durable for Mirror {
///     fn sync(&mut self) -> io::Result<()> {
///         self.0.sync_data()?;
///         self.1.sync_data()
///     }
/// }
///
/// # let folder = std::env::temp_dir().join(format!("flatstream-mirror-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let file = |name: &str| std::fs::File::create(folder.join(name));
/// let mut writer = Writer::new_durable(Mirror(file("left.fls")?, file("right.fls")?), WriteOptions::new())?;
/// writer.append(b"kept twice")?;
/// assert_eq!(writer.sync()?, 1); // one message is durable
/// # drop(writer);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), io::Error>(())
/// ```
pub trait Durable: Write {
    /// Returns once everything written before is durable.
    ///
    /// # Errors
    /// If it may not be. It isn't called again then: after a failed `fsync` a second one can report success for pages
    /// that the system has dropped.
    fn sync(&mut self) -> io::Result<()>;
}

/// `fdatasync`: the data, and the length that is needed to find them.
impl Durable for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

impl<W: Durable + ?Sized> Durable for &mut W {
    fn sync(&mut self) -> io::Result<()> {
        (**self).sync()
    }
}

impl<W: Durable + ?Sized> Durable for Box<W> {
    fn sync(&mut self) -> io::Result<()> {
        (**self).sync()
    }
}

impl<W: Durable> Durable for BufWriter<W> {
    fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        self.get_mut().sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes what is asked of it.
    #[derive(Default)]
    struct Notes {
        calls: Vec<String>,
        is_full: bool,
    }

    impl Write for Notes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.is_full {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.calls.push(format!("write {}", bytes.len()));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.calls.push("flush".to_owned());
            Ok(())
        }
    }

    impl Durable for Notes {
        fn sync(&mut self) -> io::Result<()> {
            self.calls.push("sync".to_owned());
            Ok(())
        }
    }

    #[test]
    fn what_a_buffer_holds_is_written_before_it_is_called_durable() {
        let mut notes = Notes::default();
        let mut sink: Box<dyn Durable> = Box::new(BufWriter::new(&mut notes));
        sink.write_all(b"message").unwrap();
        sink.sync().unwrap();
        drop(sink);
        assert_eq!(notes.calls, ["write 7", "flush", "sync"]);
    }

    #[test]
    fn a_buffer_that_cannot_be_written_is_not_called_durable() {
        let mut notes = Notes { is_full: true, ..Notes::default() };
        let mut sink = BufWriter::new(&mut notes);
        sink.write_all(b"message").unwrap();
        assert_eq!(sink.sync().unwrap_err().kind(), io::ErrorKind::StorageFull);
        drop(sink);
        assert!(notes.calls.is_empty(), "{:?}", notes.calls);
    }
}
