use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use crate::error::{MessageError, MessageFault, WalkError};
use crate::plan::Field;

/// What ended a walk, and where: the path's parts, from the innermost to the root.
pub(crate) struct Stop<'w, E> {
    cause: Cause<E>,
    parts: Vec<Part<'w>>,
}

enum Cause<E> {
    Message(MessageFault),
    Visitor(E),
}

#[derive(Clone, Copy)]
pub(crate) enum Part<'w> {
    Field(&'w str),
    Element(usize),
}

impl<'w, E> Stop<'w, E> {
    #[cold]
    pub(crate) fn message(fault: MessageFault) -> Box<Self> {
        Box::new(Self { cause: Cause::Message(fault), parts: Vec::new() })
    }

    #[cold]
    pub(crate) fn in_field(mut self: Box<Self>, field: &'w Field) -> Box<Self> {
        self.parts.push(Part::Field(field.name()));
        self
    }

    #[cold]
    pub(crate) fn in_element(mut self: Box<Self>, nth: usize) -> Box<Self> {
        self.parts.push(Part::Element(nth));
        self
    }

    pub(crate) fn into_error(self) -> WalkError<E> {
        let path = path_of(self.parts.iter().rev());
        match self.cause {
            Cause::Message(fault) => MessageError { path, fault }.into(),
            Cause::Visitor(error) => WalkError::Visitor { path, error },
        }
    }
}

/// By the visitor.
#[cold]
pub(crate) fn stopped<'w, E>(error: E) -> Box<Stop<'w, E>> {
    Box::new(Stop { cause: Cause::Visitor(error), parts: Vec::new() })
}

/// Such as `items[2].name`, of its parts from the root on.
pub(crate) fn path_of<'p>(parts: impl Iterator<Item = &'p Part<'p>>) -> String {
    let mut path = String::new();
    for part in parts {
        let _ = match part {
            Part::Field(name) if path.is_empty() => path.write_str(name),
            Part::Field(name) => write!(path, ".{name}"),
            Part::Element(nth) => write!(path, "[{nth}]"),
        };
    }
    path
}
