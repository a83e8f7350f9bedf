//! A line of any number of points, kept in as many columns as a picture can show.
//!
//! Of each column stay the first, the last, the least and the greatest value, so nothing of what a pixel would show is
//! lost, not even a single point. How wide a column is follows from the range so far: it grows with it, and is never
//! wider than half a pixel of the whole range.

/// For each pixel so many columns at most in a layer.
const COLUMNS_PER_PIXEL: usize = 8;

/// So many times a line can go back and still be a line. What goes back more often is drawn as points.
const LAYERS_MAX: usize = 8;

/// Numbers beyond this are drawn as little as infinities are: their differences may be infinite.
pub(super) const GREATEST: f64 = 1e300;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// What is drawn as one: the points of a column, or of a pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Column {
    first: Point,
    last: Point,
    least: Point,
    greatest: Point,
    /// Whether the line comes from the column before.
    is_joined: bool,
    /// Whether the line isn't interrupted within.
    is_whole: bool,
    /// From where to where the line goes up and down within, if two points are joined.
    stroke: Option<(f64, f64)>,
}

impl Column {
    fn of(point: Point, is_joined: bool) -> Self {
        let (first, last, least, greatest) = (point, point, point, point);
        Self { first, last, least, greatest, is_joined, is_whole: true, stroke: None }
    }

    /// Takes in the one behind it.
    fn merge(&mut self, next: &Self) {
        let joint = next.is_joined.then(|| extent(self.last.y, next.first.y));
        self.stroke = [self.stroke, next.stroke, joint].into_iter().flatten().reduce(hull);
        self.is_whole &= next.is_whole && next.is_joined;
        self.last = next.last;
        if next.least.y < self.least.y {
            self.least = next.least;
        }
        if next.greatest.y > self.greatest.y {
            self.greatest = next.greatest;
        }
    }
}

fn extent(a: f64, b: f64) -> (f64, f64) {
    (a.min(b), a.max(b))
}

