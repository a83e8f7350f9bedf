use crate::arguments::{Cat, Head, Window};
use crate::commands::cat;
use crate::outcome::Outcome;

pub(crate) fn run(options: Head) -> Outcome {
    let Head { files, count, printing } = options;
    let window = Window::default();
    cat::run(&Cat { files, window, printing, follow: false, cursor_file: None, count_max: Some(count) })
}
