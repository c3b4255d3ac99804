//! Splitter and Tokenizer as `_native.pyi` documents them.

use super::ids::Ids;
use super::interrupt::interruptible;
use super::text::Text;
use crate::bpe::batch::{join, starts};
use crate::bpe::Encoded;
use crate::error::{Error, Result};
use crate::pipeline::{Buffers, Options, Tokenizer, Traced, Ways};
use crate::split;
use crate::tokens::Tokens;
use crate::workers::meant;
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyList};
use std::sync::atomic::AtomicBool;

/// Bytes of texts, or ids, in all above which a call watches for Ctrl-C: less takes no time worth it.
const LONG: usize = 1 << 20;

/// Adds this file's classes and functions to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Splitter>()?;
    module.add_class::<PyTokenizer>()
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

#[pyclass(frozen, name = "Tokenizer", module = "attncli._native")]
struct PyTokenizer {
    engine: Tokenizer,
    ids: Ids,
}

/// All ids (uint32, or uint16) and each text's start, as NumPy arrays.
type Flat<'py> = (Bound<'py, PyAny>, Bound<'py, PyArray1<u64>>);

/// What every encoding takes beside its text.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Asked {
    allow: Vec<u32>,
    before: Vec<u32>,
    after: Vec<u32>,
    dropout: Option<f64>,
    seed: u64,
}

#[pymethods]
impl PyTokenizer {
    #[new]
    #[pyo3(signature = (
        tokens, ends, pipeline, *, merges = None, new = None, scores = None, types = None
    ))]
    #[allow(clippy::too_many_arguments)] // the contract's own arguments
    fn new(
        py: Python<'_>,
        tokens: &[u8],
        ends: &[u8],
        pipeline: &str,
        merges: Option<&[u8]>,
        new: Option<&[u8]>,
        scores: Option<&[u8]>,
        types: Option<&[u8]>,
    ) -> PyResult<Self> {
        let tokens = Tokens::new(tokens.to_vec(), numbers(ends)?)?;
        let merges = numbers(merges.unwrap_or_default())?;
        let (scores, _) = scores.unwrap_or_default().as_chunks();
        let buffers = Buffers {
            merges: merges
                .chunks_exact(2)
                .map(|pair| (pair[0], pair[1]))
                .collect(),
            new: new.map(numbers).transpose()?,
            scores: scores
                .iter()
                .map(|&score| f64::from_ne_bytes(score))
                .collect(),
            types: types.unwrap_or_default().to_vec(),
        };
        let engine = py.detach(|| Tokenizer::new(tokens, pipeline, buffers))?;
        Ok(Self {
            engine,
            ids: Ids::default(),
        })
    }

    #[pyo3(signature = (text, options = None))]
    fn encode(&self, py: Python<'_>, text: Text, options: Option<Asked>) -> PyResult<Vec<u32>> {
        let options = asked(options);
        let text = text.as_ref();
        if text.len() < LONG {
            return Ok(self.engine.encode(text, &options)?);
        }
        interruptible(py, |_: &AtomicBool| self.engine.encode(text, &options))
    }

    #[pyo3(signature = (texts, options = None))]
    fn encode_traced(
        &self,
        py: Python<'_>,
        texts: Vec<Text>,
        options: Option<Asked>,
    ) -> PyResult<Vec<Traced>> {
        let options = asked(options);
        Ok(py.detach(|| self.engine.encode_traced(&texts, &options))?)
    }

    #[pyo3(signature = (documents, skip = Vec::new()))]
    fn decode_batch<'py>(
        &self,
        py: Python<'py>,
        documents: Vec<Bound<'py, PyAny>>,
        skip: Vec<u32>,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let mut decoded = Vec::with_capacity(documents.len());
        for document in documents {
            // A list first: to ask for an array imports NumPy.
            let bytes = if let Ok(ids) = document.cast::<PyList>() {
                self.engine.decode(&ids.extract::<Vec<u32>>()?, &skip)
            } else if let Ok(ids) = document.extract::<PyReadonlyArray1<'py, u32>>() {
                self.engine.decode(ids.as_slice()?, &skip)
            } else {
                let ids = document.extract::<PyReadonlyArray1<'py, u16>>()?;
                let wide: Vec<u32> = ids.as_slice()?.iter().map(|&id| id.into()).collect();
                self.engine.decode(&wide, &skip)
            };
            decoded.push(PyBytes::new(py, &bytes?));
        }
        Ok(decoded)
    }

    #[pyo3(signature = (ids, starts, threads = 0, *, skip = Vec::new(), end_of_text = None, end = &[][..]))]
    #[allow(clippy::too_many_arguments)] // the contract's own arguments
    fn decode_flat<'py>(
        &self,
        py: Python<'py>,
        ids: &Bound<'py, PyAny>,
        starts: PyReadonlyArray1<'py, u64>,
        threads: usize,
        skip: Vec<u32>,
        end_of_text: Option<u32>,
        end: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let ways = Ways {
            skip: &skip,
            end_of_text,
            end,
        };
        let (starts, threads) = (starts.as_slice()?, meant(threads));
        let texts = if let Ok(ids) = ids.extract::<PyReadonlyArray1<'py, u16>>() {
            let ids = ids.as_slice()?;
            long_call(py, ids.len(), |cancel| {
                self.engine.decode_flat(ids, starts, &ways, threads, cancel)
            })
        } else {
            let ids = ids.extract::<PyReadonlyArray1<'py, u32>>()?;
            let ids = ids.as_slice()?;
            long_call(py, ids.len(), |cancel| {
                self.engine.decode_flat(ids, starts, &ways, threads, cancel)
            })
        }?;
        let size = texts.iter().map(Vec::len).sum();
        PyBytes::new_with(py, size, |mut room| {
            for text in &texts {
                let (here, rest) = room.split_at_mut(text.len());
                here.copy_from_slice(text);
                room = rest;
            }
            Ok(())
        })
    }

    fn lost<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        let lost = self.engine.lost();
        lost.iter().map(|text| PyBytes::new(py, text)).collect()
    }

    #[pyo3(signature = (texts, threads = 0, options = None))]
    fn encode_batch<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<Text>,
        threads: usize,
        options: Option<Asked>,
    ) -> PyResult<Vec<Bound<'py, PyList>>> {
        let parts = self.encoded(py, &texts, threads, options)?;
        let starts: Vec<usize> = starts(&parts).into_iter().map(place).collect();
        let ids = py.detach(|| joined(parts, meant(threads)))?;
        self.ids.lists(py, &ids, &starts, self.engine.entries())
    }

    #[pyo3(signature = (texts, threads = 0, options = None))]
    fn encode_flat<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<Text>,
        threads: usize,
        options: Option<Asked>,
    ) -> PyResult<Flat<'py>> {
        let parts = self.encoded(py, &texts, threads, options)?;
        flat(py, parts, threads, false)
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
        let largest = largest.max(self.engine.entries().saturating_sub(1));
        if narrow && largest > usize::from(u16::MAX) {
            return Err(PyValueError::new_err(format!(
                "an id of {largest} does not fit uint16; use uint32"
            )));
        }
        let parts = long_call(py, bytes.len(), |cancel| {
            self.engine
                .encode_lines(bytes, meant(threads), end_of_text, cancel)
        })?;
        flat(py, parts, threads, narrow)
    }

    #[pyo3(signature = (texts, threads = 0, options = None))]
    fn count_batch(
        &self,
        py: Python<'_>,
        texts: Vec<Text>,
        threads: usize,
        options: Option<Asked>,
    ) -> PyResult<Vec<usize>> {
        let starts = starts(&self.encoded(py, &texts, threads, options)?);
        Ok(starts
            .windows(2)
            .map(|span| place(span[1] - span[0]))
            .collect())
    }
}

