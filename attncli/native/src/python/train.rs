//! WordCounts and train_merges as `_native.pyi` documents them.

use super::interrupt::watched;
use crate::counts::{Run, WordCounts};
use crate::error::{Error, Result};
use crate::split;
use crate::train::{train, Goal};
use crate::workers::meant;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Adds this file's class and function to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyWordCounts>()?;
    module.add_function(wrap_pyfunction!(train_merges, module)?)
}

#[pyclass(frozen, name = "WordCounts", module = "attncli._native")]
struct PyWordCounts(Mutex<WordCounts>);

impl PyWordCounts {
    /// Runs `work` on the counts off the GIL (a run's `read` may want it).
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut WordCounts) -> Result<T> + Send,
    ) -> PyResult<T> {
        let counts = &self.0;
        Ok(py.detach(|| work(&mut counts.lock().unwrap_or_else(PoisonError::into_inner)))?)
    }
}

#[pymethods]
impl PyWordCounts {
    #[new]
    #[pyo3(signature = (pattern, drop_gaps = false, threads = 0))]
    fn new(pattern: &str, drop_gaps: bool, threads: usize) -> PyResult<Self> {
        let splitter = split::Splitter::new(pattern, drop_gaps)?;
        Ok(Self(Mutex::new(WordCounts::new(splitter, meant(threads)))))
    }

    fn add(&self, py: Python<'_>, text: PyBackedBytes) -> PyResult<()> {
        self.with(py, |counts| counts.add(text))
    }

    fn add_counts(&self, py: Python<'_>, words: Vec<(PyBackedBytes, u64)>) -> PyResult<()> {
        self.with(py, |counts| {
            words
                .iter()
                .try_for_each(|(word, count)| counts.add_count(word, *count))
        })
    }

    #[getter]
    fn memory(&self, py: Python<'_>) -> PyResult<usize> {
        self.with(py, |counts| Ok(counts.memory()))
    }

    fn spill(&self, py: Python<'_>, write: Py<PyAny>) -> PyResult<(u64, u64)> {
        let mut failed = None;
        let spilled = self.with(py, |counts| {
            counts.spill(&mut |block| {
                Python::attach(|py| write.call1(py, (PyBytes::new(py, block),)))
                    .map(drop)
                    .map_err(|error| {
                        failed = Some(error);
                        Error::Interrupted
                    })
            })
        });
        failed.map_or(spilled, Err)
    }

    fn add_run(&self, py: Python<'_>, read: Py<PyAny>, size: u64, pieces: u64) -> PyResult<()> {
        let read = move |offset: u64, size: usize| {
            Python::attach(|py| {
                let block: PyBackedBytes = read.call1(py, (offset, size))?.extract(py)?;
                Ok(block.to_vec())
            })
            .map_err(|error: PyErr| Error::Invalid(format!("a temporary file: {error}")))
        };
        self.with(py, |counts| {
            counts.add_run(Run::new(size, Box::new(read)), pieces);
            Ok(())
        })
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.with(py, WordCounts::distinct)
    }

    #[getter]
    fn total(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, WordCounts::total)
    }

    fn items<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyBytes>, u64)>> {
        let items = self.with(py, |counts| {
            let mut items = Vec::new();
            counts.each(true, &mut |word, count| {
                items.push((word.to_vec(), count));
                Ok(())
            })?;
            Ok(items)
        })?;
        Ok(items
            .into_iter()
            .map(|(word, count)| (PyBytes::new(py, &word), count))
            .collect())
    }

    fn characters<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let characters = self.with(py, WordCounts::characters)?;
        Ok(characters
            .into_iter()
            .map(|character| PyBytes::new(py, character.encode_utf8(&mut [0; 4]).as_bytes()))
            .collect())
    }
}

#[pyfunction]
#[pyo3(signature = (
    counts, alphabet, max_merges, *, end_of_word = None, min_frequency = 2, max_token_length = None,
    max_memory = None, on_merges = None
))]
#[allow(clippy::too_many_arguments)] // the contract's own arguments
fn train_merges(
    py: Python<'_>,
    counts: &PyWordCounts,
    alphabet: Vec<PyBackedBytes>,
    max_merges: usize,
    end_of_word: Option<PyBackedBytes>,
    min_frequency: u64,
    max_token_length: Option<usize>,
    max_memory: Option<usize>,
    on_merges: Option<Py<PyAny>>,
) -> PyResult<Vec<(u32, u32, u32, u64)>> {
    let goal = Goal {
        alphabet: alphabet.iter().map(|symbol| &symbol[..]).collect(),
        end_of_word: end_of_word.as_deref(),
        max_merges,
        min_frequency,
        max_token_length,
        max_memory,
    };
    let words = counts.with(py, WordCounts::take)?;
    let done = AtomicUsize::new(0);
    let report = |py: Python<'_>| {
        on_merges.as_ref().map_or(Ok(()), |report| {
            let arguments = (done.load(Ordering::Relaxed), max_merges);
            report.call1(py, arguments).map(drop)
        })
    };
    let merges = watched(py, report, |cancel| {
        train(words, &goal, |made| {
            done.store(made, Ordering::Relaxed);
            if cancel.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            Ok(())
        })
    })?;
    report(py)?;
    Ok(merges
        .into_iter()
        .map(|merge| (merge.left, merge.right, merge.new, merge.count))
        .collect())
}
