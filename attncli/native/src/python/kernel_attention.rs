//! `kernel_attention` for NumPy arrays.

use super::attention::{heads, numbers, run_told, written, Floats, Output, Room};
use crate::kernel_attention::{self as core, FeatureMap, Problem};
use numpy::{PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;

/// Adds this file's function to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(kernel_attention, module)?)
}

#[pyfunction]
#[pyo3(signature = (queries, keys, values, *, projection=None, scale=1.0, causal=false, threads=0, out=None, progress=None))]
#[allow(clippy::too_many_arguments)]
fn kernel_attention<'py>(
    py: Python<'py>,
    queries: Floats<'py>,
    keys: Floats<'py>,
    values: Floats<'py>,
    projection: Option<PyReadonlyArray2<'py, f32>>,
    scale: f64,
    causal: bool,
    threads: usize,
    out: Option<Room<'py>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Output<'py>> {
    let map = match &projection {
        None => FeatureMap::Elu,
        Some(array) => FeatureMap::Positive {
            projection: numbers("projection", array)?,
            features: array.shape()[0],
            scale,
        },
    };
    let (queries, keys, values) = (
        heads("queries", &queries)?,
        heads("keys", &keys)?,
        heads("values", &values)?,
    );
    let problem = Problem::new(queries, keys, values, map, causal)?;
    let shape = [queries.shape()[0], queries.shape()[1], values.shape()[2]];
    written(py, out, shape, |output| {
        let told = progress
            .as_ref()
            .map(|progress| (progress, shape[0] * shape[1]));
        run_told(py, problem.work(), told, |cancel, done| {
            core::attention(&problem, output, threads, cancel, done)
        })
    })
}
