//! Thousands of messages, each as the real flatc prints it.

mod messages;
mod printed;

use flatstream_testkit::flatc;

use messages::{Contents, SCHEMAS, message, walker};

/// Of each schema.
const MESSAGES: u64 = 200;

#[test]
fn json_is_what_flatc_prints() {
    let Some(flatc) = flatc::find() else { return };
    for (name, _) in SCHEMAS {
        let walker = walker(name);
        let made: Vec<_> = (0..MESSAGES).map(|seed| message(&walker, Contents::AsFlatcPrints, seed)).collect();
        for defaults in [false, true] {
            printed::compare(&flatc, name, &made, defaults);
        }
    }
}
