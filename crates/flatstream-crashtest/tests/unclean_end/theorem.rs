//! All assumptions hold: whatever is left of a file, the decision is right.

use std::collections::{BTreeMap, BTreeSet};

use flatstream::format::FoundSync;
use flatstream::{EndState, ErrorKind, Writer};

use crate::medium::{Content, Fate, Filler, Medium, MediumFile, Remains, SECTOR, for_each_choice};
use crate::{FILE, Read, created, open, options, read};

fn more() -> usize {
    usize::from(std::env::var("FLATSTREAM_EXHAUSTIVE").is_ok_and(|value| value != "0"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Several lie in a sector.
    Small,
    /// Lies in three sectors.
    Large,
    Sync,
}

const STEPS: [Step; 3] = [Step::Small, Step::Large, Step::Sync];

/// A file as it was found, and what it has to hold.
#[derive(Clone, Debug)]
struct World {
    file: Vec<u8>,
    /// What it held in earlier lives: blocks that may come back.
    earlier: Vec<Vec<u8>>,
    messages: Vec<Vec<u8>>,
    acknowledged: usize,
    next: u8,
}

/// What was tried.
#[derive(Debug, Default)]
struct Tally {
    histories: u64,
    files: u64,
    cuts_while_opening: u64,
    ends: BTreeMap<String, u64>,
    kept_beyond: u64,
    unacknowledged_lost: u64,
}

impl World {
    fn new() -> Self {
        let file = created().content(FILE).durable;
        Self { file, earlier: Vec::new(), messages: Vec::new(), acknowledged: 0, next: 1 }
    }

    /// Opens the file and does these steps. The process dies with the power behind the last.
    fn live(&mut self, steps: &[Step], tally: &mut Tally) -> Content {
        let medium = Medium::with(FILE, &self.file);
        let mut writer = self.open(&medium, tally);
        for step in steps {
            match step {
                Step::Small => self.append(&mut writer, 100),
                Step::Large => self.append(&mut writer, 2 * SECTOR - 50),
                Step::Sync => self.acknowledged = writer.sync().unwrap() as usize,
            }
        }
        writer.flush().unwrap();
        medium.content(FILE)
    }

    fn append(&mut self, writer: &mut Writer<MediumFile>, len: usize) {
        let message = vec![self.next; len];
        self.next += 1;
        writer.append(&message).unwrap();
        self.messages.push(message);
    }

    /// The theorem, of the file as it was found and of what opening makes of it.
    fn open(&mut self, medium: &Medium, tally: &mut Tally) -> Writer<MediumFile> {
        let found = self.check_decision(&self.file, tally);
        let writer = open(medium).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        let content = medium.content(FILE);
        assert_eq!(content.durable, content.cache, "what is opened is durable");
        let opened = read(&content.durable);
        assert_eq!((&opened.messages, opened.state), (&found.messages, EndState::Open), "{self:?}");
        let report = writer.open_report().unwrap();
        let cut = &self.file[found.position as usize..];
        match &report.kept_at {
            Some(path) => assert!(medium.content(path).durable == cut, "what was cut isn't what is kept"),
            None => assert!(cut.iter().all(|&byte| byte == cut[0]), "{} bytes were cut and not kept", cut.len()),
        }
        self.messages.truncate(found.messages.len());
        self.acknowledged = self.messages.len();
        writer
    }

    fn check_decision(&self, file: &[u8], tally: &mut Tally) -> Read {
        let found = read(file);
        assert!(self.messages.starts_with(&found.messages), "something was read that wasn't appended: {self:?}");
        assert!(found.messages.len() >= self.acknowledged, "something acknowledged is lost: {self:?}");
        assert_ne!(found.state, EndState::Corrupt, "{self:?}");
        tally.files += 1;
        *tally.ends.entry(found.state.to_string()).or_default() += 1;
        tally.kept_beyond += (found.messages.len() - self.acknowledged) as u64;
        tally.unacknowledged_lost += (self.messages.len() - found.messages.len()) as u64;
        found
    }

    /// Calls `tell` with each world that may be found after the power went.
    fn each_after(&self, content: Content, fates: &[Fate], fillers: &[Filler], mut tell: impl FnMut(Self)) {
        let mut earlier = self.earlier.clone();
        earlier.push(content.cache.clone());
        let remains = Remains { content, earlier: &self.earlier };
        remains.each(fates, fillers, |file| {
            tell(Self { file: file.to_vec(), earlier: earlier.clone(), ..self.clone() });
        });
    }
}

const ALL_FATES: [Fate; 6] =
    [Fate::Landed, Fate::Missing, Fate::Front(8), Fate::Front(260), Fate::Back(8), Fate::Back(260)];
const WHOLE: [Fate; 2] = [Fate::Landed, Fate::Missing];
const BLANK_OR_NOISE: [Filler; 3] = [Filler::Byte(0), Filler::Byte(0xFF), Filler::Noise];

#[test]
fn whatever_a_power_cut_leaves_nothing_acknowledged_is_lost_nothing_is_called_corrupt_and_all_is_opened() {
    let mut tally = Tally::default();
    for len in 0..=4 + more() {
        for_each_choice(&STEPS, len, &mut |steps| {
            let mut world = World::new();
            let content = world.live(steps, &mut tally);
            tally.histories += 1;
            let uncertain = content.cache.len().div_ceil(SECTOR) - content.durable.len() / SECTOR;
            let fates = if uncertain <= 4 + more() { &ALL_FATES[..] } else { &WHOLE };
            world.each_after(content, fates, &BLANK_OR_NOISE, |mut left| {
                let medium = Medium::with(FILE, &left.file);
                drop(left.open(&medium, &mut tally));
            });
        });
    }
    println!("one life: {tally:?}");
    for state in ["open", "torn", "scattered"] {
        assert!(tally.ends.contains_key(state), "nothing ended {state}");
    }
    assert!(tally.kept_beyond > 0 && tally.unacknowledged_lost > 0);
}

/// The blocks of what was cut come back, at their places and at others, under a new epoch.
#[test]
fn whatever_comes_back_of_an_earlier_life_it_is_neither_read_nor_takes_anything_with_it() {
    let stale = [-1, 0, 1].map(|distance| Filler::Stale(0, distance));
    let mut tally = Tally::default();
    let mut found = BTreeSet::new();
    for_each_choice(&STEPS, 2 + more(), &mut |steps| {
        let mut world = World::new();
        let content = world.live(steps, &mut tally);
        world.each_after(content, &WHOLE, &BLANK_OR_NOISE[..1], |left| {
            // What opening makes of files that differ in their tails alone may be the same.
            if !found.insert((left.file.clone(), left.acknowledged)) {
                return;
            }
            for len in 0..=2 + more() {
                for_each_choice(&STEPS, len, &mut |steps| {
                    let mut second = left.clone();
                    let content = second.live(steps, &mut tally);
                    tally.histories += 1;
                    second.each_after(content, &WHOLE, &stale, |mut left| {
                        let medium = Medium::with(FILE, &left.file);
                        drop(left.open(&medium, &mut tally));
                    });
                });
            }
        });
    });
    println!("two lives: {tally:?}");
    assert!(tally.ends.contains_key("torn") && tally.ends.contains_key("scattered"));
}

/// At each operation of an opening; behind a shorter history again at each of the next one.
#[test]
fn wherever_the_power_goes_while_a_file_is_opened_the_next_opening_finds_the_same() {
    let mut tally = Tally::default();
    for (len, again) in [(1 + more(), 1), (3, 0)] {
        for_each_choice(&STEPS, len, &mut |steps| {
            let mut world = World::new();
            let content = world.live(steps, &mut tally);
            tally.histories += 1;
            world.each_after(content, &WHOLE, &BLANK_OR_NOISE, |left| {
                lose_power_while_opening(&left, again, &mut tally);
            });
        });
    }
    println!("cuts while opening: {tally:?}");
    assert!(tally.cuts_while_opening > 0);
}

fn lose_power_while_opening(world: &World, again: usize, tally: &mut Tally) {
    for operation in 0.. {
        let medium = Medium::with(FILE, &world.file);
        medium.power_off_at(operation);
        let mut opened = world.clone();
        if !medium.is_off() && open(&medium).is_ok() && !medium.is_off() {
            let medium = Medium::with(FILE, &world.file);
            drop(opened.open(&medium, tally));
            return;
        }
        tally.cuts_while_opening += 1;
        let mut fillers = vec![Filler::Byte(0)];
        fillers.extend((0..world.earlier.len()).map(|life| Filler::Stale(life, 0)));
        world.each_after(medium.content(FILE), &WHOLE, &fillers, |mut left| {
            if again > 0 {
                return lose_power_while_opening(&left, again - 1, tally);
            }
            let medium = Medium::with(FILE, &left.file);
            drop(left.open(&medium, tally));
        });
    }
}

/// A process was killed, and the power went while the next one opened the file: the medium has nothing of either but
/// blocks that no file has. In one of them is the sync frame of the epoch that began there. The third writer begins the
/// same epoch further in front, and writes as many messages up to that place as the first one did. Then the block comes
/// back in place of one that holds the message behind them.
#[test]
fn a_resumed_sync_frame_that_no_opening_saw_hides_no_message() {
    let options = || options().sync_interval(1 << 16);
    let reopen = |medium: &Medium| Writer::open_in(medium, FILE, options());
    let killed = Medium::default();
    let mut writer = Writer::create_new_in(&killed, FILE, options()).unwrap();
    // Up to a RESUMED sync frame that is the last of a sector, and nothing but the like of it before that.
    let place = 2 * SECTOR - 64;
    let up_to_place = |writer: &Writer<MediumFile>| vec![7; place - writer.position() as usize - 8];
    writer.append(&up_to_place(&writer)).unwrap();
    drop(writer);
    let killed = killed.content(FILE);
    assert!(killed.cache.len() == place && killed.durable.len() < place);

    let mut came_back = 0;
    for operation in 1.. {
        let medium = Medium::default();
        medium.put_content(FILE, killed.clone());
        medium.power_off_at(operation);
        if reopen(&medium).is_ok() && !medium.is_off() {
            break;
        }
        let Content { durable, cache: stale } = medium.content(FILE);
        let medium = Medium::with(FILE, &durable);
        let mut writer = reopen(&medium).unwrap();
        let mut messages = read(&medium.content(FILE).durable).messages;
        if (writer.position() as usize) < place {
            messages.push(up_to_place(&writer));
        }
        messages.extend([vec![1; 56], vec![2; 100]]);
        for message in &messages[writer.sequence() as usize..] {
            writer.append(message).unwrap();
        }
        writer.flush().unwrap();
        let mut left = medium.content(FILE).cache;
        let sector = place / SECTOR * SECTOR..(place / SECTOR + 1) * SECTOR;
        if stale.len() >= sector.end {
            left[sector.clone()].copy_from_slice(&stale[sector]);
            came_back += 1;
        }
        let found = read(&left).messages;
        assert!(messages.starts_with(&found), "the power goes before operation {operation}: a message is missing");
    }
    assert!(came_back > 0);
}

/// The other direction. Only that durable bytes stay is given up, in one place.
#[test]
fn wherever_acknowledged_bytes_are_damaged_before_a_sync_frame_that_says_so_nothing_acknowledged_is_cut() {
    let (mut damaged, mut refused, mut not_looked_at, mut not_told) = (0, 0, 0, 0);
    for_each_choice(&STEPS, 5 + more(), &mut |steps| {
        let mut tally = Tally::default();
        let mut world = World::new();
        let whole = world.live(steps, &mut tally).cache;
        let durable = acknowledged_until(&whole, world.acknowledged);
        for sector in 0..durable.div_ceil(SECTOR) {
            for fill in [0x00, 0xFF, 0xA5] {
                let mut file = whole.clone();
                let range = (sector * SECTOR).max(first_message(&whole))..((sector + 1) * SECTOR).min(durable);
                if range.is_empty() || file[range.clone()].iter().all(|&byte| byte == fill) {
                    continue;
                }
                file[range].fill(fill);
                damaged += 1;
                let found = read(&file);
                if !is_told(&file, found.position) {
                    not_told += 1;
                    continue;
                }
                assert_eq!(found.state, EndState::Corrupt, "{steps:?}, sector {sector}, {fill}");
                let medium = Medium::with(FILE, &file);
                match open(&medium) {
                    Ok(_) => not_looked_at += 1,
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
                        refused += 1;
                    }
                }
                assert!(medium.content(FILE).cache.starts_with(&file[..durable]), "{steps:?}: something was cut");
            }
        }
    });
    println!(
        "{damaged} damaged files: {refused} refused, {not_looked_at} opened and left as they are, {not_told} in which \
         no sync frame says so"
    );
    assert!(refused > 0 && not_looked_at > 0 && not_told > 0);
}

fn first_message(whole: &[u8]) -> usize {
    flatstream::format::Essentials::parse(whole).unwrap().header_len as usize + 64
}

/// Where the last acknowledged message ends.
fn acknowledged_until(whole: &[u8], acknowledged: usize) -> usize {
    let mut reader = flatstream::format::SliceReader::new(whole).unwrap();
    for _ in 0..acknowledged {
        reader.next().unwrap().unwrap();
    }
    reader.decoder().position() as usize
}

/// Whether an intact sync frame behind this place says that more was durable.
fn is_told(file: &[u8], position: u64) -> bool {
    let mut is_told = false;
    FoundSync::each_in(&file[position as usize..], position, |found| is_told |= found.sync.durable > position);
    is_told
}

/// The options are those that the model needs.
#[test]
fn the_model_has_sync_frames_that_say_what_is_durable() {
    let medium = created();
    let mut writer = open(&medium).unwrap();
    writer.append(&[1; 100]).unwrap();
    let durable = writer.sync().map(|_| writer.position()).unwrap();
    for _ in 0..12 {
        writer.append(&[2; 100]).unwrap();
    }
    writer.flush().unwrap();
    assert!(is_told(&medium.content(FILE).cache, durable - 1));
    drop((writer, options()));
}
