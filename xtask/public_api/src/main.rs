//! Prints the public API of a crate, an item a line, from the JSON that rustdoc made of it.

use std::error::Error;

/// Traits that say nothing a user relies on: nobody asks for them, and they follow from what a type has in it.
const UNTOLD: [&str; 6] = [
    "core::marker::Freeze ",
    "core::marker::StructuralPartialEq ",
    "core::marker::Unpin ",
    "core::marker::UnsafeUnpin ",
    "::UnwindSafe ",
    "::RefUnwindSafe ",
];

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("rustdoc's JSON of a crate is wanted")?;
    let api = public_api::Builder::from_rustdoc_json(path).omit_blanket_impls(true).build()?;
    for item in api.items() {
        let line = item.to_string();
        if !UNTOLD.iter().any(|name| line.starts_with("impl") && line.contains(name)) {
            println!("{line}");
        }
    }
    Ok(())
}
