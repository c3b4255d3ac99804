//! WordCounts and train_merges as `_native.pyi` documents them.

use super::cores;
use crate::counts::{WordCounts, Words};
use crate::error::Error;
use crate::split;
use crate::train::{train, Goal};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often training reports.
const REPORT: Duration = Duration::from_millis(100);

/// Adds this file's class and function to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyWordCounts>()?;
    module.add_function(wrap_pyfunction!(train_merges, module)?)
}

#[pyclass(frozen, name = "WordCounts", module = "attncli._native")]
struct PyWordCounts(Mutex<WordCounts>);

impl PyWordCounts {
    fn with<T>(&self, read: impl FnOnce(&mut WordCounts) -> T) -> T {
        read(
            &mut self
                .0
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        )
    }
}

#[pymethods]
impl PyWordCounts {
    #[new]
    #[pyo3(signature = (pattern, drop_gaps = false, threads = 0))]
    fn new(pattern: &str, drop_gaps: bool, threads: usize) -> PyResult<Self> {
        let splitter = split::Splitter::new(pattern, drop_gaps)?;
        Ok(Self(Mutex::new(WordCounts::new(splitter, cores(threads)))))
    }

    fn add(&self, py: Python<'_>, text: PyBackedBytes) -> PyResult<()> {
        Ok(py.detach(|| self.with(|counts| counts.add(text)))?)
    }

    fn add_counts(&self, words: Vec<(PyBackedBytes, u64)>) {
        self.with(|counts| {
            for (word, count) in &words {
                counts.add_count(word, *count);
            }
        });
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(py.detach(|| self.with(|counts| Ok::<_, Error>(counts.words()?.0.len())))?)
    }

    #[getter]
    fn total(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(py.detach(|| self.with(|counts| Ok::<_, Error>(counts.words()?.1)))?)
    }

    fn items<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyBytes>, u64)>> {
        self.with(|counts| {
            let mut items: Vec<_> = counts.words()?.0.iter().collect();
            items.sort_unstable();
            Ok(items
                .into_iter()
                .map(|(word, count)| (PyBytes::new(py, word), count))
                .collect())
        })
    }

    fn characters<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let characters = py.detach(|| self.with(|counts| counts.characters()))?;
        Ok(characters
            .into_iter()
            .map(|character| PyBytes::new(py, character.encode_utf8(&mut [0; 4]).as_bytes()))
            .collect())
    }
}

#[pyfunction]
#[pyo3(signature = (
    counts, alphabet, max_merges, *, end_of_word = None, min_frequency = 2, max_token_length = None, on_merges = None
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
    on_merges: Option<Py<PyAny>>,
) -> PyResult<Vec<(u32, u32, u32, u64)>> {
    let goal = Goal {
        alphabet: alphabet.iter().map(|symbol| &symbol[..]).collect(),
        end_of_word: end_of_word.as_deref(),
        max_merges,
        min_frequency,
        max_token_length,
    };
    let words: Words = counts.with(|counts| counts.words().map(|(words, _)| words.clone()))?;
    let done = AtomicUsize::new(0);
    let mut failed = None;
    let learned = py.detach(|| {
        let mut last = Instant::now();
        train(&words, &goal, |count| {
            done.store(count, Ordering::Relaxed);
            if count % 64 != 0 || last.elapsed() < REPORT {
                return Ok(());
            }
            last = Instant::now();
            Python::attach(|py| {
                let reported = on_merges.as_ref().map_or(Ok(()), |report| {
                    report.call1(py, (count, max_merges)).map(drop)
                });
                reported.and_then(|()| py.check_signals()).map_err(|error| {
                    failed = Some(error);
                    Error::Interrupted
                })
            })
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    let merges = learned?;
    if let Some(report) = on_merges {
        report.call1(py, (done.into_inner(), max_merges))?;
    }
    Ok(merges
        .into_iter()
        .map(|merge| (merge.left, merge.right, merge.new, merge.count))
        .collect())
}
