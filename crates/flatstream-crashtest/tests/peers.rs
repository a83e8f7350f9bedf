//! The same power cuts over flatstream's files and over those of others: flatstream's row has to be flawless, the
//! others' have to be there. What they lose or keep isn't asserted; `cargo run --release --example power_cut` shows it.

use flatstream_crashtest::peers::{Flatstream, Peer, Row, Table, compare, grouped};

const SCHEDULES: u64 = 200;

fn rows() -> Vec<Row> {
    compare(0..SCHEDULES, || {})
}

#[test]
fn flatstream_loses_nothing_under_the_cuts_that_others_get_too() {
    let rows = rows();
    let own = rows.iter().find(|row| row.name == Flatstream::NAME).expect("flatstream's row");
    assert!(own.is_flawless(), "{:?}", own.first_complaint);
    assert_eq!((own.acknowledged_lost, own.wrong, own.needs_new_file, own.errors), (0, 0, 0, 0));
}

#[test]
fn every_peer_gets_the_same_cuts_and_acknowledges_about_as_much() {
    let rows = rows();
    assert_eq!(rows.len(), 5);
    let most = rows.iter().map(|row| row.acknowledged).max().unwrap();
    for row in &rows {
        assert_eq!(row.cuts, SCHEDULES, "{}", row.name);
        // The power goes in the same step for all; whether the last acknowledgement was in time differs.
        assert!(row.acknowledged > most * 9 / 10, "{row:?}");
        assert!(row.acknowledged + row.unacknowledged > 15 * SCHEDULES, "{row:?}");
        assert!(row.unacknowledged_kept <= row.unacknowledged && row.acknowledged_lost <= row.acknowledged, "{row:?}");
    }
}

#[test]
fn the_table_is_the_same_in_each_run_and_names_every_peer() {
    let (once, again) = (rows(), rows());
    assert_eq!(once, again);
    let text = Table(&once).to_string();
    assert!(once.iter().all(|row| text.lines().any(|line| line.starts_with(row.name))), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    assert_eq!([0, 12, 999, 1000, 1_234_567].map(grouped), ["0", "12", "999", "1,000", "1,234,567"]);
}
