//! Splitter and BPE as `_native.pyi` documents them.

use super::cores;
use super::interrupt::interruptible;
use crate::bpe::batch::{join, starts};
use crate::bpe::{Bpe, Encoded, Tables};
use crate::error::Result;
use crate::split;
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
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

/// All ids (uint32, or uint16) and each text's start, as NumPy arrays.
type Flat<'py> = (Bound<'py, PyAny>, Bound<'py, PyArray1<u64>>);

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
        Ok(joined(self.encoded(py, &[text], 1)?, 1))
    }

    #[pyo3(signature = (texts, threads = 0))]
    fn encode_batch<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<PyBackedBytes>,
        threads: usize,
    ) -> PyResult<Vec<Bound<'py, PyList>>> {
        let parts = self.encoded(py, &texts, threads)?;
        let starts = starts(&parts);
        let ids = py.detach(|| joined(parts, cores(threads)));
        starts
            .windows(2)
            .map(|span| PyList::new(py, &ids[place(span[0])..place(span[1])]))
            .collect()
    }

    #[pyo3(signature = (texts, threads = 0))]
    fn encode_flat<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<PyBackedBytes>,
        threads: usize,
    ) -> PyResult<Flat<'py>> {
        let parts = self.encoded(py, &texts, threads)?;
        Ok(flat(py, parts, threads, false))
    }

    #[pyo3(signature = (text, threads = 0, *, end_of_text = None, narrow = false))]
    fn encode_lines<'py>(
        &self,
        py: Python<'py>,
        text: PyReadonlyArray1<'py, u8>,
        threads: usize,
        end_of_text: Option<u32>,
        narrow: bool,
    ) -> PyResult<Flat<'py>> {
        let bytes = text
            .as_slice()
            .map_err(|_| PyValueError::new_err("the text must be contiguous"))?;
        let largest = end_of_text.map_or(0, |id| id as usize);
        let largest = largest.max(self.0.entries().saturating_sub(1));
        if narrow && largest > usize::from(u16::MAX) {
            return Err(PyValueError::new_err(format!(
                "an id of {largest} does not fit uint16; use uint32"
            )));
        }
        let parts = long_call(py, bytes.len(), |cancel| {
            self.0
                .encode_lines(bytes, cores(threads), end_of_text, cancel)
        })?;
        Ok(flat(py, parts, threads, narrow))
    }

    #[pyo3(signature = (texts, threads = 0))]
    fn count_batch(
        &self,
        py: Python<'_>,
        texts: Vec<PyBackedBytes>,
        threads: usize,
    ) -> PyResult<Vec<usize>> {
        let starts = starts(&self.encoded(py, &texts, threads)?);
        Ok(starts
            .windows(2)
            .map(|span| place(span[1] - span[0]))
            .collect())
    }
}

impl PyBpe {
    fn encoded(
        &self,
        py: Python<'_>,
        texts: &[PyBackedBytes],
        threads: usize,
    ) -> PyResult<Vec<Encoded>> {
        let size = texts.iter().map(|text| text.len()).sum();
        long_call(py, size, |cancel| {
            self.0.encode_batch(texts, cores(threads), cancel)
        })
    }
}

/// Runs `work` off the GIL, and where there is much of it, on Ctrl-C's watch.
fn long_call<T: Send>(
    py: Python<'_>,
    size: usize,
    work: impl FnOnce(&AtomicBool) -> Result<T> + Send,
) -> PyResult<T> {
    if size < LONG {
        return Ok(py.detach(|| work(&AtomicBool::new(false)))?);
    }
    interruptible(py, work)
}

/// All ids in one vector; the only part is not copied.
fn joined(mut parts: Vec<Encoded>, threads: usize) -> Vec<u32> {
    match &mut parts[..] {
        [only] => std::mem::take(&mut only.ids),
        _ => join(&parts, threads, |id| id),
    }
}

fn flat(py: Python<'_>, parts: Vec<Encoded>, threads: usize, narrow: bool) -> Flat<'_> {
    let starts = starts(&parts).into_pyarray(py);
    let threads = cores(threads);
    let ids = if narrow {
        // The caller has made sure that all fit.
        let short = |id| u16::try_from(id).unwrap_or(u16::MAX);
        py.detach(|| join(&parts, threads, short))
            .into_pyarray(py)
            .into_any()
    } else {
        py.detach(|| joined(parts, threads))
            .into_pyarray(py)
            .into_any()
    };
    (ids, starts)
}

/// A place in memory that was counted in u64.
fn place(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
