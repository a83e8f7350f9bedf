//! What a medium holds after the power went.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::State;
use super::attic::{Stale, overlay};
use super::directory::Directory;
use super::inode::{Change, Inode, Length, Piece};
use super::schedule::{FinalLength, Gaps, Plan, Schedule, Units};
use crate::noise::Noise;

/// The disk after a crash.
pub(super) fn after(state: &State, schedule: &Schedule) -> State {
    let (rule, mut noise) = schedule.names();
    let names = state.directory.after_crash(rule, &mut noise);
    let found: BTreeSet<u64> = names.values().copied().collect();
    let stale = Stale::new(&state.attic, state.inodes.values());
    let mut attic = state.attic.clone();
    let mut inodes = BTreeMap::new();
    for (&id, inode) in &state.inodes {
        if !found.contains(&id) {
            attic.keep(0, inode.cache());
            continue;
        }
        let (plan, mut noise) = schedule.file(id);
        let (bytes, hidden) = Remains::new(inode, plan, &stale, &mut noise).bytes(&mut noise);
        attic.keep(bytes.len(), &hidden);
        inodes.insert(id, Inode::durable_with(bytes));
    }
    let directory = Directory::all_durable(names);
    State { directory, inodes, attic, last_inode: state.last_inode, last_handle: state.last_handle, ..State::default() }
}

/// A file, while it is drawn what remains of it.
struct Remains<'a> {
    durable: &'a [u8],
    /// What was done to it and is neither durable nor lost as a whole.
    changes: Vec<&'a Change>,
    plan: Plan,
    stale: &'a Stale<'a>,
}

/// Units by number, and which changes touch each.
type Touched = BTreeMap<usize, Vec<usize>>;

/// What became of a unit. A version is what the cache had after so many of the changes that touch the unit; 0 is what
/// the medium has if none of them reached it.
#[derive(Clone, Copy)]
enum Fate {
    Version(usize),
    /// The power went while the second version was written over the first.
    Torn(usize, usize),
}

impl<'a> Remains<'a> {
    fn new(inode: &'a Inode, plan: Plan, stale: &'a Stale<'a>, noise: &mut Noise) -> Self {
        // A length is written by itself: it may be lost while the data of later writes are not.
        let is_lost = |change: &&Change, noise: &mut Noise| {
            matches!(change.length, Length::Exactly(_)) && noise.below(100) < plan.lost_set_len
        };
        let changes = inode.uncertain().filter(|change| !is_lost(change, noise)).collect();
        Self { durable: inode.durable(), changes, plan, stale }
    }

    /// What the file holds, and what is behind its end.
    fn bytes(&self, noise: &mut Noise) -> (Vec<u8>, Vec<u8>) {
        let mut bytes = self.durable.to_vec();
        bytes.resize(self.extent(), 0);
        let units = self.units();
        let fates = self.fates(&units, noise);
        for ((&index, changes), fate) in units.iter().zip(fates) {
            let unit = self.unit(index, changes, fate, noise);
            overlay(&mut bytes, 0, &unit, index * self.plan.unit);
        }
        let hidden = bytes.split_off(self.length(noise));
        (bytes, hidden)
    }

    /// All lengths there were since the last sync: from, to.
    fn lengths(&self) -> impl Iterator<Item = (usize, usize)> {
        self.changes.iter().scan(self.durable.len(), |len, change| {
            let before = *len;
            *len = change.length.after(before);
            Some((before, *len))
        })
    }

    fn length(&self, noise: &mut Noise) -> usize {
        let durable = self.durable.len();
        match self.plan.length {
            FinalLength::Durable => durable,
            FinalLength::Last => self.lengths().last().map_or(durable, |(_, len)| len),
            FinalLength::Longest => self.lengths().map(|(_, len)| len).max().unwrap_or(0).max(durable),
            FinalLength::Any => match noise.below(self.changes.len() + 1).checked_sub(1) {
                None => durable,
                Some(step) => {
                    let (from, to) = self.lengths().nth(step).expect("a step for each change");
                    match self.changes[step].length {
                        // One number, so it is all or nothing.
                        Length::Exactly(_) => to,
                        Length::AtLeast(_) => self.length_on_the_way(from, to, noise),
                    }
                }
            },
        }
    }

    /// A long write lengthens the file page by page.
    fn length_on_the_way(&self, from: usize, to: usize, noise: &mut Noise) -> usize {
        let first = from / self.plan.unit + 1;
        let whole_units = (to / self.plan.unit + 1).saturating_sub(first);
        if whole_units == 0 || noise.below(2) == 0 {
            return to;
        }
        (first + noise.below(whole_units)) * self.plan.unit
    }

    /// How far the file ever reached.
    fn extent(&self) -> usize {
        let pieces = self.changes.iter().flat_map(|change| &change.pieces).map(|piece| piece.range().end);
        let lengths = self.lengths().map(|(_, len)| len);
        pieces.chain(lengths).max().unwrap_or(0).max(self.durable.len())
    }

    /// The units that aren't certain, by number, with the numbers of the changes that touch them.
    fn units(&self) -> Touched {
        let mut units = Touched::new();
        for (number, change) in self.changes.iter().enumerate() {
            let touched: BTreeSet<usize> = change.pieces.iter().flat_map(|piece| self.touched(piece)).collect();
            for unit in touched {
                units.entry(unit).or_default().push(number);
            }
        }
        units
    }

