//! The tokens of a vocabulary with the added ones in their places, and GPT-2's stand-ins as the bytes they mean.

use super::LARGEST_HOLE;
use crate::tokens::Tokens;
use rustc_hash::FxHashMap;

/// Stand-ins lie below U+0144.
const STAND_INS: usize = 0x144;
const NONE: u16 = u16::MAX;

/// The tokens by id. `spelled`: those that are not added are spelled in stand-ins (`bytes_to_unicode` in GPT-2's
/// encoder.py).
///
/// None where an added token has an id or a text twice, the id of another token, or another id in the vocabulary;
/// where a stand-in stands for no byte; and where ids leave out too many numbers.
pub fn add(vocab: &Tokens, added: &[(u32, &[u8])], spelled: bool) -> Option<Tokens> {
    let ids: FxHashMap<&[u8], u32> = added.iter().map(|&(id, text)| (text, id)).collect();
    let texts: FxHashMap<u32, &[u8]> = added.iter().copied().collect();
    if ids.len() < added.len() || texts.len() < added.len() || ids.contains_key(&b""[..]) {
        return None;
    }
    let count = texts.keys().map(|&id| id as usize + 1).max().unwrap_or(0);
    let count = count.max(vocab.len());
    if count > vocab.len() + added.len() + LARGEST_HOLE {
        return None;
    }
    let bytes_of = bytes_of_stand_ins();
    let mut tokens = Tokens::with_capacity(count, vocab.bytes().len());
    let mut token = Vec::new();
    let names = match spelled {
        true => simdutf8::basic::from_utf8(vocab.bytes()).ok()?,
        false => "",
    };
    let mut start = 0;
    for id in 0..u32::try_from(count).ok()? {
        let name = if (id as usize) < vocab.len() {
            vocab.get(id as usize)
        } else {
            b""
        };
        let place = start..start + name.len();
        start = place.end;
        if let Some(text) = texts.get(&id) {
            if !name.is_empty() && name != *text {
                return None;
            }
            tokens.push(text)?;
            continue;
        }
        if !ids.is_empty() && ids.contains_key(name) {
            return None;
        }
        if spelled {
            token.clear();
            for character in names.get(place)?.chars() {
                token.push(u8::try_from(*bytes_of.get(character as usize)?).ok()?);
            }
            tokens.push(&token)?;
        } else {
            tokens.push(name)?;
        }
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
