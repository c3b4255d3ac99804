//! SentencePiece as `_native.pyi` documents it.

use super::cores;
use super::encoded::{flat, lists, texts_of, Flat, LONG};
use super::interrupt::interruptible;
use crate::bpe::Encoded;
use crate::error::{Error, Result};
use crate::sentencepiece::{self, Spec, Tables};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyList};
use std::sync::atomic::AtomicBool;

/// Adds this file's class to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<SentencePiece>()
}

/// (precompiled_charsmap, add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces)
type PySpec = (PyBackedBytes, bool, bool, bool);

fn spec(given: &PySpec) -> Spec<'_> {
    Spec {
        precompiled_charsmap: &given.0,
        add_dummy_prefix: given.1,
        remove_extra_whitespaces: given.2,
        escape_whitespaces: given.3,
    }
}

#[pyclass(frozen, module = "attncli._native")]
struct SentencePiece(sentencepiece::SentencePiece);

#[pymethods]
impl SentencePiece {
    #[new]
    #[pyo3(signature = (
        tokens, ends, scores, types, normalizer, denormalizer = None, *, unigram, byte_fallback = false,
        treat_whitespace_as_suffix = false, unk_surface = None, any_bytes = false
    ))]
    #[allow(clippy::too_many_arguments)] // the contract's own arguments
    fn new(
        tokens: PyBackedBytes,
        ends: PyBackedBytes,
        scores: PyBackedBytes,
        types: PyBackedBytes,
        normalizer: PySpec,
        denormalizer: Option<PySpec>,
        unigram: bool,
        byte_fallback: bool,
        treat_whitespace_as_suffix: bool,
        unk_surface: Option<PyBackedBytes>,
        any_bytes: bool,
    ) -> PyResult<Self> {
        let mut start = 0;
        let cut = ends.as_chunks().0.iter().map(|&bytes| {
            let end = u32::from_ne_bytes(bytes) as usize;
            let token = tokens.get(start..end);
            start = end;
            token.ok_or_else(|| Error::Invalid("the ends of the tokens are out of order".into()))
        });
        let tables = Tables {
            tokens: cut.collect::<Result<_>>()?,
            scores: scores
                .as_chunks()
                .0
                .iter()
                .map(|&bytes| f32::from_ne_bytes(bytes))
                .collect(),
            types: &types,
            unigram,
            byte_fallback,
            treat_whitespace_as_suffix,
            unk_surface: unk_surface.as_deref().unwrap_or_default(),
            any_bytes,
            normalizer: spec(&normalizer),
            denormalizer: denormalizer.as_ref().map(spec),
        };
        Ok(Self(sentencepiece::SentencePiece::new(&tables)?))
    }

    fn normalize<'py>(&self, py: Python<'py>, text: PyBackedBytes) -> Bound<'py, PyBytes> {
        let normalized = py.detach(|| self.0.normalize(&text));
        PyBytes::new(py, &normalized)
    }

    fn encode(&self, py: Python<'_>, text: PyBackedBytes) -> PyResult<Vec<u32>> {
        if text.len() < LONG {
            return Ok(self.0.encode(&text)?);
        }
        interruptible(py, |_| self.0.encode(&text))
    }

    fn encode_traced(
        &self,
        py: Python<'_>,
        texts: Vec<PyBackedBytes>,
    ) -> PyResult<Vec<sentencepiece::Traced>> {
        Ok(py.detach(|| {
            texts
                .iter()
                .map(|text| self.0.encode_traced(text))
                .collect::<Result<_>>()
        })?)
    }

    #[pyo3(signature = (texts, threads = 0))]
    fn encode_batch<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<PyBackedBytes>,
        threads: usize,
    ) -> PyResult<Vec<Bound<'py, PyList>>> {
        lists(py, &self.encoded(py, &texts, threads)?)
    }

    #[pyo3(signature = (texts, threads = 0))]
    fn encode_flat<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<PyBackedBytes>,
        threads: usize,
    ) -> PyResult<Flat<'py>> {
        Ok(flat(py, self.encoded(py, &texts, threads)?))
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

    fn decode<'py>(&self, py: Python<'py>, ids: Vec<u32>) -> PyResult<Bound<'py, PyBytes>> {
        let text = py.detach(|| self.0.decode(&ids))?;
        Ok(PyBytes::new(py, &text))
    }
}

impl SentencePiece {
    fn encoded(
        &self,
        py: Python<'_>,
        texts: &[PyBackedBytes],
        threads: usize,
    ) -> PyResult<Vec<Encoded>> {
        let threads = cores(threads);
        let work = |cancel: &AtomicBool| self.0.encode_batch(texts, threads, cancel);
        if texts.iter().map(|text| text.len()).sum::<usize>() < LONG {
            return Ok(py.detach(|| work(&AtomicBool::new(false)))?);
        }
        interruptible(py, work)
    }
}
