//! A chart: what is where, in whatever it is drawn.

use super::axis::{Axis, Kind, Tick, Ticks};
use super::font::Font;
use super::line::{Line, Point};
use super::shapes::{Align, Colour, Picture, Shape};

/// Lines over one axis from left to right, in panels one below the other.
pub(super) struct Chart {
    pub(super) title: String,
    /// What is drawn, and what isn't.
    pub(super) subtitle: String,
    pub(super) x: Axis,
    pub(super) x_name: String,
    pub(super) panels: Vec<Panel>,
    /// Where messages were lost.
    pub(super) lost: Vec<(f64, f64)>,
}

pub(super) struct Panel {
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
}

pub(super) struct Series {
    pub(super) name: String,
    /// Its place among all of the chart, which says its colour.
    pub(super) nth: usize,
    pub(super) line: Line,
    pub(super) is_stepped: bool,
}

/// Told apart by people who see fewer colours too (Okabe and Ito), as far as so many can be.
const COLOURS: [Colour; 8] = [0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0xE69F00, 0x56B4E9, 0x882255, 0x5B5B5B];

const INK: Colour = 0x1F2328;
const PALE_INK: Colour = 0x59636E;
const FRAME: Colour = 0x8C959F;
const GRID: Colour = 0xE4E7EB;
const LOST: Colour = 0xF7D4D4;

const TITLE_SIZE: f64 = 17.0;
const TEXT_SIZE: f64 = 12.0;
const MARGIN: f64 = 20.0;
const LEGEND_ROW: f64 = 20.0;
const GAP: f64 = 18.0;
/// Between two labels on the same line.
const LABEL_GAP: f64 = 14.0;

/// A panel in the picture.
struct Area<'a> {
    panel: &'a Panel,
    ticks: Ticks,
    legend: Vec<Vec<usize>>,
    top: f64,
    bottom: f64,
}

impl Panel {
    /// How high it is by itself, in pixels.
    fn height(&self, is_first: bool) -> f64 {
        match &self.y.kind {
            Kind::Names(names) => (names.len() as f64 * 26.0 + 12.0).clamp(64.0, 220.0),
            _ if is_first => 340.0,
            _ => 200.0,
        }
    }

    /// Of the axis: what its only line shows.
    fn name(&self) -> &str {
        if let [only] = &self.series[..] { &only.name } else { "" }
    }
}

impl Chart {
    /// As high as needed, if nobody says how high.
    pub(super) fn picture(&self, width: u32, height: Option<u32>, font: &Font) -> Picture {
        let heights: Vec<f64> = (0..).zip(&self.panels).map(|(nth, panel)| panel.height(nth == 0)).collect();
        let legends = |left: f64| -> Vec<Vec<Vec<usize>>> {
            self.panels.iter().map(|panel| legend_rows(panel, f64::from(width) - left - MARGIN, font)).collect()
        };
        let title_rows = if self.subtitle.is_empty() { 40.0 } else { 58.0 };
        let foot = 66.0;
        let rows: f64 = legends(100.0).iter().map(|rows| rows.len() as f64 * LEGEND_ROW).sum();
        let base_row = |panel: &Panel| if panel.y.ticks(4).base.is_some() { LEGEND_ROW } else { 0.0 };
        let bases: f64 = self.panels.iter().map(base_row).sum();
        let fixed = title_rows + foot + rows + bases + GAP * (self.panels.len().max(1) - 1) as f64;
        let natural: f64 = heights.iter().sum();
        let height = height.unwrap_or((fixed + natural).ceil() as u32);
        let stretch = ((f64::from(height) - fixed) / natural).max(0.02);

        let mut areas = Vec::new();
        let mut top = title_rows;
        for ((panel, natural), legend) in self.panels.iter().zip(heights).zip(legends(100.0)) {
            let len = natural * stretch;
            let apart = if matches!(panel.y.kind, Kind::Names(_)) { TEXT_SIZE + 2.0 } else { 40.0 };
            let ticks = panel.y.ticks((len / apart) as usize);
            let ticks = thinned(ticks, panel, len);
            top += legend.len() as f64 * LEGEND_ROW + base_row(panel);
            areas.push(Area { panel, ticks, legend, top, bottom: top + len });
            top += len + GAP;
        }
        let labels = areas.iter().flat_map(|area| &area.ticks.all).map(|tick| font.width(&tick.label, TEXT_SIZE));
        let widest = labels.fold(0.0, f64::max).min(f64::from(width) / 4.0);
        let left = MARGIN + 22.0 + widest.ceil() + 8.0;
        let right = (f64::from(width) - MARGIN).max(left + 1.0);
        let mut drawing = Drawing { chart: self, font, left, right, shapes: Vec::new() };
        drawing.draw(width, height, &areas);
        Picture { width, height, title: self.title.clone(), description: self.subtitle.clone(), shapes: drawing.shapes }
    }
}

