//! Fields of many messages at once, as columns of numbers.

use flatstream::schema::{FieldPath, Scalar, Schema, Value, Walker};
use flatstream::{Error, Header};
use pyo3::exceptions::{PyImportError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyDict, PyMemoryView};

use crate::errors::message_error;
use crate::reader::Reader;
use crate::source::Source;
use crate::unlocked::unlocked;

/// What was asked for.
pub(crate) struct Plan {
    pub(crate) paths: Vec<String>,
    pub(crate) batch: usize,
    /// What stands for an integer or a boolean that a message doesn't have.
    pub(crate) missing: Option<i64>,
    pub(crate) schema: Option<Vec<u8>>,
    pub(crate) message_type: Option<String>,
}

/// The numbers of one field, one behind the other, as the machine has them.
pub(crate) struct Column {
    path: FieldPath,
    scalar: Scalar,
    numbers: Vec<u8>,
}

/// Why there is no next row.
enum Stop {
    Stream(Error),
    Message { text: String, position: u64, sequence: Option<u64> },
}

impl Plan {
    /// By the schema that was given, or the header's.
    pub(crate) fn columns(&self, header: &Header) -> Result<Vec<Column>, String> {
        if self.batch == 0 {
            return Err("a batch has at least 1 message, not 0".to_owned());
        }
        let bfbs = self.schema.as_deref().or(header.schema());
        let bfbs = bfbs.ok_or("the stream's header has no schema, and none was given")?;
        let schema = Schema::read(bfbs).map_err(|error| error.to_string())?;
        let walker = match self.message_type.as_deref().or(header.message_type()) {
            Some(name) => Walker::of_table(&schema, name),
            None => Walker::new(&schema),
        };
        let walker = walker.map_err(|error| error.to_string())?;
        self.paths.iter().map(|path| Column::new(&walker, path)).collect()
    }
}

impl Column {
    fn new(walker: &Walker, path: &str) -> Result<Self, String> {
        let path = FieldPath::parse(walker, path).map_err(|error| error.to_string())?;
        let Some(scalar) = path.scalar() else {
            return Err(format!("{}: a column is of numbers, and this is a string", path.as_str()));
        };
        Ok(Self { path, scalar, numbers: Vec::new() })
    }

    /// The code of Python's module `struct`, which numpy knows too.
    fn code(&self) -> &'static str {
        match self.scalar {
            Scalar::Bool => "?",
            Scalar::Byte => "b",
            Scalar::UByte => "B",
            Scalar::Short => "h",
            Scalar::UShort => "H",
            Scalar::Int => "i",
            Scalar::UInt => "I",
            Scalar::Long => "q",
            Scalar::ULong => "Q",
            Scalar::Float => "f",
            Scalar::Double => "d",
        }
    }

    #[inline]
    fn push(&mut self, message: &[u8], missing: Option<i64>) -> Result<(), String> {
        let value = self.path.read(message).map_err(|error| error.to_string())?;
        match value {
            Some(Value::Double(number)) => self.numbers.extend_from_slice(&number.to_ne_bytes()),
            Some(Value::Float(number)) => self.numbers.extend_from_slice(&number.to_ne_bytes()),
            Some(Value::Long(number)) => self.numbers.extend_from_slice(&number.to_ne_bytes()),
            Some(Value::ULong(number)) => self.numbers.extend_from_slice(&number.to_ne_bytes()),
            Some(Value::Int(number)) => self.numbers.extend_from_slice(&number.to_ne_bytes()),
            Some(Value::UInt(number)) => self.numbers.extend_from_slice(&number.to_ne_bytes()),
            Some(Value::Short(number)) => self.numbers.extend_from_slice(&number.to_ne_bytes()),
            Some(Value::UShort(number)) => self.numbers.extend_from_slice(&number.to_ne_bytes()),
            Some(Value::Byte(number)) => self.numbers.extend_from_slice(&number.to_ne_bytes()),
            Some(Value::UByte(number)) => self.numbers.push(number),
            Some(Value::Bool(is_true)) => self.numbers.push(is_true.into()),
            Some(Value::String(_)) | None => return self.push_missing(missing),
        }
        Ok(())
    }

    #[cold]
    fn push_missing(&mut self, missing: Option<i64>) -> Result<(), String> {
        match (self.scalar, missing) {
            (Scalar::Double, None) => self.numbers.extend_from_slice(&f64::NAN.to_ne_bytes()),
            (Scalar::Float, None) => self.numbers.extend_from_slice(&f32::NAN.to_ne_bytes()),
            (Scalar::Double, Some(number)) => self.numbers.extend_from_slice(&(number as f64).to_ne_bytes()),
            (Scalar::Float, Some(number)) => self.numbers.extend_from_slice(&(number as f32).to_ne_bytes()),
            (_, None) => {
                let path = self.path.as_str();
                return Err(format!("{path}: expected a number, found none (`missing` says what stands for it)"));
            }
            (scalar, Some(number)) => {
                // Two's complement: the low bytes are the narrower number.
                let bytes = number.to_le_bytes();
                let low = bytes.get(..scalar.size()).unwrap_or(&bytes);
                match cfg!(target_endian = "big") {
                    true => self.numbers.extend(low.iter().rev()),
                    false => self.numbers.extend_from_slice(low),
                }
            }
        }
        Ok(())
    }

    /// Whether all numbers of the type can stand for one that is missing.
    fn takes(&self, number: i64) -> bool {
        let bounds = match self.scalar {
            Scalar::Bool => (0, 1),
            Scalar::Byte => (i8::MIN.into(), i8::MAX.into()),
            Scalar::UByte => (0, u8::MAX.into()),
            Scalar::Short => (i16::MIN.into(), i16::MAX.into()),
            Scalar::UShort => (0, u16::MAX.into()),
            Scalar::Int => (i32::MIN.into(), i32::MAX.into()),
            Scalar::UInt => (0, u32::MAX.into()),
            Scalar::ULong => (0, i64::MAX),
            Scalar::Long | Scalar::Float | Scalar::Double => (i64::MIN, i64::MAX),
        };
        (bounds.0..=bounds.1).contains(&number)
    }
}

