//! A medium so small that everything it may hold after a power cut can be listed, where
//! `flatstream_testkit::disk` draws.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flatstream::Durable;
use flatstream::storage::{Storage, StorageFile};

/// Blocks are whole sectors.
pub(crate) const SECTOR: usize = 512;

/// Files with names, which are durable at once. Clones are the same medium.
#[derive(Clone, Debug, Default)]
pub(crate) struct Medium(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    names: BTreeMap<PathBuf, usize>,
    contents: Vec<Content>,
    locked: BTreeSet<usize>,
    /// How many writes, syncs and cuts there were, and before which the power goes.
    operations: usize,
    off_at: Option<usize>,
    /// A medium that says it has, and hasn't.
    is_lying: bool,
    grants_every_lock: bool,
}

/// What is surely there, and what will be if the power stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(crate) durable: Vec<u8>,
    pub(crate) cache: Vec<u8>,
}

impl Medium {
    /// One that holds this file.
    pub(crate) fn with(path: &str, bytes: &[u8]) -> Self {
        let medium = Self::default();
        medium.put(path, bytes);
        medium
    }

    pub(crate) fn put(&self, path: &str, bytes: &[u8]) {
        self.put_content(path, Content { durable: bytes.to_vec(), cache: bytes.to_vec() });
    }

    pub(crate) fn put_content(&self, path: &str, content: Content) {
        let mut state = self.0.borrow_mut();
        state.contents.push(content);
        let number = state.contents.len() - 1;
        state.names.insert(path.into(), number);
    }

    pub(crate) fn content(&self, path: impl AsRef<Path>) -> Content {
        let state = self.0.borrow();
        state.contents[state.names[path.as_ref()]].clone()
    }

    pub(crate) fn power_off_at(&self, operation: usize) {
        self.0.borrow_mut().off_at = Some(operation);
    }

    pub(crate) fn is_off(&self) -> bool {
        let state = self.0.borrow();
        state.off_at.is_some_and(|at| state.operations >= at)
    }

    pub(crate) fn lie(&self) {
        self.0.borrow_mut().is_lying = true;
    }

    pub(crate) fn grant_every_lock(&self) {
        self.0.borrow_mut().grants_every_lock = true;
    }

    fn file(&self, number: usize) -> MediumFile {
        MediumFile { medium: self.clone(), number, end: 0, has_lock: false.into() }
    }

    fn operate<T>(&self, number: usize, operation: impl FnOnce(&mut Content, bool) -> T) -> io::Result<T> {
        if self.is_off() {
            return Err(io::Error::other("the power is off"));
        }
        let mut state = self.0.borrow_mut();
        state.operations += 1;
        let is_lying = state.is_lying;
        Ok(operation(&mut state.contents[number], is_lying))
    }

    fn number(&self, path: &Path) -> io::Result<usize> {
        self.0.borrow().names.get(path).copied().ok_or(ErrorKind::NotFound.into())
    }

    fn name(&self, path: &Path, number: usize) -> io::Result<()> {
        if self.number(path).is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        self.0.borrow_mut().names.insert(path.to_owned(), number);
        Ok(())
    }
}

impl Storage for Medium {
    type File = MediumFile;

    fn create_new(&self, path: &Path) -> io::Result<MediumFile> {
        let number = self.0.borrow().contents.len();
        self.name(path, number)?;
        self.0.borrow_mut().contents.push(Content::default());
        Ok(self.file(number))
    }

    fn open(&self, path: &Path) -> io::Result<MediumFile> {
        Ok(self.file(self.number(path)?))
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.name(to, self.number(from)?)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let number = self.number(from)?;
        let names = &mut self.0.borrow_mut().names;
        names.remove(from);
        names.insert(to.to_owned(), number);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.borrow_mut().names.remove(path).map(drop).ok_or(ErrorKind::NotFound.into())
    }

