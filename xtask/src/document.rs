//! Parts of documents that commands write: between two marks, which name the command.

use std::fs;

use crate::command::root;

/// Puts `text` between the marks of `command` in a document. Whatever else is in it stays.
///
/// # Errors
/// If the document isn't there or has no such marks.
pub(crate) fn write_part(document: &str, command: &str, text: &str) -> Result<(), String> {
    let path = root().join(document);
    let io = |error| format!("{document}: {error}");
    let old = fs::read_to_string(&path).map_err(io)?;
    let new = with_part(&old, command, text).ok_or(format!("{document} has no place for what {command} writes"))?;
    fs::write(&path, new).map_err(io)
}

fn with_part(old: &str, command: &str, text: &str) -> Option<String> {
    let begin = format!("<!-- {command}: begin -->\n");
    let end = format!("<!-- {command}: end -->");
    let (before, rest) = old.split_once(&begin)?;
    let (_, behind) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{text}\n{end}{behind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_of_the_command_changes() {
        let old = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n<!-- y: begin -->\nkept\n<!-- y: end -->\n";
        let new = "a\n<!-- x: begin -->\n\nnew\n\n<!-- x: end -->\nb\n<!-- y: begin -->\nkept\n<!-- y: end -->\n";
        assert_eq!(with_part(old, "x", "new\n").as_deref(), Some(new));
        assert_eq!(with_part(new, "x", "new\n").as_deref(), Some(new));
        assert_eq!(with_part(old, "z", "new\n"), None);
    }
}
