//! Two u32 as one u64, which sorts and hashes as one number.

/// `high` decides the order, `low` among equals.
#[inline]
pub fn pack(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// What was packed.
#[inline]
pub fn unpack(packed: u64) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = packed.to_be_bytes();
    (
        u32::from_be_bytes([a, b, c, d]),
        u32::from_be_bytes([e, f, g, h]),
    )
}

/// The upper bits of a packed pair's hash, 64 − `shift` of them: Fibonacci hashing (Knuth, volume 3, section 6.4), by an
/// odd `multiplier` near 2^64 divided by an irrational number.
#[inline]
#[allow(clippy::cast_possible_truncation)] // usize is no smaller than the tables that it indexes
pub fn hash(key: u64, multiplier: u64, shift: u32) -> usize {
    (key.wrapping_mul(multiplier) >> shift) as usize
}
