//! What a visitor is shown, what JSON says and what field paths read is the same.

mod messages;

use std::collections::BTreeMap;

use flatbuffers::FlatBufferBuilder;
use flatstream_schema::{EnumValue, Field, FieldPath, Object, Scalar, Value, Visitor, WalkError, Walker};
use serde_json::json;

use messages::{Contents, SCHEMAS, message, walker};

/// Every value with its path, and the JSON that all of it makes.
#[derive(Default)]
struct Everything {
    values: BTreeMap<String, Option<Held>>,
    /// The fields, elements and members on the way.
    path: Vec<String>,
    /// How many elements of each vector came before, and how long the path was there.
    vectors: Vec<(usize, usize)>,
    /// Objects and vectors that aren't complete yet.
    open: Vec<serde_json::Value>,
    keys: Vec<Option<String>>,
    root: Option<serde_json::Value>,
}

#[derive(Debug, PartialEq)]
enum Held {
    Scalar(String),
    Text(Vec<u8>),
}

impl From<Value<'_>> for Held {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::String(bytes) => Self::Text(bytes.to_vec()),
            // With its type; by its text, so that a NaN is a NaN.
            other => Self::Scalar(format!("{other:?}")),
        }
    }
}

impl Everything {
    fn complete(&mut self, value: serde_json::Value) {
        match self.open.last_mut() {
            None => self.root = Some(value),
            Some(serde_json::Value::Array(elements)) => elements.push(value),
            Some(serde_json::Value::Object(fields)) => {
                fields.insert(self.keys.last_mut().unwrap().take().unwrap(), value);
            }
            Some(other) => panic!("{other}"),
        }
    }

    /// The next element's index, if an element is due.
    fn enter(&mut self) {
        if let Some((count, len)) = self.vectors.last_mut()
            && matches!(self.open.last(), Some(serde_json::Value::Array(_)))
        {
            self.path.truncate(*len);
            let vector = self.path.last_mut().unwrap();
            let name_len = vector.find('[').unwrap_or(vector.len());
            vector.truncate(name_len);
            vector.push_str(&format!("[{count}]"));
            *count += 1;
        }
    }

    fn leave(&mut self) {
        if !matches!(self.open.last(), Some(serde_json::Value::Array(_))) {
            self.path.pop();
        }
    }
}

impl<'m> Visitor<'m> for Everything {
    type Error = String;

    fn begin_object(&mut self, _: &Object) -> Result<(), String> {
        // A member has made its element already.
        if self.path.last().is_none_or(|part| !part.contains('.')) {
            self.enter();
        }
        self.open.push(json!({}));
        self.keys.push(None);
        Ok(())
    }

    fn end_object(&mut self, _: &Object) -> Result<(), String> {
        let object = self.open.pop().unwrap();
        self.keys.pop();
        self.complete(object);
        self.leave();
        Ok(())
    }

    fn field(&mut self, field: &Field) -> Result<(), String> {
        *self.keys.last_mut().unwrap() = Some(field.name().to_owned());
        self.path.push(field.name().to_owned());
        Ok(())
    }

    fn absent(&mut self, field: &Field) -> Result<(), String> {
        let path = self.path.iter().map(|part| format!("{part}.")).collect::<String>() + field.name();
        self.values.insert(path, field.default().map(Held::from));
        Ok(())
    }

    fn begin_vector(&mut self, _: &Field, len: usize) -> Result<(), String> {
        self.open.push(serde_json::Value::Array(Vec::with_capacity(len)));
        self.vectors.push((0, self.path.len()));
        Ok(())
    }

    fn end_vector(&mut self, _: &Field) -> Result<(), String> {
        let vector = self.open.pop().unwrap();
        let (_, len) = self.vectors.pop().unwrap();
        self.complete(vector);
        self.path.truncate(len - 1);
        Ok(())
    }

    fn member(&mut self, field: &Field, member: &EnumValue) -> Result<(), String> {
        self.enter();
        let part = self.path.last_mut().unwrap();
        assert!(part.starts_with(field.name()));
        part.push_str(&format!(".{}", member.name()));
        Ok(())
    }

    fn value(&mut self, field: &Field, value: Value<'m>) -> Result<(), String> {
        if !self.path.last().unwrap().contains('.') {
            self.enter();
        }
        self.values.insert(self.path.join("."), Some(value.into()));
        let name = field.enumeration().and_then(|declared| declared.name_of(value));
        self.complete(match (value, name) {
            (_, Some(name)) => name.into(),
            (Value::String(bytes), _) => String::from_utf8_lossy(bytes).into(),
            (Value::Bool(value), _) => value.into(),
            (Value::Float(value), _) => value.to_string().parse().map_or(json!(null), |value: f64| json!(value)),
            (Value::Double(value), _) => json!(value),
            (Value::ULong(value), _) => value.into(),
            (other, _) => other.as_i64().unwrap().into(),
        });
        self.leave();
        Ok(())
    }

