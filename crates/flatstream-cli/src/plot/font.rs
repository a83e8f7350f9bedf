//! The letters of pictures that carry none themselves, and how wide words are.

use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// Inter, by the Inter Project Authors, with the letters of Latin, Greek and Cyrillic: `fonts/README.md`.
const BYTES: &[u8] = include_bytes!("../../fonts/Inter-subset.otf");

pub(super) struct Font {
    face: Option<Face<'static>>,
}

impl Font {
    pub(super) fn new() -> Self {
        Self { face: Face::parse(BYTES, 0).ok() }
    }

    /// In pixels, of words whose letters are so many pixels high.
    pub(super) fn width(&self, words: &str, size: f64) -> f64 {
        let Some(face) = &self.face else { return words.len() as f64 * size * 0.6 };
        let scale = size / f64::from(face.units_per_em());
        words.chars().map(|letter| advance(face, letter) * scale).sum()
    }

    /// As much of it as has room, with an ellipsis for the rest.
    pub(super) fn fitted(&self, words: &str, size: f64, room: f64) -> String {
        if self.width(words, size) <= room {
            return words.to_owned();
        }
        let mut shown: Vec<char> = words.chars().collect();
        while !shown.is_empty() {
            shown.pop();
            let shorter: String = shown.iter().chain([&'\u{2026}']).collect();
            if self.width(&shorter, size) <= room {
                return shorter;
            }
        }
        String::new()
    }

    /// Draws each letter's outline, from this place on: `at` tells where in a picture a point of the font lies, counted
    /// from the begin of the line of writing, in pixels to the right and up.
    pub(super) fn draw(&self, words: &str, size: f64, at: impl Fn(f64, f64) -> (f64, f64), to: &mut impl Outline) {
        let Some(face) = &self.face else { return };
        let scale = size / f64::from(face.units_per_em());
        let mut begin = 0.0;
        for letter in words.chars() {
            let mut pen = Pen { at: |x: f32, y: f32| at(begin + f64::from(x) * scale, f64::from(y) * scale), to };
            face.outline_glyph(glyph(face, letter), &mut pen);
            begin += advance(face, letter) * scale;
        }
    }
}

/// A box for letters that the font doesn't have.
fn glyph(face: &Face<'_>, letter: char) -> GlyphId {
    face.glyph_index(letter).unwrap_or_default()
}

fn advance(face: &Face<'_>, letter: char) -> f64 {
    f64::from(face.glyph_hor_advance(glyph(face, letter)).unwrap_or_default())
}

/// What takes outlines.
pub(super) trait Outline {
    fn move_to(&mut self, to: (f64, f64));
    fn line_to(&mut self, to: (f64, f64));
    fn quad_to(&mut self, by: (f64, f64), to: (f64, f64));
    fn cubic_to(&mut self, by: (f64, f64), and: (f64, f64), to: (f64, f64));
    fn close(&mut self);
}

struct Pen<'a, A, O> {
    at: A,
    to: &'a mut O,
}

impl<A: Fn(f32, f32) -> (f64, f64), O: Outline> OutlineBuilder for Pen<'_, A, O> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.to.move_to((self.at)(x, y));
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.to.line_to((self.at)(x, y));
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.to.quad_to((self.at)(x1, y1), (self.at)(x, y));
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.to.cubic_to((self.at)(x1, y1), (self.at)(x2, y2), (self.at)(x, y));
    }

    fn close(&mut self) {
        self.to.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_has_what_labels_need() {
        let font = Font::new();
        let face = font.face.as_ref().unwrap();
        for letter in "0123456789+-.,:eE \u{d7}\u{b5}\u{b0}\u{2026}AZazäß".chars() {
            assert!(face.glyph_index(letter).is_some(), "{letter:?}");
        }
    }

    #[test]
    fn words_that_have_no_room_are_cut() {
        let font = Font::new();
        assert_eq!(font.fitted("telemetry.fls", 12.0, 500.0), "telemetry.fls");
        let cut = font.fitted("telemetry.fls", 12.0, 50.0);
        assert!(cut.ends_with('\u{2026}') && font.width(&cut, 12.0) <= 50.0, "{cut}");
        assert_eq!(font.fitted("telemetry", 12.0, 0.0), "");
    }
}
