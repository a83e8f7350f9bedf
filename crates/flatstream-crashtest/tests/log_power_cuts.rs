//! Thousands of power cuts while a log rotates and retains, four in a row on each. `FLATSTREAM_POWER_CUTS=N` runs N
//! schedules.

use flatstream_crashtest::log_power_cut::{Tally, run};

const SESSIONS_IN_A_ROW: usize = 4;

fn schedules() -> u64 {
    std::env::var("FLATSTREAM_POWER_CUTS").map_or(3000, |count| count.parse().expect("a number of schedules"))
}

#[test]
fn after_every_power_cut_a_log_holds_what_was_acknowledged_once_and_in_order() {
    let mut tally = Tally::default();
    let mut violations = Vec::new();
    for seed in 0..schedules() {
        match run(seed, SESSIONS_IN_A_ROW) {
            Ok(one) => tally.add(&one),
            Err(violation) => violations.push(violation.to_string()),
        }
    }
    println!("{} schedules: {tally:#?}", schedules());
    assert!(
        violations.is_empty(),
        "{} violations:\n{}",
        violations.len(),
        violations[..violations.len().min(20)].join("\n")
    );
    // The simulation does what it is there for.
    assert!(
        tally.acknowledged > 0
            && tally.cuts_while_opening > 0
            && tally.kills > 0
            && tally.rotations > 0
            && tally.removals > 0
    );
}
