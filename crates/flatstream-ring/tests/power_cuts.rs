//! Cuts the power at every byte that a recorder writes or erases, and looks at what is left.

mod common;

use common::{Cut, Flash, RING, message, open, read, stream};
use flatstream_ring::RingError;
use flatstream_ring::format::frame_len;
use flatstream_ring::format::layout::sync;

/// Some laps around the ring.
const MESSAGES: u64 = 50;
/// So many more behind a power cut.
const MORE: u64 = 12;

/// What a recorder was told, and what it said.
#[derive(Clone, Default)]
struct Diary {
    /// Where the messages begin that were appended, by number.
    messages: Vec<u64>,
    syncs: Vec<u64>,
    /// Where the next frame went last.
    position: u64,
}

impl Diary {
    fn note(&mut self, before: u64, after: u64) {
        let message = after - frame_of(self.messages.len() as u64);
        if message - before == sync::FRAME_LEN as u64 {
            self.syncs.push(before);
        }
        self.messages.push(message);
        self.position = after;
    }

    /// The numbers of the messages that have to be there: behind the first sync frame that no erase has touched.
    fn promised(&self, flash: &Flash) -> Vec<u64> {
        let page_len = u64::from(RING.page_len());
        let page = self.position.saturating_sub(1) / page_len * page_len;
        let further = u64::from(flash.last_erased.wrapping_sub(RING.offset(page)) & (RING.len() - 1));
        let begin = (page + further + page_len).saturating_sub(u64::from(RING.len()));
        let Some(first_sync) = self.syncs.iter().find(|sync| **sync >= begin) else { return Vec::new() };
        (0..).zip(&self.messages).filter(|(_, position)| *position > first_sync).map(|(number, _)| number).collect()
    }
}

fn frame_of(number: u64) -> u64 {
    frame_len(message(number).len() as u32)
}

/// Appends messages until there are `count`, or the power goes.
fn record(flash: &mut Flash, count: u64, diary: &mut Diary) {
    let Ok(mut recorder) = open(flash) else { return };
    let found = recorder.sequence();
    let appended = diary.messages.len() as u64;
    assert!(found == appended || found == appended + 1, "{found} messages are there, {appended} were appended");
    diary.position = recorder.position();
    if found > appended {
        // The power went when the last byte was written, but before the recorder could say so.
        diary.messages.push(0);
    }
    while recorder.sequence() < count {
        let (number, before) = (recorder.sequence(), recorder.position());
        match recorder.append(number as i64, &message(number)) {
            Ok(()) => diary.note(before, recorder.position()),
            Err(RingError::Medium(Cut)) => {
                assert_eq!(recorder.append(0, b"once more"), Err(RingError::Broken));
                return;
            }
            Err(other) => panic!("{other}"),
        }
    }
}

/// Everything that was promised is there, and nothing that wasn't written.
fn check(flash: &mut Flash, diary: &Diary) -> (Vec<u64>, u64) {
    let promised = diary.promised(flash);
    let (found, lost) = read(&stream(flash));
    let missing: Vec<_> = promised.iter().filter(|number| !found.contains(number)).collect();
    assert!(missing.is_empty(), "{missing:?} of {promised:?} are missing in {found:?}");
    assert!(found.iter().all(|number| *number <= diary.messages.len() as u64), "{found:?}");
    (found, lost)
}

/// Goes on behind a cut: old messages and new ones are there, and the host knows how many it doesn't have.
fn go_on(flash: &mut Flash, diary: &mut Diary) {
    flash.power_for = u64::MAX;
    let count = diary.messages.len() as u64 + MORE;
    record(flash, count, diary);
    assert_eq!(diary.messages.len() as u64, count);
    let (found, lost) = check(flash, diary);
    assert_eq!(found.last(), Some(&(count - 1)), "the newest is there");
    assert_eq!(found.len() as u64 + lost, count, "what isn't there is reported");
}

fn steps_of_a_whole_run() -> u64 {
    let mut flash = Flash::new(0);
    record(&mut flash, MESSAGES, &mut Diary::default());
    flash.steps
}

#[test]
fn a_power_cut_at_any_byte_loses_nothing_that_was_appended() {
    let steps = steps_of_a_whole_run();
    // Each byte of a lap is erased and written.
    assert!(steps > 4 * 2 * u64::from(RING.len()), "{steps} steps are some laps");
    assert_eq!(steps, 17_056, "docs/FIRMWARE.md says otherwise");
    for cut in (0..steps).step_by(common::thinned()) {
        let mut flash = Flash::new(cut);
        let mut diary = Diary::default();
        flash.power_for = cut;
        record(&mut flash, MESSAGES, &mut diary);
        check(&mut flash, &diary);
        go_on(&mut flash, &mut diary);
    }
}

#[test]
fn a_second_power_cut_while_going_on_loses_nothing_either() {
    let steps = steps_of_a_whole_run();
    for cut in (0..steps).step_by(353) {
        let mut first = Flash::new(cut);
        let mut diary_of_first = Diary::default();
        first.power_for = cut;
        record(&mut first, MESSAGES, &mut diary_of_first);
        for second in (0..300).step_by(common::thinned()) {
            let (mut flash, mut diary) = (first.clone(), diary_of_first.clone());
            flash.power_for = flash.steps + second;
            let count = diary.messages.len() as u64 + MORE;
            record(&mut flash, count, &mut diary);
            check(&mut flash, &diary);
            go_on(&mut flash, &mut diary);
        }
    }
}

#[test]
fn twenty_power_cuts_in_a_row_lose_nothing() {
    for seed in 1..=200 {
        let mut flash = Flash::new(seed);
        let mut diary = Diary::default();
        for cut in 0..20 {
            flash.power_for = flash.steps + 1 + seed.wrapping_mul(cut + 7).wrapping_mul(0x9E37_79B9) % 900;
            let count = diary.messages.len() as u64 + 2 * MORE;
            record(&mut flash, count, &mut diary);
            check(&mut flash, &diary);
        }
        go_on(&mut flash, &mut diary);
    }
}
