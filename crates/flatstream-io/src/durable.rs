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