impl PyTokenizer {
    fn encoded(
        &self,
        py: Python<'_>,
        texts: &[Text],
        threads: usize,
        options: Option<Asked>,
    ) -> PyResult<Vec<Encoded>> {
        let options = asked(options);
        let size = texts.iter().map(|text| text.as_ref().len()).sum();
        long_call(py, size, |cancel| {
            self.engine
                .encode_batch(texts, meant(threads), &options, cancel)
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
fn joined(mut parts: Vec<Encoded>, threads: usize) -> Result<Vec<u32>> {
    match &mut parts[..] {
        [only] => Ok(std::mem::take(&mut only.ids)),
        _ => join(&parts, threads, |id| id),
    }
}

fn flat(py: Python<'_>, parts: Vec<Encoded>, threads: usize, narrow: bool) -> PyResult<Flat<'_>> {
    let starts = starts(&parts).into_pyarray(py);
    let threads = meant(threads);
    let ids = if narrow {
        // The caller has made sure that all fit.
        let short = |id| u16::try_from(id).unwrap_or(u16::MAX);
        py.detach(|| join(&parts, threads, short))?
            .into_pyarray(py)
            .into_any()
    } else {
        py.detach(|| joined(parts, threads))?
            .into_pyarray(py)
            .into_any()
    };
    Ok((ids, starts))
}

/// A place in memory that was counted in u64.
fn place(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn asked(options: Option<Asked>) -> Options {
    options.map_or_else(Options::default, |asked| Options {
        allow: asked.allow,
        before: asked.before,
        after: asked.after,
        dropout: asked.dropout,
        seed: asked.seed,
    })
}

/// uint32 in the machine's byte order.
fn numbers(bytes: &[u8]) -> Result<Vec<u32>> {
    let (numbers, rest) = bytes.as_chunks();
    if !rest.is_empty() {
        return Err(Error::Invalid("a buffer of uint32 is cut short".into()));
    }
    Ok(numbers
        .iter()
        .map(|number| u32::from_ne_bytes(*number))
        .collect())
}
