//! What a picture consists of, for whatever draws it.

/// 0xRRGGBB
pub(super) type Colour = u32;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Align {
    Begin,
    Middle,
    End,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Rectangle {
        from: (f64, f64),
        size: (f64, f64),
        colour: Colour,
    },
    /// Lines, each through several points; one of a single point is a dot.
    Lines {
        lines: Vec<Vec<(f64, f64)>>,
        colour: Colour,
        width: f64,
        is_dashed: bool,
        /// What it shows.
        name: String,
    },
    /// Upright, or from bottom to top.
    Text {
        at: (f64, f64),
        size: f64,
        align: Align,
        is_turned: bool,
        colour: Colour,
        words: String,
    },
}

/// From left to right and from top to bottom, in pixels.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) shapes: Vec<Shape>,
}

/// How far ink goes around a point that stands alone, beyond the width of its line.
pub(super) const DOT: f64 = 1.0;

/// Lengths of what is drawn of a dashed line, and of what isn't.
pub(super) const DASHES: [f64; 2] = [6.0, 3.0];
