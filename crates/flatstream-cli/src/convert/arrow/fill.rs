//! Puts messages into columns.

use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray, RecordBatch, RecordBatchOptions, StructArray};
use arrow_schema::{ArrowError, DataType, Field as ArrowField, FieldRef, Fields, SchemaRef};
use flatstream::schema::{EnumValue, Field, JsonOptions, JsonVisitor, NotFinite, Object, TooLong, Value, Visitor};
use flatstream::schema::{WalkError, Walker};

use super::column::Leaf;
use super::shape::{Index, Named, Node, Shape};

/// A row has so many bytes at most, or a little more: a hostile message could unfold to much.
const LEN_MAX: usize = 1 << 30;

/// Why a message can't be a row.
#[derive(Debug)]
pub(super) enum Refused {
    TooLong,
    /// A time that no timestamp can be: what is said of it.
    Time(String),
}

impl Refused {
    #[cold]
    pub(super) fn time(field: &Field, value: Value<'_>) -> Self {
        Self::Time(format!("{}: {value:?} nanoseconds are beyond what a timestamp can say", field.name()))
    }
}

impl From<TooLong> for Refused {
    fn from(_: TooLong) -> Self {
        Self::TooLong
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong => write!(f, "it unfolds to more than {LEN_MAX} bytes"),
            Self::Time(what) => f.write_str(what),
        }
    }
}

/// Messages of a schema as batches of rows.
pub(super) struct Table {
    walker: Walker,
    shape: Shape,
    json: Vec<u8>,
    stack: Vec<Open>,
    rows: usize,
    bytes: usize,
}

impl Table {
    pub(super) fn new(walker: Walker, shape: Shape) -> Self {
        Self { walker, shape, json: Vec::new(), stack: Vec::new(), rows: 0, bytes: 0 }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// So much memory the batch takes, about.
    pub(super) fn bytes(&self) -> usize {
        // A column takes something for each row, whatever is in it.
        self.bytes + self.rows * self.shape.nodes.len()
    }

    /// Appends a row. After an error the table is good for nothing any more.
    pub(super) fn append(&mut self, message: &[u8]) -> Result<(), WalkError<Refused>> {
        self.json.clear();
        self.stack.clear();
        let options = JsonOptions::new().not_finite(NotFinite::Strings).len_max(LEN_MAX);
        let mut row = Row {
            nodes: &mut self.shape.nodes,
            json: JsonVisitor::new(&mut self.json, options),
            stack: &mut self.stack,
            target: Some(self.shape.root),
            part: None,
            bytes: 0,
        };
        self.walker.walk(message, &mut row)?;
        self.bytes += row.bytes;
        self.rows += 1;
        Ok(())
    }

    /// The rows since the last batch; the schema is that of the first.
    pub(super) fn finish_batch(&mut self, schema: Option<&SchemaRef>) -> Result<RecordBatch, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let Node::Object { fields, validity } = &mut self.shape.nodes[self.shape.root] else {
            return Err(ArrowError::SchemaError("the root is no table".to_owned()));
        };
        validity.finish();
        let fields = fields.clone();
        let (fields, arrays) = finish_fields(&mut self.shape.nodes, &fields)?;
        let schema = schema.cloned().unwrap_or_else(|| Arc::new(arrow_schema::Schema::new(fields)));
        RecordBatch::try_new_with_options(schema, arrays, &RecordBatchOptions::new().with_row_count(Some(rows)))
    }
}

fn finish_fields(nodes: &mut [Node], fields: &[Named]) -> Result<(Fields, Vec<ArrayRef>), ArrowError> {
    let arrays = fields.iter().map(|field| finish(nodes, field.node)).collect::<Result<Vec<_>, _>>()?;
    let of = fields.iter().zip(&arrays).map(|(field, array)| arrow_field(field, array.data_type()));
    Ok((of.collect(), arrays))
}

fn arrow_field(field: &Named, of: &DataType) -> FieldRef {
    Arc::new(ArrowField::new(&field.name, of.clone(), field.is_nullable))
}

