//! The hot loops of attncli. The algorithms know no Python; `python` only converts and releases the GIL.

pub mod attention;
pub mod bpe;
pub mod counts;
pub mod error;
pub mod formats;
mod memory;
mod pair;
pub mod split;
pub mod tokens;
pub mod train;

#[cfg(feature = "python")]
mod python;