    fn null(&mut self, _: &Field) -> Result<(), String> {
        self.enter();
        self.complete(json!(null));
        self.leave();
        Ok(())
    }
}

fn everything(walker: &Walker, message: &[u8]) -> Everything {
    let mut visitor = Everything::default();
    walker.walk(message, &mut visitor).unwrap();
    visitor
}

#[test]
fn paths_read_what_a_visitor_is_shown() {
    let mut read = 0;
    for (name, _) in SCHEMAS {
        let walker = walker(name);
        for seed in 0..60 {
            let message = message(&walker, Contents::Anything, seed);
            for (path, expected) in everything(&walker, &message).values {
                let Ok(parsed) = FieldPath::parse(&walker, &path) else {
                    assert_eq!(expected, None, "{name}: {path}");
                    continue;
                };
                assert_eq!(parsed.as_str(), path);
                let found = parsed.read(&message).unwrap().map(Held::from);
                assert_eq!(found, expected, "{name}: {path} of {}", walker.json(&message).unwrap());
                read += 1;
            }
        }
    }
    assert!(read > 10_000, "{read} values");
}

#[test]
fn json_is_what_a_visitor_is_shown() {
    for (name, _) in SCHEMAS.iter().filter(|(name, _)| !["enums", "robot", "monster", "structs"].contains(name)) {
        let walker = walker(name);
        for seed in 0..100 {
            let message = message(&walker, Contents::Anything, seed);
            let text = walker.json(&message).unwrap();
            let shown = everything(&walker, &message).root.unwrap();
            // Keys are written with their defaults.
            if *name != "strings" {
                assert_eq!(
                    without_floats(&serde_json::from_str(&text).unwrap()),
                    without_floats(&shown),
                    "{name}: {text}"
                );
            }
        }
    }
}

/// As text of few digits: serde_json's own reading isn't exact.
fn without_floats(value: &serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Number(number) if number.is_f64() => json!(format!("{:.9e}", number.as_f64().unwrap())),
        serde_json::Value::Array(elements) => elements.iter().map(without_floats).collect(),
        serde_json::Value::Object(fields) => {
            serde_json::Value::Object(fields.iter().map(|(key, value)| (key.clone(), without_floats(value))).collect())
        }
        other => other.clone(),
    }
}

#[test]
fn paths_that_lead_nowhere_say_what_there_is_instead() {
    let cases = [
        ("trees", "", "", "Trees.Node has no field \"\", only: name, left, right, children, leaf, leaves"),
        ("robot", "pose.z", "z", "Robot.Pose has no field \"z\", only: position, orientation"),
        (
            "robot",
            "pose",
            "pose",
            "it is no single value, but a struct, Robot.Pose, with the fields: position, orientation",
        ),
        ("robot", "pose.position.x.y", "y", "before it stands a number, which has no fields"),
        ("robot", "frame.x", "x", "before it stands a string, which has no fields"),
        ("robot", "frame[0]", "[0]", "before it stands a string, which has no elements"),
        (
            "robot",
            "pose[1].position",
            "[1]",
            "before it stands a struct, Robot.Pose, with the fields: position, orientation, which has no elements",
        ),
        ("robot", "motors.speed", "speed", "before it stands a vector: an index is missing, such as [0]"),
        ("robot", "motors", "motors", "it is no single value, but a vector: an index is missing, such as [0]"),
        ("robot", "motors[one].speed", "[one]", "an index is a number in brackets, such as [2]"),
        ("robot", "motors[-1].speed", "[-1]", "an index is a number in brackets, such as [2]"),
        ("robot", "motors[1", "[1", "an index is a number in brackets, such as [2]"),
        ("robot", "motors[1]x.speed", "x", "an index is a number in brackets, such as [2]"),
        ("robot", "motors[]", "[]", "an index is a number in brackets, such as [2]"),
        ("robot", "names[0][1]", "[1]", "before it stands a string, which has no elements"),
        ("robot", "payload.text", "text", "the union Robot.Payload has no member \"text\", only: Log, Image, Scan"),
        ("robot", "payload.NONE", "NONE", "the union Robot.Payload has no member \"NONE\", only: Log, Image, Scan"),
        (
            "robot",
            "payload",
            "payload",
            "it is no single value, but a union, Robot.Payload, with the members: Log, Image, Scan",
        ),
        (
            "robot",
            "payload.Log",
            "Log",
            "it is no single value, but a table, Robot.Log, with the fields: level, text, file, line",
        ),
        ("structs", "deep.tags[5]", "[5]", "the array has 5 elements"),
        ("structs", "deep.tags", "tags", "it is no single value, but an array: an index is missing, such as [0]"),
        ("unions", "single.Empty.x", "x", "Unions.Empty has no field \"x\", nor any other"),
        (
            "nested",
            "payload[0]",
            "[0]",
            "before it stands a table, Nested.Inner.Payload, with the fields: id, text, deeper, which has no elements",
        ),
    ];
    for (schema, path, part, what) in cases {
        let error = FieldPath::parse(&walker(schema), path).unwrap_err();
        assert_eq!((error.part(), error.what()), (part, what), "{path}");
        assert!(path.starts_with(error.path()) && error.path().ends_with(part), "{path}: {}", error.path());
    }
    let error = FieldPath::parse(&walker("robot"), "pose.positron.x").unwrap_err();
    assert_eq!(error.to_string(), "pose.positron: Robot.Pose has no field \"positron\", only: position, orientation");
}

