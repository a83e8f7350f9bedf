//! What a recovering reader noticed, as objects of Python.

use flatstream::Finding;
use pyo3::prelude::*;

use crate::errors::class;

pub(crate) fn to_python<'py>(py: Python<'py>, finding: &Finding) -> PyResult<Bound<'py, PyAny>> {
    let make = |name| class(py, name);
    match finding {
        Finding::Skipped { begin, end, why } => make("Skipped")?.call1((*begin, *end, why.code())),
        Finding::Lost { messages, position } => make("Lost")?.call1((*messages, *position)),
        Finding::LostUnknown { begin } => make("Lost")?.call1((None::<u64>, *begin)),
        Finding::Contradiction { position, counted, delivered } => {
            make("Contradiction")?.call1((*position, *counted, *delivered))
        }
        Finding::Displaced { offset, by } => make("Displaced")?.call1((*offset, *by)),
        Finding::Pad { position } => make("Pad")?.call1((*position,)),
        Finding::Dropped { position, dropped } => make("Dropped")?.call1((*position, dropped.messages, dropped.bytes)),
        Finding::HeaderRecovered { offset, why } => make("HeaderIgnored")?.call1((*offset, why.code())),
        Finding::HeaderContradicted { offset } => make("HeaderIgnored")?.call1((*offset, "sync_header")),
        Finding::OtherStream { offset, stream_id } => make("OtherStream")?.call1((*offset, *stream_id)),
        Finding::SecondStream { offset } => make("SecondStream")?.call1((*offset,)),
        other => make("Noticed")?.call1((other.to_string(),)),
    }
}
