//! Encoded texts as Python's lists and NumPy's arrays.

use crate::bpe::batch::{join, starts};
use crate::bpe::Encoded;
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use pyo3::types::PyList;

/// Texts in all above which a call watches for Ctrl-C: less takes no time worth it.
pub const LONG: usize = 1 << 20;

/// All ids and each text's start, as NumPy arrays.
pub type Flat<'py> = (Bound<'py, PyArray1<u32>>, Bound<'py, PyArray1<u64>>);

/// A list of ids for each text.
pub fn lists<'py>(py: Python<'py>, parts: &[Encoded]) -> PyResult<Vec<Bound<'py, PyList>>> {
    let texts = parts.iter().flat_map(texts_of);
    texts.map(|ids| PyList::new(py, ids)).collect()
}

/// All ids in one array, and each text's start in it, the total at the end.
pub fn flat(py: Python<'_>, mut parts: Vec<Encoded>) -> Flat<'_> {
    let starts = starts(&parts);
    let ids = match &mut parts[..] {
        [only] => std::mem::take(&mut only.ids),
        _ => py.detach(|| join(&parts, 1, |id| id)),
    };
    (ids.into_pyarray(py), starts.into_pyarray(py))
}

/// The ids of each text of a part.
pub fn texts_of(part: &Encoded) -> impl Iterator<Item = &[u32]> {
    let starts = std::iter::once(0).chain(part.ends.iter().copied());
    starts
        .zip(&part.ends)
        .map(|(start, &end)| &part.ids[start..end])
}
