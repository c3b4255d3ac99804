//! Vectors of float32: loops are written once over `Lanes`, and compiled for each kind of processor.

pub mod exp;
pub mod lanes;
pub mod product;
pub mod transpose;
#[cfg(target_arch = "x86_64")]
pub mod x86;

/// The tables of compiled loops that this processor can run, the fastest first: those called `$table` in the modules
/// `avx512`, `avx2` and `plain`.
macro_rules! available {
    ($table:ident) => {{
        let mut found = Vec::with_capacity(3);
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
                found.push(avx512::$table);
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                found.push(avx2::$table);
            }
        }
        found.push(plain::$table);
        found
    }};
}
pub(crate) use available;
