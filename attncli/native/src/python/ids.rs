//! Ids as Python's ints. One object an id for good, in place of one each time it occurs: a long list costs counts of
//! references rather than allocations, and 8 bytes an id rather than 40.
//!
//! Lists made of each part while other threads encode the next were no quicker: on two cores 18 to 21 ms for 6 MB of
//! English in place of 20, 38 to 49 for multilingual text in place of 42. Each part then costs both threads more (their
//! tables push one another out of the cache), and a thread that wakes often stays on the core of the one that woke it.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyInt, PyList};

/// The ints of a vocabulary, made when first so many ids are asked for that it pays.
#[derive(Default)]
pub struct Ids(PyOnceLock<Vec<Py<PyInt>>>);

impl Ids {
    /// The ids of several texts, each from its start to the next one's, as lists. `entries` is the vocabulary's size.
    pub fn lists<'py>(
        &self,
        py: Python<'py>,
        ids: &[u32],
        starts: &[usize],
        entries: usize,
    ) -> PyResult<Vec<Bound<'py, PyList>>> {
        let made = if ids.len() < entries {
            self.0.get(py)
        } else {
            Some(self.0.get_or_init(py, || ints(py, entries)))
        };
        let texts = starts.windows(2).map(|span| &ids[span[0]..span[1]]);
        let Some(made) = made else {
            return texts.map(|ids| PyList::new(py, ids)).collect();
        };
        let int = |&id: &u32| match made.get(id as usize) {
            Some(int) => int.bind(py).clone(),
            None => PyInt::new(py, id),
        };
        texts
            .map(|ids| PyList::new(py, ids.iter().map(int)))
            .collect()
    }
}

fn ints(py: Python<'_>, entries: usize) -> Vec<Py<PyInt>> {
    (0..entries).map(|id| PyInt::new(py, id).unbind()).collect()
}
