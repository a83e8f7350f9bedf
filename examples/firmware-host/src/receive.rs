use std::fs::File;

use flatstream::{ReadOptions, Reader, Recovery};
use telemetry_schema::telemetry::root_as_telemetry_event;

use crate::{Outcome, expected};

/// Reads a link's bytes as a receiver does, checks every message, and says how many came and how many are reported
/// lost.
pub(crate) fn report(path: &str) -> Outcome {
    let mut reader = Reader::with_options(File::open(path)?, ReadOptions::new().recovery(Recovery::link()))?;
    let mut delivered = 0u64;
    let mut next = 0;
    while let Some(message) = reader.next_message()? {
        let event = root_as_telemetry_event(message)?;
        let number = expected::number(event.timestamp_ns()).ok_or("a time that the device never had")?;
        let found = (event.timestamp_ns(), event.source_id().unwrap_or_default().to_owned(), event.value());
        if found != expected::event(number) {
            return Err(format!("message {number} says {found:?}").into());
        }
        if number < next {
            return Err(format!("message {number} came behind {}", next - 1).into());
        }
        next = number + 1;
        delivered += 1;
    }
    let losses = reader.losses();
    println!("delivered {delivered}");
    println!("lost {}", losses.messages);
    println!("unknown {}", u8::from(losses.may_be_more));
    println!("ranges {}", losses.ranges);
    Ok(())
}
