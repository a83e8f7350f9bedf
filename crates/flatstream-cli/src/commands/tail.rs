use crate::arguments::{Cat, Tail, Window};
use crate::commands::cat;
use crate::outcome::Outcome;

pub(crate) fn run(options: Tail) -> Outcome {
    let Tail { files, count, printing, follow } = options;
    let window = Window { last: Some(count), ..Window::default() };
    cat::run(&Cat { files, window, printing, follow, cursor_file: None, count_max: None })
}
