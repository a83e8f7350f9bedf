//! Which columns a table of messages has.

use flatstream::schema::{Element, Field, Object, Type, Walker};

use crate::outcome::Failure;

/// A schema could unfold to any number: tables of many tables of many tables.
pub(crate) const COLUMNS_MAX: usize = 10_000;

/// Where what a field holds goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slot {
    /// A number, a boolean, an enum or a string goes into this column.
    Value(usize),
    /// What isn't a single value goes into this column, as JSON.
    Json(usize),
    /// The fields of a table or struct are columns: this layout says which.
    Object(usize),
}

/// The columns, and where each field goes.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) names: Vec<String>,
    /// For each table and struct that becomes columns, the slots of its fields in the order of their ids. The first is
    /// the root's.
    layouts: Vec<Vec<Slot>>,
}

impl Columns {
    /// The root's layout.
    pub(crate) const ROOT: usize = 0;

    /// # Errors
    /// There are too many.
    pub(crate) fn new(walker: &Walker) -> Result<Self, Failure> {
        let mut builder = Builder { walker, names: Vec::new(), layouts: Vec::new(), within: Vec::new() };
        builder.object(walker.root(), "")?;
        Ok(Self { names: builder.names, layouts: builder.layouts })
    }

    /// `None` behind the last field.
    pub(crate) fn slot(&self, layout: usize, nth: usize) -> Option<Slot> {
        self.layouts.get(layout)?.get(nth).copied()
    }
}

struct Builder<'w> {
    walker: &'w Walker,
    names: Vec<String>,
    layouts: Vec<Vec<Slot>>,
    /// The tables that a field stands in: one that contains itself ends in JSON.
    within: Vec<&'w str>,
}

impl<'w> Builder<'w> {
    fn object(&mut self, object: &'w Object, path: &str) -> Result<Slot, Failure> {
        let index = self.layouts.len();
        self.layouts.push(Vec::new());
        self.within.push(object.name());
        for field in object.fields() {
            let slot = self.field(field, path)?;
            self.layouts[index].push(slot);
        }
        self.within.pop();
        Ok(Slot::Object(index))
    }

    fn field(&mut self, field: &'w Field, path: &str) -> Result<Slot, Failure> {
        if self.layouts.len() + self.names.len() >= COLUMNS_MAX {
            let root = self.walker.root().name();
            return Err(Failure::usage(format!("{root} would have more than {COLUMNS_MAX} columns")));
        }
        let name = if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) };
        let of = self.walker.type_of(field);
        if let Some(Type::One(Element::Table(object) | Element::Struct(object))) = of
            && !self.within.contains(&object.name())
        {
            return self.object(object, &name);
        }
        let column = self.names.len();
        self.names.push(name);
        Ok(match of {
            Some(Type::One(Element::Scalar(_) | Element::Enum(_) | Element::String)) => Slot::Value(column),
            _ => Slot::Json(column),
        })
    }
}
