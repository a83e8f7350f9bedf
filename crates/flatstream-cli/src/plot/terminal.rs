//! Charts in characters: eight dots in each, by the Unicode block of Braille.

use std::fmt::Write;

use super::axis::{Kind, Tick, Ticks};
use super::chart::{Chart, Panel, Series, fitting};

/// Of a terminal's own, which its user has chosen so that they can be read: blue, yellow, green, magenta, cyan, red.
const COLOURS: [u8; 6] = [34, 33, 32, 35, 36, 31];

const DOTS_ACROSS: usize = 2;
const DOTS_DOWN: usize = 4;

/// What stands below the axis where messages were lost.
const LOST: char = '\u{d7}';

/// How large, in characters, and whether in colours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) width: usize,
    /// As high as needed, if nobody says how high.
    pub(crate) height: Option<usize>,
    pub(crate) has_colours: bool,
}

impl Panel {
    fn rows(&self, is_first: bool) -> usize {
        match &self.y.kind {
            Kind::Names(names) => names.len().clamp(2, 8),
            _ if is_first => 14,
            _ => 8,
        }
    }
}

pub(super) fn draw(chart: &Chart, room: Room) -> String {
    let rows = rows(chart, room.height);
    let ticks: Vec<Ticks> = chart.panels.iter().zip(&rows).map(|(panel, rows)| rows_with_marks(panel, *rows)).collect();
    let labels = ticks.iter().flat_map(|ticks| &ticks.all).map(|tick| tick.label.chars().count());
    let left = labels.max().unwrap_or(0).min(room.width / 3);
    let across = room.width.saturating_sub(left + 2).max(2);
    let mut out = String::new();
    line(&mut out, &cut(&chart.title, room.width));
    line(&mut out, &cut(&chart.subtitle, room.width));
    for ((panel, ticks), rows) in chart.panels.iter().zip(&ticks).zip(rows) {
        line(&mut out, &names(panel, ticks, left, room));
        draw_panel(&mut out, chart, panel, ticks, (left, across, rows), room.has_colours);
    }
    draw_x_axis(&mut out, chart, left, across);
    out
}

/// Of each panel; all of them share what is left of the height.
fn rows(chart: &Chart, height: Option<usize>) -> Vec<usize> {
    let natural: Vec<usize> = (0..).zip(&chart.panels).map(|(nth, panel)| panel.rows(nth == 0)).collect();
    let Some(height) = height else { return natural };
    let around = 5 + chart.panels.len() + usize::from(!chart.subtitle.is_empty());
    let (left, sum) = (height.saturating_sub(around), natural.iter().sum::<usize>().max(1));
    natural.iter().map(|rows| (rows * left / sum).max(2)).collect()
}

/// Marks that each have a row of their own, by their rows.
fn rows_with_marks(panel: &Panel, rows: usize) -> Ticks {
    let ticks = panel.y.ticks(if matches!(panel.y.kind, Kind::Names(_)) { rows } else { (rows / 3).max(2) });
    let mut taken = vec![false; rows];
    let is_free = |tick: &Tick| !std::mem::replace(&mut taken[row_of(panel, tick, rows)], true);
    Ticks { all: ticks.all.into_iter().filter(is_free).collect(), ..ticks }
}

fn row_of(panel: &Panel, tick: &Tick, rows: usize) -> usize {
    let dots = rows * DOTS_DOWN;
    place(1.0 - panel.y.part(tick.at), dots) / DOTS_DOWN
}

/// Of so many places from 0 to 1 the one that a value lies at.
fn place(part: f64, count: usize) -> usize {
    ((part * (count - 1) as f64).round().max(0.0) as usize).min(count - 1)
}

fn names(panel: &Panel, ticks: &Ticks, left: usize, room: Room) -> String {
    let mut text = " ".repeat(left + 2);
    let mut is_first = true;
    for series in &panel.series {
        let sample = if panel.series.len() > 1 { "\u{2500}\u{2500} " } else { "" };
        let sep = if std::mem::take(&mut is_first) { "" } else { "   " };
        let _ = write!(text, "{sep}{}", coloured(&format!("{sample}{}", series.name), series, room.has_colours));
    }
    if let Some(base) = &ticks.base {
        let _ = write!(text, "   (+ {base})");
    }
    text
}

