//! Chance that is the same in both engines.

/// SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A stream of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Evenly from 0 to n − 1, for n up to 2³².
    #[allow(clippy::cast_possible_truncation)] // below n
    pub fn below(&mut self, n: usize) -> usize {
        ((self.bits() >> 32).wrapping_mul(n as u64) >> 32) as usize
    }

    /// Evenly distributed in [0, 1).
    #[allow(clippy::cast_precision_loss)] // 53 bits fit
    pub fn draw(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}
