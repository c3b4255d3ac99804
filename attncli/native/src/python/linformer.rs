//! `project_keys` for NumPy arrays.

use super::attention::{heads, numbers, run, Floats};
use crate::linformer;
use crate::number::count;
use numpy::{IntoPyArray, PyArray3, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::prelude::*;

/// Adds this file's function to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(project_keys, module)?)
}

#[pyfunction]
#[pyo3(signature = (projection, keys, *, threads=0))]
fn project_keys<'py>(
    py: Python<'py>,
    projection: Floats<'py>,
    keys: Floats<'py>,
    threads: usize,
) -> PyResult<Bound<'py, PyArray3<f32>>> {
    let [own, rank, length] = [0, 1, 2].map(|axis| projection.shape()[axis]);
    let keys = heads("keys", &keys)?;
    let [kv_heads, _, depth] = keys.shape();
    let projection = (numbers("projection", &projection)?, [own, rank, length]);
    let work = count(kv_heads) * count(rank) * count(length) * count(depth);
    let projected = run(py, work, |cancel| {
        linformer::project(projection, &keys, threads, cancel)
    })?;
    projected.into_pyarray(py).reshape([kv_heads, rank, depth])
}
