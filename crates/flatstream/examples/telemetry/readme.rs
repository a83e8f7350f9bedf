// What the README's example needs to be run as a doctest: the generated code, and what calls it.

mod telemetry_generated {
    include!("telemetry_generated.rs");
}
use telemetry_generated::telemetry::*;

fn run() -> std::io::Result<()> {
    let path = std::env::temp_dir().join(format!("flatstream-readme-{}.fls", std::process::id()));
    let path = path.to_str().expect("a path in UTF-8");
    record(path)?;
    replay(path)?;

    let messages: Vec<_> = Reader::new(std::fs::File::open(path)?)?.collect::<flatstream::Result<_>>()?;
    assert_eq!(messages.len(), 1);
    assert_eq!(root_as_telemetry_event(&messages[0]).unwrap().value(), 21.5);
    std::fs::remove_file(path)
}