    fn sync_folder_of(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct MediumFile {
    medium: Medium,
    number: usize,
    end: usize,
    has_lock: std::cell::Cell<bool>,
}

impl Drop for MediumFile {
    fn drop(&mut self) {
        if self.has_lock.get() {
            self.medium.0.borrow_mut().locked.remove(&self.number);
        }
    }
}

impl StorageFile for MediumFile {
    fn try_lock(&self) -> io::Result<bool> {
        let mut state = self.medium.0.borrow_mut();
        self.has_lock.set(state.locked.insert(self.number) || state.grants_every_lock);
        Ok(self.has_lock.get())
    }

    fn is_at(&self, path: &Path) -> io::Result<bool> {
        Ok(self.medium.number(path).is_ok_and(|number| number == self.number))
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.medium.0.borrow().contents[self.number].cache.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let state = self.medium.0.borrow();
        let mut rest = state.contents[self.number].cache.get(position as usize..).unwrap_or_default();
        io::Read::read(&mut rest, buffer)
    }

    fn seek_to(&mut self, position: u64) -> io::Result<()> {
        self.end = position as usize;
        Ok(())
    }

    fn set_end(&mut self, len: u64) -> io::Result<()> {
        self.end = len as usize;
        self.medium.operate(self.number, |content, _| content.cache.resize(len as usize, 0))
    }
}

impl Write for MediumFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (start, end) = (self.end, self.end + bytes.len());
        self.medium.operate(self.number, |content, _| {
            content.cache.resize(content.cache.len().max(end), 0);
            content.cache[start..end].copy_from_slice(bytes);
        })?;
        self.end = end;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Durable for MediumFile {
    fn sync(&mut self) -> io::Result<()> {
        self.medium.operate(self.number, |content, is_lying| {
            if !is_lying {
                content.durable.clone_from(&content.cache);
            }
        })
    }
}

/// What became of a sector that was written and not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Landed,
    Missing,
    /// Up to this byte of it landed.
    Front(usize),
    /// From this byte on.
    Back(usize),
}

/// What stands where nothing of the file ever landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filler {
    Byte(u8),
    Noise,
    /// What a sector of the file held in an earlier life, so many sectors from here: life, distance.
    Stale(usize, isize),
}

/// All that may be left of a file.
pub(crate) struct Remains<'a> {
    pub(crate) content: Content,
    /// What the file held at other times.
    pub(crate) earlier: &'a [Vec<u8>],
}

impl Remains<'_> {
    /// Calls `tell` with each file that may be found, once.
    pub(crate) fn each(&self, fates: &[Fate], fillers: &[Filler], mut tell: impl FnMut(&[u8])) {
        let Content { durable, cache } = &self.content;
        let longest = durable.len().max(cache.len());
        let uncertain: Vec<_> =
            (0..longest.div_ceil(SECTOR)).filter(|&nth| sector(durable, nth) != sector(cache, nth)).collect();
        let shortest = durable.len().min(cache.len());
        let mut lengths: Vec<_> = (shortest..longest).filter(|len| len % SECTOR == 0).collect();
        lengths.extend([shortest, longest]);
        lengths.sort_unstable();
        lengths.dedup();
        let mut told = BTreeSet::new();
        for_each_choice(fates, uncertain.len(), &mut |chosen| {
            for filler in fillers {
                let whole = self.whole(&uncertain, chosen, *filler, longest);
                for &len in &lengths {
                    if told.insert(whole[..len].to_vec()) {
                        tell(&whole[..len]);
                    }
                }
            }
        });
    }

    fn whole(&self, uncertain: &[usize], chosen: &[Fate], filler: Filler, longest: usize) -> Vec<u8> {
        let Content { durable, cache } = &self.content;
        let mut whole = durable.clone();
        for nth in durable.len() / SECTOR..longest.div_ceil(SECTOR) {
            let filled = self.filled(nth, filler);
            let from = whole.len() - nth * SECTOR;
            whole.extend_from_slice(&filled[from..]);
        }
        for (&nth, fate) in uncertain.iter().zip(chosen) {
            let landed = match fate {
                Fate::Landed => 0..SECTOR,
                Fate::Missing => continue,
                Fate::Front(end) => 0..*end,
                Fate::Back(start) => *start..SECTOR,
            };
            let (from, to) = (nth * SECTOR + landed.start, (nth * SECTOR + landed.end).min(cache.len()));
            if from < to {
                whole[from..to].copy_from_slice(&cache[from..to]);
            }
        }
        whole
    }

    fn filled(&self, nth: usize, filler: Filler) -> Vec<u8> {
        let mut bytes = match filler {
            Filler::Byte(byte) => vec![byte; SECTOR],
            Filler::Noise => flatstream_testkit::noise::Noise::new(nth as u64).bytes(SECTOR),
            Filler::Stale(life, distance) => {
                let from = nth.checked_add_signed(distance);
                from.and_then(|from| sector(self.earlier.get(life)?, from)).unwrap_or_default().to_vec()
            }
        };
        bytes.resize(SECTOR, 0);
        bytes
    }
}

fn sector(bytes: &[u8], nth: usize) -> Option<&[u8]> {
    let rest = bytes.get(nth * SECTOR..).filter(|rest| !rest.is_empty())?;
    Some(&rest[..rest.len().min(SECTOR)])
}

/// Calls `tell` with each row of `len` of these.
pub(crate) fn for_each_choice<T: Copy>(of: &[T], len: usize, tell: &mut impl FnMut(&[T])) {
    let mut digits = vec![0; len];
    let mut chosen = vec![of[0]; len];
    loop {
        tell(&chosen);
        let Some(at) = digits.iter().rposition(|&digit| digit + 1 < of.len()) else { return };
        digits[at] += 1;
        digits[at + 1..].fill(0);
        for (one, &digit) in chosen.iter_mut().zip(&digits) {
            *one = of[digit];
        }
    }
}
