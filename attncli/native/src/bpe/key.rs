//! A word as the key of a table: its bytes themselves where they are few, and a hash.

use crate::counts::hash;
use crate::prefetch::prefetch;
use crate::split::block::BLOCK;

/// Longest word that is a key itself: with its length it fills 16 bytes.
pub const SHORT: usize = 15;
/// Longest word that has a hash.
pub const LONG: usize = 255;
/// A block, and as much behind it as is read at once.
pub const WINDOW: usize = BLOCK + 16;

/// A word as a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// A short word's bytes, zeros, and in the last byte its length; all ones for a long word.
    pub word: u128,
    /// Of a long word the low half of another hash; 0 where it is very long.
    pub hash: u32,
}

/// `KEEP[n]` keeps the first n bytes.
const KEEP: [u128; SHORT + 1] = {
    let mut masks = [0; SHORT + 1];
    let mut length = 1;
    while length <= SHORT {
        masks[length] = masks[length - 1] << 8 | 0xff;
        length += 1;
    }
    masks
};
/// `LENGTH[n]` is n in the last byte.
const LENGTH: [u128; SHORT + 1] = {
    let mut lengths = [0; SHORT + 1];
    let mut length = 1;
    while length <= SHORT {
        lengths[length] = (length as u128) << 120;
        length += 1;
    }
    lengths
};
/// The two halves of a word meet with these.
const SALT: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xe703_7ed1_a0b4_28db];

impl Key {
    /// What stands for the end of a text: no word has this length.
    pub const END: Self = Self {
        word: u128::MAX - 1,
        hash: 0,
    };

    /// The key of a word that is not empty.
    #[inline]
    pub fn of(word: &[u8]) -> Self {
        if word.len() > SHORT {
            return Self::long(word);
        }
        let mut sixteen = [0; 16];
        sixteen[..word.len()].copy_from_slice(word);
        Self::short(u128::from_le_bytes(sixteen) | LENGTH[word.len()])
    }

    /// The key with these bytes and this length.
    #[inline]
    pub fn short(word: u128) -> Self {
        Self {
            word,
            hash: mix(word),
        }
    }

    #[inline(never)]
    #[allow(clippy::cast_possible_truncation)] // any bits of a hash will do
    fn long(word: &[u8]) -> Self {
        let hash = if word.len() > LONG { 0 } else { hash(word) };
        Self {
            word: u128::MAX,
            hash: hash as u32,
        }
    }

    /// Whether the word is too long to be its key.
    #[inline(always)]
    pub fn is_long(self) -> bool {
        self.word == u128::MAX
    }

    /// A short word's bytes are the first so many of these.
    #[inline]
    pub fn bytes(self) -> ([u8; 16], usize) {
        let bytes = self.word.to_le_bytes();
        (bytes, usize::from(bytes[SHORT]))
    }
}

/// A short word's hash. (Whichever way there is on this processor, it is always the same one.)
#[inline]
fn mix(word: u128) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if x86::has_aes() {
        // SAFETY: the features were just found.
        return unsafe { x86::mix_aes(word) };
    }
    mix_portable(word)
}

/// All of a product of two numbers that each depend on half the word.
#[inline]
#[allow(clippy::cast_possible_truncation)] // halves of a u128
fn mix_portable(word: u128) -> u32 {
    let (low, high) = (word as u64, (word >> 64) as u64);
    let product = u128::from(low ^ SALT[0]) * u128::from(high.rotate_left(32) ^ SALT[1]);
    let folded = product as u64 ^ (product >> 64) as u64;
    (folded ^ folded >> 32) as u32
}

/// The keys of a block's words, in memory that is used again for the next block.
#[derive(Debug)]
pub struct Keys {
    pub words: [u128; ROOM],
    pub hashes: [u32; ROOM],
    pub count: usize,
}

/// Words that wait at least: meanwhile the memory that tells their ids arrives. (With 16 or 256 it takes as long.)
const PENDING: usize = 64;
/// Room for them, and for one more block's.
const ROOM: usize = PENDING + BLOCK;

impl Default for Keys {
    fn default() -> Self {
        Self {
            words: [0; ROOM],
            hashes: [0; ROOM],
            count: 0,
        }
    }
}

impl Keys {
    /// Adds one.
    #[inline]
    pub fn push(&mut self, key: Key) {
        self.words[self.count % ROOM] = key.word;
        self.hashes[self.count % ROOM] = key.hash;
        self.count += 1;
    }

    /// Whether there may be no room for the words of a block.
    #[inline]
    pub fn are_full(&self) -> bool {
        self.count >= PENDING
    }

