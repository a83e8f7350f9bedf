//! The header, as the class `Header` of the package `flatstream`.

use flatstream::Header;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::errors::class;

/// An object of the class `Header` with what a header says.
pub(crate) fn to_python<'py>(py: Python<'py>, header: &Header) -> PyResult<Bound<'py, PyAny>> {
    let fields = PyDict::new(py);
    fields.set_item("checksum", header.checksum().id())?;
    fields.set_item("max_message_len", header.max_message_len())?;
    fields.set_item("sync_interval", header.sync_interval())?;
    fields.set_item("clock", header.clock().id())?;
    fields.set_item("message_type", header.message_type())?;
    fields.set_item("message_identifier", header.message_identifier())?;
    fields.set_item("schema", header.schema().map(|schema| PyBytes::new(py, schema)))?;
    fields.set_item("writer", header.writer())?;
    fields.set_item("metadata", PyTuple::new(py, header.metadata().collect::<Vec<_>>())?)?;
    fields.set_item("optional_features", header.essentials().optional_features)?;
    class(py, "Header")?.call((), Some(&fields))
}

/// The bytes of a header region: those that are given, or those that the package `flatstream` makes of a `Header`.
pub(crate) fn region(header: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    match header.cast::<PyBytes>() {
        Ok(bytes) => Ok(bytes.as_bytes().to_vec()),
        Err(_) => header.py().import("flatstream.header")?.getattr("build_region")?.call1((header,))?.extract(),
    }
}
