//! GPT-2's printable stand-ins for bytes (`bytes_to_unicode` in its encoder.py).

use crate::normalize::Draft;

/// The stand-in of each byte: printable Latin-1 characters stand for themselves, the others follow from U+0100 on.
const STAND_INS: [char; 256] = {
    let mut table = ['\0'; 256];
    let mut byte = 0u8;
    let mut next = 0x100u32;
    loop {
        table[byte as usize] = if matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff) {
            byte as char
        } else {
            let stand_in = match char::from_u32(next) {
                Some(stand_in) => stand_in,
                None => '\0',
            };
            next += 1;
            stand_in
        };
        if byte == 255 {
            break;
        }
        byte += 1;
    }
    table
};

/// Writes each byte as its stand-in.
pub fn spell(draft: &mut Draft<'_>) {
    for (at, &byte) in draft.source().iter().enumerate() {
        let stand_in = STAND_INS[usize::from(byte)];
        if u32::from(stand_in) != u32::from(byte) || byte >= 128 {
            draft.keep(at);
            draft.put(stand_in.encode_utf8(&mut [0; 4]).as_bytes(), at + 1);
        }
    }
}

/// The bytes of stand-ins; a character that stands for none is left out.
pub fn unspell(text: &[u8], bytes: &mut Vec<u8>) {
    for chunk in text.utf8_chunks() {
        bytes.extend(chunk.valid().chars().filter_map(byte_of));
    }
}

/// The text, where it is one of stand-ins alone.
pub fn as_stand_ins(text: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(text).ok()?;
    text.chars().all(|c| byte_of(c).is_some()).then_some(text)
}

fn byte_of(stand_in: char) -> Option<u8> {
    match u32::from(stand_in) {
        code @ (0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff) => u8::try_from(code).ok(),
        code @ 0x100..=0x143 => {
            let place = u8::try_from(code - 0x100).ok()?;
            match place {
                0..=0x20 => Some(place),
                0x21..=0x42 => Some(place - 0x21 + 0x7f),
                _ => Some(0xad),
            }
        }
        _ => None,
    }
}
