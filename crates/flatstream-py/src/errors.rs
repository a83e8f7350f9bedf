//! Errors as exceptions, of the classes of the package `flatstream`.

use std::io;
use std::path::Path;

use flatstream::format::{Error as FormatError, Evidence, EvidenceKind, HeaderError, StopReason};
use flatstream::{End, EndState, Error, ErrorKind};
use pyo3::exceptions::{PyBlockingIOError, PyOSError, PyRuntimeError, PyStopIteration};
use pyo3::prelude::*;

/// A class of this package, or of the package `flatstream`.
pub(crate) fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("flatstream_native")?.getattr(name)
}

fn exception<'py, A>(py: Python<'py>, name: &str, arguments: A) -> PyErr
where
    A: pyo3::call::PyCallArgs<'py>,
{
    class(py, name).and_then(|class| class.call1(arguments)).map_or_else(|error| error, PyErr::from_value)
}

/// The caller asked for something that isn't possible.
pub(crate) fn caller_error(py: Python<'_>, text: impl ToString) -> PyErr {
    exception(py, "CallerError", (text.to_string(),))
}

/// A message that isn't what its schema says, or doesn't have the field.
pub(crate) fn message_error(py: Python<'_>, text: &str, position: u64, sequence: Option<u64>) -> PyErr {
    exception(py, "MessageError", (text, position, sequence))
}

/// Everything after a write that failed.
pub(crate) fn writer_failed(py: Python<'_>, text: impl ToString) -> PyErr {
    exception(py, "WriterFailed", (text.to_string(),))
}

/// An error of the system, with its number and the file's name, by which Python chooses the class.
pub(crate) fn file_error(py: Python<'_>, error: &io::Error, path: Option<&Path>) -> PyErr {
    if let Some(raised) = error.get_ref().and_then(|inner| inner.downcast_ref::<PyErr>()) {
        return no_stop(py, raised.clone_ref(py));
    }
    match error.raw_os_error() {
        Some(number) => {
            let text = py.import("os").and_then(|os| os.call_method1("strerror", (number,))?.extract::<String>());
            PyOSError::new_err((
                number,
                text.unwrap_or_else(|_| error.to_string()),
                path.map(|path| path.as_os_str().to_os_string()),
            ))
        }
        None if error.kind() == io::ErrorKind::WouldBlock => PyBlockingIOError::new_err(
            "the source has no bytes now; nothing is lost, and the same call may be made again",
        ),
        None => io::Error::new(error.kind(), error.to_string()).into(),
    }
}

/// What a function of the caller's raised. `StopIteration` would look like the end of the stream.
pub(crate) fn no_stop(py: Python<'_>, raised: PyErr) -> PyErr {
    if !raised.is_instance_of::<PyStopIteration>(py) {
        return raised;
    }
    let error = PyRuntimeError::new_err("a source, a sink, a clock or a checksum raised StopIteration");
    error.set_cause(py, Some(raised));
    error
}

/// `end`: how the stream ended, for damage.
pub(crate) fn to_python(py: Python<'_>, error: &Error, end: Option<End>) -> PyErr {
    if let Some(io) = error.io_error() {
        return file_error(py, io, None);
    }
    if let Some(format) = error.format_error() {
        return format_error(py, format, end);
    }
    let text = error.to_string();
    match error.kind() {
        ErrorKind::Locked | ErrorKind::Refused | ErrorKind::Damaged | ErrorKind::WrongType => {
            reopen_refused(py, text, error.position())
        }
        ErrorKind::Gone => exception(py, "Gone", (text, error.position())),
        ErrorKind::Io => PyOSError::new_err(text),
        _ => caller_error(py, text),
    }
}

fn format_error(py: Python<'_>, error: &FormatError, end: Option<End>) -> PyErr {
    if let FormatError::Frame { stop, .. } = error
        && let StopReason::Limit { found, limit } = stop.reason
    {
        return exception(py, "LimitError", (stop.position, found, limit));
    }
    let (expected, found) = expected_and_found(error);
    let end = match end.map(|end| end_to_python(py, &end)).transpose() {
        Ok(end) => end,
        Err(raised) => return raised,
    };
    let evidence = match error {
        FormatError::Frame { evidence, .. } => evidence.as_ref().map(describe_evidence),
        _ => None,
    };
    exception(py, "StreamError", (error.code(), error.position(), expected, found, end, evidence))
}

