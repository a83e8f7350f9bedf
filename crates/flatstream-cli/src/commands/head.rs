use crate::arguments::{Cat, Head, Selection, Window};
use crate::commands::cat;
use crate::outcome::Outcome;

pub(crate) fn run(options: Head) -> Outcome {
    let Head { files, count, format, reading } = options;
    let window = Window::default();
    cat::run(&Cat {
        files,
        format,
        selection: Selection { window, reading },
        follow: false,
        cursor_file: None,
        count_max: Some(count),
    })
}