fn finish(nodes: &mut [Node], index: Index) -> Result<ArrayRef, ArrowError> {
    Ok(match &mut nodes[index] {
        Node::Leaf(leaf) => leaf.finish()?,
        Node::Bytes { builder, .. } => Arc::new(builder.finish()),
        Node::Object { fields, validity } => {
            let (fields, nulls) = (fields.clone(), validity.finish());
            let (fields, arrays) = finish_fields(nodes, &fields)?;
            Arc::new(StructArray::try_new(fields, arrays, nulls)?)
        }
        Node::List { item, offsets, validity } => {
            let (item, nulls) = ((**item).clone(), validity.finish());
            let offsets = std::mem::replace(offsets, arrow_buffer::OffsetBufferBuilder::new(0)).finish();
            let items = finish(nodes, item.node)?;
            Arc::new(ListArray::try_new(arrow_field(&item, items.data_type()), offsets, items, nulls)?)
        }
    })
}

/// What is begun.
enum Open {
    /// A table or struct, and its next field.
    Object(Index, usize),
    /// A vector, and how many elements it has so far.
    List(Index, usize),
}

/// A part that becomes JSON, and how many objects and lists of it are open.
struct Part {
    leaf: Index,
    begin: usize,
    depth: usize,
}

struct Row<'t> {
    nodes: &'t mut [Node],
    json: JsonVisitor<'t>,
    stack: &'t mut Vec<Open>,
    /// Where what comes next goes, if it isn't an element of a vector.
    target: Option<Index>,
    part: Option<Part>,
    bytes: usize,
}

type Outcome = Result<(), Refused>;

impl Row<'_> {
    fn take_target(&mut self) -> Option<Index> {
        if let Some(target) = self.target.take() {
            return Some(target);
        }
        let Some(Open::List(list, count)) = self.stack.last_mut() else { return None };
        *count += 1;
        match &self.nodes[*list] {
            Node::List { item, .. } => Some(item.node),
            _ => Some(*list),
        }
    }

    fn next_field(&mut self) -> Option<Index> {
        let Some(Open::Object(index, nth)) = self.stack.last_mut() else { return None };
        *nth += 1;
        match &self.nodes[*index] {
            Node::Object { fields, .. } => fields.get(*nth - 1).map(|field| field.node),
            _ => None,
        }
    }

    fn append(&mut self, index: Index, field: &Field, value: Value<'_>) -> Outcome {
        self.spend(if let Value::String(bytes) = value { 8 + bytes.len() } else { 8 })?;
        match &mut self.nodes[index] {
            Node::Leaf(leaf) => {
                leaf.append(&mut self.json, field, value)?;
                self.json.text().clear();
            }
            Node::Bytes { bytes, .. } => bytes.extend(value.as_u64().map(|byte| byte as u8)),
            Node::Object { .. } | Node::List { .. } => append_null(self.nodes, index),
        }
        Ok(())
    }

    fn spend(&mut self, bytes: usize) -> Outcome {
        self.bytes += bytes;
        if self.bytes > LEN_MAX { Err(Refused::TooLong) } else { Ok(()) }
    }

    fn begin_part(&mut self, leaf: Index) {
        self.json.begin_text();
        let begin = self.json.text().len();
        self.part = Some(Part { leaf, begin, depth: 0 });
    }

    fn change_depth(&mut self, by: isize) {
        if let Some(part) = &mut self.part {
            part.depth = part.depth.saturating_add_signed(by);
        }
        self.end_part_if_whole();
    }

    fn end_part_if_whole(&mut self) {
        let Some(Part { leaf, begin, depth: 0 }) = self.part else { return };
        self.part = None;
        let text = self.json.text();
        self.bytes += text.len() - begin;
        if let Node::Leaf(Leaf::Json(builder)) = &mut self.nodes[leaf] {
            builder.append_value(String::from_utf8_lossy(&text[begin..]));
        }
        text.clear();
    }
}

