//! The merging of a short word: a look for the lowest rank among its pairs, again and again.
//!
//! Each symbol that merges with its right neighbour has a key: 24 bits of rank and 6 of place, so that the leftmost comes
//! first among equals. Under AVX-512 the keys stay in registers: in memory a look at eight of them waits for the one that
//! was just written (10 MB of one Chinese word under o200k: 0.25 s of 0.27 s in such looks and what hangs on them).

use super::merge::Merges;

/// Most symbols of a short word. (A scan is quadratic, but quicker than a heap below about this many.)
pub const SHORT: usize = 64;
/// The key of a symbol that merges with none.
const LAST: i32 = i32::MAX;
const NONE: u32 = u32::MAX;

/// Merges the symbols `ids[from..]`, at most `SHORT`, in place, as far as there are merges.
pub fn scan(merges: &Merges, ids: &mut Vec<u32>, from: usize) {
    let symbols = &mut ids[from..];
    let count = symbols.len();
    if !(2..=SHORT).contains(&count) {
        return;
    }
    let mut keys = [LAST; SHORT];
    for (place, (key, pair)) in keys.iter_mut().zip(symbols.windows(2)).enumerate() {
        *key = ranked(merges.rank_of_bytes(pair[0], pair[1]), place);
    }
    let mut left = merge_all(merges, symbols, &mut keys);
    let mut kept = 0;
    while left != 0 {
        symbols[kept] = symbols[left.trailing_zeros() as usize];
        kept += 1;
        left &= left - 1;
    }
    ids.truncate(from + kept);
}

fn merge_all(merges: &Merges, symbols: &mut [u32], keys: &mut [i32; SHORT]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("bmi1") {
        // SAFETY: the features were just found.
        return unsafe { x86::merge_all(merges, symbols, keys) };
    }
    let used = symbols.len().next_multiple_of(8);
    drive(merges, symbols, &mut keys[..used])
}

#[inline]
fn ranked(rank: u32, place: usize) -> i32 {
    match rank {
        NONE => LAST,
        rank => i32::try_from((rank as usize) << 6 | place).unwrap_or(LAST),
    }
}

/// Keys by place, of which one is the lowest.
trait Keys {
    fn lowest(&self) -> i32;
    fn set(&mut self, place: usize, key: i32);
}

/// Merges until no key is left: a bit for each symbol that stays. These bits serve as links to both sides.
#[inline(always)]
fn drive(merges: &Merges, symbols: &mut [u32], keys: &mut (impl Keys + ?Sized)) -> u64 {
    let mut left = u64::MAX >> (SHORT - symbols.len());
    loop {
        let lowest = keys.lowest();
        if lowest == LAST {
            return left;
        }
        let lowest = lowest.cast_unsigned();
        let (rank, place) = (lowest >> 6, (lowest & 63) as usize);
        let id = merges.id(rank);
        let after =
            |place: usize, left: u64| (left & (u64::MAX - 1) << place).trailing_zeros() as usize;
        let right = after(place, left);
        symbols[place] = id;
        keys.set(right, LAST);
        left &= !(1 << right);
        let key = match after(place, left) {
            64 => LAST,
            next => ranked(merges.rank(id, symbols[next]), place),
        };
        keys.set(place, key);
        let before = left & ((1 << place) - 1);
        if before != 0 {
            let before = before.ilog2() as usize;
            keys.set(before, ranked(merges.rank(symbols[before], id), before));
        }
    }
}

/// A multiple of eight.
impl Keys for [i32] {
    #[inline(always)]
    fn lowest(&self) -> i32 {
        let mut least = [LAST; 8];
        for eight in self.chunks_exact(8) {
            for (least, &key) in least.iter_mut().zip(eight) {
                *least = key.min(*least);
            }
        }
        least.into_iter().fold(LAST, i32::min)
    }

    #[inline(always)]
    fn set(&mut self, place: usize, key: i32) {
        self[place] = key;
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{drive, Keys, Merges, SHORT};
    use std::arch::x86_64::*;

    /// Sixteen keys in each register.
    struct Registers<const N: usize>([__m512i; N]);

    impl<const N: usize> Keys for Registers<N> {
        #[inline(always)]
        fn lowest(&self) -> i32 {
            // SAFETY: made by `merge_all` alone, which has the features.
            unsafe {
                let least = self.0.iter().copied().reduce(|a, b| _mm512_min_epi32(a, b));
                least.map_or(i32::MAX, |least| _mm512_reduce_min_epi32(least))
            }
        }

        #[inline(always)]
        fn set(&mut self, place: usize, key: i32) {
            let bit = 1u64 << place;
            for (index, keys) in self.0.iter_mut().enumerate() {
                #[allow(clippy::cast_possible_truncation)] // the 16 bits of these keys
                let mask = (bit >> (16 * index)) as u16;
                // SAFETY: made by `merge_all` alone, which has the features.
                *keys = unsafe { _mm512_mask_set1_epi32(*keys, mask, key) };
            }
        }
    }

    impl<const N: usize> Registers<N> {
        #[target_feature(enable = "avx512f,bmi1")]
        #[inline]
        fn load(keys: &[i32; SHORT]) -> Self {
            // SAFETY: N is at most 4: sixteen keys stand at each place.
            Self(std::array::from_fn(|index| unsafe {
                _mm512_loadu_si512(keys.as_ptr().add(16 * index).cast())
            }))
        }
    }

    #[target_feature(enable = "avx512f,bmi1")]
    pub fn merge_all(merges: &Merges, symbols: &mut [u32], keys: &[i32; SHORT]) -> u64 {
        match symbols.len() {
            ..=16 => drive(merges, symbols, &mut Registers::<1>::load(keys)),
            17..=32 => drive(merges, symbols, &mut Registers::<2>::load(keys)),
            _ => drive(merges, symbols, &mut Registers::<4>::load(keys)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_registers_and_in_memory_merge_alike() {
        // Merges that overlap, contradict each other and repeat.
        let mut merges = Merges::with_capacity(300, None);
        for (next, number) in (6..).zip(0..300u32) {
            let (left, right) = (number * 7 % next.min(20), number * 11 / 3 % next.min(20));
            assert!(merges.insert(left, right, next));
        }
        let mut merged = 0;
        for length in 2..=SHORT {
            for seed in 0..50u32 {
                let word: Vec<u32> = (0..)
                    .take(length)
                    .map(|place| (place * (seed + 3) + place * place * seed / 2) % 6)
                    .collect();
                let mut keys = [LAST; SHORT];
                for place in 0..length - 1 {
                    keys[place] = ranked(merges.rank(word[place], word[place + 1]), place);
                }
                let (mut one, mut other) = (word.clone(), word.clone());
                let left = merge_all(&merges, &mut one, &mut keys.clone());
                let used = length.next_multiple_of(8);
                assert_eq!(
                    left,
                    drive(&merges, &mut other, &mut keys[..used]),
                    "{word:?}"
                );
                assert_eq!(one, other);
                merged += usize::from(left.count_ones() as usize != length);
            }
        }
        assert!(merged > 1000, "hardly any of these words merges");
    }
}
