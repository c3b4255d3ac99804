//! `kernel_attention` for NumPy arrays.

use super::attention::numbers;
use super::interrupt::interruptible;
use crate::kernel_attention::{self as core, FeatureMap, Problem};
use numpy::{
    IntoPyArray, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray2, PyReadonlyArray3,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;

/// Adds this file's function to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(kernel_attention, module)?)
}

type Floats<'py> = PyReadonlyArray3<'py, f32>;
type Output<'py> = (Bound<'py, PyArray3<f32>>, Bound<'py, PyArray2<f32>>);

#[pyfunction]
#[pyo3(signature = (queries, keys, values, *, projection=None, scale=1.0, causal=false, threads=0))]
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
) -> PyResult<Output<'py>> {
    let map = match &projection {
        None => FeatureMap::Elu,
        Some(array) => FeatureMap::Positive {
            projection: numbers("projection", array)?,
            features: array.shape()[0],
            scale,
        },
    };
    let shape = |array: &Floats<'py>| [0, 1, 2].map(|axis| array.shape()[axis]);
    let problem = Problem::new(
        (numbers("queries", &queries)?, shape(&queries)),
        (numbers("keys", &keys)?, shape(&keys)),
        (numbers("values", &values)?, shape(&values)),
        map,
        causal,
    )?;
    let (output, lse) = interruptible(py, |cancel| core::attention(&problem, threads, cancel))?;
    let ([heads, length, _], [_, _, depth]) = (shape(&queries), shape(&values));
    Ok((
        output.into_pyarray(py).reshape([heads, length, depth])?,
        lse.into_pyarray(py).reshape([heads, length])?,
    ))
}
