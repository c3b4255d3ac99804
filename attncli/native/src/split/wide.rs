//! Characters beyond ASCII entered into the classes of a block, so that words of any script are cut by bit operations.

use super::block::{lowest, Masks, Rule, BLOCK};
use super::unicode::{wide_classes, LETTER, NUMBER, UPPER};

/// Enters those of the first `length` bytes of the block at `at` that the rule takes, in order, up to the first that it
/// does not, or that is not whole: how many bytes are known then.
#[inline(always)]
pub fn enter(text: &[u8], at: usize, masks: &mut Masks, length: u32, rule: impl Rule) -> u32 {
    let classes = wide_classes();
    let mut high = masks.high & lowest(length);
    while high != 0 {
        let bit = high.trailing_zeros();
        let (bytes, class) = classes.at(text, at + bit as usize);
        // A character that the block cuts is the next one's.
        if bit as usize + bytes > BLOCK || class & rule.leaves() != 0 {
            return bit;
        }
        // At most 15 << 60.
        let whole = ((1u64 << bytes) - 1) << bit;
        let has = |wanted: u8| if class & wanted == 0 { 0 } else { whole };
        masks.letter |= has(LETTER);
        masks.upper |= has(UPPER);
        masks.digit |= has(NUMBER);
        masks.inner |= whole & whole << 1;
        masks.high &= !whole;
        high &= !whole;
    }
    length
}
