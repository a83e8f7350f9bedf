use crate::arguments::{Cat, Selection, Tail, Window};
use crate::commands::cat;
use crate::outcome::Outcome;

pub(crate) fn run(options: Tail) -> Outcome {
    let Tail { files, count, format, reading, follow } = options;
    let window = Window { last: Some(count), ..Window::default() };
    cat::run(&Cat {
        files,
        format,
        selection: Selection { window, reading },
        follow,
        cursor_file: None,
        count_max: None,
    })
}
