//! Rows of an embedding table as text: a label, then numbers, with a space before each.

use crate::error::{Error, Result};
use std::io::Write;

/// The labels, a newline behind each, and the numbers of all rows.
///
/// None for whatever is not in order: the plain reader tells what.
pub fn read(text: &[u8], width: usize, spaces: bool) -> Option<(Vec<u8>, Vec<f32>)> {
    let (mut labels, mut numbers) = (Vec::new(), Vec::new());
    if text.is_empty() {
        return Some((labels, numbers));
    }
    let rows = text.strip_suffix(b"\n").unwrap_or(text);
    for line in rows.split(|&byte| byte == b'\n') {
        let last = line.iter().rposition(|byte| !b" \t\r".contains(byte))?;
        let line = &line[..=last];
        let space = memchr::memrchr_iter(b' ', line).nth(width.checked_sub(1)?)?;
        let label = &line[..space];
        if let Some(inner) = memchr::memrchr(b' ', label) {
            if !spaces || number(&label[inner + 1..]).is_some() {
                return None;
            }
        }
        for field in line[space + 1..].split(|&byte| byte == b' ') {
            #[allow(clippy::cast_possible_truncation)] // to the nearest float32 is what is wanted
            let number = number(field)? as f32;
            if !number.is_finite() {
                return None;
            }
            numbers.push(number);
        }
        labels.extend_from_slice(label);
        labels.push(b'\n');
    }
    Some((labels, numbers))
}

/// A line for each row of `width` numbers, each the shortest decimal that float32 reads as this number.
pub fn write(labels: &[u8], numbers: &[f32], width: usize) -> Result<Vec<u8>> {
    let rows = numbers.len().checked_div(width).unwrap_or(0);
    let found = memchr::memchr_iter(b'\n', labels).count();
    if found != rows {
        return Err(Error::Invalid(format!("{found} labels for {rows} rows")));
    }
    let mut text = Vec::with_capacity(labels.len() + 13 * numbers.len());
    let lines = labels.split(|&byte| byte == b'\n');
    for (label, row) in lines.zip(numbers.chunks_exact(width.max(1))) {
        text.extend_from_slice(label);
        for number in row {
            // Debug has an exponent for the very small and large, where Display writes all zeros out.
            if !number.is_finite() || write!(text, " {number:?}").is_err() {
                let told = format!("{number} is no number that text has a word for");
                return Err(Error::Invalid(told));
            }
        }
        text.push(b'\n');
    }
    Ok(text)
}

/// By way of float64, as every other reader does it.
fn number(field: &[u8]) -> Option<f64> {
    std::str::from_utf8(field).ok()?.parse().ok()
}