fn draw_panel(
    out: &mut String,
    chart: &Chart,
    panel: &Panel,
    ticks: &Ticks,
    (left, across, rows): (usize, usize, usize),
    has_colours: bool,
) {
    let mut dots = Dots::new(across, rows);
    for series in &panel.series {
        dots.draw_series(chart, panel, series);
    }
    for row in 0..rows {
        let tick = ticks.all.iter().find(|tick| row_of(panel, tick, rows) == row);
        let label = tick.map_or(String::new(), |tick| cut(&tick.label, left));
        let edge = if tick.is_some() { '\u{2524}' } else { '\u{2502}' };
        let pad = left - label.chars().count();
        line(out, &format!("{:pad$}{label} {edge}{}", "", dots.row(row, panel, has_colours)));
    }
}

fn draw_x_axis(out: &mut String, chart: &Chart, left: usize, across: usize) {
    let ticks = fitting(&chart.x, across as f64, 2.0, |words| words.chars().count() as f64);
    let mut axis = vec!['\u{2500}'; across];
    for tick in &ticks.all {
        axis[place(chart.x.part(tick.at), across)] = '\u{252c}';
    }
    for (from, to) in &chart.lost {
        let (from, to) = (place(chart.x.part(*from), across), place(chart.x.part(*to), across));
        axis[from..=to].fill(LOST);
    }
    line(out, &format!("{:left$} \u{2514}{}", "", axis.into_iter().collect::<String>()));
    let middle = |tick: &Tick| left + 2 + place(chart.x.part(tick.at), across);
    line(out, &spread(ticks.all.iter().map(|tick| (middle(tick), tick.label.as_str())), left + 2 + across));
    let dates = ticks.all.iter().filter_map(|tick| Some((middle(tick), tick.date.as_deref()?)));
    line(out, &spread(dates, left + 2 + across));
    let name = match &ticks.base {
        Some(base) => format!("{} + {base}", chart.x_name),
        None => chart.x_name.clone(),
    };
    line(out, &spread([(left + 2 + across / 2, name.as_str())], left + 2 + across));
}

/// Words around places in a line.
fn spread<'a>(words: impl IntoIterator<Item = (usize, &'a str)>, width: usize) -> String {
    let mut text = Vec::new();
    for (middle, word) in words {
        let len = word.chars().count();
        let begin = middle.saturating_sub(len / 2).min(width.saturating_sub(len)).max(text.len());
        text.resize(begin, ' ');
        text.extend(word.chars());
    }
    text.into_iter().collect()
}

fn line(out: &mut String, text: &str) {
    let text = text.trim_end();
    if !text.is_empty() {
        out.push_str(text);
        out.push('\n');
    }
}

/// What has room, without what a terminal would obey.
fn cut(words: &str, width: usize) -> String {
    let safe = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
    let mut text: String = words.chars().take(width).map(safe).collect();
    if words.chars().count() > width && text.pop().is_some() {
        text.push('\u{2026}');
    }
    text
}

fn coloured(text: &str, series: &Series, has_colours: bool) -> String {
    match has_colours {
        true => format!("\u{1b}[{}m{text}\u{1b}[0m", COLOURS[series.nth % COLOURS.len()]),
        false => text.to_owned(),
    }
}

/// A grid of dots, with whose they are.
struct Dots {
    across: usize,
    cells: Vec<(u8, usize)>,
}

impl Dots {
    fn new(across: usize, rows: usize) -> Self {
        Self { across, cells: vec![(0, 0); across * rows] }
    }

    fn size(&self) -> (usize, usize) {
        (self.across * DOTS_ACROSS, self.cells.len() / self.across * DOTS_DOWN)
    }

    fn set(&mut self, (x, y): (usize, usize), nth: usize) {
        const BITS: [[u8; DOTS_ACROSS]; DOTS_DOWN] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
        let cell = &mut self.cells[y / DOTS_DOWN * self.across + x / DOTS_ACROSS];
        *cell = (cell.0 | BITS[y % DOTS_DOWN][x % DOTS_ACROSS], nth);
    }

