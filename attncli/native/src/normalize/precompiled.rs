//! `Precompiled`: SentencePiece's character map as Hugging Face's tokenizers apply it, grapheme by grapheme.
//!
//! Not as SentencePiece does it: of a short grapheme that begins with a string of the map, all becomes what the
//! shortest such string becomes; of others each character is looked up by itself.

use super::draft::valid;
use super::Draft;
use crate::charsmap::Charsmap;
use unicode_segmentation::UnicodeSegmentation;

/// Bytes of the longest grapheme that is looked up as a whole.
const SHORT: usize = 5;

pub fn apply(charsmap: &Charsmap, draft: &mut Draft<'_>) {
    for (start, part) in valid(draft.source()) {
        let bytes = part.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            // Between two ASCII characters a grapheme ends, but within CR LF.
            let alone = |next: Option<&u8>| next.is_none_or(u8::is_ascii);
            if bytes[at].is_ascii()
                && bytes[at] != b'\r'
                && alone(bytes.get(at + 1))
                && !charsmap.starts_with(bytes[at])
            {
                at += 1;
                continue;
            }
            let grapheme = part[at..].graphemes(true).next().unwrap_or_default();
            put(charsmap, draft, start + at, grapheme);
            at += grapheme.len().max(1);
        }
    }
}

fn put(charsmap: &Charsmap, draft: &mut Draft<'_>, start: usize, grapheme: &str) {
    if grapheme.len() <= SHORT {
        if let Some(becomes) = charsmap.shortest(grapheme.as_bytes()) {
            draft.keep(start);
            draft.put(becomes, start + grapheme.len());
            return;
        }
    }
    for (place, character) in grapheme.char_indices() {
        let end = place + character.len_utf8();
        if let Some(becomes) = charsmap.shortest(&grapheme.as_bytes()[place..end]) {
            draft.keep(start + place);
            draft.put(becomes, start + end);
        }
    }
}
