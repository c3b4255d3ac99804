//! The Python face of the crate: converts arguments, releases the GIL, nothing else.

mod arguments;
mod attention;
mod finite;
mod formats;
mod ids;
mod interrupt;
mod kernel_attention;
mod linformer;
mod text;
mod tokenizer;
mod train;
mod word2vec;

use crate::error::Error;
use pyo3::exceptions::{PyKeyboardInterrupt, PyMemoryError, PyValueError};
use pyo3::prelude::*;

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(message) => PyValueError::new_err(message),
            Error::Memory(_) => PyMemoryError::new_err(error.to_string()),
            Error::Interrupted => PyKeyboardInterrupt::new_err(()),
        }
    }
}

/// `attncli._native`: the functions that `attncli/_native.pyi` documents.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    tokenizer::register(module)?;
    formats::register(module)?;
    train::register(module)?;
    attention::register(module)?;
    finite::register(module)?;
    kernel_attention::register(module)?;
    linformer::register(module)?;
    word2vec::register(module)
}
