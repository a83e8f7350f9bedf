//! Messages as rows of comma-separated values, as RFC 4180 describes them but for the end of a row, which is a newline
//! alone.

use std::ops::Range;

use csv_core::WriteResult;
use flatstream::schema::{
    EnumValue, Field, JsonOptions, JsonVisitor, NotFinite, Object, TooLong, Value, Visitor, WalkError, Walker,
};

use super::columns::{Columns, Slot};
use super::plain::plain;
use crate::outcome::Failure;

/// So many bytes has a row at most, or a little more: a hostile message could unfold to much.
const LEN_MAX: usize = 1 << 30;

/// Messages of a schema as rows.
pub(crate) struct Table {
    walker: Walker,
    columns: Columns,
    head: Vec<u8>,
    /// The text of all cells of a row.
    text: Vec<u8>,
    /// Where in it that of each column is.
    cells: Vec<Range<usize>>,
    objects: Vec<(usize, usize)>,
}

impl Table {
    pub(crate) fn new(walker: Walker) -> Result<Self, Failure> {
        let columns = Columns::new(&walker)?;
        let mut head = Vec::new();
        write_cells(columns.names.iter().map(String::as_bytes), &mut head);
        head.push(b'\n');
        Ok(Self { walker, columns, head, text: Vec::new(), cells: Vec::new(), objects: Vec::new() })
    }

    /// The row of the columns' names.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Appends a row without its end.
    pub(crate) fn write_row(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), WalkError<TooLong>> {
        let Self { walker, columns, text, cells, objects, .. } = self;
        text.clear();
        objects.clear();
        cells.clear();
        cells.resize(columns.names.len(), 0..0);
        let options = JsonOptions::new().not_finite(NotFinite::Strings).len_max(LEN_MAX);
        let json = JsonVisitor::new(text, options);
        let mut row = Row { columns, json, cells, objects, slot: Slot::Object(Columns::ROOT), within: None };
        walker.walk(message, &mut row)?;
        write_cells(cells.iter().map(|cell| &text[cell.clone()]), out);
        Ok(())
    }
}

fn write_cells<'c>(cells: impl Iterator<Item = &'c [u8]>, out: &mut Vec<u8>) {
    let mut writer = csv_core::Writer::new();
    let mut put = |room: usize, write: &mut dyn FnMut(&mut csv_core::Writer, &mut [u8]) -> usize| {
        let begin = out.len();
        out.resize(begin + room, 0);
        let written = write(&mut writer, &mut out[begin..]);
        out.truncate(begin + written);
    };
    for (nth, mut cell) in cells.enumerate() {
        if nth > 0 {
            put(2, &mut |writer, room| writer.delimiter(room).1);
        }
        loop {
            let mut result = WriteResult::InputEmpty;
            // Quotes around it, and each byte may be one.
            put(2 * cell.len() + 2, &mut |writer, room| {
                let (how, read, written) = writer.field(cell, room);
                (result, cell) = (how, &cell[read..]);
                written
            });
            if result == WriteResult::InputEmpty {
                break;
            }
        }
    }
    // A quote that is open.
    put(1, &mut |writer, room| writer.finish(room).1);
}

/// Fills the cells of a row.
struct Row<'t> {
    columns: &'t Columns,
    json: JsonVisitor<'t>,
    cells: &'t mut Vec<Range<usize>>,
    /// The tables and structs that are begun: their layout, and the next field of each.
    objects: &'t mut Vec<(usize, usize)>,
    /// Where what follows goes.
    slot: Slot,
    within: Option<Text>,
}

/// A cell of JSON that is begun.
struct Text {
    column: usize,
    begin: usize,
    /// How many objects and lists are open.
    depth: usize,
}

type Outcome = Result<(), TooLong>;

impl Row<'_> {
    fn next_slot(&mut self) -> Option<Slot> {
        let (layout, nth) = self.objects.last_mut()?;
        *nth += 1;
        self.columns.slot(*layout, *nth - 1)
    }

    /// One more thing is open in the cell.
    fn open(&mut self) {
        if let Some(text) = &mut self.within {
            text.depth += 1;
        }
    }

    fn close(&mut self) {
        if let Some(text) = &mut self.within {
            text.depth -= 1;
        }
        self.end_cell_if_whole();
    }

    fn end_cell_if_whole(&mut self) {
        if let Some(Text { column, begin, depth: 0 }) = self.within {
            self.cells[column] = begin..self.json.text().len();
            self.within = None;
        }
    }

    fn fill(&mut self, column: usize, field: &Field, value: Value<'_>) -> Outcome {
        self.cells[column] = plain(&mut self.json, field, value)?;
        Ok(())
    }
}

impl<'m> Visitor<'m> for Row<'_> {
    type Error = TooLong;

    fn begin_object(&mut self, object: &Object) -> Outcome {
        match (&self.within, self.slot) {
            (None, Slot::Object(layout)) => self.objects.push((layout, 0)),
            _ => {
                self.json.begin_object(object)?;
                self.open();
            }
        }
        Ok(())
    }

    fn end_object(&mut self, object: &Object) -> Outcome {
        match self.within {
            None => _ = self.objects.pop(),
            Some(_) => {
                self.json.end_object(object)?;
                self.close();
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &Field) -> Outcome {
        if self.within.is_some() {
            return self.json.field(field);
        }
        let Some(slot) = self.next_slot() else { return Ok(()) };
        self.slot = slot;
        if let Slot::Json(column) = slot {
            self.json.begin_text();
            self.within = Some(Text { column, begin: self.json.text().len(), depth: 0 });
        }
        Ok(())
    }

    fn absent(&mut self, field: &Field) -> Outcome {
        if self.within.is_some() {
            return self.json.absent(field);
        }
        match (self.next_slot(), field.default()) {
            (Some(Slot::Value(column)), Some(value)) if !field.is_deprecated() => self.fill(column, field, value),
            _ => Ok(()),
        }
    }

    fn begin_vector(&mut self, field: &Field, len: usize) -> Outcome {
        self.json.begin_vector(field, len)?;
        self.open();
        Ok(())
    }

    fn end_vector(&mut self, field: &Field) -> Outcome {
        self.json.end_vector(field)?;
        self.close();
        Ok(())
    }

    fn member(&mut self, field: &Field, member: &EnumValue) -> Outcome {
        self.json.member(field, member)
    }

    fn value(&mut self, field: &Field, value: Value<'m>) -> Outcome {
        match (&self.within, self.slot) {
            (None, Slot::Value(column)) => self.fill(column, field, value),
            _ => {
                self.json.value(field, value)?;
                self.end_cell_if_whole();
                Ok(())
            }
        }
    }

    fn null(&mut self, field: &Field) -> Outcome {
        match self.within {
            // Nothing is there.
            Some(Text { depth: 0, .. }) => self.within = None,
            _ => self.json.null(field)?,
        }
        Ok(())
    }
}