/// Reads up to so many messages; the numbers of those before a stop are in the columns.
fn fill(
    reader: &mut flatstream::Reader<Source>,
    columns: &mut [Column],
    batch: usize,
    missing: Option<i64>,
) -> (usize, Option<Stop>) {
    for column in columns.iter_mut() {
        column.numbers.clear();
        column.numbers.reserve(batch.min(1 << 16) * column.scalar.size());
    }
    for count in 0..batch {
        let position = flatstream::Reader::position(reader);
        let message = match reader.next_message() {
            Ok(Some(message)) => message,
            Ok(None) => return (count, None),
            Err(error) => return (count, Some(Stop::Stream(error))),
        };
        let pushed = columns.iter_mut().try_for_each(|column| column.push(message, missing));
        if let Err(text) = pushed {
            columns.iter_mut().for_each(|column| column.numbers.truncate(count * column.scalar.size()));
            let sequence = reader.sequence().checked_sub(1);
            return (count, Some(Stop::Message { text, position, sequence }));
        }
    }
    (batch, None)
}

/// Batches of columns: dicts from paths to arrays.
#[pyclass(module = "flatstream_native")]
pub(crate) struct Columns {
    reader: Py<Reader>,
    columns: Vec<Column>,
    batch: usize,
    missing: Option<i64>,
    /// `numpy.frombuffer`, where there is numpy.
    from_buffer: Option<Py<PyAny>>,
    /// An error that comes behind the rows before it.
    stop: Option<Stop>,
}

impl Columns {
    pub(crate) fn new(reader: Py<Reader>, columns: Vec<Column>, plan: &Plan, py: Python<'_>) -> PyResult<Self> {
        if let Some(number) = plan.missing
            && let Some(column) = columns.iter().find(|column| !column.takes(number))
        {
            let path = column.path.as_str();
            return Err(PyValueError::new_err(format!("{path}: its type can't hold {number}, given as `missing`")));
        }
        let from_buffer = match py.import("numpy") {
            Ok(numpy) => Some(numpy.getattr("frombuffer")?.unbind()),
            Err(error) if error.is_instance_of::<PyImportError>(py) => None,
            Err(error) => return Err(error),
        };
        let (batch, missing) = (plan.batch, plan.missing);
        Ok(Self { reader, columns, batch, missing, from_buffer, stop: None })
    }

    fn array<'py>(&self, py: Python<'py>, column: &Column) -> PyResult<Bound<'py, PyAny>> {
        let numbers = PyByteArray::new(py, &column.numbers);
        match &self.from_buffer {
            Some(from_buffer) => from_buffer.bind(py).call1((numbers, column.code())),
            None => PyMemoryView::from(&numbers)?.call_method1("cast", (column.code(),)),
        }
    }

    fn error(&self, py: Python<'_>, stop: &Stop) -> PyErr {
        match stop {
            Stop::Stream(error) => match self.reader.try_borrow_mut(py) {
                Ok(mut reader) => reader.error(py, error),
                Err(borrowed) => borrowed.into(),
            },
            Stop::Message { text, position, sequence } => message_error(py, text, *position, *sequence),
        }
    }
}

#[pymethods]
impl Columns {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        py.check_signals()?;
        if let Some(stop) = self.stop.take() {
            return Err(self.error(py, &stop));
        }
        let (count, stop) = {
            let mut reader = self.reader.try_borrow_mut(py)?;
            let Reader { inner, raised } = &mut *reader;
            let (columns, batch, missing) = (&mut self.columns, self.batch, self.missing);
            let filled = unlocked(py, || fill(inner, columns, batch, missing));
            raised.check()?;
            filled
        };
        self.stop = stop;
        if count == 0 {
            return self.stop.take().map_or(Ok(None), |stop| Err(self.error(py, &stop)));
        }
        let arrays = PyDict::new(py);
        for column in &self.columns {
            arrays.set_item(column.path.as_str(), self.array(py, column)?)?;
        }
        Ok(Some(arrays))
    }
}
