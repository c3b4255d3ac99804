//! tiktoken's file of ranks: on each line a token in base64, a space, its rank.

use super::LARGEST_HOLE;
use crate::tokens::Tokens;
use crate::vocab::Vocab;
use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use memchr::memchr;

/// The token of each rank, empty where a rank is left out.
///
/// None for whatever is not in order, a token or a rank that stands twice among it.
pub fn read(data: &[u8]) -> Option<Tokens> {
    let mut bytes = vec![0; data.len() / 4 * 3 + 3];
    let mut filled = 0;
    let mut spans = Vec::with_capacity(data.len() / 16);
    let mut left = data;
    while !left.is_empty() {
        let (line, rest) = left.split_at(memchr(b'\n', left).unwrap_or(left.len()));
        left = rest.get(1..).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        let space = memchr(b' ', line)?;
        let size = STANDARD
            .decode_slice(&line[..space], &mut bytes[filled..])
            .ok()?;
        if size == 0 {
            return None;
        }
        let end = filled + size;
        spans.push((
            number(&line[space + 1..])?,
            u32::try_from(filled).ok()?,
            u32::try_from(end).ok()?,
        ));
        filled = end;
    }
    bytes.truncate(filled);
    let tokens = Tokens::by_id(&bytes, spans, LARGEST_HOLE)?;
    Vocab::of_distinct(tokens).map(Vocab::into_tokens)
}

/// A rank below 2^31, in decimal digits.
fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 10 {
        return None;
    }
    let mut value = 0u64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + u64::from(digit - b'0');
    }
    u32::try_from(value).ok().filter(|&rank| rank < 1 << 31)
}
