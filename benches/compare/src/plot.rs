//! Line charts as SVG: enough for a few dozen points on logarithmic axes, readable on a light page and on a dark one.

use std::fmt::Write;

use crate::rounds::Spread;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 520.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = 280.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 62.0;

const FONT: &str = "font-family=\"system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif\"";

/// Told apart by people who see fewer colours too, as far as so many can be: those of the strong lines.
const STRONG: [&str; 4] = ["#0072B2", "#009E73", "#D55E00", "#882255"];

/// And of the thin ones.
const THIN: [&str; 7] = ["#E69F00", "#CC79A7", "#56B4E9", "#7A5195", "#999933", "#8C564B", "#44AA99"];

/// How a line looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stroke {
    /// What the chart is about.
    Strong,
    Thin,
    /// What everything is compared with.
    Black,
    /// What the machine can do.
    Dashed,
}

pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) stroke: Stroke,
    /// Places on the horizontal axis, and values.
    pub(crate) points: Vec<(f64, Spread)>,
}

pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    /// Places and their names, from left to right.
    pub(crate) ticks: Vec<(f64, String)>,
    pub(crate) x_name: &'static str,
    pub(crate) y_name: &'static str,
    pub(crate) series: Vec<Series>,
}

impl Chart {
    /// The whole file.
    pub(crate) fn svg(&self) -> String {
        let scale = Scale::of(self);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" {FONT}>\n\
             <title>{}</title>\n\
             <rect x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"#ffffff\" stroke=\"#d0d7de\"/>\n",
            escaped(&self.title),
            WIDTH - 1.0,
            HEIGHT - 1.0
        );
        text(&mut svg, (24.0, 30.0), "font-size=\"18\" font-weight=\"600\" fill=\"#1f2328\"", &self.title);
        text(&mut svg, (24.0, 50.0), "font-size=\"12.5\" fill=\"#59636e\"", &self.subtitle);
        self.draw_axes(&mut svg, &scale);
        for (series, colour) in self.series.iter().zip(self.colours()) {
            draw_series(&mut svg, &scale, series, colour);
        }
        self.draw_legend(&mut svg, &scale);
        svg += "</svg>\n";
        svg
    }

    fn colours(&self) -> impl Iterator<Item = &'static str> {
        let (mut strong, mut thin) = (STRONG.into_iter().cycle(), THIN.into_iter().cycle());
        self.series.iter().map(move |series| match series.stroke {
            Stroke::Black => "#1f2328",
            Stroke::Dashed => "#8c959f",
            Stroke::Strong => strong.next().unwrap_or(STRONG[0]),
            Stroke::Thin => thin.next().unwrap_or(THIN[0]),
        })
    }

    fn draw_axes(&self, svg: &mut String, scale: &Scale) {
        let right = WIDTH - RIGHT;
        let bottom = HEIGHT - BOTTOM;
        for (value, is_labelled) in scale.y_ticks() {
            let y = scale.y(value);
            let colour = if is_labelled { "#d0d7de" } else { "#f0f2f4" };
            line(svg, (LEFT, y), (right, y), &format!("stroke=\"{colour}\""));
            if is_labelled {
                let place = (LEFT - 8.0, y + 4.0);
                text(svg, place, "font-size=\"12\" text-anchor=\"end\" fill=\"#59636e\"", &shown(value));
            }
        }
        for (place, name) in &self.ticks {
            let x = scale.x(*place);
            line(svg, (x, TOP), (x, bottom), "stroke=\"#f0f2f4\"");
            text(svg, (x, bottom + 20.0), "font-size=\"12\" text-anchor=\"middle\" fill=\"#59636e\"", name);
        }
        line(svg, (LEFT, bottom), (right, bottom), "stroke=\"#8c959f\"");
        let middle = f64::midpoint(LEFT, right);
        let style = "font-size=\"13\" text-anchor=\"middle\" fill=\"#1f2328\"";
        text(svg, (middle, HEIGHT - 18.0), style, self.x_name);
        let (x, y) = (24.0, f64::midpoint(TOP, bottom));
        text(svg, (x, y), &format!("{style} transform=\"rotate(-90 {x} {y})\""), self.y_name);
    }

    /// In the order of the last points, so that eyes find a line's name at about its height.
    fn draw_legend(&self, svg: &mut String, scale: &Scale) {
        let last = |series: &Series| series.points.last().map_or(f64::MAX, |(_, value)| scale.y(value.median));
        let mut entries: Vec<(&Series, &str)> = self.series.iter().zip(self.colours()).collect();
        entries.sort_by(|(one, _), (other, _)| last(one).total_cmp(&last(other)));
        let x = WIDTH - RIGHT + 22.0;
        for (nth, (series, colour)) in entries.into_iter().enumerate() {
            let y = TOP + 10.0 + nth as f64 * 24.0;
            line(svg, (x, y), (x + 26.0, y), &stroke(series.stroke, colour));
            marker(svg, (x + 13.0, y), series.stroke, colour);
            let weight = if series.stroke == Stroke::Strong { " font-weight=\"600\"" } else { "" };
            text(svg, (x + 34.0, y + 4.0), &format!("font-size=\"12.5\"{weight} fill=\"#1f2328\""), &series.name);
        }
    }
}

