//! A message costs no allocation but that of the output.

mod messages;

use flatstream_schema::{FieldPath, JsonOptions};
use flatstream_testkit::allocations::{CountingAllocator, count_allocations};

use messages::{Contents, SCHEMAS, message, walker};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn writing_json_allocates_nothing_but_the_output() {
    for (name, _) in SCHEMAS {
        let walker = walker(name);
        let messages: Vec<_> = (0..100).map(|seed| message(&walker, Contents::Anything, seed)).collect();
        let options = JsonOptions::new().defaults(true);
        let mut text = Vec::with_capacity(1 << 20);
        let ((), allocations) = count_allocations(|| {
            for message in &messages {
                text.clear();
                walker.write_json(message, &options, &mut text).unwrap();
            }
        });
        assert_eq!(allocations, 0, "{name}");
    }
}

#[test]
fn reading_a_path_allocates_nothing() {
    let walker = walker("robot");
    let path = FieldPath::parse(&walker, "payload.Log.text").unwrap();
    let messages: Vec<_> = (0..100).map(|seed| message(&walker, Contents::Anything, seed)).collect();
    let (found, allocations) =
        count_allocations(|| messages.iter().filter(|message| path.read(message).unwrap().is_some()).count());
    assert!(found > 0);
    assert_eq!(allocations, 0);
}
