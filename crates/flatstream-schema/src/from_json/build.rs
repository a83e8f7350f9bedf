//! Gives nodes their bytes, from front to back: a table, and behind it what it refers to. The builder of the crate
//! `flatbuffers` knows neither structs whose size only the schema says nor offsets of 64 bits.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use super::{Held, Node};
use crate::plan::{Field, Kind, Many};

/// What no message can be.
type Fault = &'static str;

const TOO_LONG: Fault = "the message would be longer than offsets of 32 bits reach";

const TOO_WIDE: Fault = "a table's fields would take more than 65,535 bytes";

pub(super) fn build(root: &Held<'_, '_>, identifier: Option<[u8; 4]>) -> Result<Vec<u8>, Fault> {
    Builder::root(root, identifier).map(|builder| builder.bytes)
}

#[derive(Default)]
struct Builder {
    bytes: Vec<u8>,
    /// Where each is: tables that have the same fields share one.
    vtables: BTreeMap<Vec<u8>, usize>,
    /// What the message's place has to be a multiple of.
    align: usize,
}

impl Builder {
    fn root(root: &Held<'_, '_>, identifier: Option<[u8; 4]>) -> Result<Self, Fault> {
        let mut builder = Self { bytes: vec![0; 4], align: 4, ..Self::default() };
        builder.bytes.extend(identifier.iter().flatten());
        let table = builder.table(root)?;
        builder.point(0, table, false)?;
        Ok(builder)
    }

    /// So that what comes `len` bytes later is aligned.
    fn pad(&mut self, len: usize, align: usize) {
        self.align = self.align.max(align);
        let end = (self.bytes.len() + len).next_multiple_of(align.max(1));
        self.bytes.resize(end - len, 0);
    }

    fn put(&mut self, place: usize, bytes: &[u8]) {
        if let Some(into) = self.bytes.get_mut(place..place + bytes.len()) {
            into.copy_from_slice(bytes);
        }
    }

    /// Lets the offset at a place lead to another.
    fn point(&mut self, place: usize, to: usize, is_wide: bool) -> Result<(), Fault> {
        let offset = (to - place) as u64;
        match is_wide {
            true => self.put(place, &offset.to_le_bytes()),
            false => self.put(place, &u32::try_from(offset).map_err(|_| TOO_LONG)?.to_le_bytes()),
        }
        Ok(())
    }

    fn table(&mut self, held: &Held<'_, '_>) -> Result<usize, Fault> {
        // The most aligned first, so that there is no room between them.
        let mut order: Vec<_> = held.iter().map(|(field, node)| (*field, node, inline(field, node))).collect();
        order.sort_by_key(|(_, _, inline)| core::cmp::Reverse(inline.align));
        let mut len = 4;
        let mut align = 4;
        let mut offsets = Vec::with_capacity(order.len());
        for (_, _, inline) in &order {
            len = usize::next_multiple_of(len, inline.align);
            offsets.push(len);
            len += inline.size;
            align = align.max(inline.align);
        }
        let fields = order.iter().map(|(field, ..)| field.offset()).zip(offsets.iter().copied());
        let vtable = self.vtable(fields, len)?;
        self.pad(0, align);
        let start = self.bytes.len();
        self.bytes.resize(start + len, 0);
        let distance = i32::try_from(start - vtable).map_err(|_| TOO_LONG)?;
        self.put(start, &distance.to_le_bytes());
        for ((field, node, inline), offset) in order.iter().zip(&offsets) {
            match node {
                Node::Scalar(bytes) => self.put(start + offset, bytes.get(..inline.size).unwrap_or_default()),
                Node::Struct { bytes, .. } if is_inline(field) => self.put(start + offset, bytes),
                _ => {}
            }
        }
        for ((field, node, _), offset) in order.iter().zip(&offsets) {
            if !is_inline(field) {
                let to = self.behind(node, field.is_vector64())?;
                self.point(start + offset, to, field.has_offset64())?;
            }
        }
        Ok(start)
    }

    /// Where the vtable is that says where these fields stand, by their slots.
    fn vtable(&mut self, fields: impl Iterator<Item = (u16, usize)> + Clone, table_len: usize) -> Result<usize, Fault> {
        let len = fields.clone().map(|(slot, _)| usize::from(slot) + 2).max().unwrap_or(4);
        let mut vtable = vec![0; len];
        let heads = [(0, len), (2, table_len)];
        for (place, number) in heads.into_iter().chain(fields.map(|(slot, offset)| (usize::from(slot), offset))) {
            let number = u16::try_from(number).map_err(|_| TOO_WIDE)?;
            if let Some(into) = vtable.get_mut(place..place + 2) {
                into.copy_from_slice(&number.to_le_bytes());
            }
        }
        if let Some(known) = self.vtables.get(&vtable) {
            return Ok(*known);
        }
        self.pad(0, 2);
        let place = self.bytes.len();
        self.bytes.extend_from_slice(&vtable);
        self.vtables.insert(vtable, place);
        Ok(place)
    }

    /// What an offset leads to.
    fn behind(&mut self, node: &Node<'_, '_>, is_wide: bool) -> Result<usize, Fault> {
        match node {
            Node::Table(held) => self.table(held),
            Node::Struct { bytes, align } => {
                self.pad(0, *align);
                let place = self.bytes.len();
                self.bytes.extend_from_slice(bytes);
                Ok(place)
            }
            Node::String(text) => {
                let place = self.vector(text.len(), text.as_bytes(), 1, false)?;
                self.bytes.push(0);
                Ok(place)
            }
            Node::Elements { len, bytes, align } => self.vector(*len, bytes, *align, is_wide),
            Node::Nested(held) => {
                let nested = Self::root(held, None)?;
                self.vector(nested.bytes.len(), &nested.bytes, nested.align, is_wide)
            }
            Node::Offsets(nodes) => {
                let place = self.vector(nodes.len(), &vec![0; 4 * nodes.len()], 4, false)?;
                for (nth, node) in nodes.iter().enumerate() {
                    if let Some(node) = node {
                        let to = self.behind(node, false)?;
                        self.point(place + 4 + 4 * nth, to, false)?;
                    }
                }
                Ok(place)
            }
            // It stands in its table.
            Node::Scalar(_) => Ok(self.bytes.len()),
        }
    }

    /// A length and what follows it.
    fn vector(&mut self, len: usize, bytes: &[u8], align: usize, is_wide: bool) -> Result<usize, Fault> {
        let head = if is_wide { 8 } else { 4 };
        self.pad(head, align.max(head));
        let place = self.bytes.len();
        match is_wide {
            true => self.bytes.extend((len as u64).to_le_bytes()),
            false => self.bytes.extend(u32::try_from(len).map_err(|_| TOO_LONG)?.to_le_bytes()),
        }
        self.bytes.extend_from_slice(bytes);
        Ok(place)
    }
}

/// What a field takes of its table.
struct Inline {
    size: usize,
    align: usize,
}

fn inline(field: &Field, node: &Node<'_, '_>) -> Inline {
    match node {
        Node::Struct { bytes, align } if is_inline(field) => Inline { size: bytes.len(), align: *align },
        _ => Inline { size: field.size, align: field.size },
    }
}

fn is_inline(field: &Field) -> bool {
    field.many == Many::One && matches!(field.kind, Kind::Scalar(..) | Kind::Struct(_))
}
