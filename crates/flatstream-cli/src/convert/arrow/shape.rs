//! Which columns messages of a schema become.

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, NullBufferBuilder, PrimitiveBuilder, StringBuilder, TimestampNanosecondBuilder,
};
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_buffer::OffsetBufferBuilder;
use flatstream::schema::{Element, Enum, Field, Object, Scalar, Type, Value, Walker};

use super::column::{Leaf, Names, Number};
use crate::convert::columns::COLUMNS_MAX;
use crate::outcome::Failure;

/// A node of the tree of columns, by its place in [`Shape::nodes`].
pub(super) type Index = usize;

/// A column, or several that belong together.
pub(super) enum Node {
    Leaf(Leaf),
    /// A table, a struct, or a union, whose members are its fields.
    Object {
        fields: Vec<Named>,
        validity: NullBufferBuilder,
    },
    /// A vector or an array.
    List {
        item: Box<Named>,
        offsets: OffsetBufferBuilder<i32>,
        validity: NullBufferBuilder,
    },
    /// A vector of `ubyte`.
    Bytes {
        builder: BinaryBuilder,
        /// Those of the vector that is being read.
        bytes: Vec<u8>,
    },
}

#[derive(Clone)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) node: Index,
    pub(super) is_nullable: bool,
}

/// The columns of a schema.
pub(super) struct Shape {
    pub(super) nodes: Vec<Node>,
    pub(super) root: Index,
}

impl Shape {
    /// # Errors
    /// There are too many columns, or the field of the time isn't one of them.
    pub(super) fn new(walker: &Walker, time: Option<&str>, is_utc: bool) -> Result<Self, Failure> {
        let mut builder = Builder { walker, nodes: Vec::new(), within: Vec::new(), time, is_utc, has_time: false };
        let root = builder.object(walker.root(), Some(""))?;
        if let (Some(time), false) = (time, builder.has_time) {
            return Err(Failure::usage(format!(
                "{time} is no column of one integer: a timestamp is one, in nanoseconds"
            )));
        }
        Ok(Self { nodes: builder.nodes, root })
    }
}

struct Builder<'w> {
    walker: &'w Walker,
    nodes: Vec<Node>,
    /// The tables that a field stands in: one that contains itself ends in JSON.
    within: Vec<&'w str>,
    time: Option<&'w str>,
    is_utc: bool,
    has_time: bool,
}

impl<'w> Builder<'w> {
    fn add(&mut self, node: Node) -> Result<Index, Failure> {
        if self.nodes.len() >= COLUMNS_MAX {
            let root = self.walker.root().name();
            return Err(Failure::usage(format!("{root} would have more than {COLUMNS_MAX} columns")));
        }
        self.nodes.push(node);
        Ok(self.nodes.len() - 1)
    }

    /// `path` is that of the object, if it is one for each message.
    fn object(&mut self, object: &'w Object, path: Option<&str>) -> Result<Index, Failure> {
        if self.within.contains(&object.name()) {
            return self.add(Node::Leaf(Leaf::Json(StringBuilder::new())));
        }
        if object.fields().is_empty() && path != Some("") {
            return self.add(Node::Leaf(Leaf::Present(BooleanBuilder::new())));
        }
        self.within.push(object.name());
        let mut fields = Vec::new();
        for field in object.fields() {
            let path = path.map(|path| match path {
                "" => field.name().to_owned(),
                _ => format!("{path}.{}", field.name()),
            });
            let node = self.field(field, path.as_deref())?;
            let is_scalar =
                matches!(self.walker.type_of(field), Some(Type::One(Element::Scalar(_) | Element::Enum(_))));
            let is_in_struct = object.is_struct();
            let has_default = is_scalar && field.default().is_some() && !field.is_deprecated();
            fields.push(Named { name: field.name().to_owned(), node, is_nullable: !is_in_struct && !has_default });
        }
        self.within.pop();
        self.add(Node::Object { fields, validity: NullBufferBuilder::new(0) })
    }

