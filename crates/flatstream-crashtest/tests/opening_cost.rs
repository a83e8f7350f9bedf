//! Opening a file after a crash costs the same whatever its size: what is read is counted, not timed.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use flatstream::storage::{Files, Storage, StorageFile};
use flatstream::{Durable, Reader, WriteOptions, Writer};
use flatstream_crashtest::crashed_file;
use flatstream_testkit::folder::Folder;

/// The system's files, with a count of the bytes that are read.
struct Counting(Rc<Cell<u64>>);

struct CountingFile(File, Rc<Cell<u64>>);

impl Storage for Counting {
    type File = CountingFile;

    fn create_new(&self, path: &Path) -> io::Result<CountingFile> {
        Ok(CountingFile(Files.create_new(path)?, Rc::clone(&self.0)))
    }
    fn open(&self, path: &Path) -> io::Result<CountingFile> {
        Ok(CountingFile(Files.open(path)?, Rc::clone(&self.0)))
    }
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        Files.hard_link(from, to)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Files.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        Files.remove(path)
    }
    fn sync_folder_of(&self, path: &Path) -> io::Result<()> {
        Files.sync_folder_of(path)
    }
}

impl StorageFile for CountingFile {
    fn try_lock(&self) -> io::Result<bool> {
        StorageFile::try_lock(&self.0)
    }
    fn is_at(&self, path: &Path) -> io::Result<bool> {
        self.0.is_at(path)
    }
    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let count = StorageFile::read_at(&self.0, buffer, position)?;
        self.1.set(self.1.get() + count as u64);
        Ok(count)
    }
    fn seek_to(&mut self, position: u64) -> io::Result<()> {
        self.0.seek_to(position)
    }
    fn set_end(&mut self, len: u64) -> io::Result<()> {
        self.0.set_end(len)
    }
}

impl Write for CountingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Durable for CountingFile {
    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }
}

/// In a folder that is named for the test that asks.
fn bytes_read(test: &str, size: u64, unsynced: u64) -> u64 {
    let folder = Folder::new(&format!("{test}-{size}-{unsynced}"));
    let path = folder.join("a.fls");
    let messages = crashed_file::make(&path, size, unsynced).unwrap();
    let read = Rc::new(Cell::new(0));
    let mut writer = Writer::open_in(&Counting(Rc::clone(&read)), &path, WriteOptions::new()).unwrap();
    assert_eq!(writer.sequence(), messages);
    assert!(writer.open_report().unwrap().bytes_cut > 0);
    writer.append(b"goes on").unwrap();
    writer.finish().unwrap();
    read.get()
}

#[test]
fn opening_reads_as_much_of_a_terabyte_as_of_a_megabyte() {
    let least = bytes_read("opening", 1 << 20, 64 << 10);
    for size in [1 << 30, 10 << 30, 1 << 40] {
        let read = bytes_read("opening", size, 64 << 10);
        println!("{size} bytes: {read} read; of 1 MiB: {least}");
        assert!(read <= least + (64 << 10), "{read} bytes of {size} were read, {least} of 1 MiB");
    }
    assert!(least < 512 << 10, "{least}");
}

#[test]
fn opening_reads_what_is_not_known_durable_and_little_more() {
    for unsynced in [64 << 10, 1 << 20, 16 << 20] {
        let read = bytes_read("unsynced", 10 << 30, unsynced);
        println!("{unsynced} bytes not known durable: {read} read");
        // Once to find the end, and once to write it over itself.
        assert!(read < 2 * unsynced + (512 << 10), "{read} bytes were read for {unsynced}");
    }
}

/// Where nobody ever synced, and so nothing is known, the whole file is read; the documentation says so.
#[test]
fn opening_reads_all_of_a_stream_that_was_never_synced() {
    let folder = Folder::new("never-synced");
    let path = folder.join("a.fls");
    let mut writer = Writer::new(File::create(&path).unwrap(), WriteOptions::new()).unwrap();
    (0..10_000).for_each(|_| assert!(writer.append(&[1; 200]).is_ok()));
    drop(writer);
    let size = fs::metadata(&path).unwrap().len();
    let read = Rc::new(Cell::new(0));
    drop(Writer::open_in(&Counting(Rc::clone(&read)), &path, WriteOptions::new()).unwrap());
    assert!(read.get() >= size, "{} of {size}", read.get());
    assert_eq!(Reader::new(File::open(&path).unwrap()).unwrap().count(), 10_000);
}
