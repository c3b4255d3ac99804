//! The options that all functions of attention take, from Python's keywords to `Options`.

use super::attention::numbers;
use crate::attention::{Broadcast, KeyLists, Options};
use numpy::{Element, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray3, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// What came, holding on to the arrays.
#[derive(Default)]
pub struct Arguments<'py> {
    scale: f64,
    causal: bool,
    window: Option<(i64, i64)>,
    softcap: f64,
    mask: Option<PyReadonlyArray3<'py, bool>>,
    bias: Option<PyReadonlyArray3<'py, f32>>,
    alibi_slopes: Option<PyReadonlyArray1<'py, f32>>,
    relative_bias: Option<PyReadonlyArray2<'py, f32>>,
    sinks: Option<PyReadonlyArray1<'py, f32>>,
    positions: Option<PyReadonlyArray1<'py, i64>>,
    lists: Option<Lists<'py>>,
    /// 0 is one a core.
    pub threads: usize,
}

type Lists<'py> = (
    usize,
    PyReadonlyArray1<'py, u32>,
    PyReadonlyArray2<'py, u32>,
);

impl<'py> Arguments<'py> {
    /// From keywords; one that is not known is a TypeError.
    pub fn new(keywords: Option<&Bound<'py, PyDict>>) -> PyResult<Self> {
        let mut these = Self::default();
        for (name, value) in keywords.into_iter().flatten() {
            let name: String = name.extract()?;
            match name.as_str() {
                "scale" => these.scale = value.extract()?,
                "causal" => these.causal = value.extract()?,
                "window" => these.window = value.extract()?,
                "softcap" => these.softcap = value.extract()?,
                "mask" => these.mask = array(&name, &value)?,
                "bias" => these.bias = array(&name, &value)?,
                "alibi_slopes" => these.alibi_slopes = array(&name, &value)?,
                "relative_bias" => these.relative_bias = array(&name, &value)?,
                "sinks" => these.sinks = array(&name, &value)?,
                "positions" => these.positions = array(&name, &value)?,
                "lists" => these.lists = array(&name, &value)?,
                "threads" => these.threads = value.extract()?,
                _ => {
                    let message = format!("unexpected keyword argument '{name}'");
                    return Err(PyTypeError::new_err(message));
                }
            }
        }
        Ok(these)
    }

    /// The same without Python.
    pub fn options(&self) -> PyResult<Options<'_>> {
        let lists = self.lists.as_ref().map(|(block, starts, ranges)| {
            Ok::<_, PyErr>(KeyLists {
                block: *block,
                starts: numbers("starts of the key lists", starts)?,
                ranges: numbers("ranges of keys", ranges)?,
            })
        });
        Ok(Options {
            scale: self.scale,
            causal: self.causal,
            left: bound(self.window.map(|w| w.0)),
            right: bound(self.window.map(|w| w.1)),
            softcap: self.softcap,
            mask: broadcast("mask", self.mask.as_ref())?,
            bias: broadcast("bias", self.bias.as_ref())?,
            alibi_slopes: optional("ALiBi slopes", self.alibi_slopes.as_ref())?,
            relative_bias: optional("relative bias", self.relative_bias.as_ref())?,
            sinks: optional("sinks", self.sinks.as_ref())?,
            positions: optional("positions", self.positions.as_ref())?,
            lists: lists.transpose()?,
        })
    }
}

fn array<'py, T: FromPyObjectOwned<'py>>(
    name: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<Option<T>> {
    if value.is_none() {
        return Ok(None);
    }
    let found: Result<T, T::Error> = value.extract();
    found.map(Some).map_err(|error| {
        let error: PyErr = error.into();
        PyTypeError::new_err(format!("{name}: {error}"))
    })
}

/// One side of a window; −1 (and anything negative) is no bound, and no sequence is longer than usize.
fn bound(side: Option<i64>) -> Option<usize> {
    side.filter(|&side| side >= 0)
        .map(|side| usize::try_from(side).unwrap_or(usize::MAX))
}

fn optional<'a, T: Element, D: numpy::ndarray::Dimension>(
    name: &str,
    array: Option<&'a numpy::PyReadonlyArray<'_, T, D>>,
) -> PyResult<Option<&'a [T]>> {
    array.map(|array| numbers(name, array)).transpose()
}

fn broadcast<'a, T: Element>(
    name: &str,
    array: Option<&'a PyReadonlyArray3<'_, T>>,
) -> PyResult<Option<Broadcast<'a, T>>> {
    array
        .map(|array| {
            let shape = array.shape();
            Ok(Broadcast {
                data: numbers(name, array)?,
                shape: [shape[0], shape[1], shape[2]],
            })
        })
        .transpose()
}