    fn field(&mut self, field: &'w Field, path: Option<&str>) -> Result<Index, Failure> {
        if let Some(root) = self.walker.nested_root(field) {
            return self.object(root, path);
        }
        match self.walker.type_of(field) {
            Some(Type::One(Element::Scalar(scalar))) if path.is_some() && path == self.time => self.time(scalar),
            Some(Type::One(element)) => self.element(element, path),
            Some(Type::Vector(Element::Scalar(Scalar::UByte))) => {
                self.add(Node::Bytes { builder: BinaryBuilder::new(), bytes: Vec::new() })
            }
            Some(Type::Vector(element) | Type::Array(element, _)) => {
                let is_nullable = matches!(element, Element::Union(_));
                let item = Box::new(Named { name: "item".to_owned(), node: self.element(element, None)?, is_nullable });
                let offsets = OffsetBufferBuilder::new(0);
                self.add(Node::List { item, offsets, validity: NullBufferBuilder::new(0) })
            }
            None => self.add(Node::Leaf(Leaf::Json(StringBuilder::new()))),
        }
    }

    fn time(&mut self, scalar: Scalar) -> Result<Index, Failure> {
        if matches!(scalar, Scalar::Bool | Scalar::Float | Scalar::Double) {
            return self.element(Element::Scalar(scalar), None);
        }
        self.has_time = true;
        let builder = TimestampNanosecondBuilder::new();
        let builder = if self.is_utc { builder.with_timezone("UTC") } else { builder };
        self.add(Node::Leaf(Leaf::Time(builder)))
    }

    fn element(&mut self, element: Element<'w>, path: Option<&str>) -> Result<Index, Failure> {
        match element {
            Element::Scalar(scalar) => self.add(Node::Leaf(number(scalar))),
            Element::Enum(declared) if declared.has_bit_flags() => {
                self.add(Node::Leaf(Leaf::Flags(StringBuilder::new())))
            }
            Element::Enum(declared) => self.add(Node::Leaf(Leaf::Enum(Names::new(declared)))),
            Element::String => self.add(Node::Leaf(Leaf::Text(StringBuilder::new()))),
            Element::Table(object) | Element::Struct(object) => self.object(object, path),
            Element::Union(declared) => self.union(declared),
        }
    }

    fn union(&mut self, declared: &'w Enum) -> Result<Index, Failure> {
        let mut fields = Vec::new();
        for member in declared.values() {
            let Some(element) = self.walker.member_type(member) else { continue };
            let node = self.element(element, None)?;
            fields.push(Named { name: member.name().to_owned(), node, is_nullable: true });
        }
        match fields.is_empty() {
            true => self.add(Node::Leaf(Leaf::Present(BooleanBuilder::new()))),
            false => self.add(Node::Object { fields, validity: NullBufferBuilder::new(0) }),
        }
    }
}

fn number(scalar: Scalar) -> Leaf {
    macro_rules! number {
        ($arrow:ty, $value:ident) => {
            Leaf::Number(Box::new(Number::<$arrow> {
                builder: PrimitiveBuilder::new(),
                of: |value| if let Value::$value(number) = value { Some(number) } else { None },
            }))
        };
    }
    match scalar {
        Scalar::Bool => Leaf::Bool(BooleanBuilder::new()),
        Scalar::Byte => number!(Int8Type, Byte),
        Scalar::UByte => number!(UInt8Type, UByte),
        Scalar::Short => number!(Int16Type, Short),
        Scalar::UShort => number!(UInt16Type, UShort),
        Scalar::Int => number!(Int32Type, Int),
        Scalar::UInt => number!(UInt32Type, UInt),
        Scalar::Long => number!(Int64Type, Long),
        Scalar::ULong => number!(UInt64Type, ULong),
        Scalar::Float => number!(Float32Type, Float),
        Scalar::Double => number!(Float64Type, Double),
    }
}
