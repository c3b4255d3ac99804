//! `attention` and `attention_weights` for NumPy arrays.

use super::arguments::Arguments;
use super::interrupt::{interruptible, watched};
use crate::attention::{self as core, Heads, HeadsMut, Problem, Wanted};
use crate::error::Result;
use crate::number::count;
use numpy::{
    Element, IntoPyArray, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray, PyReadonlyArray2,
    PyReadonlyArray3, PyReadwriteArray3, PyUntypedArrayMethods,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Below this, about 20 ms, no thread watches for Ctrl-C: the call ends sooner than one would notice.
const WATCHED_WORK: f64 = 1e9;

/// Adds this file's functions to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(attention, module)?)?;
    module.add_function(wrap_pyfunction!(attention_weights, module)?)?;
    module.add_function(wrap_pyfunction!(attention_summary, module)?)?;
    module.add_function(wrap_pyfunction!(rotate, module)?)
}

pub type Floats<'py> = PyReadonlyArray3<'py, f32>;
pub type Room<'py> = PyReadwriteArray3<'py, f32>;
pub type Output<'py> = (Bound<'py, PyArray3<f32>>, Bound<'py, PyArray2<f32>>);

#[pyfunction]
#[pyo3(signature = (queries, keys, values, *, out=None, progress=None, **options))]
fn attention<'py>(
    py: Python<'py>,
    queries: Floats<'py>,
    keys: Floats<'py>,
    values: Floats<'py>,
    out: Option<Room<'py>>,
    progress: Option<Py<PyAny>>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Output<'py>> {
    let arguments = Arguments::new(options)?;
    let problem = Problem::new(
        heads("queries", &queries)?,
        heads("keys", &keys)?,
        heads("values", &values)?,
        arguments.options()?,
    )?;
    let shape = [shape(&queries)[0], shape(&queries)[1], shape(&values)[2]];
    written(py, out, shape, |output| {
        let told = progress
            .as_ref()
            .map(|progress| (progress, shape[0] * shape[1]));
        run_told(py, problem.work(), told, |cancel, done| {
            core::attention(&problem, output, arguments.threads, cancel, done)
        })
    })
}

#[pyfunction]
#[pyo3(signature = (queries, keys, **options))]
fn attention_weights<'py>(
    py: Python<'py>,
    queries: Floats<'py>,
    keys: Floats<'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyArray3<f32>>> {
    let arguments = Arguments::new(options)?;
    let problem = without_values(&queries, &keys, &arguments)?;
    let weights = run(py, problem.work(), |cancel| {
        core::attention_weights(&problem, arguments.threads, cancel)
    })?;
    let ([heads, length, _], [_, keys_length, _]) = (shape(&queries), shape(&keys));
    weights
        .into_pyarray(py)
        .reshape([heads, length, keys_length])
}

#[pyfunction]
#[pyo3(signature = (x, cos, sin, *, interleaved=false, threads=0))]
fn rotate<'py>(
    py: Python<'py>,
    x: Floats<'py>,
    cos: PyReadonlyArray2<'py, f32>,
    sin: PyReadonlyArray2<'py, f32>,
    interleaved: bool,
    threads: usize,
) -> PyResult<Bound<'py, PyArray3<f32>>> {
    let [heads, length, depth] = shape(&x);
    let pairs = cos.shape()[1];
    if cos.shape() != sin.shape() || cos.shape()[0] != length {
        let message = format!("cosines and sines are not both ({length}, width / 2)");
        return Err(PyValueError::new_err(message));
    }
    let angles = (numbers("cosines", &cos)?, numbers("sines", &sin)?);
    let x = numbers("vectors", &x)?;
    let turned = run(py, 8.0 * count(x.len()), |cancel| {
        core::rotate(x, depth, angles, pairs, (interleaved, threads), cancel)
    })?;
    turned.into_pyarray(py).reshape([heads, length, depth])
}

/// What `summary` holds, for Python; None where it was not wanted.
type Summarized<'py> = (
    Option<Bound<'py, PyArray3<i64>>>,
    Option<Bound<'py, PyArray3<f32>>>,
    Option<Bound<'py, PyArray2<f32>>>,
    Option<Bound<'py, PyArray2<f64>>>,
);

