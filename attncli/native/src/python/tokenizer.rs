//! Splitter and BPE as `_native.pyi` documents them.

use super::cores;
use super::interrupt::interruptible;
use crate::bpe::{Bpe, Encoded, Tables};
use crate::error::Result;
use crate::split;
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyList;
use std::sync::atomic::AtomicBool;

/// Texts in all above which a call watches for Ctrl-C: less takes no time worth it.
const LONG: usize = 1 << 20;

/// Adds this file's classes and functions to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Splitter>()?;
    module.add_class::<PyBpe>()
}

#[pyclass(frozen, module = "attncli._native")]
struct Splitter(split::Splitter);

#[pymethods]
impl Splitter {
    #[new]
    #[pyo3(signature = (pattern, drop_gaps = false))]
    fn new(pattern: &str, drop_gaps: bool) -> PyResult<Self> {
        Ok(Self(split::Splitter::new(pattern, drop_gaps)?))
    }

    #[getter]
    fn handwritten(&self) -> bool {
        self.0.handwritten()
    }

    fn split(&self, py: Python<'_>, text: PyBackedBytes) -> PyResult<Vec<(usize, usize)>> {
        py.detach(|| {
            let mut spans = Vec::new();
            self.0.each(&text, |start, end| spans.push((start, end)))?;
            Ok(spans)
        })
    }

    fn safe_cut(&self, text: PyBackedBytes) -> usize {
        self.0.safe_cut(&text)
    }
}

#[pyclass(frozen, name = "BPE", module = "attncli._native")]
struct PyBpe(Bpe);

/// All ids and each text's start, as NumPy arrays.
type Flat<'py> = (Bound<'py, PyArray1<u32>>, Bound<'py, PyArray1<u64>>);

#[pymethods]
impl PyBpe {
    #[new]
    #[pyo3(signature = (
        tokens, merges, pattern, *, drop_gaps = false, byte_level = true, end_of_word = None, unknown = None,
        special = Vec::new()
    ))]
    #[allow(clippy::too_many_arguments)] // the contract's own arguments
    fn new(
        tokens: Vec<PyBackedBytes>,
        merges: Vec<(u32, u32)>,
        pattern: &str,
        drop_gaps: bool,
        byte_level: bool,
        end_of_word: Option<PyBackedBytes>,
        unknown: Option<u32>,
        special: Vec<u32>,
    ) -> PyResult<Self> {
        let tables = Tables {
            tokens: tokens.iter().map(|token| &token[..]).collect(),
            merges,
            byte_level,
            end_of_word: end_of_word.as_deref(),
            unknown,
            special,
        };
        Ok(Self(Bpe::new(
            split::Splitter::new(pattern, drop_gaps)?,
            &tables,
        )?))
    }

    fn encode(&self, py: Python<'_>, text: PyBackedBytes) -> PyResult<Vec<u32>> {
        if text.len() < LONG {
            return Ok(self.0.encode(&text)?);
        }
        interruptible(py, |_: &AtomicBool| self.0.encode(&text))
    }

    #[pyo3(signature = (texts, threads = 0))]
    fn encode_batch<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<PyBackedBytes>,
        threads: usize,
    ) -> PyResult<Vec<Bound<'py, PyList>>> {
        let parts = self.encoded(py, &texts, threads)?;
        let mut lists = Vec::with_capacity(texts.len());
        for part in &parts {
            for ids in texts_of(part) {
                lists.push(PyList::new(py, ids)?);
            }
        }
        Ok(lists)
    }

    #[pyo3(signature = (texts, threads = 0))]
    fn encode_flat<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<PyBackedBytes>,
        threads: usize,
    ) -> PyResult<Flat<'py>> {
        let mut parts = self.encoded(py, &texts, threads)?;
        let mut starts = Vec::with_capacity(texts.len() + 1);
        starts.push(0u64);
        let mut before = 0;
        for part in &parts {
            starts.extend(part.ends.iter().map(|&end| (before + end) as u64));
            before += part.ids.len();
        }
        let ids = match &mut parts[..] {
            [only] => std::mem::take(&mut only.ids),
            _ => parts
                .iter()
                .flat_map(|part| part.ids.iter().copied())
                .collect::<Vec<_>>(),
        };
        Ok((ids.into_pyarray(py), starts.into_pyarray(py)))
    }

    #[pyo3(signature = (texts, threads = 0))]
    fn count_batch(
        &self,
        py: Python<'_>,
        texts: Vec<PyBackedBytes>,
        threads: usize,
    ) -> PyResult<Vec<usize>> {
        let parts = self.encoded(py, &texts, threads)?;
        Ok(parts.iter().flat_map(texts_of).map(<[u32]>::len).collect())
    }
}

impl PyBpe {
    fn encoded(
        &self,
        py: Python<'_>,
        texts: &[PyBackedBytes],
        threads: usize,
    ) -> PyResult<Vec<Encoded>> {
        let threads = cores(threads);
        let work = || -> Result<Vec<Encoded>> { self.0.encode_batch(texts, threads) };
        if texts.iter().map(|text| text.len()).sum::<usize>() < LONG {
            return Ok(py.detach(work)?);
        }
        interruptible(py, |_: &AtomicBool| work())
    }
}

/// The ids of each text of a part.
fn texts_of(part: &Encoded) -> impl Iterator<Item = &[u32]> {
    let starts = std::iter::once(0).chain(part.ends.iter().copied());
    starts
        .zip(&part.ends)
        .map(|(start, &end)| &part.ids[start..end])
}
