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

/// a − b of two counts, exact as float32 below 2^24.
pub fn difference(a: usize, b: usize) -> f32 {
    to_f32(count(a) - count(b))
}
