//! The Python module `flatstream_native._native`; the folder `python` makes a package of it.

#![deny(unsafe_code)]

mod columns;
mod errors;
mod follow;
mod header;
#[allow(unsafe_code, reason = "the buffer protocol is a C interface; argued in the file")]
mod message;
mod private;
mod reader;
mod recovering;
mod reports;
mod sink;
mod source;
mod unlocked;
mod writer;

use pyo3::prelude::*;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<message::Message>()?;
    module.add_class::<reader::Reader>()?;
    module.add_class::<reader::Bodies>()?;
    module.add_class::<recovering::RecoveringReader>()?;
    module.add_class::<recovering::Events>()?;
    module.add_class::<columns::Columns>()?;
    module.add_class::<follow::Follower>()?;
    module.add_class::<writer::Writer>()?;
    module.add_function(wrap_pyfunction!(follow::follow, module)?)?;
    module.add_function(wrap_pyfunction!(writer::reopen, module)?)
}