fn hull(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// The points of one field.
#[derive(Clone, Debug)]
pub(super) struct Line {
    columns_max: usize,
    /// How wide a column is: 0 as long as each place can have its own.
    width: f64,
    /// In each, columns from left to right. Where the line goes back over itself, it goes on in another layer.
    layers: Vec<Vec<Column>>,
    /// The layer of the last point.
    layer: usize,
    last: Option<Point>,
    is_interrupted: bool,
    pub(super) count: u64,
    /// How often it went back.
    pub(super) returns: u64,
}

impl Line {
    /// For a picture that is so many pixels wide.
    pub(super) fn new(pixels: usize) -> Self {
        Self {
            columns_max: pixels.max(1) * COLUMNS_PER_PIXEL,
            width: 0.0,
            layers: vec![Vec::new()],
            layer: 0,
            last: None,
            is_interrupted: true,
            count: 0,
            returns: 0,
        }
    }

    /// The next point isn't joined to the last one.
    pub(super) fn interrupt(&mut self) {
        self.is_interrupted = true;
    }

    /// Both numbers are finite, and not beyond [`GREATEST`].
    pub(super) fn push(&mut self, point: Point) {
        self.count += 1;
        let is_back = self.last.is_some_and(|last| point.x < last.x);
        self.returns += u64::from(is_back);
        let is_same_cell = self.last.is_some_and(|last| self.cell(last.x) == self.cell(point.x));
        let is_joined = !self.is_interrupted && (!is_back || is_same_cell) && self.is_at_end();
        if is_back && !is_same_cell {
            self.layer = self.free_layer(point.x);
        }
        self.is_interrupted = false;
        self.last = Some(point);
        self.put(Column::of(point, is_joined));
        if self.layers[self.layer].len() > self.columns_max {
            self.widen();
        }
    }

    /// Whether the last point lies in the last column of its layer, which it may not in the last layer.
    fn is_at_end(&self) -> bool {
        let last = self.layers[self.layer].last().map(|column| self.cell(column.first.x));
        last == self.last.map(|last| self.cell(last.x))
    }

    fn cell(&self, x: f64) -> f64 {
        if self.width > 0.0 { (x / self.width).floor() } else { x }
    }

    /// The first that has nothing from this place on, or else the last.
    fn free_layer(&mut self, x: f64) -> usize {
        let cell = self.cell(x);
        let is_free = |layer: &Vec<Column>| layer.last().is_none_or(|last| self.cell(last.first.x) < cell);
        match self.layers.iter().position(is_free) {
            Some(free) => free,
            None if self.layers.len() < LAYERS_MAX => {
                self.layers.push(Vec::new());
                self.layers.len() - 1
            }
            None => LAYERS_MAX - 1,
        }
    }

    fn put(&mut self, mut column: Column) {
        let (cell, width) = (self.cell(column.first.x), self.width);
        let cell_of = |column: &Column| if width > 0.0 { (column.first.x / width).floor() } else { column.first.x };
        let layer = &mut self.layers[self.layer];
        match layer.last_mut() {
            Some(last) if cell_of(last) == cell => last.merge(&column),
            Some(last) if cell_of(last) > cell => {
                // In the last layer alone: what lies here already isn't where the line comes from.
                column.is_joined = false;
                match layer.binary_search_by(|other| cell_of(other).total_cmp(&cell)) {
                    Ok(place) => layer[place].merge(&column),
                    Err(place) => {
                        layer[place].is_joined = false;
                        layer.insert(place, column);
                    }
                }
            }
            _ => layer.push(column),
        }
    }

    /// Makes columns so wide that all have room twice.
    fn widen(&mut self) {
        let all = || self.layers.iter().flatten();
        let least = all().map(|column| column.first.x).fold(f64::INFINITY, f64::min);
        let greatest = all().map(|column| column.last.x).fold(f64::NEG_INFINITY, f64::max);
        let needed = (greatest - least) / self.columns_max as f64 * 2.0;
        // A power of two: what was one column stays together.
        self.width = needed.log2().ceil().exp2().max(self.width * 2.0).max(f64::MIN_POSITIVE);
        let layer = self.layer;
        for nth in 0..self.layers.len() {
            self.layer = nth;
            let columns = std::mem::take(&mut self.layers[nth]);
            columns.into_iter().for_each(|column| self.put(column));
        }
        self.layer = layer;
    }

    /// From the least to the greatest place, and from the least to the greatest value.
    pub(super) fn bounds(&self) -> Option<Bounds> {
        let of = |column: &Column| Bounds {
            x: (column.first.x.min(column.last.x), column.first.x.max(column.last.x)),
            y: (column.least.y, column.greatest.y),
        };
        self.layers.iter().flatten().map(of).reduce(Bounds::with)
    }

    /// The line in a picture: `x` gives the place of a point from left to right, in pixels.
    pub(super) fn strokes(&self, x: impl Fn(f64) -> f64, is_stepped: bool) -> Vec<Vec<Point>> {
        let mut strokes = Strokes { all: Vec::new(), current: Vec::new(), is_stepped };
        for layer in &self.layers {
            let mut pixel: Option<(f64, Column)> = None;
            for column in layer {
                let at = x(column.first.x).floor();
                match &mut pixel {
                    Some((place, merged)) if *place == at => merged.merge(column),
                    _ => {
                        if let Some((_, merged)) = pixel.replace((at, *column)) {
                            strokes.draw(&merged);
                        }
                    }
                }
            }
            if let Some((_, merged)) = pixel {
                strokes.draw(&merged);
            }
            strokes.lift();
        }
        strokes.all
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub(super) x: (f64, f64),
    pub(super) y: (f64, f64),
}

impl Bounds {
    pub(super) fn with(self, other: Self) -> Self {
        Self { x: hull(self.x, other.x), y: hull(self.y, other.y) }
    }
}

/// A stroke of one point is a dot.
struct Strokes {
    all: Vec<Vec<Point>>,
    current: Vec<Point>,
    is_stepped: bool,
}

impl Strokes {
    fn draw(&mut self, column: &Column) {
        if !column.is_joined {
            self.lift();
        }
        self.go_to(column.first);
        if column.is_whole {
            let mut between = [column.least, column.greatest];
            between.sort_by(|a, b| a.x.total_cmp(&b.x));
            between.into_iter().for_each(|point| self.go_to(point));
        } else {
            self.lift();
            self.draw_torn(column);
        }
        self.go_to(column.last);
    }

    /// Within a pixel: as far up and down as points are joined there, and dots for those beyond.
    fn draw_torn(&mut self, column: &Column) {
        let x = f64::midpoint(column.first.x, column.last.x);
        let (from, to) = column.stroke.unwrap_or((f64::INFINITY, f64::NEG_INFINITY));
        if from <= to {
            self.all.push(vec![Point { x, y: from }, Point { x, y: to }]);
        }
        let is_beyond = |point: &&Point| !(from..=to).contains(&point.y);
        for point in [&column.least, &column.greatest].into_iter().filter(is_beyond) {
            self.all.push(vec![*point]);
        }
    }

    fn go_to(&mut self, point: Point) {
        match self.current.last() {
            Some(last) if *last == point => return,
            Some(last) if self.is_stepped && last.x != point.x && last.y != point.y => {
                self.current.push(Point { x: point.x, y: last.y });
            }
            _ => {}
        }
        self.current.push(point);
    }

    fn lift(&mut self) {
        if !self.current.is_empty() {
            self.all.push(std::mem::take(&mut self.current));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(pixels: usize, points: impl IntoIterator<Item = (f64, f64)>) -> Line {
        let mut line = Line::new(pixels);
        for (x, y) in points {
            match y.is_nan() {
                true => line.interrupt(),
                false => line.push(Point { x, y }),
            }
        }
        line
    }

    /// As they are drawn in a picture of so many pixels.
    fn drawn(line: &Line, pixels: usize) -> Vec<Vec<(f64, f64)>> {
        let (from, to) = line.bounds().map_or((0.0, 1.0), |bounds| bounds.x);
        let x = |x: f64| (x - from) / (to - from).max(f64::MIN_POSITIVE) * (pixels - 1) as f64;
        let strokes = line.strokes(x, false);
        strokes.into_iter().map(|stroke| stroke.iter().map(|point| (point.x, point.y)).collect()).collect()
    }

    #[test]
    fn few_points_are_drawn_as_they_are() {
        let points = [(0.0, 1.0), (1.0, 3.0), (2.0, -1.0), (7.0, 2.0)];
        assert_eq!(drawn(&line(100, points), 100), [points.to_vec()]);
        assert_eq!(drawn(&line(100, []), 100), Vec::<Vec<_>>::new());
        assert_eq!(drawn(&line(100, [(5.0, 5.0)]), 100), [[(5.0, 5.0)]]);
    }

    #[test]
    fn what_is_kept_does_not_grow() {
        let pixels = 50;
        let noise = |nth: u64| (nth.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64;
        let line = line(pixels, (0..1_000_000).map(|nth| (nth as f64, noise(nth))));
        assert!(line.layers.iter().map(Vec::len).sum::<usize>() <= pixels * COLUMNS_PER_PIXEL);
        assert!(line.width <= 1e6 / pixels as f64 / 2.0, "{}", line.width);
        let vertices: usize = drawn(&line, pixels).iter().map(Vec::len).sum();
        assert!(vertices <= 4 * pixels, "{vertices}");
    }

    #[test]
    fn a_single_point_among_ten_millions_is_drawn_wherever_it_is() {
        const COUNT: u32 = 10_000_000;
        for place in [0, COUNT / 3, COUNT - 1] {
            let value = |nth| if nth == place { 7.0 } else { 1.0 };
            let line = line(40, (0..COUNT).map(|nth| (f64::from(nth), value(nth))));
            let strokes = drawn(&line, 40);
            assert_eq!(strokes.len(), 1);
            let greatest = strokes[0].iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
            assert_eq!(*greatest, (f64::from(place), 7.0));
        }
    }

    #[test]
    fn every_pixel_shows_the_first_last_least_and_greatest_of_its_points() {
        let pixels = 16;
        let count = 100_000_u64;
        let value = |nth: u64| ((nth.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % 1000) as f64;
        let line = line(pixels, (0..count).map(|nth| (nth as f64, value(nth))));
        let strokes = drawn(&line, pixels);
        let at = |x: f64| (x / (count - 1) as f64 * (pixels - 1) as f64).floor();
        let width = line.width;
        for pixel in 0..pixels - 1 {
            // Columns at the edge of a pixel may belong to the one beside it.
            let inner = |nth: &u64| at(*nth as f64 - width) == pixel as f64 && at(*nth as f64 + width) == pixel as f64;
            let values = || (0..count).filter(inner).map(value);
            let shown: Vec<f64> =
                strokes.iter().flatten().filter(|point| at(point.0) == pixel as f64).map(|point| point.1).collect();
            let (least, greatest) = (values().fold(f64::MAX, f64::min), values().fold(f64::MIN, f64::max));
            assert!(shown.iter().any(|&y| y <= least) && shown.iter().any(|&y| y >= greatest), "{pixel}");
        }
    }

    #[test]
    fn a_gap_stays_a_gap() {
        let points = [(0.0, 1.0), (1.0, 1.0), (2.0, f64::NAN), (8.0, 5.0), (9.0, 5.0)];
        let expected = vec![vec![(0.0, 1.0), (1.0, 1.0)], vec![(8.0, 5.0), (9.0, 5.0)]];
        assert_eq!(drawn(&line(100, points), 100), expected);
        // Of a million points as well.
        let value = |nth: u32| if (400_000..600_000).contains(&nth) { f64::NAN } else { 1.0 };
        let strokes = drawn(&line(50, (0..1_000_000).map(|nth| (f64::from(nth), value(nth)))), 50);
        assert_eq!(strokes.len(), 2);
        assert_eq!(strokes[0].last(), Some(&(399_999.0, 1.0)));
        assert_eq!(strokes[1].first(), Some(&(600_000.0, 1.0)));
    }

    #[test]
    fn points_with_gaps_around_them_are_dots_and_are_not_joined_up_and_down() {
        let points = (0..100_000).flat_map(|nth| {
            let x = f64::from(nth);
            [(x, if nth % 2 == 0 { 0.0 } else { 10.0 }), (x, f64::NAN)]
        });
        let strokes = drawn(&line(20, points), 20);
        assert!(strokes.iter().all(|stroke| stroke.iter().all(|point| point.1 == stroke[0].1)), "{strokes:?}");
        let dots = |y: f64| strokes.iter().filter(|stroke| stroke[0].1 == y).count();
        assert!(dots(0.0) >= 20 && dots(10.0) >= 20);
    }

    #[test]
    fn a_gap_within_a_pixel_takes_nothing_from_the_line_around_it() {
        let value = |nth: u32| match nth {
            50_000 => f64::NAN,
            _ => f64::from(nth % 100),
        };
        let strokes = drawn(&line(20, (0..100_000).map(|nth| (f64::from(nth), value(nth)))), 20);
        let has_stroke = |stroke: &Vec<(f64, f64)>| {
            let low = stroke.iter().any(|point| point.1 == 0.0);
            low && stroke.iter().any(|point| point.1 == 99.0 && (45_000.0..55_000.0).contains(&point.0))
        };
        assert!(strokes.iter().any(has_stroke));
    }

    #[test]
    fn a_line_that_goes_back_begins_anew() {
        let points = [(0.0, 1.0), (10.0, 1.0), (2.0, 5.0), (12.0, 5.0)];
        let line = line(100, points);
        assert_eq!(line.returns, 1);
        assert_eq!(drawn(&line, 100), [vec![(0.0, 1.0), (10.0, 1.0)], vec![(2.0, 5.0), (12.0, 5.0)]]);
    }

    #[test]
    fn two_passes_over_the_same_time_stay_two_lines() {
        let pass = |y: f64| (0..200_000).map(move |nth| (f64::from(nth), y));
        let line = line(30, pass(0.0).chain(pass(10.0)));
        let strokes = drawn(&line, 30);
        assert_eq!(strokes.len(), 2);
        assert!(strokes.iter().all(|stroke| stroke.iter().all(|point| point.1 == stroke[0].1)));
        assert!(strokes.iter().all(|stroke| stroke[0].0 == 0.0 && stroke.last().unwrap().0 == 199_999.0));
    }

    #[test]
    fn what_goes_back_all_the_time_is_drawn_as_points_and_none_is_lost() {
        let noise = |nth: u64| (nth.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 44) as f64;
        let points = (0..200_000).map(|nth| (noise(nth), if nth == 77_777 { 99.0 } else { 1.0 }));
        let line = line(40, points);
        assert!(line.layers.len() == LAYERS_MAX && line.returns > 90_000);
        let columns: usize = line.layers.iter().map(Vec::len).sum();
        assert!(columns <= LAYERS_MAX * 40 * COLUMNS_PER_PIXEL, "{columns}");
        let strokes = drawn(&line, 40);
        assert!(strokes.iter().flatten().any(|point| *point == (noise(77_777), 99.0)));
    }

    #[test]
    fn steps_go_across_before_they_go_up() {
        let line = line(100, [(0.0, 0.0), (5.0, 2.0), (9.0, 2.0)]);
        let strokes = line.strokes(|x| x * 10.0, true);
        let points: Vec<(f64, f64)> = strokes[0].iter().map(|point| (point.x, point.y)).collect();
        assert_eq!(points, [(0.0, 0.0), (5.0, 0.0), (5.0, 2.0), (9.0, 2.0)]);
    }

    #[test]
    fn extreme_places_are_no_trouble() {
        for points in [
            vec![(-GREATEST, -GREATEST), (GREATEST, GREATEST)],
            (0..2000).map(|nth| (f64::from(nth) * 1e-300, 1.0)).collect(),
            (0..2000).map(|nth| ((f64::from(nth) - 1000.0) * GREATEST / 1000.0, 1.0)).collect(),
            vec![(1.0, 1.0); 5000],
        ] {
            let line = line(10, points);
            assert_eq!(drawn(&line, 10).len(), 1);
            assert!(line.layers[0].len() <= 10 * COLUMNS_PER_PIXEL);
        }
    }
}
