//! What the programs of this package share.

#![forbid(unsafe_code)]

/// Median, least and greatest.
#[must_use]
pub fn spread(mut figures: Vec<f64>) -> [f64; 3] {
    figures.sort_by(f64::total_cmp);
    [figures[figures.len() / 2], figures[0], figures[figures.len() - 1]]
}
