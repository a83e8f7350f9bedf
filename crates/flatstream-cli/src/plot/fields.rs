//! Which fields can be drawn, and how.

use flatstream::schema::{Element, Enum, Field, FieldPath, Object, Scalar, Type, Value, Walker};

use super::axis::Kind;
use crate::outcome::Failure;

/// So many are listed where a name is wrong.
const LISTED_MAX: usize = 40;

/// A field that is drawn.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub(super) path: FieldPath,
}

impl Drawn {
    pub(crate) fn parse(text: &str, walker: &Walker) -> Result<Self, Failure> {
        let path = FieldPath::parse(walker, text).map_err(|error| wrong(text, &error.to_string(), walker))?;
        match path.scalar() {
            Some(_) => Ok(Self { path }),
            None => Err(wrong(text, &format!("{text}: it is a string, and only numbers can be drawn"), walker)),
        }
    }

    pub(super) fn name(&self) -> &str {
        self.path.as_str()
    }

    /// Of the axis from bottom to top.
    pub(super) fn kind(&self) -> Kind {
        if self.path.scalar() == Some(Scalar::Bool) {
            return Kind::Names(vec![(0.0, "false".to_owned()), (1.0, "true".to_owned())]);
        }
        match self.path.enumeration().filter(|declared| !declared.has_bit_flags()) {
            Some(declared) => {
                let is_unsigned = declared.underlying() == Scalar::ULong;
                let number = |number: i64| if is_unsigned { number as u64 as f64 } else { number as f64 };
                let values = declared.values().iter().map(|value| (number(value.number()), value.name().to_owned()));
                Kind::Names(values.collect())
            }
            None => Kind::Real,
        }
    }

    /// Whether a value stays until the next one: nothing lies between two of an enum.
    pub(super) fn is_stepped(&self) -> bool {
        self.path.scalar() == Some(Scalar::Bool) || self.path.enumeration().is_some()
    }
}

/// A number, or a boolean as 0 or 1.
pub(super) fn number(value: Value<'_>) -> Option<f64> {
    value.as_f64().or_else(|| value.as_bool().map(f64::from))
}

fn wrong(text: &str, what: &str, walker: &Walker) -> Failure {
    let all = drawable(walker);
    let near = all.iter().map(|name| (distance(text, name), name)).filter(|(distance, _)| *distance <= 3);
    let near = near.min_by_key(|(distance, _)| *distance).map(|(_, name)| format!("; did you mean {name}?"));
    let more = if all.len() > LISTED_MAX { ", ..." } else { "" };
    let list = all.iter().take(LISTED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    let list = if list.is_empty() { "none".to_owned() } else { list };
    Failure::usage(format!("{what}{}\n  fields that can be drawn: {list}{more}", near.unwrap_or_default()))
}

/// The paths of all numbers, booleans and enums, the first element of each vector.
fn drawable(walker: &Walker) -> Vec<String> {
    let mut search = Search { walker, found: Vec::new(), within: Vec::new() };
    search.go_into(walker.root(), "");
    search.found
}

struct Search<'w> {
    walker: &'w Walker,
    found: Vec<String>,
    /// The tables and structs that this is in: a table may contain itself.
    within: Vec<&'w str>,
}

impl<'w> Search<'w> {
    fn go_into(&mut self, object: &'w Object, prefix: &str) {
        if self.within.contains(&object.name()) {
            return;
        }
        self.within.push(object.name());
        for field in object.fields() {
            if self.found.len() > LISTED_MAX {
                break;
            }
            self.look_at(field, &format!("{prefix}{}", field.name()));
        }
        self.within.pop();
    }

    fn look_at(&mut self, field: &'w Field, path: &str) {
        if let Some(root) = self.walker.nested_root(field) {
            return self.go_into(root, &format!("{path}."));
        }
        match self.walker.type_of(field) {
            Some(Type::One(element)) => self.look_at_element(field, element, path),
            Some(Type::Vector(element) | Type::Array(element, _)) => {
                self.look_at_element(field, element, &format!("{path}[0]"));
            }
            None => {}
        }
    }

    fn look_at_element(&mut self, field: &'w Field, element: Element<'w>, path: &str) {
        match element {
            Element::Scalar(_) | Element::Enum(_) => self.found.push(path.to_owned()),
            Element::Table(object) | Element::Struct(object) => self.go_into(object, &format!("{path}.")),
            Element::String => {}
            Element::Union(_) => {
                for member in field.enumeration().map(Enum::values).unwrap_or_default() {
                    if let Some(Element::Table(object) | Element::Struct(object)) = self.walker.member_type(member) {
                        self.go_into(object, &format!("{path}.{}.", member.name()));
                    }
                }
            }
        }
    }
}

/// How many letters differ, are too many or too few.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (nth, letter) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = nth + 1;
        for column in 0..b.len() {
            let changed = before + usize::from(letter != b[column]);
            before = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(before + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn letters_that_differ_are_counted() {
        let all =
            [("value", "value"), ("valeu", "value"), ("vale", "value"), ("", "abc"), ("pose.x", "pose.position.x")];
        assert_eq!(all.map(|(a, b)| distance(a, b)), [0, 2, 1, 3, 9]);
    }
}