    fn touched(&self, piece: &Piece) -> Range<usize> {
        let range = piece.range();
        range.start / self.plan.unit..range.end.div_ceil(self.plan.unit)
    }

    fn fates(&self, units: &Touched, noise: &mut Noise) -> Vec<Fate> {
        let count = units.len();
        let border = noise.below(count + 1);
        let parity = noise.below(2);
        let moment = noise.below(self.changes.len() + 1);
        let fate = |(place, changes): (usize, &Vec<usize>)| {
            let last = changes.len();
            match self.plan.units {
                Units::None => Fate::Version(0),
                Units::All => Fate::Version(last),
                Units::Prefix => ordered(place, border, last, noise),
                Units::Suffix => ordered(count - 1 - place, border, last, noise),
                Units::EveryOther => Fate::Version(if place % 2 == parity { last } else { 0 }),
                Units::InOrder => at_moment(moment, changes, noise),
                Units::Chance { whole, torn } => by_chance(whole, torn, last, noise),
            }
        };
        units.values().enumerate().map(fate).collect()
    }

    fn unit(&self, index: usize, changes: &[usize], fate: Fate, noise: &mut Noise) -> Vec<u8> {
        match fate {
            Fate::Version(version) => self.version(index, changes, version, noise),
            Fate::Torn(older, newer) => {
                let older = self.version(index, changes, older, noise);
                let newer = self.version(index, changes, newer, noise);
                torn(older, &newer, noise)
            }
        }
    }

    fn version(&self, index: usize, changes: &[usize], version: usize, noise: &mut Noise) -> Vec<u8> {
        let start = index * self.plan.unit;
        let mut bytes = vec![0; self.plan.unit];
        overlay(&mut bytes, start, self.durable, 0);
        if version == 0 {
            self.fill_gaps(index, &mut bytes, changes, noise);
        }
        for piece in self.pieces(&changes[..version]) {
            overlay(&mut bytes, start, &piece.bytes, piece.at);
        }
        bytes
    }

    fn pieces(&self, changes: &[usize]) -> impl Iterator<Item = &Piece> {
        changes.iter().flat_map(|&number| &self.changes[number].pieces)
    }

    /// Puts something in the place of all that the medium never had.
    fn fill_gaps(&self, index: usize, bytes: &mut [u8], changes: &[usize], noise: &mut Noise) {
        let unit = self.plan.unit;
        let filler = match self.plan.gaps.of_unit(noise) {
            Gaps::Zeros => vec![0; unit],
            Gaps::Ones => vec![0xFF; unit],
            Gaps::Stale => self.stale.block(index, unit, noise),
            Gaps::Noise => noise.bytes(unit),
            Gaps::AsTheyWere | Gaps::Any => return,
        };
        for range in self.pieces(changes).filter(|piece| piece.fresh).map(Piece::range) {
            let start = range.start.saturating_sub(index * unit).min(unit);
            let end = range.end.saturating_sub(index * unit).min(unit);
            bytes[start..end].copy_from_slice(&filler[start..end]);
        }
    }
}

/// The units before a border are there, the one at it may be torn.
fn ordered(place: usize, border: usize, last: usize, noise: &mut Noise) -> Fate {
    if place < border {
        Fate::Version(last)
    } else if place == border && noise.below(2) == 0 {
        Fate::Torn(0, last)
    } else {
        Fate::Version(0)
    }
}

/// All changes before a moment are there; the one in whose midst the power went is in some units and not in others.
fn at_moment(moment: usize, changes: &[usize], noise: &mut Noise) -> Fate {
    let done = changes.partition_point(|&number| number < moment);
    if changes.get(done) != Some(&moment) {
        return Fate::Version(done);
    }
    match noise.below(3) {
        0 => Fate::Version(done),
        1 => Fate::Version(done + 1),
        _ => Fate::Torn(done, done + 1),
    }
}

/// A unit that reached the medium may have done so at any time, and was perhaps changed again since.
fn by_chance(whole: usize, torn: usize, last: usize, noise: &mut Noise) -> Fate {
    let version = if noise.below(2) == 0 { last } else { 1 + noise.below(last) };
    match noise.below(100) {
        draw if draw < whole => Fate::Version(version),
        draw if draw < whole + torn => Fate::Torn(noise.below(version), version),
        _ => Fate::Version(0),
    }
}

/// A part of the new over the old: a prefix, a suffix or any bytes. It is torn where they differ, else it would show
/// in few of the units that hold little.
fn torn(older: Vec<u8>, newer: &[u8], noise: &mut Noise) -> Vec<u8> {
    let differs = |&at: &usize| older[at] != newer[at];
    let (Some(first), Some(last)) = ((0..older.len()).find(differs), (0..older.len()).rfind(differs)) else {
        return older;
    };
    let tear = first + noise.below(last - first + 1);
    let mut bytes = older;
    match noise.below(3) {
        0 => bytes[..tear].copy_from_slice(&newer[..tear]),
        1 => bytes[tear..].copy_from_slice(&newer[tear..]),
        _ => {
            for (byte, &new) in bytes.iter_mut().zip(newer) {
                if noise.below(2) == 0 {
                    *byte = new;
                }
            }
        }
    }
    bytes
}
