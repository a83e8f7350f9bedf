//! Fields of messages as a picture.

mod fields;
mod points;

mod line;

mod axis;
mod chart;

mod font;
mod png;
mod shapes;
mod svg;
mod terminal;

pub(crate) use fields::Drawn;
pub(crate) use points::{Along, Noticed, Points};
pub(crate) use terminal::Room;

use axis::{Axis, Kind, is_date};
use chart::{Chart, Panel, Series};
use flatstream::Clock;
use font::Font;
use line::{Bounds, Line};

/// How it is to look.
#[derive(Clone, Debug)]
pub(crate) struct Style {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    /// A panel for each field.
    pub(crate) is_apart: bool,
    /// Of the stream.
    pub(crate) clock: Clock,
}

/// A picture that only has to be drawn.
pub(crate) struct Plot {
    chart: Chart,
    returns: u64,
}

impl Plot {
    pub(crate) fn new(points: Points, style: Style) -> Self {
        let x_name = x_name(&points, style.clock);
        let bounds = points.lines.iter().filter_map(Line::bounds).reduce(Bounds::with);
        let (x, lost) = match bounds {
            Some(bounds) => (Axis::new(x_name.0, points.origin.unwrap_or(0), bounds.x, 0.01), points.lost.clone()),
            None => (Axis::new(Kind::Names(Vec::new()), 0, (0.0, 0.0), 0.0), Vec::new()),
        };
        let returns = points.lines.iter().map(|line| line.returns).max().unwrap_or_default();
        let panels = panels(points, style.is_apart);
        let (title, subtitle) = (style.title, style.subtitle);
        Self { chart: Chart { title, subtitle, x, x_name: x_name.1, panels, lost }, returns }
    }

    /// How often the line goes back, at most.
    pub(crate) fn returns(&self) -> u64 {
        self.returns
    }

    /// Fields of which there is no value.
    pub(crate) fn empty_fields(&self) -> impl Iterator<Item = &str> {
        let all = self.chart.panels.iter().flat_map(|panel| &panel.series);
        all.filter(|series| series.line.count == 0).map(|series| series.name.as_str())
    }

    pub(crate) fn svg(&self, width: u32, height: Option<u32>) -> String {
        svg::write(&self.chart.picture(width, height, &Font::new()))
    }

    /// An error says why there can be no such picture.
    pub(crate) fn png(&self, width: u32, height: Option<u32>) -> Result<Vec<u8>, String> {
        let font = Font::new();
        png::write(&self.chart.picture(width, height, &font), &font)
    }

    pub(crate) fn characters(&self, room: Room) -> String {
        terminal::draw(&self.chart, room)
    }
}

/// What the axis is, and what it is called.
fn x_name(points: &Points, clock: Clock) -> (Kind, String) {
    let of_clock = |clock: &str| (Kind::Seconds, format!("time in s{clock}"));
    match points.along() {
        Along::Number => (Kind::Whole, "number of the message".to_owned()),
        Along::Time => match clock {
            Clock::UnixUtc => (Kind::Utc, "time (UTC)".to_owned()),
            Clock::Monotonic => of_clock(" (monotonic clock)"),
            Clock::Tai => of_clock(" (TAI)"),
            _ => of_clock(""),
        },
        Along::Field { path, unit: None } => {
            (if points.origin.is_some() { Kind::Whole } else { Kind::Real }, path.as_str().to_owned())
        }
        Along::Field { path, unit: Some(_) } => {
            let ends = points.lines.iter().filter_map(Line::bounds).reduce(Bounds::with).map(|bounds| bounds.x);
            let (origin, (from, to)) = (points.origin.unwrap_or(0), ends.unwrap_or((0.0, 0.0)));
            let is_utc = [from, to].into_iter().all(|end| is_date(origin.saturating_add(end as i128)));
            match is_utc {
                true => (Kind::Utc, format!("{} (UTC)", path.as_str())),
                false => (Kind::Seconds, format!("{} in s", path.as_str())),
            }
        }
    }
}

/// All numbers over one axis, unless they are to be apart; each enum and boolean over its own.
fn panels(points: Points, is_apart: bool) -> Vec<Panel> {
    let mut panels: Vec<Panel> = Vec::new();
    let mut shared: Option<usize> = None;
    let named: Vec<_> =
        points.fields().iter().map(|field| (field.name().to_owned(), field.kind(), field.is_stepped())).collect();
    for (nth, ((name, kind, is_stepped), line)) in named.into_iter().zip(points.lines).enumerate() {
        let series = Series { name, nth, line, is_stepped };
        match shared.filter(|_| kind == Kind::Real && !is_apart) {
            Some(panel) => panels[panel].series.push(series),
            None => {
                if kind == Kind::Real {
                    shared = Some(panels.len());
                }
                panels.push(Panel { y: Axis::new(kind, 0, (0.0, 0.0), 0.0), series: vec![series] });
            }
        }
    }
    for panel in &mut panels {
        let bounds = panel.series.iter().filter_map(|series| series.line.bounds()).reduce(Bounds::with);
        panel.y = match (bounds, std::mem::replace(&mut panel.y.kind, Kind::Real)) {
            (Some(bounds), Kind::Names(names)) => {
                let (from, to) = bounds.y;
                let inside = names.into_iter().filter(|(value, _)| (from..=to).contains(value)).collect();
                Axis { kind: Kind::Names(inside), origin: 0, from: from - 0.5, to: to + 0.5 }
            }
            (Some(bounds), kind) => Axis::new(kind, 0, bounds.y, 0.04),
            (None, _) => Axis::new(Kind::Names(Vec::new()), 0, (0.0, 0.0), 0.0),
        };
    }
    panels
}