    fn draw_series(&mut self, chart: &Chart, panel: &Panel, series: &Series) {
        let (width, height) = self.size();
        let x = |value: f64| chart.x.part(value) * (width - 1) as f64;
        let nth = panel.series.iter().position(|other| other.nth == series.nth).unwrap_or_default();
        for stroke in series.line.strokes(x, series.is_stepped) {
            let places: Vec<(usize, usize)> = stroke
                .iter()
                .map(|point| (place(chart.x.part(point.x), width), place(1.0 - panel.y.part(point.y), height)))
                .collect();
            if let Some(first) = places.first() {
                self.set(*first, nth);
            }
            places.windows(2).for_each(|pair| self.draw_line(pair[0], pair[1], nth));
        }
    }

    fn draw_line(&mut self, from: (usize, usize), to: (usize, usize), nth: usize) {
        let count = from.0.abs_diff(to.0).max(from.1.abs_diff(to.1));
        let between = |from: usize, to: usize, step: usize| {
            let (from, to) = (from as f64, to as f64);
            (from + (to - from) * step as f64 / count as f64).round() as usize
        };
        for step in 1..=count {
            self.set((between(from.0, to.0, step), between(from.1, to.1, step)), nth);
        }
    }

    fn row(&self, row: usize, panel: &Panel, has_colours: bool) -> String {
        let cells = &self.cells[row * self.across..(row + 1) * self.across];
        let mut text = String::new();
        for run in cells.chunk_by(|a, b| (a.0 == 0, a.1) == (b.0 == 0, b.1)) {
            let letter = |cell: &(u8, usize)| match cell.0 {
                0 => ' ',
                dots => char::from_u32(0x2800 + u32::from(dots)).unwrap_or(' '),
            };
            let letters: String = run.iter().map(letter).collect();
            let is_drawn = has_colours && run[0].0 != 0;
            text.push_str(&coloured(&letters, &panel.series[run[0].1], is_drawn));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::axis::Axis;
    use crate::plot::line::{Line, Point};

    fn chart(values: [f64; 2]) -> Chart {
        let series = |(nth, value): (usize, f64)| {
            let mut line = Line::new(20);
            line.push(Point { x: 0.0, y: value });
            line.push(Point { x: 1.0, y: value });
            Series { name: ["one", "two"][nth].to_owned(), nth, line, is_stepped: false }
        };
        let series = values.into_iter().enumerate().map(series).collect();
        let y = Axis::new(Kind::Real, 0, (0.0, 4.0), 0.0);
        Chart {
            title: "a\u{1b}[2Jb".to_owned(),
            subtitle: String::new(),
            x: Axis::new(Kind::Whole, 0, (0.0, 1.0), 0.0),
            x_name: "x".to_owned(),
            panels: vec![Panel { y, series }],
            lost: Vec::new(),
        }
    }

    #[test]
    fn each_line_has_its_colour_and_only_if_there_are_colours() {
        let room = Room { width: 14, height: Some(12), has_colours: true };
        let text = draw(&chart([0.0, 4.0]), room);
        assert!(text.contains("\u{1b}[34m\u{2500}\u{2500} one\u{1b}[0m") && text.contains("\u{1b}[33m"), "{text:?}");
        let row = |text: &str, colour: &str| text.lines().position(|line| line.contains(colour) && line.contains('4'));
        assert!(row(&text, "\u{1b}[33m\u{2809}").is_some(), "{text:?}");
        let plain = draw(&chart([0.0, 4.0]), Room { has_colours: false, ..room });
        assert!(!plain.contains('\u{1b}'), "{plain:?}");
    }

    #[test]
    fn what_there_is_no_room_for_is_cut_and_nothing_breaks() {
        for width in 1..40 {
            for height in [None, Some(1), Some(3), Some(50)] {
                let text = draw(&chart([0.0, 1e-9]), Room { width, height, has_colours: false });
                let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
                // The names of lines aren't cut.
                assert!(widest <= width.max(20), "{width}: {text}");
            }
        }
    }
}
