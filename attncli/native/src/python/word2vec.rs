//! `train_word2vec` as `_native.pyi` documents it.

use super::interrupt::interruptible;
use crate::error::Result;
use crate::word2vec::{train, Noise, Problem, Rows, Settings, Tree};
use numpy::{Element, PyReadonlyArray1, PyReadwriteArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Adds this file's function to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(train_word2vec, module)?)
}

type NoiseArrays<'py> = (PyReadonlyArray1<'py, u32>, PyReadonlyArray1<'py, u32>);
type TreeArrays<'py> = (
    PyReadonlyArray1<'py, u64>,
    PyReadonlyArray1<'py, u32>,
    PyReadonlyArray1<'py, u8>,
);

#[pyfunction]
#[pyo3(signature = (vectors, ids, starts, keep, *, window, cbow, rates, seed, outputs = None, noise = None,
    negative = 0, nodes = None, tree = None, threads = 0))]
#[allow(clippy::too_many_arguments)] // the contract's own arguments
fn train_word2vec(
    py: Python<'_>,
    mut vectors: PyReadwriteArray2<'_, f32>,
    ids: PyReadonlyArray1<'_, u32>,
    starts: PyReadonlyArray1<'_, u64>,
    keep: PyReadonlyArray1<'_, u32>,
    window: u32,
    cbow: bool,
    rates: (f64, f64),
    seed: u64,
    mut outputs: Option<PyReadwriteArray2<'_, f32>>,
    noise: Option<NoiseArrays<'_>>,
    negative: usize,
    mut nodes: Option<PyReadwriteArray2<'_, f32>>,
    tree: Option<TreeArrays<'_>>,
    threads: usize,
) -> PyResult<(f64, u64)> {
    let noise = match (&mut outputs, &noise) {
        (Some(rows), Some((thresholds, aliases))) => Some((
            matrix(rows)?,
            Noise {
                thresholds: numbers("thresholds", thresholds)?,
                aliases: numbers("aliases", aliases)?,
            },
        )),
        (None, None) => None,
        _ => return Err(PyValueError::new_err("outputs and noise go together")),
    };
    let tree = match (&mut nodes, &tree) {
        (Some(rows), Some((starts, inner, turns))) => Some((
            matrix(rows)?,
            Tree {
                starts: numbers("tree", starts)?,
                nodes: numbers("tree", inner)?,
                turns: numbers("tree", turns)?,
            },
        )),
        (None, None) => None,
        _ => return Err(PyValueError::new_err("nodes and tree go together")),
    };
    let problem = Problem {
        vectors: matrix(&mut vectors)?,
        outputs: noise,
        nodes: tree,
        ids: numbers("ids", &ids)?,
        starts: numbers("starts", &starts)?,
        keep: numbers("keep", &keep)?,
        settings: Settings {
            window,
            negative,
            cbow,
            rates,
            seed,
        },
    };
    let loss = interruptible(py, |cancel| train(&problem, threads, cancel))?;
    Ok((loss.sum, loss.pairs))
}

fn matrix<'a>(array: &'a mut PyReadwriteArray2<'_, f32>) -> PyResult<Rows<'a>> {
    let width = array.shape()[1];
    let numbers = array
        .as_slice_mut()
        .map_err(|_| PyValueError::new_err("a matrix is not C-contiguous"))?;
    let rows: Result<Rows<'a>> = Rows::new(numbers, width);
    Ok(rows?)
}

fn numbers<'a, T: Element>(name: &str, array: &'a PyReadonlyArray1<'_, T>) -> PyResult<&'a [T]> {
    array
        .as_slice()
        .map_err(|_| PyValueError::new_err(format!("the {name} must be C-contiguous")))
}
