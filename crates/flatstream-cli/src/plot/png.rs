//! Pictures as PNG.

use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash, Transform,
};

use super::font::{Font, Outline};
use super::shapes::{Align, Colour, DASHES, DOT, Picture, Shape};

/// The file; an error says why there can be no such picture.
pub(super) fn write(picture: &Picture, font: &Font) -> Result<Vec<u8>, String> {
    let mut pixels = Pixmap::new(picture.width, picture.height).ok_or("the picture is too large")?;
    pixels.fill(Color::WHITE);
    for shape in &picture.shapes {
        draw(&mut pixels, shape, font);
    }
    pixels.encode_png().map_err(|error| error.to_string())
}

fn draw(pixels: &mut Pixmap, shape: &Shape, font: &Font) {
    match shape {
        Shape::Rectangle { from, size, colour } => {
            let rect = Rect::from_xywh(from.0 as f32, from.1 as f32, size.0 as f32, size.1 as f32);
            if let Some(rect) = rect {
                pixels.fill_rect(rect, &paint(*colour), Transform::identity(), None);
            }
        }
        Shape::Lines { lines, colour, width, is_dashed, .. } => {
            let dash = is_dashed.then(|| StrokeDash::new(DASHES.map(|length| length as f32).to_vec(), 0.0)).flatten();
            let line_cap = if dash.is_some() { LineCap::Butt } else { LineCap::Round };
            let stroke =
                Stroke { width: *width as f32, line_cap, line_join: LineJoin::Round, dash, ..Stroke::default() };
            if let Some(path) = path_of(lines) {
                pixels.stroke_path(&path, &paint(*colour), &stroke, Transform::identity(), None);
            }
            if let Some(path) = dots_of(lines, width / 2.0 + DOT) {
                pixels.fill_path(&path, &paint(*colour), FillRule::Winding, Transform::identity(), None);
            }
        }
        Shape::Text { at, size, align, is_turned, colour, words } => {
            let width = font.width(words, *size);
            let begin = match align {
                Align::Begin => 0.0,
                Align::Middle => -width / 2.0,
                Align::End => -width,
            };
            let place = |x: f64, y: f64| match is_turned {
                false => (at.0 + begin + x, at.1 - y),
                true => (at.0 - y, at.1 - begin - x),
            };
            let mut letters = Letters(PathBuilder::new());
            font.draw(words, *size, place, &mut letters);
            if let Some(path) = letters.0.finish() {
                pixels.fill_path(&path, &paint(*colour), FillRule::Winding, Transform::identity(), None);
            }
        }
    }
}

fn paint(colour: Colour) -> Paint<'static> {
    let [_, red, green, blue] = colour.to_be_bytes();
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(red, green, blue, 255);
    paint
}

fn path_of(lines: &[Vec<(f64, f64)>]) -> Option<Path> {
    let mut path = PathBuilder::new();
    for line in lines.iter().filter(|line| line.len() > 1) {
        for (nth, (x, y)) in line.iter().enumerate() {
            match nth {
                0 => path.move_to(*x as f32, *y as f32),
                _ => path.line_to(*x as f32, *y as f32),
            }
        }
    }
    path.finish()
}

fn dots_of(lines: &[Vec<(f64, f64)>], radius: f64) -> Option<Path> {
    let mut path = PathBuilder::new();
    for line in lines {
        if let [(x, y)] = line[..] {
            path.push_circle(x as f32, y as f32, radius as f32);
        }
    }
    path.finish()
}

struct Letters(PathBuilder);

impl Outline for Letters {
    fn move_to(&mut self, (x, y): (f64, f64)) {
        self.0.move_to(x as f32, y as f32);
    }

    fn line_to(&mut self, (x, y): (f64, f64)) {
        self.0.line_to(x as f32, y as f32);
    }

    fn quad_to(&mut self, by: (f64, f64), to: (f64, f64)) {
        self.0.quad_to(by.0 as f32, by.1 as f32, to.0 as f32, to.1 as f32);
    }

    fn cubic_to(&mut self, by: (f64, f64), and: (f64, f64), to: (f64, f64)) {
        self.0.cubic_to(by.0 as f32, by.1 as f32, and.0 as f32, and.1 as f32, to.0 as f32, to.1 as f32);
    }

    fn close(&mut self) {
        self.0.close();
    }
}
