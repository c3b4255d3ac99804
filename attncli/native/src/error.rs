//! What can go wrong in an algorithm, as a value: nothing here panics on data.

use std::fmt;

/// One failure, told so that a person can act on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The arguments do not fit each other or the data.
    Invalid(String),
    /// So many bytes could not be had.
    Memory(usize),
    /// The caller asked to stop (Ctrl-C).
    Interrupted,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(message) => f.write_str(message),
            Self::Memory(bytes) => write!(
                f,
                "{} MB of memory could not be had",
                bytes.div_ceil(1_000_000)
            ),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Error {}

/// The result of every fallible algorithm in this crate.
pub type Result<T> = std::result::Result<T, Error>;
