//! Thousands of power cuts, three in a row on each stream. `FLATSTREAM_POWER_CUTS=N` runs N schedules.

use flatstream_crashtest::power_cut::{Tally, run};

const CUTS_IN_A_ROW: usize = 3;

fn schedules() -> u64 {
    std::env::var("FLATSTREAM_POWER_CUTS").map_or(3000, |count| count.parse().expect("a number of schedules"))
}

#[test]
fn after_every_power_cut_what_was_acknowledged_is_there_in_order_and_nothing_else() {
    let mut tally = Tally::default();
    let mut violations = Vec::new();
    for seed in 0..schedules() {
        match run(seed, CUTS_IN_A_ROW) {
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
            && tally.torn > 0
            && tally.scattered > 0
            && tally.cuts_while_opening > 0
            && tally.unacknowledged_lost > 0
    );
}
