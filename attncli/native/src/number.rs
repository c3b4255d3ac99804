//! The few conversions between numbers that can lose something, each saying what.

/// The nearest float32; what is beyond its range becomes infinite.
#[allow(clippy::cast_possible_truncation)]
pub fn to_f32(x: f64) -> f32 {
    x as f32
}

/// A count as a float, exact below 2^53.
#[allow(clippy::cast_precision_loss)]
pub fn count(n: usize) -> f64 {
    n as f64
}

/// A count with room for less than none; no array has as many as 2^63.
pub fn signed(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A place as an index, 0 where it lies before the first.
pub fn unsigned(n: i64) -> usize {
    usize::try_from(n.max(0)).unwrap_or(usize::MAX)
}

/// The nearest float32, exact below 2^24.
#[allow(clippy::cast_precision_loss)]
pub fn distance(n: i64) -> f32 {
    n as f32
}