fn describe_evidence(evidence: &Evidence) -> String {
    // The numbers of the specification, section 11.
    let number = match evidence.kind {
        EvidenceKind::Frame => "(i)",
        EvidenceKind::Sync => "(ii)",
        EvidenceKind::SyncInPlace => "(iii)",
        EvidenceKind::Header => "(iv)",
        _ => "evidence",
    };
    format!("{number} at position {}", evidence.position)
}

/// Why a file isn't opened again.
pub(crate) fn reopen_refused(py: Python<'_>, text: impl ToString, position: Option<u64>) -> PyErr {
    exception(py, "ReopenRefused", (text.to_string(), position.unwrap_or_default()))
}

/// An object of the class `End`.
pub(crate) fn end_to_python<'py>(py: Python<'py>, end: &End) -> PyResult<Bound<'py, PyAny>> {
    let bytes = match end.state {
        EndState::Closed | EndState::Open => 0,
        EndState::Torn | EndState::Scattered | EndState::Corrupt => end.bytes_behind,
    };
    class(py, "End")?.call1((end.state.to_string(), end.position, bytes, None::<String>, !end.searched_all))
}

/// In words of the package `flatstream`, as far as the error has them.
fn expected_and_found(error: &FormatError) -> (String, String) {
    match error {
        FormatError::Header(error) => of_header(error),
        FormatError::Frame { stop, .. } => of_frame(&stop.reason),
        other => (String::new(), other.to_string()),
    }
}

fn of_header(error: &HeaderError) -> (String, String) {
    let pair = |expected: &str, found: String| (expected.to_owned(), found);
    match error {
        HeaderError::NotAStream { found } => pair("\"FLS1\" at byte 8", found.to_string()),
        HeaderError::Incomplete { expected, found } => (format!("{expected} bytes"), format!("{found} bytes")),
        HeaderError::Length(found) => pair("N mod 8 = 4, 12 to 1048576", found.to_string()),
        HeaderError::Check { expected, found, .. } => (format!("{expected:#010x}"), format!("{found:#010x}")),
        HeaderError::Malformed(what) => pair("a well formed FlatBuffer", (*what).to_owned()),
        HeaderError::Version(found) => pair("1", found.to_string()),
        HeaderError::Features(found) => pair("no required feature", format!("{found:#010x}")),
        HeaderError::Alignment(found) => pair("3", found.to_string()),
        HeaderError::UnknownChecksum(found) => pair("a checksum that the reader has", found.to_string()),
        HeaderError::Checksum(found) => pair("a checksum that the reader has", found.to_string()),
        other => pair("", other.to_string()),
    }
}

fn of_frame(reason: &StopReason) -> (String, String) {
    let pair = |expected: &str, found: &str| (expected.to_owned(), found.to_owned());
    let numbers = |expected: &dyn ToString, found: &dyn ToString| (expected.to_string(), found.to_string());
    match reason {
        StopReason::Incomplete { expected, found } => (format!("{expected} bytes"), found.to_string()),
        StopReason::Blank => pair("a head", "eight bytes 00 or ff"),
        StopReason::Length { found, limit } => (format!("1 to {limit}"), found.to_string()),
        StopReason::Check { expected, found, .. } => (format!("{expected:#010x}"), format!("{found:#010x}")),
        StopReason::Pad => pair("zero bytes", "others"),
        StopReason::ControlKind => pair("four ASCII letters", "others"),
        StopReason::UnsupportedKind(kind) => pair("a kind the reader knows", &kind.escape_ascii().to_string()),
        StopReason::SyncMissing => pair("a sync frame", "another frame"),
        StopReason::SyncField(field) => pair(field, "out of range, or not as the header says"),
        StopReason::SyncStream { expected, found } => (format!("{expected:#018x}"), format!("{found:#018x}")),
        StopReason::SyncHeader { expected, found } => (format!("{expected:#010x}"), format!("{found:#010x}")),
        StopReason::SyncPosition { found } => pair("its own position", &found.to_string()),
        StopReason::SyncEpoch { expected, found } => numbers(expected, found),
        StopReason::SyncSequence { expected, found } => numbers(expected, found),
        StopReason::AfterClosed => pair("a RESUMED sync of a higher epoch", "another frame"),
        other => pair("", &other.to_string()),
    }
}
