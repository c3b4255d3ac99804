//! `attention` and `attention_weights` for NumPy arrays.

use super::interrupt::interruptible;
use crate::attention::{self as core, Broadcast, Options, Problem};
use crate::error::Result;
use numpy::{
    Element, IntoPyArray, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray, PyReadonlyArray1,
    PyReadonlyArray3, PyUntypedArrayMethods,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::atomic::AtomicBool;

/// Below this, about 20 ms, no thread watches for Ctrl-C: the call ends sooner than one would notice.
const WATCHED_WORK: f64 = 1e9;

/// Adds this file's functions to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(attention, module)?)?;
    module.add_function(wrap_pyfunction!(attention_weights, module)?)
}

type Floats<'py> = PyReadonlyArray3<'py, f32>;
type Output<'py> = (Bound<'py, PyArray3<f32>>, Bound<'py, PyArray2<f32>>);

#[pyfunction]
#[pyo3(signature = (queries, keys, values, *, scale, causal=false, window=None, softcap=0.0, mask=None,
    bias=None, alibi_slopes=None, threads=0))]
#[allow(clippy::too_many_arguments)]
fn attention<'py>(
    py: Python<'py>,
    queries: Floats<'py>,
    keys: Floats<'py>,
    values: Floats<'py>,
    scale: f64,
    causal: bool,
    window: Option<(i64, i64)>,
    softcap: f64,
    mask: Option<PyReadonlyArray3<'py, bool>>,
    bias: Option<Floats<'py>>,
    alibi_slopes: Option<PyReadonlyArray1<'py, f32>>,
    threads: usize,
) -> PyResult<Output<'py>> {
    let options = Options {
        scale,
        causal,
        left: bound(window.map(|w| w.0)),
        right: bound(window.map(|w| w.1)),
        softcap,
        mask: broadcast("mask", mask.as_ref())?,
        bias: broadcast("bias", bias.as_ref())?,
        alibi_slopes: slopes(alibi_slopes.as_ref())?,
    };
    let [heads, length, _] = shape(&queries);
    let [_, _, depth] = shape(&values);
    let problem = Problem::new(
        (numbers("queries", &queries)?, shape(&queries)),
        (numbers("keys", &keys)?, shape(&keys)),
        (numbers("values", &values)?, shape(&values)),
        options,
    )?;
    let (output, lse) = run(py, &problem, |cancel| {
        core::attention(&problem, threads, cancel)
    })?;
    Ok((
        output.into_pyarray(py).reshape([heads, length, depth])?,
        lse.into_pyarray(py).reshape([heads, length])?,
    ))
}

#[pyfunction]
#[pyo3(signature = (queries, keys, *, scale, causal=false, window=None, softcap=0.0, mask=None,
    bias=None, alibi_slopes=None, threads=0))]
#[allow(clippy::too_many_arguments)]
fn attention_weights<'py>(
    py: Python<'py>,
    queries: Floats<'py>,
    keys: Floats<'py>,
    scale: f64,
    causal: bool,
    window: Option<(i64, i64)>,
    softcap: f64,
    mask: Option<PyReadonlyArray3<'py, bool>>,
    bias: Option<Floats<'py>>,
    alibi_slopes: Option<PyReadonlyArray1<'py, f32>>,
    threads: usize,
) -> PyResult<Bound<'py, PyArray3<f32>>> {
    let options = Options {
        scale,
        causal,
        left: bound(window.map(|w| w.0)),
        right: bound(window.map(|w| w.1)),
        softcap,
        mask: broadcast("mask", mask.as_ref())?,
        bias: broadcast("bias", bias.as_ref())?,
        alibi_slopes: slopes(alibi_slopes.as_ref())?,
    };
    let [heads, length, _] = shape(&queries);
    let [kv_heads, keys_length, _] = shape(&keys);
    let problem = Problem::new(
        (numbers("queries", &queries)?, shape(&queries)),
        (numbers("keys", &keys)?, shape(&keys)),
        (&[], [kv_heads, keys_length, 0]),
        options,
    )?;
    let weights = run(py, &problem, |cancel| {
        core::attention_weights(&problem, threads, cancel)
    })?;
    weights
        .into_pyarray(py)
        .reshape([heads, length, keys_length])
}

/// Runs `work` off the GIL, watching for Ctrl-C where it takes long enough.
fn run<T: Send>(
    py: Python<'_>,
    problem: &Problem,
    work: impl FnOnce(&AtomicBool) -> Result<T> + Send,
) -> PyResult<T> {
    if problem.work() < WATCHED_WORK {
        return Ok(py.detach(|| work(&AtomicBool::new(false)))?);
    }
    interruptible(py, work)
}

/// One side of a window; −1 (and anything negative) is no bound, and no sequence is longer than usize.
fn bound(side: Option<i64>) -> Option<usize> {
    side.filter(|&side| side >= 0)
        .map(|side| usize::try_from(side).unwrap_or(usize::MAX))
}

fn shape<T: Element>(array: &PyReadonlyArray3<'_, T>) -> [usize; 3] {
    let shape = array.shape();
    [shape[0], shape[1], shape[2]]
}

fn numbers<'a, T: Element, D: numpy::ndarray::Dimension>(
    name: &str,
    array: &'a PyReadonlyArray<'_, T, D>,
) -> PyResult<&'a [T]> {
    let refusal = || PyValueError::new_err(format!("the {name} must be C-contiguous"));
    // NumPy counts a transposed (1, N) as contiguous in both orders, and so does this.
    if !array.is_c_contiguous() {
        return Err(refusal());
    }
    array.as_slice().map_err(|_| refusal())
}

fn broadcast<'a, T: Element>(
    name: &str,
    array: Option<&'a PyReadonlyArray3<'_, T>>,
) -> PyResult<Option<Broadcast<'a, T>>> {
    array
        .map(|array| {
            Ok(Broadcast {
                data: numbers(name, array)?,
                shape: shape(array),
            })
        })
        .transpose()
}

fn slopes<'a>(array: Option<&'a PyReadonlyArray1<'_, f32>>) -> PyResult<Option<&'a [f32]>> {
    array
        .map(|array| numbers("ALiBi slopes", array))
        .transpose()
}