#[pyfunction]
#[pyo3(signature = (queries, keys, *, top_k=0, entropy=false, mass=false, **options))]
fn attention_summary<'py>(
    py: Python<'py>,
    queries: Floats<'py>,
    keys: Floats<'py>,
    top_k: usize,
    entropy: bool,
    mass: bool,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Summarized<'py>> {
    let arguments = Arguments::new(options)?;
    let problem = without_values(&queries, &keys, &arguments)?;
    let [heads, length, _] = shape(&queries);
    let wanted = Wanted {
        top: top_k,
        entropy,
        mass,
    };
    let made = run(py, problem.work(), |cancel| {
        core::summarize(&problem, wanted, arguments.threads, cancel)
    })?;
    let distances = made.mass.len().checked_div(heads).unwrap_or(0);
    let top = (top_k > 0).then_some((made.top_keys, made.top_weights));
    let (top_keys, top_weights) = top.unzip();
    let top_shape = [heads, length, top_k];
    let shaped = |x: Vec<f32>| x.into_pyarray(py).reshape([heads, length]);
    let mass_of = |x: Vec<f64>| x.into_pyarray(py).reshape([heads, distances]);
    Ok((
        top_keys
            .map(|x| x.into_pyarray(py).reshape(top_shape))
            .transpose()?,
        top_weights
            .map(|x| x.into_pyarray(py).reshape(top_shape))
            .transpose()?,
        entropy.then_some(made.entropy).map(shaped).transpose()?,
        mass.then_some(made.mass).map(mass_of).transpose()?,
    ))
}

fn without_values<'a>(
    queries: &'a Floats<'_>,
    keys: &'a Floats<'_>,
    arguments: &'a Arguments<'_>,
) -> PyResult<Problem<'a>> {
    let [kv_heads, keys_length, _] = shape(keys);
    Ok(Problem::new(
        heads("queries", queries)?,
        heads("keys", keys)?,
        Heads::of("values", &[], [kv_heads, keys_length, 0])?,
        arguments.options()?,
    )?)
}

/// Runs `work` off the GIL, watching for Ctrl-C where it takes long enough.
pub fn run<T: Send>(
    py: Python<'_>,
    operations: f64,
    work: impl FnOnce(&AtomicBool) -> Result<T> + Send,
) -> PyResult<T> {
    if operations < WATCHED_WORK {
        return Ok(py.detach(|| work(&AtomicBool::new(false)))?);
    }
    interruptible(py, work)
}

/// The same, and where it takes long enough now and then, and at the end, a call of `progress` with the rows that are
/// done and all that are to do.
pub fn run_told<T: Send>(
    py: Python<'_>,
    operations: f64,
    progress: Option<(&Py<PyAny>, usize)>,
    work: impl FnOnce(&AtomicBool, &AtomicUsize) -> Result<T> + Send,
) -> PyResult<T> {
    let done = AtomicUsize::new(0);
    let work = |cancel: &AtomicBool| work(cancel, &done);
    let Some((progress, rows)) = progress.filter(|_| operations >= WATCHED_WORK) else {
        return run(py, operations, work);
    };
    let tell = |py: Python<'_>| {
        let at = (done.load(Ordering::Relaxed), rows);
        progress.call1(py, at).map(drop)
    };
    let made = watched(py, tell, work)?;
    tell(py)?;
    Ok(made)
}

/// What `work` writes, into `out` or an array of its own, and the log-sum-exp that it gives.
pub fn written<'py>(
    py: Python<'py>,
    out: Option<Room<'py>>,
    shape: [usize; 3],
    work: impl FnOnce(HeadsMut) -> PyResult<Vec<f32>>,
) -> PyResult<Output<'py>> {
    let (output, lse) = if let Some(mut out) = out {
        let lse = work(HeadsMut::new("output", out.as_array_mut())?)?;
        ((**out).clone(), lse)
    } else {
        let mut output = core::zeros("output", &shape)?;
        let lse = work(HeadsMut::of("output", &mut output, shape)?)?;
        (output.into_pyarray(py).reshape(shape)?, lse)
    };
    Ok((output, lse.into_pyarray(py).reshape([shape[0], shape[1]])?))
}

/// The vectors of an array where they lie.
pub fn heads<'a>(name: &str, array: &'a Floats<'_>) -> PyResult<Heads<'a>> {
    Ok(Heads::new(name, array.as_array())?)
}

fn shape<T: Element>(array: &PyReadonlyArray3<'_, T>) -> [usize; 3] {
    let shape = array.shape();
    [shape[0], shape[1], shape[2]]
}

/// The numbers of an array as they lie in memory.
pub fn numbers<'a, T: Element, D: numpy::ndarray::Dimension>(
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
