//! Messages of any schema, made up: by code of its own, that knows the format from its description. The same seed makes
//! the same message.

#![allow(dead_code, reason = "each test uses a part")]

use std::collections::HashMap;

use flatstream_schema::{Element, Enum, Field, Object, Scalar, Schema, Type, Walker};
use flatstream_testkit::noise::Noise;

macro_rules! schemas {
    ($($name:literal),* $(,)?) => {
        /// Name and binary schema of each in `tests/schemas`.
        pub(crate) const SCHEMAS: &[(&str, &[u8])] =
            &[$(($name, include_bytes!(concat!("../schemas/", $name, ".bfbs")))),*];
    };
}

schemas![
    "enums",
    "ids",
    "monster",
    "namespaces",
    "nested",
    "optional",
    "robot",
    "scalars",
    "strings",
    "structs",
    "trees",
    "unions",
    "vectors",
    "wide",
];

/// The walker of one of them.
pub(crate) fn walker(name: &str) -> Walker {
    let (_, bfbs) = SCHEMAS.iter().find(|(known, _)| *known == name).unwrap();
    Walker::new(&Schema::read(bfbs).unwrap()).unwrap()
}

/// What may occur in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    /// What flatc can print.
    AsFlatcPrints,
    /// And what it can't: NaN, infinities, text that isn't UTF-8, unions of no type or an unknown one, `vector64`.
    Anything,
}

/// A message of the walker's root table.
pub(crate) fn message(walker: &Walker, contents: Contents, seed: u64) -> Vec<u8> {
    Writer { walker, contents, noise: Noise::new(seed), out: Vec::new(), vtables: HashMap::new() }
        .message(walker.root(), 0)
}

/// How deep tables nest, and how many bytes there are before no more tables begin.
const DEPTH_MAX: usize = 4;
const LEN_MAX: usize = 2000;

struct Writer<'w> {
    walker: &'w Walker,
    contents: Contents,
    noise: Noise,
    out: Vec<u8>,
    /// They may be shared.
    vtables: HashMap<Vec<u8>, usize>,
}

/// What a table's field holds.
enum Held<'w> {
    Inline(Vec<u8>),
    /// Written behind the table; the offset has so many bytes.
    Behind(usize, Child<'w>),
}

