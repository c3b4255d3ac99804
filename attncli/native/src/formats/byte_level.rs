//! GPT-2's printable stand-ins for bytes (`bytes_to_unicode` in its encoder.py), back to bytes.

use crate::tokens::Tokens;

/// Stand-ins lie below U+0144.
const STAND_INS: usize = 0x144;
const NONE: u16 = u16::MAX;

/// The bytes that spelled tokens stand for. The ids in `raw` (in order) are taken as they are.
///
/// None where another token holds a character that stands for no byte.
pub fn unspell(spelled: &Tokens, raw: &[u32]) -> Option<Tokens> {
    let bytes_of = bytes_of_stand_ins();
    let mut tokens = Tokens::with_capacity(spelled.len(), spelled.bytes().len());
    let mut token = Vec::new();
    for (id, name) in (0..u32::MAX).zip(spelled.iter()) {
        if raw.binary_search(&id).is_ok() {
            tokens.push(name)?;
            continue;
        }
        token.clear();
        for character in std::str::from_utf8(name).ok()?.chars() {
            let byte = *bytes_of.get(character as usize)?;
            token.push(u8::try_from(byte).ok()?);
        }
        tokens.push(&token)?;
    }
    Some(tokens)
}

/// Printable Latin-1 stands for itself; the other bytes follow, in order, from U+0100 on.
fn bytes_of_stand_ins() -> [u16; STAND_INS] {
    let mut bytes_of = [NONE; STAND_INS];
    let mut other = 0x100;
    for byte in 0..=255u8 {
        let printable = matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
        let character = if printable { usize::from(byte) } else { other };
        other += usize::from(!printable);
        bytes_of[character] = u16::from(byte);
    }
    bytes_of
}