/// Marks of names that would stand too close are left out.
fn thinned(ticks: Ticks, panel: &Panel, len: f64) -> Ticks {
    let mut last = f64::NEG_INFINITY;
    let has_room = |tick: &Tick| {
        let at = panel.y.part(tick.at) * len;
        let has_room = at - last >= TEXT_SIZE + 2.0;
        if has_room {
            last = at;
        }
        has_room
    };
    Ticks { all: ticks.all.into_iter().filter(has_room).collect(), ..ticks }
}

/// Which lines are named in which row; none for a single one, which the axis names.
fn legend_rows(panel: &Panel, room: f64, font: &Font) -> Vec<Vec<usize>> {
    if panel.series.len() < 2 {
        return Vec::new();
    }
    let mut rows: Vec<Vec<usize>> = vec![Vec::new()];
    let mut at = 0.0;
    for (nth, series) in panel.series.iter().enumerate() {
        let width = entry_width(series, font);
        if at > 0.0 && at + width > room {
            rows.push(Vec::new());
            at = 0.0;
        }
        at += width;
        if let Some(row) = rows.last_mut() {
            row.push(nth);
        }
    }
    rows
}

const SAMPLE: f64 = 22.0;

fn entry_width(series: &Series, font: &Font) -> f64 {
    SAMPLE + 6.0 + font.width(&series.name, TEXT_SIZE) + 18.0
}

struct Drawing<'a> {
    chart: &'a Chart,
    font: &'a Font,
    left: f64,
    right: f64,
    shapes: Vec<Shape>,
}

impl Drawing<'_> {
    fn draw(&mut self, width: u32, height: u32, areas: &[Area<'_>]) {
        let size = (f64::from(width), f64::from(height));
        self.shapes.push(Shape::Rectangle { from: (0.0, 0.0), size, colour: 0xFF_FF_FF });
        let room = size.0 - 2.0 * MARGIN;
        let title = self.font.fitted(&self.chart.title, TITLE_SIZE, room);
        self.text((MARGIN, 28.0), TITLE_SIZE, INK, Align::Begin, title);
        let subtitle = self.font.fitted(&self.chart.subtitle, TEXT_SIZE, room);
        self.text((MARGIN, 46.0), TEXT_SIZE, PALE_INK, Align::Begin, subtitle);
        let ticks =
            fitting(&self.chart.x, self.right - self.left, LABEL_GAP, |words| self.font.width(words, TEXT_SIZE));
        for area in areas {
            self.draw_area(area, &ticks);
        }
        if let Some(last) = areas.last() {
            self.draw_x_axis(&ticks, last.bottom, size.0);
        }
    }

    fn x(&self, value: f64) -> f64 {
        self.left + self.chart.x.part(value) * (self.right - self.left)
    }

    fn draw_area(&mut self, area: &Area<'_>, ticks: &Ticks) {
        let (left, right, panel) = (self.left, self.right, area.panel);
        let (top, bottom) = (area.top, area.bottom);
        let y = |value: f64| bottom - panel.y.part(value) * (bottom - top);
        for (from, to) in &self.chart.lost {
            let (from, to) = (self.x(*from), self.x(*to));
            let width = (to - from).max(2.0);
            let at = f64::midpoint(from, to) - width / 2.0;
            self.shapes.push(Shape::Rectangle { from: (at, top), size: (width, bottom - top), colour: LOST });
        }
        let across = area.ticks.all.iter().map(|tick| hair(y(tick.at))).map(|y| vec![(left, y), (right, y)]);
        let down = ticks.all.iter().map(|tick| hair(self.x(tick.at))).map(|x| vec![(x, top), (x, bottom)]);
        self.shapes.push(hairlines(across.chain(down), GRID));
        for tick in &area.ticks.all {
            let y = hair(y(tick.at));
            let label = self.font.fitted(&tick.label, TEXT_SIZE, left - MARGIN - 26.0);
            self.text((left - 8.0, y + TEXT_SIZE * 0.35), TEXT_SIZE, PALE_INK, Align::End, label);
        }
        if let Some(base) = &area.ticks.base {
            self.text((left, top - 7.0), TEXT_SIZE, PALE_INK, Align::Begin, format!("+ {base}"));
        }
        let (x, bottom_edge) = (hair(left), hair(bottom));
        self.shapes.push(hairlines([vec![(x, top), (x, bottom_edge), (right, bottom_edge)]], FRAME));
        for series in &panel.series {
            self.draw_series(series, y);
        }
        self.draw_names(area);
    }

    fn draw_series(&mut self, series: &Series, y: impl Fn(f64) -> f64) {
        let x = |value: f64| self.x(value);
        let place = |point: &Point| (x(point.x), y(point.y));
        let placed = |strokes: Vec<Vec<Point>>| strokes.into_iter().map(|stroke| stroke.iter().map(place).collect());
        let mut lines: Vec<Vec<(f64, f64)>> = placed(series.line.strokes(x, series.is_stepped)).collect();
        // Few points are worth being seen as such.
        if (series.line.count as f64) < (self.right - self.left) / 10.0 {
            let points: Vec<Vec<(f64, f64)>> = placed(series.line.strokes(x, false)).collect();
            let several = points.into_iter().filter(|points| points.len() > 1);
            lines.extend(several.flatten().map(|point| vec![point]));
        }
        self.shapes.push(Shape::Lines {
            lines,
            colour: colour(series.nth),
            width: if series.is_stepped { 2.0 } else { 1.5 },
            is_dashed: series.nth >= COLOURS.len(),
            name: series.name.clone(),
        });
    }

    fn draw_names(&mut self, area: &Area<'_>) {
        let panel = area.panel;
        let len = area.bottom - area.top;
        let name = self.font.fitted(panel.name(), TEXT_SIZE, len.max(80.0));
        let middle = f64::midpoint(area.top, area.bottom);
        self.shapes.push(Shape::Text {
            at: (MARGIN + TEXT_SIZE - 2.0, middle),
            size: TEXT_SIZE,
            align: Align::Middle,
            is_turned: true,
            colour: INK,
            words: name,
        });
        let rows = area.legend.len() as f64;
        let base = if area.ticks.base.is_some() { LEGEND_ROW } else { 0.0 };
        for (row, of_row) in (0..).map(f64::from).zip(&area.legend) {
            let y = area.top - base - (rows - row) * LEGEND_ROW + 8.0;
            let mut x = self.left;
            for nth in of_row {
                let series = &panel.series[*nth];
                self.shapes.push(Shape::Lines {
                    lines: vec![vec![(x, y - 4.0), (x + SAMPLE, y - 4.0)]],
                    colour: colour(series.nth),
                    width: 3.0,
                    is_dashed: series.nth >= COLOURS.len(),
                    name: String::new(),
                });
                let name = self.font.fitted(&series.name, TEXT_SIZE, self.right - x - SAMPLE - 6.0);
                self.text((x + SAMPLE + 6.0, y), TEXT_SIZE, INK, Align::Begin, name);
                x += entry_width(series, self.font);
            }
        }
    }

    fn draw_x_axis(&mut self, ticks: &Ticks, bottom: f64, width: f64) {
        let marks = ticks.all.iter().map(|tick| hair(self.x(tick.at))).map(|x| vec![(x, bottom), (x, bottom + 5.0)]);
        self.shapes.push(hairlines(marks, FRAME));
        let mut has_dates = false;
        for tick in &ticks.all {
            let x = hair(self.x(tick.at));
            let mut label = |words: &str, y: f64| {
                let half = self.font.width(words, TEXT_SIZE) / 2.0;
                let x = x.min(width - half - 4.0).max(half + 4.0);
                self.text((x, y), TEXT_SIZE, PALE_INK, Align::Middle, words.to_owned());
            };
            label(&tick.label, bottom + 19.0);
            if let Some(date) = &tick.date {
                has_dates = true;
                label(date, bottom + 34.0);
            }
        }
        let name = match &ticks.base {
            Some(base) => format!("{} + {base}", self.chart.x_name),
            None => self.chart.x_name.clone(),
        };
        let y = bottom + if has_dates { 54.0 } else { 42.0 };
        let name = self.font.fitted(&name, TEXT_SIZE, width - 2.0 * MARGIN);
        self.text((f64::midpoint(self.left, self.right), y), TEXT_SIZE, INK, Align::Middle, name);
    }

    fn text(&mut self, at: (f64, f64), size: f64, colour: Colour, align: Align, words: String) {
        if !words.is_empty() {
            self.shapes.push(Shape::Text { at, size, align, is_turned: false, colour, words });
        }
    }
}

