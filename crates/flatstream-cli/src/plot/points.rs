//! Makes lines of messages, one by one.

use flatstream::format::Sync;
use flatstream::schema::{FieldPath, MessageError, Value};
use flatstream::{Dropped, TIME_NONE};

use super::fields::{Drawn, number};
use super::line::{GREATEST, Line, Point};
use crate::messages::Item;

/// So many messages between two sync frames are held until their times are known; beyond, all get the time of the sync
/// frame before, as in `replay` and `merge`.
const HELD_MAX: usize = 1 << 18;

/// So many places of losses are told apart.
const LOST_MAX: usize = 1000;

/// What goes from left to right.
#[derive(Debug)]
pub(crate) enum Along {
    /// The numbers of messages.
    Number,
    /// The times of sync frames, spread over the messages between two of them; if none has a time, as `Number`.
    Time,
    Field {
        path: FieldPath,
        /// How many nanoseconds 1 is, if it is a time.
        unit: Option<i128>,
    },
}

/// Lines, and what was noticed on the way.
#[derive(Debug)]
pub(crate) struct Points {
    along: Along,
    fields: Vec<Drawn>,
    pub(super) lines: Vec<Line>,
    /// From where places are counted, if they are whole numbers.
    pub(super) origin: Option<i128>,
    /// Places before and behind what was lost.
    pub(super) lost: Vec<(f64, f64)>,
    pub(crate) noticed: Noticed,
    last: Option<f64>,
    next_number: u64,
    is_number_known: bool,
    is_begun: bool,
    sync: Option<Sync>,
    /// Time and number of the messages of that sync frame.
    from: Option<(i64, u64)>,
    is_beyond_bounds: bool,
    /// Whether any sync frame has a time. As long as none has, it may turn out that the stream has none.
    has_times: bool,
    held: Vec<Row>,
    /// The values of those, one for each field; what isn't there is NaN.
    values: Vec<f64>,
    damaged_ranges: u64,
    dropped: Dropped,
    /// What was noticed before the next message that is drawn.
    before: Before,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Noticed {
    pub(crate) messages: u64,
    pub(crate) chosen: u64,
    /// Messages that lie nowhere from left to right.
    pub(crate) without_place: u64,
    /// Values that have no place in a picture.
    pub(crate) infinite: u64,
    /// Messages that aren't of the schema.
    pub(crate) undecoded: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Before {
    is_lost: bool,
    is_interrupted: bool,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    number: u64,
    before: Before,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Whole(i128),
    Real(f64),
}

impl Points {
    /// For a picture that is so many pixels wide.
    pub(crate) fn new(along: Along, fields: Vec<Drawn>, pixels: usize) -> Self {
        Self {
            along,
            lines: fields.iter().map(|_| Line::new(pixels)).collect(),
            fields,
            origin: None,
            lost: Vec::new(),
            noticed: Noticed::default(),
            last: None,
            next_number: 0,
            is_number_known: false,
            is_begun: false,
            sync: None,
            from: None,
            is_beyond_bounds: false,
            has_times: false,
            held: Vec::new(),
            values: Vec::new(),
            damaged_ranges: 0,
            dropped: Dropped::default(),
            before: Before::default(),
        }
    }

    pub(super) fn along(&self) -> &Along {
        &self.along
    }

    pub(super) fn fields(&self) -> &[Drawn] {
        &self.fields
    }

    /// Takes the next message; one that isn't chosen leaves no gap.
    pub(crate) fn take(&mut self, item: &Item, is_chosen: bool) -> Result<(), MessageError> {
        self.noticed.messages += 1;
        let number = self.follow(item);
        if !is_chosen {
            return Ok(());
        }
        self.noticed.chosen += 1;
        let begin = self.values.len();
        let field_place = self.read_values(&item.message).and_then(|()| self.field_place(&item.message));
        let field_place = field_place.inspect_err(|_| {
            self.values.truncate(begin);
            self.before.is_interrupted = true;
        })?;
        let row = Row { number, before: std::mem::take(&mut self.before) };
        let place = match &self.along {
            Along::Time => {
                self.held.push(row);
                self.is_beyond_bounds |= self.held.len() > HELD_MAX;
                if self.is_beyond_bounds {
                    self.release(None);
                    self.give_up_times();
                }
                return Ok(());
            }
            Along::Number => Some(Place::Whole(number.into())),
            Along::Field { .. } => field_place,
        };
        let values = std::mem::take(&mut self.values);
        self.put(place, row.before, &values);
        self.values = values;
        self.values.clear();
        Ok(())
    }

    /// What a message needs for a place from left to right.
    pub(crate) fn place_name(&self) -> &str {
        match &self.along {
            Along::Number => "a number",
            Along::Time => "a time",
            Along::Field { path, .. } => path.as_str(),
        }
    }

    pub(crate) fn is_by_time(&self) -> bool {
        matches!(self.along, Along::Time)
    }

    pub(crate) fn last_sync(&self) -> Option<Sync> {
        self.sync
    }

    /// The last message was taken; behind it stands this sync frame.
    pub(crate) fn finish(&mut self, behind: Option<Sync>) {
        let behind = behind.filter(|behind| self.sync.is_some_and(|sync| sync.stream_id == behind.stream_id));
        let behind = behind.filter(|behind| !behind.flags.is_resumed());
        let offset = self.from.zip(self.sync).map(|((_, number), sync)| number.saturating_sub(sync.sequence));
        self.release(behind.zip(offset).map(|(sync, offset)| (sync.time, sync.sequence + offset)));
        self.give_up_times();
    }

    /// Keeps up with where in the stream this is, and gives the message its number: in damage an estimate.
    fn follow(&mut self, item: &Item) -> u64 {
        let number = item.sequence.unwrap_or(self.next_number);
        if let Some(sequence) = item.sequence
            && item.sync != self.sync
        {
            // In a log, the sync frames of a segment count from its first message.
            let offset = sequence - item.message.sequence().unwrap_or(sequence);
            let found = item.sync.map(|sync| (sync.time, sync.sequence + offset));
            let is_resumed = item.sync.is_some_and(|sync| sync.flags.is_resumed());
            self.release(found.filter(|_| !is_resumed));
            self.before.is_interrupted |= is_resumed;
            (self.sync, self.from, self.is_beyond_bounds) = (item.sync, found, false);
        }
        let is_missing = self.is_number_known && item.sequence.is_some_and(|sequence| sequence > self.next_number);
        let is_damaged = self.damaged_ranges != item.damaged_ranges || self.dropped != item.dropped;
        self.before.is_lost |= self.is_begun && (is_missing || is_damaged);
        (self.damaged_ranges, self.dropped) = (item.damaged_ranges, item.dropped);
        (self.next_number, self.is_number_known) = (number.saturating_add(1), item.sequence.is_some());
        self.is_begun = true;
        number
    }

    fn read_values(&mut self, message: &[u8]) -> Result<(), MessageError> {
        for field in &self.fields {
            let value = field.path.read(message)?.and_then(number).unwrap_or(f64::NAN);
            self.values.push(value);
        }
        Ok(())
    }

    fn field_place(&self, message: &[u8]) -> Result<Option<Place>, MessageError> {
        let Along::Field { path, unit } = &self.along else { return Ok(None) };
        Ok(path.read(message)?.and_then(|value| place_of(value, *unit)))
    }

    /// If there were no times so far, numbers are what there is.
    fn give_up_times(&mut self) {
        if matches!(self.along, Along::Time) && !self.has_times {
            self.along = Along::Number;
            self.put_held(|row| Some(Place::Whole(row.number.into())));
        }
    }

    /// Those that are held get their times, between the sync frame before and the one behind.
    fn release(&mut self, behind: Option<(i64, u64)>) {
        let has_time = |sync: Option<(i64, u64)>| sync.is_some_and(|(time, _)| time != TIME_NONE);
        self.has_times |= has_time(self.from) || has_time(behind);
        if !self.has_times {
            return;
        }
        let from = self.from.filter(|(time, _)| *time != TIME_NONE);
        let behind = behind.filter(|(time, _)| *time != TIME_NONE);
        self.put_held(|row| from.map(|from| Place::Whole(time_between(from, behind, row.number))));
    }

    fn put_held(&mut self, place: impl Fn(&Row) -> Option<Place>) {
        let (held, values) = (std::mem::take(&mut self.held), std::mem::take(&mut self.values));
        for (row, values) in held.iter().zip(values.chunks(self.fields.len())) {
            self.put(place(row), row.before, values);
        }
        (self.held, self.values) = (held, values);
        self.held.clear();
        self.values.clear();
    }

    fn put(&mut self, place: Option<Place>, before: Before, values: &[f64]) {
        let Some(x) = place.map(|place| self.x(place)).filter(|x| is_drawable(*x)) else {
            self.noticed.without_place += 1;
            self.before.is_lost |= before.is_lost;
            self.lines.iter_mut().for_each(Line::interrupt);
            return;
        };
        if before.is_lost
            && let Some(last) = self.last
        {
            self.note_loss((last.min(x), last.max(x)));
        }
        for (line, y) in self.lines.iter_mut().zip(values.iter().copied()) {
            if before.is_lost || before.is_interrupted {
                line.interrupt();
            }
            match is_drawable(y) {
                true => line.push(Point { x, y }),
                false => line.interrupt(),
            }
            self.noticed.infinite += u64::from(!y.is_nan() && !is_drawable(y));
        }
        self.last = Some(x);
    }

    fn x(&mut self, place: Place) -> f64 {
        match place {
            Place::Real(x) => x,
            Place::Whole(place) => (place - *self.origin.get_or_insert(place)) as f64,
        }
    }

    fn note_loss(&mut self, range: (f64, f64)) {
        self.lost.push(range);
        if self.lost.len() > LOST_MAX {
            let distance = |nth: &usize| self.lost[nth + 1].0 - self.lost[*nth].1;
            let nearest = (0..self.lost.len() - 1).min_by(|a, b| distance(a).total_cmp(&distance(b)));
            if let Some(nth) = nearest {
                let next = self.lost.remove(nth + 1);
                let range = &mut self.lost[nth];
                *range = (range.0.min(next.0), range.1.max(next.1));
            }
        }
    }
}

fn is_drawable(value: f64) -> bool {
    value.abs() <= GREATEST
}

fn place_of(value: Value<'_>, unit: Option<i128>) -> Option<Place> {
    let whole = match value {
        Value::ULong(value) => Some(i128::from(value)),
        other => other.as_i64().map(i128::from),
    };
    match (whole, unit) {
        (Some(whole), unit) => Some(Place::Whole(whole * unit.unwrap_or(1))),
        (None, None) => number(value).map(Place::Real),
        (None, Some(unit)) => {
            let nanoseconds = number(value)? * unit as f64;
            (nanoseconds.abs() < 1e30).then_some(Place::Whole(nanoseconds.round() as i128))
        }
    }
}

fn time_between(from: (i64, u64), behind: Option<(i64, u64)>, number: u64) -> i128 {
    let begin = i128::from(from.0);
    let Some((to, count)) = behind.map(|(time, number)| (i128::from(time), number.saturating_sub(from.1))) else {
        return begin;
    };
    // A clock that goes back is another clock.
    if to < begin || count == 0 {
        return begin;
    }
    let nth = number.saturating_sub(from.1).min(count);
    begin + (to - begin) * i128::from(nth) / i128::from(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_between_two_sync_frames_are_spread_evenly() {
        let times = |behind| [10, 11, 12, 13].map(|number| time_between((1000, 10), behind, number));
        assert_eq!(times(Some((1400, 14))), [1000, 1100, 1200, 1300]);
        assert_eq!(times(None), [1000; 4]);
        assert_eq!(times(Some((900, 14))), [1000; 4]);
        assert_eq!(times(Some((2000, 10))), [1000; 4]);
        assert_eq!(time_between((i64::MIN + 1, 0), Some((i64::MAX, 2)), 1), 0);
    }

    #[test]
    fn times_of_any_unit_are_nanoseconds() {
        let whole = |value, unit| match place_of(value, unit) {
            Some(Place::Whole(place)) => place,
            other => panic!("{other:?}"),
        };
        assert_eq!(whole(Value::ULong(u64::MAX), None), i128::from(u64::MAX));
        assert_eq!(whole(Value::Int(-3), Some(1000)), -3000);
        assert_eq!(whole(Value::Double(1.5), Some(1_000_000_000)), 1_500_000_000);
        assert!(place_of(Value::Double(f64::NAN), Some(1)).is_none());
        assert!(matches!(place_of(Value::Float(0.5), None), Some(Place::Real(0.5))));
    }
}