enum Child<'w> {
    Field(&'w Field),
    Member(&'w Enum, u8),
    Members(&'w Enum, Vec<u8>),
    Tags(Vec<u8>),
}

impl<'w> Writer<'w> {
    fn message(mut self, root: &'w Object, depth: usize) -> Vec<u8> {
        self.out.extend([0; 4]);
        if self.chance(2) {
            self.out.extend(b"IDEN");
        }
        let at = self.table(root, depth);
        self.patch(0, 4, at);
        self.out
    }

    fn chance(&mut self, of: usize) -> bool {
        self.noise.below(of) == 0
    }

    fn align(&mut self, to: usize) {
        while !self.out.len().is_multiple_of(to) {
            self.out.push(0xA5);
        }
    }

    /// Aligned so that what follows `len` bytes later is.
    fn align_behind(&mut self, len: usize, to: usize) {
        while !(self.out.len() + len).is_multiple_of(to) {
            self.out.push(0xA5);
        }
    }

    fn patch(&mut self, place: usize, size: usize, target: usize) {
        let distance = (target - place) as u64;
        self.out[place..place + size].copy_from_slice(&distance.to_le_bytes()[..size]);
    }

    fn table(&mut self, object: &'w Object, depth: usize) -> usize {
        let held = self.hold(object, depth);
        // In any order.
        let mut order: Vec<usize> = (0..held.len()).collect();
        (1..order.len()).for_each(|nth| order.swap(nth, self.noise.below(nth + 1)));
        let mut offsets = vec![0; held.len()];
        let mut len = 4_usize;
        for nth in order {
            let size = match &held[nth].1 {
                Held::Inline(bytes) => bytes.len(),
                Held::Behind(size, _) => *size,
            };
            len = len.next_multiple_of(if size.is_multiple_of(8) {
                8
            } else if size.is_multiple_of(4) {
                4
            } else {
                2
            });
            offsets[nth] = len;
            len += size;
        }
        let at = self.begin_table(object, &held, &offsets, len);
        for ((_, held), offset) in held.into_iter().zip(offsets) {
            match held {
                Held::Inline(bytes) => self.out[at + offset..][..bytes.len()].copy_from_slice(&bytes),
                Held::Behind(size, child) => {
                    let target = self.child(&child, depth + 1);
                    self.patch(at + offset, size, target);
                }
            }
        }
        at
    }

    /// The vtable, and room for the table.
    fn begin_table(&mut self, object: &Object, held: &[(&Field, Held<'_>)], offsets: &[usize], len: usize) -> usize {
        let slots_of = |fields: &mut dyn Iterator<Item = u16>| fields.max().map_or(4, |slot| usize::from(slot) + 2);
        let all = slots_of(&mut object.fields().iter().map(Field::offset));
        let needed = slots_of(&mut held.iter().map(|(field, _)| field.offset()));
        let mut vtable = vec![0; if self.chance(3) { all } else { needed }];
        let mut set = |at: usize, value: usize| vtable[at..at + 2].copy_from_slice(&(value as u16).to_le_bytes());
        for ((field, _), offset) in held.iter().zip(offsets) {
            set(usize::from(field.offset()), *offset);
        }
        set(2, len);
        let vtable_len = vtable.len();
        vtable[..2].copy_from_slice(&(vtable_len as u16).to_le_bytes());
        let known = self.vtables.get(&vtable).copied();
        let vtable_at = known.unwrap_or_else(|| {
            self.align(2);
            let at = self.out.len();
            self.out.extend_from_slice(&vtable);
            self.vtables.insert(vtable, at);
            at
        });
        self.align(8);
        let at = self.out.len();
        self.out.extend((at as i32 - vtable_at as i32).to_le_bytes());
        self.out.resize(at + len, 0xA5);
        at
    }

    /// Which fields a table has, and what.
    fn hold(&mut self, object: &'w Object, depth: usize) -> Vec<(&'w Field, Held<'w>)> {
        let mut held = Vec::new();
        let mut fields = object.fields().iter().peekable();
        while let Some(field) = fields.next() {
            let of_union = field.enumeration().filter(|declared| declared.is_union());
            if let Some(declared) = of_union {
                let value = fields.next().unwrap();
                self.hold_union(declared, (field, value), depth, &mut held);
                continue;
            }
            if !field.is_required() && (self.is_full(depth) && !self.is_flat(field) || self.chance(3)) {
                continue;
            }
            if field.is_vector64() && self.contents == Contents::AsFlatcPrints {
                continue;
            }
            let size = if field.has_offset64() { 8 } else { 4 };
            let value = match self.walker.type_of(field).unwrap() {
                Type::One(Element::Scalar(_) | Element::Enum(_)) => Held::Inline(self.scalar_of(field)),
                Type::One(Element::Struct(object)) => Held::Inline(self.structure(object)),
                _ => Held::Behind(size, Child::Field(field)),
            };
            held.push((field, value));
        }
        held
    }

    fn is_full(&self, depth: usize) -> bool {
        depth > DEPTH_MAX || self.out.len() > LEN_MAX
    }

    /// Whether no table is in it.
    fn is_flat(&self, field: &Field) -> bool {
        let of = self.walker.type_of(field).unwrap();
        self.walker.nested_root(field).is_none()
            && !matches!(of, Type::One(Element::Table(_)) | Type::Vector(Element::Table(_)))
    }

    fn hold_union(
        &mut self,
        declared: &'w Enum,
        (type_field, value_field): (&'w Field, &'w Field),
        depth: usize,
        held: &mut Vec<(&'w Field, Held<'w>)>,
    ) {
        if self.is_full(depth) || self.chance(4) {
            return;
        }
        if matches!(self.walker.type_of(type_field), Some(Type::Vector(_))) {
            let tags: Vec<u8> = (0..self.noise.below(4)).map(|_| self.tag(declared)).collect();
            held.push((type_field, Held::Behind(4, Child::Tags(tags.clone()))));
            held.push((value_field, Held::Behind(4, Child::Members(declared, tags))));
        } else if self.chance(6) {
            held.push((type_field, Held::Inline(vec![0])));
        } else {
            let tag = self.tag(declared);
            held.push((type_field, Held::Inline(vec![tag])));
            held.push((value_field, Held::Behind(4, Child::Member(declared, tag))));
        }
    }

    fn tag(&mut self, declared: &Enum) -> u8 {
        if self.contents == Contents::Anything && self.chance(5) {
            return if self.chance(2) { 0 } else { 200 };
        }
        let nth = 1 + self.noise.below(declared.values().len() - 1);
        declared.values()[nth].number() as u8
    }

    fn child(&mut self, child: &Child<'w>, depth: usize) -> usize {
        match child {
            Child::Field(field) => self.field(field, depth),
            Child::Member(declared, tag) => self.member(declared, *tag, depth),
            Child::Tags(tags) => self.vector(4, 1, tags.len(), |writer| writer.out.extend(tags)),
            Child::Members(declared, tags) => {
                self.offsets(tags.len(), |writer, nth| writer.member(declared, tags[nth], depth))
            }
        }
    }

    fn member(&mut self, declared: &'w Enum, tag: u8, depth: usize) -> usize {
        let member = declared.values().iter().find(|value| value.number() == i64::from(tag));
        match member.and_then(|member| self.walker.member_type(member)) {
            Some(Element::Table(object)) => self.table(object, depth),
            Some(Element::String) => self.string(),
            Some(Element::Struct(object)) => {
                let bytes = self.structure(object);
                self.align(8);
                self.out.extend(bytes);
                self.out.len() - object.struct_size().unwrap()
            }
            // Nothing that anyone may read.
            _ => self.out.len(),
        }
    }

    fn field(&mut self, field: &'w Field, depth: usize) -> usize {
        let len_size = if field.is_vector64() { 8 } else { 4 };
        if let Some(root) = self.walker.nested_root(field) {
            let noise = Noise::new(self.noise.number());
            let nested = Writer {
                walker: self.walker,
                contents: self.contents,
                noise,
                out: Vec::new(),
                vtables: HashMap::new(),
            };
            let nested = nested.message(root, depth);
            return self.vector(len_size, 8, nested.len(), |writer| writer.out.extend(nested));
        }
        let len = if self.chance(20) { 30 } else { self.noise.below(4) };
        match self.walker.type_of(field).unwrap() {
            Type::One(Element::String) => self.string(),
            Type::One(Element::Table(object)) => self.table(object, depth),
            Type::Vector(Element::String) => self.offsets(len, |writer, _| writer.string()),
            Type::Vector(Element::Table(object)) => self.offsets(len, |writer, _| writer.table(object, depth)),
            Type::Vector(Element::Struct(object)) => self.vector(len_size, 8, len, |writer| {
                for _ in 0..len {
                    let bytes = writer.structure(object);
                    writer.out.extend(bytes);
                }
            }),
            Type::Vector(_) => self.vector(len_size, 8, len, |writer| {
                for _ in 0..len {
                    let bytes = writer.scalar_of(field);
                    writer.out.extend(bytes);
                }
            }),
            other => panic!("{}: {other:?}", field.name()),
        }
    }

    fn vector(&mut self, len_size: usize, align: usize, len: usize, fill: impl FnOnce(&mut Self)) -> usize {
        self.align_behind(len_size, align);
        let at = self.out.len();
        self.out.extend(&(len as u64).to_le_bytes()[..len_size]);
        fill(self);
        at
    }

    fn offsets(&mut self, len: usize, mut element: impl FnMut(&mut Self, usize) -> usize) -> usize {
        let at = self.vector(4, 4, len, |writer| writer.out.extend(vec![0; 4 * len]));
        for nth in 0..len {
            let target = element(self, nth);
            self.patch(at + 4 + 4 * nth, 4, target);
        }
        at
    }

    fn string(&mut self) -> usize {
        const WORDS: &[&str] = &[
            "pump-1",
            "a",
            " ",
            "\"",
            "\\",
            "\n\t\r\u{8}\u{c}",
            "\u{0}\u{1f}\u{7f}",
            "/",
            "Grüße",
            "日本",
            "😀",
            "\u{2028}",
            "\u{e000}",
            "{",
            "[",
            ",",
            ":",
        ];
        let mut text = Vec::new();
        for _ in 0..self.noise.below(5) {
            let word = WORDS[self.noise.below(WORDS.len())];
            text.extend(word.as_bytes());
            if self.contents == Contents::Anything && self.chance(4) {
                text.push(0x80 | self.noise.number() as u8);
            }
        }
        let at = self.vector(4, 4, text.len(), |writer| writer.out.extend(&text));
        self.out.push(0);
        at
    }

    fn structure(&mut self, object: &Object) -> Vec<u8> {
        // What stands between the fields is anything.
        let mut bytes = self.noise.bytes(object.struct_size().unwrap());
        for field in object.fields() {
            let mut at = usize::from(field.offset());
            let (element, len) = match self.walker.type_of(field).unwrap() {
                Type::One(element) => (element, 1),
                Type::Array(element, len) => (element, len),
                Type::Vector(_) => panic!("a vector in a struct"),
            };
            for _ in 0..len {
                let value = match element {
                    Element::Struct(object) => self.structure(object),
                    _ => self.scalar_of(field),
                };
                bytes[at..at + value.len()].copy_from_slice(&value);
                at += value.len();
            }
        }
        bytes
    }

    /// One of the field's type, or of its elements'.
    fn scalar_of(&mut self, field: &Field) -> Vec<u8> {
        let element = match self.walker.type_of(field).unwrap() {
            Type::One(element) | Type::Vector(element) | Type::Array(element, _) => element,
        };
        let scalar = match element {
            Element::Scalar(scalar) => scalar,
            Element::Enum(declared) => {
                if !self.chance(3) {
                    let nth = self.noise.below(declared.values().len());
                    let size = declared.underlying().size();
                    return declared.values()[nth].number().to_le_bytes()[..size].to_vec();
                }
                declared.underlying()
            }
            other => panic!("{}: {other:?}", field.name()),
        };
        match scalar {
            Scalar::Bool => vec![self.noise.below(2) as u8],
            Scalar::Float => (self.real() as f32).to_le_bytes().to_vec(),
            Scalar::Double => self.real().to_le_bytes().to_vec(),
            _ => {
                let number = match self.noise.below(5) {
                    0 => 0,
                    1 => self.noise.below(10) as u64,
                    2 => u64::MAX >> self.noise.below(64),
                    3 => 1 << self.noise.below(64),
                    _ => self.noise.number(),
                };
                number.to_le_bytes()[..scalar.size()].to_vec()
            }
        }
    }

    fn real(&mut self) -> f64 {
        let sign = if self.chance(2) { 1.0 } else { -1.0 };
        let magnitude = match self.noise.below(8) {
            0 => 0.0,
            1 => self.noise.below(1000) as f64,
            2 => self.noise.below(1000) as f64 / 8.0,
            3 => self.noise.below(1_000_000) as f64 / 1000.0,
            4 => 1e-20 * self.noise.below(1000) as f64,
            5 => 1e30 * self.noise.below(1000) as f64,
            6 if self.contents == Contents::Anything => [f64::NAN, f64::INFINITY, f64::MAX][self.noise.below(3)],
            _ => self.noise.number() as f64 / self.noise.number() as f64,
        };
        sign * magnitude
    }
}