/// Marks as many as there is room for: no label touches another.
pub(super) fn fitting(axis: &Axis, room: f64, gap: f64, width: impl Fn(&str) -> f64) -> Ticks {
    let at = |tick: &Tick| axis.part(tick.at) * room;
    let is_good = |ticks: &Ticks| {
        let labels = |of: &dyn Fn(&Tick) -> Option<String>| -> Vec<(f64, f64)> {
            ticks.all.iter().filter_map(|tick| Some((at(tick), width(&of(tick)?)))).collect()
        };
        let apart = |pair: &[(f64, f64)]| pair[1].0 - pair[0].0 >= f64::midpoint(pair[0].1, pair[1].1) + gap;
        let of_dates = labels(&|tick| tick.date.clone());
        labels(&|tick| Some(tick.label.clone())).windows(2).all(apart) && of_dates.windows(2).all(apart)
    };
    let most = (room / (5.0 * gap).max(1.0)).clamp(1.0, 20.0) as usize;
    (1..=most).rev().map(|count| axis.ticks(count)).find(is_good).unwrap_or_else(|| {
        let mut ticks = axis.ticks(1);
        ticks.all.truncate(1);
        ticks
    })
}

fn colour(nth: usize) -> Colour {
    COLOURS[nth % COLOURS.len()]
}

/// In the middle of a pixel, so that a line of one pixel covers just that.
fn hair(at: f64) -> f64 {
    at.floor() + 0.5
}

fn hairlines(lines: impl IntoIterator<Item = Vec<(f64, f64)>>, colour: Colour) -> Shape {
    let lines = lines.into_iter().collect();
    Shape::Lines { lines, colour, width: 1.0, is_dashed: false, name: String::new() }
}
