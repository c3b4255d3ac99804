//! Every kernel against a plain float64 computation.

mod blocks;
mod cases;
mod edges;
mod elementary;
mod oracle;
mod random;
mod summary;
