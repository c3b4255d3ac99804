//! `finite` for a NumPy array.

use super::attention::{numbers, run};
use crate::number::count;
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;

/// Adds this file's function to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(finite, module)?)
}

#[pyfunction]
#[pyo3(signature = (numbers, *, threads=0))]
fn finite(py: Python<'_>, numbers: PyReadonlyArray1<'_, f32>, threads: usize) -> PyResult<bool> {
    let numbers = self::numbers("numbers", &numbers)?;
    run(py, count(numbers.len()), |cancel| {
        crate::finite::finite(numbers, threads, cancel)
    })
}
