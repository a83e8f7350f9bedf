//! Pictures as SVG.

use std::fmt::Write;

use super::shapes::{Align, DASHES, DOT, Picture, Shape};

const FONT: &str = "Inter, system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";

pub(super) fn write(picture: &Picture) -> String {
    let Picture { width, height, .. } = picture;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"{FONT}\">\n\
         <title>{}</title>\n<desc>{}</desc>\n",
        escaped(&picture.title),
        escaped(&picture.description)
    );
    picture.shapes.iter().for_each(|shape| write_shape(&mut svg, shape));
    svg += "</svg>\n";
    svg
}

fn write_shape(svg: &mut String, shape: &Shape) {
    let done = match shape {
        Shape::Rectangle { from, size, colour } => writeln!(
            svg,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"#{colour:06x}\"/>",
            short(from.0),
            short(from.1),
            short(size.0),
            short(size.1)
        ),
        Shape::Lines { lines, .. } if lines.is_empty() => Ok(()),
        Shape::Lines { lines, colour, width, is_dashed, name } => {
            let dashes = format!(" stroke-dasharray=\"{} {}\"", DASHES[0], DASHES[1]);
            let dashes = if *is_dashed { &dashes } else { "" };
            let name = if name.is_empty() { String::new() } else { format!("<title>{}</title>", escaped(name)) };
            let begin = format!("<g fill=\"none\" stroke=\"#{colour:06x}\" stroke-linejoin=\"round\">{name}");
            let paths = [(path(lines, false), *width, dashes), (path(lines, true), width + 2.0 * DOT, "")];
            let paths = paths.into_iter().filter(|(path, ..)| !path.is_empty()).map(|(path, width, dashes)| {
                let cap = if dashes.is_empty() { " stroke-linecap=\"round\"" } else { "" };
                format!("<path d=\"{path}\" stroke-width=\"{width}\"{cap}{dashes}/>")
            });
            writeln!(svg, "{begin}{}</g>", paths.collect::<String>())
        }
        Shape::Text { at, size, align, is_turned, colour, words } => {
            let (x, y) = (short(at.0), short(at.1));
            let anchor = match align {
                Align::Begin => "",
                Align::Middle => " text-anchor=\"middle\"",
                Align::End => " text-anchor=\"end\"",
            };
            let turn = if *is_turned { format!(" transform=\"rotate(-90 {x} {y})\"") } else { String::new() };
            let words = escaped(words);
            writeln!(
                svg,
                "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{anchor}{turn} fill=\"#{colour:06x}\">{words}</text>"
            )
        }
    };
    debug_assert!(done.is_ok(), "a string takes whatever is written");
}

/// Of the dots, or of all others.
fn path(lines: &[Vec<(f64, f64)>], of_dots: bool) -> String {
    let mut path = String::new();
    for line in lines.iter().filter(|line| (line.len() == 1) == of_dots) {
        for (nth, (x, y)) in line.iter().enumerate() {
            let _ = write!(path, "{}{} {}", if nth == 0 { 'M' } else { 'L' }, short(*x), short(*y));
        }
        if of_dots {
            // No length at all would be drawn by some programs only.
            path.push_str("h.01");
        }
    }
    path
}

/// With no more digits than can be seen.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Characters that XML can't have are left out.
fn escaped(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    for character in words.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '\u{0}'..='\u{1f}' | '\u{7f}' | '\u{fffe}' | '\u{ffff}' => text.push('\u{fffd}'),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_can_not_break_the_picture() {
        assert_eq!(escaped("a<b>&\u{1b}[2J"), "a&lt;b&gt;&amp;\u{fffd}[2J");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([1.0, -0.001, 0.25, 1234.5678].map(short), ["1", "0", "0.25", "1234.57"]);
    }
}
