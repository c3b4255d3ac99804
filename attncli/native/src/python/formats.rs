//! Quick readers of files of tokenizers and embeddings: buffers go to Python as bytes, numbers as u32 in the
//! machine's order.

use crate::bpe::derive;
use crate::formats::{added, table_rows, tiktoken, tokenizer_json, vocab_merges};
use crate::tokens::Tokens;
use numpy::{IntoPyArray, PyArray2, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

/// Adds this file's functions to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(read_ranks, module)?)?;
    module.add_function(wrap_pyfunction!(derive_merges, module)?)?;
    module.add_function(wrap_pyfunction!(lift_tokenizer_json, module)?)?;
    module.add_function(wrap_pyfunction!(lift_vocab_merges, module)?)?;
    module.add_function(wrap_pyfunction!(add_tokens, module)?)?;
    module.add_function(wrap_pyfunction!(read_table_rows, module)?)?;
    module.add_function(wrap_pyfunction!(write_table_rows, module)?)
}

type Buffer<'py> = Bound<'py, PyBytes>;

#[pyfunction]
fn read_ranks(py: Python<'_>, data: PyBackedBytes) -> Option<(Buffer<'_>, Buffer<'_>)> {
    let tokens = py.detach(|| tiktoken::read(&data))?;
    Some(buffers(py, &tokens))
}

#[pyfunction]
fn derive_merges(
    py: Python<'_>,
    tokens: PyBackedBytes,
    ends: PyBackedBytes,
) -> PyResult<Option<(Buffer<'_>, Buffer<'_>)>> {
    let tokens = Tokens::new(tokens.to_vec(), numbers(&ends))?;
    let merges = py.detach(|| derive::merges(&tokens))?;
    Ok(merges.map(|merges| {
        let pairs = merges.iter().flat_map(|&(left, right, _)| [left, right]);
        let new = merges.iter().map(|&(_, _, new)| new);
        (packed(py, pairs), packed(py, new))
    }))
}

#[pyfunction]
#[allow(clippy::type_complexity)] // the contract's own
fn lift_tokenizer_json(
    py: Python<'_>,
    data: PyBackedBytes,
) -> Option<(Buffer<'_>, Buffer<'_>, Buffer<'_>, Buffer<'_>)> {
    let lifted = py.detach(|| tokenizer_json::lift(&data))?;
    let (names, ends) = buffers(py, &lifted.vocab);
    let rest = PyBytes::new(py, &lifted.rest);
    Some((rest, names, ends, packed_pairs(py, &lifted.merges)))
}

#[pyfunction]
fn lift_vocab_merges(
    py: Python<'_>,
    vocab: PyBackedBytes,
    merges: PyBackedBytes,
) -> Option<(Buffer<'_>, Buffer<'_>, Buffer<'_>)> {
    let (tokens, pairs) = py.detach(|| vocab_merges::read(&vocab, &merges))?;
    let (names, ends) = buffers(py, &tokens);
    Some((names, ends, packed_pairs(py, &pairs)))
}

#[pyfunction]
fn add_tokens<'py>(
    py: Python<'py>,
    tokens: PyBackedBytes,
    ends: PyBackedBytes,
    added: Vec<(u32, PyBackedBytes)>,
    spelled: bool,
) -> PyResult<Option<(Buffer<'py>, Buffer<'py>)>> {
    let vocab = Tokens::new(tokens.to_vec(), numbers(&ends))?;
    let added: Vec<(u32, &[u8])> = added.iter().map(|(id, text)| (*id, &text[..])).collect();
    let all = py.detach(|| added::add(&vocab, &added, spelled));
    Ok(all.map(|all| buffers(py, &all)))
}

#[pyfunction]
#[allow(clippy::type_complexity)] // the contract's own
fn read_table_rows(
    py: Python<'_>,
    text: PyBackedBytes,
    width: usize,
    spaces: bool,
) -> PyResult<Option<(Buffer<'_>, Bound<'_, PyArray2<f32>>)>> {
    let Some((labels, numbers)) = py.detach(|| table_rows::read(&text, width, spaces)) else {
        return Ok(None);
    };
    let rows = numbers.len().checked_div(width).unwrap_or(0);
    let numbers = numbers.into_pyarray(py).reshape([rows, width])?;
    Ok(Some((PyBytes::new(py, &labels), numbers)))
}

#[pyfunction]
fn write_table_rows<'py>(
    py: Python<'py>,
    labels: PyBackedBytes,
    vectors: PyReadonlyArray2<'py, f32>,
) -> PyResult<Buffer<'py>> {
    let numbers = vectors
        .as_slice()
        .map_err(|_| PyValueError::new_err("the vectors are not contiguous"))?;
    let width = vectors.shape()[1];
    let text = py.detach(|| table_rows::write(&labels, numbers, width))?;
    Ok(PyBytes::new(py, &text))
}

fn buffers<'py>(py: Python<'py>, tokens: &Tokens) -> (Buffer<'py>, Buffer<'py>) {
    let ends = tokens.ends().iter().copied();
    (PyBytes::new(py, tokens.bytes()), packed(py, ends))
}

fn packed_pairs<'py>(py: Python<'py>, pairs: &[(u32, u32)]) -> Buffer<'py> {
    packed(py, pairs.iter().flat_map(|&(left, right)| [left, right]))
}

fn packed(py: Python<'_>, numbers: impl Iterator<Item = u32>) -> Buffer<'_> {
    let mut bytes = Vec::with_capacity(numbers.size_hint().0 * size_of::<u32>());
    numbers.for_each(|number| bytes.extend_from_slice(&number.to_ne_bytes()));
    PyBytes::new(py, &bytes)
}

fn numbers(bytes: &[u8]) -> Vec<u32> {
    let fours = bytes.chunks_exact(4);
    fours
        .map(|four| u32::from_ne_bytes([four[0], four[1], four[2], four[3]]))
        .collect()
}