#[test]
fn a_list_of_many_names_is_cut() {
    let error = FieldPath::parse(&walker("monster"), "x").unwrap_err();
    assert!(error.what().ends_with(", ..."), "{error}");
    assert!(error.what().len() < 500);
}

#[test]
fn paths_know_the_type_of_their_values() {
    let walker = walker("robot");
    let parse = |path| FieldPath::parse(&walker, path).unwrap();
    assert_eq!(parse("pose.orientation.w").scalar(), Some(Scalar::Double));
    assert_eq!(parse("payload.Image.data[3]").scalar(), Some(Scalar::UByte));
    assert_eq!(parse("names[3]").scalar(), None);
    assert_eq!(parse("battery").field().default(), None);
    assert!(parse("battery").field().is_optional());
    let mode = parse("mode");
    assert_eq!((mode.field().name(), mode.scalar()), ("mode", Some(Scalar::UByte)));
    let declared = mode.enumeration().unwrap();
    assert_eq!((declared.name(), declared.name_of(Value::UByte(1))), ("Robot.Mode", Some("Manual")));
    assert_eq!(parse("payload_type").enumeration().unwrap().name(), "Robot.Payload");
}

/// A status of the robot, with these names.
fn names(names: &[&str]) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let names: Vec<_> = names.iter().map(|name| builder.create_string(name)).collect();
    let names = builder.create_vector(&names);
    let start = builder.start_table();
    builder.push_slot_always(24, names);
    let root = builder.end_table(start);
    builder.finish(root, None);
    builder.finished_data().to_vec()
}

#[test]
fn what_is_not_there_is_its_default_or_nothing() {
    let message = names(&["a"]);
    let walker = walker("robot");
    for (path, expected) in [
        ("time_ns", Some(Value::ULong(0))),
        ("mode", Some(Value::UByte(2))),
        ("battery", None),
        ("frame", None),
        ("pose.position.x", None),
        ("motors[0].speed", None),
        ("names[0]", Some(Value::String(b"a"))),
        ("names[1]", None),
        ("payload_type", Some(Value::UByte(0))),
        ("payload.Log.level", None),
    ] {
        assert_eq!(FieldPath::parse(&walker, path).unwrap().read(&message).unwrap(), expected, "{path}");
    }
}

/// Stops at the third value.
struct Third(usize);

impl Visitor<'_> for Third {
    type Error = &'static str;

    fn value(&mut self, _: &Field, _: Value<'_>) -> Result<(), Self::Error> {
        self.0 += 1;
        if self.0 == 3 { Err("enough") } else { Ok(()) }
    }
}

#[test]
fn a_visitor_can_stop_and_its_error_has_the_path() {
    let message = names(&["a", "b", "c"]);
    let error = walker("robot").walk(&message, &mut Third(0)).unwrap_err();
    assert_eq!(error, WalkError::Visitor { path: "names[2]".to_owned(), error: "enough" });
    assert_eq!(error.to_string(), "names[2]: enough");
}

#[test]
fn values_are_numbers_of_other_types_where_they_fit() {
    assert_eq!((Value::ULong(u64::MAX).as_i64(), Value::ULong(7).as_i64()), (None, Some(7)));
    assert_eq!((Value::Byte(-1).as_u64(), Value::Byte(-1).as_i64()), (None, Some(-1)));
    assert_eq!((Value::Float(0.5).as_f64(), Value::Float(0.5).as_i64()), (Some(0.5), None));
    assert_eq!((Value::UInt(3).as_f64(), Value::ULong(u64::MAX).as_f64()), (Some(3.0), Some(u64::MAX as f64)));
    assert_eq!((Value::Bool(true).as_bool(), Value::Bool(true).as_u64()), (Some(true), None));
    assert_eq!((Value::String(b"a").as_str(), Value::String(b"\xff").as_str()), (Some("a"), None));
}