    /// Adds the short words from `from` on, of which each set bit of `ends` is an end, up to the first long one: where
    /// that begins, and the ends that are left. Asks for the memory of `table` at each word's hash.
    #[inline]
    pub fn push_short<T>(
        &mut self,
        window: &[u8; WINDOW],
        from: usize,
        ends: u64,
        table: &[T],
    ) -> (usize, u64) {
        #[cfg(target_arch = "x86_64")]
        if x86::has_aes() {
            // SAFETY: the features were just found.
            return unsafe { x86::push_short(self, window, from, ends, table) };
        }
        push_each(self, window, from, ends, table, Key::short)
    }
}

/// `Keys::push_short` with one way of hashing.
#[inline(always)]
fn push_each<T>(
    keys: &mut Keys,
    window: &[u8; WINDOW],
    mut from: usize,
    mut ends: u64,
    table: &[T],
    key: impl Fn(u128) -> Key,
) -> (usize, u64) {
    let mask = table.len().wrapping_sub(1);
    let mut count = keys.count;
    while ends != 0 {
        let end = ends.trailing_zeros() as usize;
        let length = end - from;
        if length > SHORT {
            break;
        }
        ends &= ends - 1;
        // A piece begins in the block: 16 bytes stand there in any case.
        let mut sixteen = [0; 16];
        sixteen.copy_from_slice(&window[from % BLOCK..][..16]);
        let length = length & SHORT;
        let key = key(u128::from_le_bytes(sixteen) & KEEP[length] | LENGTH[length]);
        prefetch(table, key.hash as usize & mask);
        keys.words[count % ROOM] = key.word;
        keys.hashes[count % ROOM] = key.hash;
        count += 1;
        from = end;
    }
    keys.count = count;
    (from, ends)
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{push_each, Key, Keys, SALT, WINDOW};
    use std::arch::x86_64::*;

    /// Whether the functions below may be called.
    #[inline]
    pub fn has_aes() -> bool {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("aes")
            && is_x86_feature_detected!("bmi1")
    }

    /// Three rounds of AES. (After two each byte depends on all sixteen, but four of them on some only through one
    /// byte: of 32,768 decimal numbers 3 in 4 shared a slot of 65,536.)
    #[target_feature(enable = "avx2,aes,bmi1")]
    #[inline]
    pub fn mix_aes(word: u128) -> u32 {
        let salt = _mm_set_epi64x(SALT[1].cast_signed(), SALT[0].cast_signed());
        // SAFETY: the word has 16 bytes, and the load asks for no alignment.
        let bytes = unsafe { _mm_loadu_si128((&raw const word).cast()) };
        let round = |state| _mm_aesenc_si128(state, salt);
        _mm_cvtsi128_si32(round(round(round(bytes)))).cast_unsigned()
    }

    #[target_feature(enable = "avx2,aes,bmi1")]
    pub fn push_short<T>(
        keys: &mut Keys,
        window: &[u8; WINDOW],
        from: usize,
        ends: u64,
        table: &[T],
    ) -> (usize, u64) {
        let key = |word| Key {
            word,
            hash: mix_aes(word),
        };
        push_each(keys, window, from, ends, table, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_a_block_are_those_of_the_words_alone() {
        let window: [u8; WINDOW] =
            std::array::from_fn(|place| [b'a', 0, 0xff, b' '][place * 7 % 4]);
        for length in 1..=SHORT {
            let mut keys = Keys::default();
            let (from, end) = (17, 17 + length);
            let (to, left) = keys.push_short(&window, from, 1 << end, &[0u8; 8]);
            assert_eq!((to, left, keys.count), (end, 0, 1));
            let key = Key::of(&window[from..end]);
            assert_eq!((keys.words[0], keys.hashes[0]), (key.word, key.hash));
            let (bytes, count) = key.bytes();
            assert_eq!(bytes[..count], window[from..end]);
        }
        let mut keys = Keys::default();
        // A long word stops, and is left to another.
        assert_eq!(
            keys.push_short(&window, 0, 1 << 3 | 1 << 40, &[0u8; 8]),
            (3, 1 << 40)
        );
        assert_eq!(keys.count, 1);
    }

    #[test]
    fn zeros_at_the_end_make_another_word() {
        assert_ne!(Key::of(b"a").word, Key::of(b"a\0").word);
    }

    #[test]
    fn hashes_differ_in_their_low_bits() {
        for mix in [mix, mix_portable] {
            let mut slots = vec![0u32; 1 << 16];
            for number in 0..1u32 << 15 {
                let word = number.to_string();
                slots[mix(Key::of(word.as_bytes()).word) as usize & 0xffff] += 1;
            }
            // Of half as many words as slots about 39 % share one with another; many more would be a bad hash.
            let shared: u32 = slots.iter().filter(|&&count| count > 1).sum();
            assert!(shared < 15_000, "{shared}");
        }
    }
}