fn draw_series(svg: &mut String, scale: &Scale, series: &Series, colour: &str) {
    for (place, Spread { least, greatest, .. }) in &series.points {
        let x = scale.x(*place);
        let style = format!("stroke=\"{colour}\" stroke-opacity=\"0.45\" stroke-width=\"1.5\"");
        line(svg, (x, scale.y(*least)), (x, scale.y(*greatest)), &style);
    }
    let places = series.points.iter().map(|(place, value)| (scale.x(*place), scale.y(value.median)));
    let path: Vec<String> = places.clone().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let style = stroke(series.stroke, colour);
    let _ = writeln!(svg, "<polyline points=\"{}\" fill=\"none\" stroke-linejoin=\"round\" {style}/>", path.join(" "));
    places.for_each(|place| marker(svg, place, series.stroke, colour));
}

fn stroke(stroke: Stroke, colour: &str) -> String {
    let (width, more) = match stroke {
        Stroke::Strong => (3.0, ""),
        Stroke::Thin | Stroke::Black => (1.8, ""),
        Stroke::Dashed => (1.8, " stroke-dasharray=\"5 4\""),
    };
    format!("stroke=\"{colour}\" stroke-width=\"{width}\"{more}")
}

fn marker(svg: &mut String, (x, y): (f64, f64), stroke: Stroke, colour: &str) {
    let radius = match stroke {
        Stroke::Strong => 4.5,
        Stroke::Thin | Stroke::Black => 3.2,
        Stroke::Dashed => return,
    };
    let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{colour}\"/>");
}

fn line(svg: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64), style: &str) {
    let _ = writeln!(svg, "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" {style}/>");
}

fn text(svg: &mut String, (x, y): (f64, f64), style: &str, words: &str) {
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" {style}>{}</text>", escaped(words));
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// 0.05, 0.1, 2, 50, 1,000.
fn shown(value: f64) -> String {
    if value < 1000.0 { format!("{value}") } else { format!("{},{:03}", value as u64 / 1000, value as u64 % 1000) }
}

/// From values to places in the picture: as given from left to right, logarithmic from bottom to top.
struct Scale {
    x_least: f64,
    x_greatest: f64,
    y_least: f64,
    y_greatest: f64,
}

impl Scale {
    fn of(chart: &Chart) -> Self {
        let xs = chart.ticks.iter().map(|(place, _)| *place);
        let ys = chart.series.iter().flat_map(|series| &series.points);
        let ys = Spread::of(ys.flat_map(|(_, value)| [value.least, value.greatest]).filter(|value| *value > 0.0));
        let xs = Spread::of(xs);
        Self { x_least: xs.least, x_greatest: xs.greatest, y_least: ys.least / 1.15, y_greatest: ys.greatest * 1.15 }
    }

    fn x(&self, value: f64) -> f64 {
        let part = (value - self.x_least) / (self.x_greatest - self.x_least);
        LEFT + 24.0 + part * (WIDTH - LEFT - RIGHT - 48.0)
    }

    fn y(&self, value: f64) -> f64 {
        let value = value.max(self.y_least);
        let part = (value / self.y_least).ln() / (self.y_greatest / self.y_least).ln();
        HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
    }

    /// 1 to 9 of each power of ten that is in sight; 1, 2 and 5 with their value.
    fn y_ticks(&self) -> Vec<(f64, bool)> {
        let powers = -9..=9;
        let all = powers.flat_map(|power: i32| (1..10).map(move |digit| (digit, power)));
        let values = all.map(|(digit, power)| (value_of(digit, power), matches!(digit, 1 | 2 | 5)));
        values.filter(|(value, _)| (self.y_least..=self.y_greatest).contains(value)).collect()
    }
}

/// As it is written, so that 3e-1 is 0.3 and not a little more.
fn value_of(digit: i32, power: i32) -> f64 {
    format!("{digit}e{power}").parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: &[f64]) -> Chart {
        let spread = |value: f64| Spread { median: value, least: value / 2.0, greatest: value * 2.0 };
        let points = values.iter().enumerate().map(|(place, value)| (place as f64, spread(*value))).collect();
        Chart {
            title: "A & B".to_owned(),
            subtitle: "less < more".to_owned(),
            ticks: (0..values.len()).map(|place| (place as f64, place.to_string())).collect(),
            x_name: "x",
            y_name: "y",
            series: vec![Series { name: "one".to_owned(), stroke: Stroke::Strong, points }],
        }
    }

    #[test]
    fn every_place_is_inside_the_picture() {
        let svg = chart(&[0.003, 20.0, 5e6]).svg();
        for attribute in ["x", "y", "x1", "y1", "x2", "y2", "cx", "cy"] {
            for rest in svg.split(&format!(" {attribute}=\"")).skip(1) {
                let value: f64 = rest.split('"').next().and_then(|word| word.parse().ok()).expect("a number");
                assert!((0.0..=WIDTH).contains(&value), "{attribute} is {value}");
            }
        }
    }

    #[test]
    fn words_can_not_break_the_picture() {
        let svg = chart(&[1.0, 2.0]).svg();
        assert!(svg.contains("A &amp; B") && svg.contains("less &lt; more"));
    }

    #[test]
    fn greater_values_are_higher_up() {
        let chart = chart(&[1.0, 10.0]);
        let scale = Scale::of(&chart);
        assert!(scale.y(10.0) < scale.y(1.0));
        assert!(scale.y_ticks().contains(&(0.5, true)) && scale.y_ticks().contains(&(3.0, false)));
    }
}
