//! Cuts the power of simulated disks, thousands of times, and shows what was left: of flatstream's files, and of those
//! of others under the same cuts.
//!
//! ```text
//! cargo run --release --example power_cut                 # about 3,000 power cuts, a second or two
//! cargo run --release --example power_cut -- 300000       # more of them
//! cargo run --release --example power_cut -- 3 1234       # schedule 1234 alone: a row of three cuts
//! ```
//!
//! It exits with 1 if flatstream lost a message that it had acknowledged, or broke another promise, and says how to
//! repeat that.

use std::process::ExitCode;

use flatstream_crashtest::peers::{self, Flatstream, Peer, Row, Table, grouped};
use flatstream_crashtest::power_cut::{self, Tally, Violation};
use indicatif::{ProgressBar, ProgressStyle};

/// So many cuts hit each file of the first table.
const CUTS_IN_A_ROW: u64 = 3;
const CUTS: u64 = 3000;

const USAGE: &str = "\
usage: power_cut [CUTS [FIRST]]
    CUTS   how many power cuts, three on each file; 3000 if not given
    FIRST  the number of the first schedule; 0 if not given";

fn main() -> ExitCode {
    let Some((cuts, first)) = arguments() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let schedules = first..first.saturating_add(cuts.div_ceil(CUTS_IN_A_ROW));
    let bar = progress_bar(2 * (schedules.end - schedules.start));
    let tally = schedules.clone().try_fold(Tally::default(), |mut tally, schedule| {
        tally.add(&power_cut::run(schedule, CUTS_IN_A_ROW as usize)?);
        bar.inc(1);
        Ok(tally)
    });
    let tally = match tally {
        Ok(tally) => tally,
        Err(Violation { seed, what }) => {
            bar.finish_and_clear();
            return violated(seed, &what);
        }
    };
    let rows = peers::compare(schedules, || bar.inc(1));
    bar.finish_and_clear();
    println!("{}", in_words(&tally));
    println!("The same cuts over other files: one each, the first, since not all of them can go on behind it\n");
    print!("{}", Table(&rows));
    match complaint(&rows) {
        Some((seed, what)) => violated(*seed, what),
        None => ExitCode::SUCCESS,
    }
}

/// How many cuts, and which schedule is the first.
fn arguments() -> Option<(u64, u64)> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |text: &String| text.parse::<u64>().ok();
    match &arguments[..] {
        [] => Some((CUTS, 0)),
        [cuts] => Some((number(cuts)?, 0)),
        [cuts, first] => Some((number(cuts)?, number(first)?)),
        _ => None,
    }
}

/// On stderr; it doesn't show where that isn't a terminal.
fn progress_bar(len: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("cutting the power {wide_bar} {percent} %, {eta} to go");
    ProgressBar::new(len).with_style(style.expect("the template is a good one"))
}

fn complaint(rows: &[Row]) -> Option<&(u64, String)> {
    rows.iter().find(|row| row.name == Flatstream::NAME)?.first_complaint.as_ref()
}

fn violated(seed: u64, what: &str) -> ExitCode {
    eprintln!("flatstream broke a promise, in schedule {seed}: {what}");
    eprintln!("to repeat it: cargo run --release --example power_cut -- {CUTS_IN_A_ROW} {seed}");
    ExitCode::FAILURE
}

/// The first table. What it says of losses was checked: `run` would have failed.
fn in_words(tally: &Tally) -> String {
    let Tally { cuts, cuts_while_opening, appended, acknowledged, kept_beyond, unacknowledged_lost, .. } = *tally;
    let Tally { torn, scattered, messages_in_tails, bytes_cut, .. } = *tally;
    let rows = [
        ("power cuts, three in a row on each file", cuts),
        ("    while the file was being created, opened or repaired", cuts_while_opening),
        ("messages appended", appended),
        ("messages that had to be there, counted after each cut: they were acknowledged", acknowledged),
        ("    of these lost, changed, repeated or out of order", 0),
        ("messages that nobody had been promised", kept_beyond + unacknowledged_lost),
        ("    there all the same", kept_beyond),
        ("    lost with the power", unacknowledged_lost),
        ("files with a torn end: half a message", torn),
        ("files with a scattered end: good messages behind bad bytes", scattered),
        ("    whole messages in such ends, kept in a file beside", messages_in_tails),
        ("bytes cut off such ends, kept in a file beside", bytes_cut),
    ];
    let mut text = "flatstream's files on a simulated disk that loses power\n\n".to_owned();
    for (what, count) in rows {
        text += &format!("{what:80}{:>12}\n", grouped(count));
    }
    text
}