impl<'m> Visitor<'m> for Row<'_> {
    type Error = Refused;

    fn begin_object(&mut self, object: &Object) -> Outcome {
        if self.part.is_none() {
            let Some(target) = self.take_target() else { return Ok(()) };
            self.spend(8)?;
            match &mut self.nodes[target] {
                Node::Leaf(Leaf::Json(_)) => self.begin_part(target),
                Node::Leaf(Leaf::Present(builder)) => builder.append_value(true),
                Node::Object { validity, .. } => validity.append_non_null(),
                _ => {}
            }
            if self.part.is_none() {
                self.stack.push(Open::Object(target, 0));
                return Ok(());
            }
        }
        self.json.begin_object(object)?;
        self.change_depth(1);
        Ok(())
    }

    fn end_object(&mut self, object: &Object) -> Outcome {
        if self.part.is_some() {
            self.json.end_object(object)?;
            self.change_depth(-1);
        } else {
            self.stack.pop();
        }
        Ok(())
    }

    fn field(&mut self, field: &Field) -> Outcome {
        match self.part {
            Some(_) => self.json.field(field)?,
            None => self.target = self.next_field(),
        }
        Ok(())
    }

    fn absent(&mut self, field: &Field) -> Outcome {
        if self.part.is_some() {
            return Ok(self.json.absent(field)?);
        }
        let Some(target) = self.next_field() else { return Ok(()) };
        match field.default() {
            Some(value) if !field.is_deprecated() => self.append(target, field, value),
            _ => {
                append_null(self.nodes, target);
                Ok(())
            }
        }
    }

    fn begin_vector(&mut self, field: &Field, len: usize) -> Outcome {
        if self.part.is_some() {
            self.json.begin_vector(field, len)?;
            self.change_depth(1);
            return Ok(());
        }
        let Some(target) = self.take_target() else { return Ok(()) };
        self.spend(8)?;
        if let Node::Bytes { bytes, .. } = &mut self.nodes[target] {
            bytes.clear();
        }
        self.stack.push(Open::List(target, 0));
        Ok(())
    }

    fn end_vector(&mut self, field: &Field) -> Outcome {
        if self.part.is_some() {
            self.json.end_vector(field)?;
            self.change_depth(-1);
            return Ok(());
        }
        let Some(Open::List(list, count)) = self.stack.pop() else { return Ok(()) };
        match &mut self.nodes[list] {
            Node::List { offsets, validity, .. } => {
                offsets.push_length(count);
                validity.append_non_null();
            }
            Node::Bytes { builder, bytes } => builder.append_value(&bytes),
            _ => {}
        }
        Ok(())
    }

    fn member(&mut self, field: &Field, member: &EnumValue) -> Outcome {
        if self.part.is_some() {
            return Ok(self.json.member(field, member)?);
        }
        let Some(target) = self.take_target() else { return Ok(()) };
        let Node::Object { fields, validity } = &mut self.nodes[target] else {
            self.target = Some(target);
            return Ok(());
        };
        validity.append_non_null();
        let is_it = |named: &&Named| named.name == member.name();
        self.target = fields.iter().find(is_it).map(|named| named.node);
        let others: Vec<Index> = fields.iter().filter(|named| !is_it(named)).map(|named| named.node).collect();
        others.into_iter().for_each(|other| append_null(self.nodes, other));
        Ok(())
    }

    fn value(&mut self, field: &Field, value: Value<'m>) -> Outcome {
        if self.part.is_some() {
            return Ok(self.json.value(field, value)?);
        }
        match self.take_target() {
            Some(target) => self.append(target, field, value),
            None => Ok(()),
        }
    }

    fn null(&mut self, field: &Field) -> Outcome {
        if self.part.is_some() {
            return Ok(self.json.null(field)?);
        }
        if let Some(target) = self.take_target() {
            append_null(self.nodes, target);
        }
        Ok(())
    }
}

/// Nothing is there, nor in what belongs to it.
fn append_null(nodes: &mut [Node], index: Index) {
    match &mut nodes[index] {
        Node::Leaf(leaf) => leaf.append_null(),
        Node::Bytes { builder, .. } => builder.append_null(),
        Node::List { offsets, validity, .. } => {
            offsets.push_length(0);
            validity.append_null();
        }
        Node::Object { fields, validity } => {
            validity.append_null();
            let fields: Vec<Index> = fields.iter().map(|field| field.node).collect();
            fields.into_iter().for_each(|field| append_null(nodes, field));
        }
    }
}
