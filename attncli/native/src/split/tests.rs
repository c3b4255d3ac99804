use super::general::General;
use super::*;

/// A small generator (xorshift64*): tests need no more.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % below
    }

    fn text(&mut self, length: usize) -> Vec<u8> {
        const PARTS: [&[u8]; 44] = [
            b" ",
            b" ",
            b"  ",
            b"\n",
            b"\r",
            b"\t",
            b"a",
            b"b",
            b"S",
            b"T",
            b"'",
            b"'s",
            b"'LL",
            b"'re",
            b"'vE",
            b"1",
            b"23",
            b".",
            b"!",
            b"/",
            b"-",
            b"\xff",
            b"\xe4\xb8",
            b"\xc5\xbf",
            "é".as_bytes(),
            "É".as_bytes(),
            "中".as_bytes(),
            "\u{301}".as_bytes(),
            "\u{85}".as_bytes(),
            "\u{3000}".as_bytes(),
            "ǅ".as_bytes(),
            "ʰ".as_bytes(),
            "Ⅷ".as_bytes(),
            "²".as_bytes(),
            "👍".as_bytes(),
            "ß".as_bytes(),
            "\u{200d}".as_bytes(),
            b"\x00",
            b"word",
            b"Word",
            b"WORD",
            "\u{1d7d8}".as_bytes(),
            "\u{2028}".as_bytes(),
            b"\xf0\x9f",
        ];
        let mut text = Vec::new();
        for _ in 0..length {
            text.extend_from_slice(PARTS[self.next(PARTS.len())]);
        }
        text
    }
}

fn pieces(splitter: &Splitter, text: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    splitter
        .each(text, |start, end| found.push(text[start..end].to_vec()))
        .unwrap();
    found
}

fn known() -> Vec<&'static str> {
    let mut patterns = vec![O200K, r"\S+"];
    patterns.extend(GPT2);
    patterns.extend(cl100k::sources());
    patterns
}

fn by_regex(pattern: &str) -> Splitter {
    let rule = Rule::General(Box::new(General::new(pattern).unwrap()));
    Splitter {
        rule,
        drop_gaps: false,
    }
}

#[test]
fn handwritten_splitters_equal_their_regex() {
    let mut random = Random(1);
    for pattern in known() {
        let (fast, slow) = (Splitter::new(pattern, false).unwrap(), by_regex(pattern));
        assert!(fast.handwritten());
        for _ in 0..4_000 {
            let length = random.next(14);
            let text = random.text(length);
            assert_eq!(
                pieces(&fast, &text),
                pieces(&slow, &text),
                "{pattern} on {text:?}"
            );
        }
    }
}

/// Texts of several blocks, mostly ASCII, so that pieces end and begin at every place of one.
fn blocks(random: &mut Random) -> Vec<u8> {
    const ASCII: &[u8] = b"aaaaabcSTLVE''''sdmtlrve  \n\r\t 0123456./!-/";
    let alphabet = 2 + random.next(ASCII.len() - 1);
    let from = random.next(ASCII.len());
    let wide = random.next(200);
    let mut text = Vec::new();
    for _ in 0..random.next(260) {
        if random.next(200) < wide {
            let one = random.next(2);
            text.extend(random.text(one));
        } else {
            let at = from + random.next(alphabet);
            text.push(ASCII[at % ASCII.len()]);
        }
    }
    text
}

#[test]
fn blocks_equal_their_regex() {
    let mut random = Random(4);
    for pattern in known() {
        let (fast, slow) = (Splitter::new(pattern, false).unwrap(), by_regex(pattern));
        for _ in 0..6_000 {
            let text = blocks(&mut random);
            assert_eq!(
                pieces(&fast, &text),
                pieces(&slow, &text),
                "{pattern} on {:?}",
                String::from_utf8_lossy(&text)
            );
        }
    }
}

/// The ends that each loop over blocks tells which this processor can run, the portable one first.
fn by_each_loop(text: &[u8], rule: impl block::Rule) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    let end = text.len();
    let mut sink = |_: usize, end: usize| all[0].push(end);
    block::each_portable(text, 0, end, rule, &mut sink);
    #[cfg(target_arch = "x86_64")]
    {
        if x86::has_avx2() {
            let mut ends = Vec::new();
            // SAFETY: the features were just found.
            unsafe {
                x86::each_avx2(text, 0, end, rule, &mut |_: usize, end: usize| {
                    ends.push(end)
                })
            };
            all.push(ends);
        }
        if x86::has_avx512() {
            let mut ends = Vec::new();
            // SAFETY: the features were just found.
            unsafe {
                x86::each_avx512(text, 0, end, rule, &mut |_: usize, end: usize| {
                    ends.push(end)
                })
            };
            all.push(ends);
        }
    }
    all
}

#[test]
fn all_loops_over_blocks_equal_the_regex() {
    let mut random = Random(6);
    for pattern in known() {
        let slow = by_regex(pattern);
        for _ in 0..1_500 {
            let text = blocks(&mut random);
            let found = match Splitter::new(pattern, false).unwrap().rule {
                Rule::Gpt2 => by_each_loop(&text, gpt2::Gpt2),
                Rule::O200k => by_each_loop(&text, o200k::O200k),
                Rule::Cl100k(variant) => by_each_loop(&text, variant),
                _ => continue,
            };
            let mut expected = Vec::new();
            slow.each(&text, |_, end| expected.push(end)).unwrap();
            for ends in found {
                assert_eq!(
                    ends,
                    expected,
                    "{pattern} on {:?}",
                    String::from_utf8_lossy(&text)
                );
            }
        }
    }
}

#[test]
fn pieces_end_at_every_place_of_a_block() {
    const MIDDLES: [&str; 11] = [
        "'s", "'ll", "'ll's'", "x'sA", "\n\n  ", ".\n/\n ", "1234", "é", " é", "'é", "'ſ",
    ];
    for pattern in known() {
        let (fast, slow) = (Splitter::new(pattern, false).unwrap(), by_regex(pattern));
        for before in 0..140 {
            for middle in MIDDLES {
                let lead = &b"a b".repeat(60)[..before];
                let text = [lead, middle.as_bytes(), b"lines go on"].concat();
                assert_eq!(
                    pieces(&fast, &text),
                    pieces(&slow, &text),
                    "{pattern} on {text:?}"
                );
            }
        }
    }
}

#[test]
fn classes_agree_whatever_computes_them() {
    let mut random = Random(5);
    for _ in 0..20_000 {
        let block: [u8; block::BLOCK] =
            std::array::from_fn(|_| u8::try_from(random.next(256)).unwrap());
        let masks = block::classify(&block);
        for (bit, &byte) in block.iter().enumerate() {
            let is = |mask: u64| mask >> bit & 1 == 1;
            assert_eq!(is(masks.letter), byte.is_ascii_alphabetic());
            assert_eq!(is(masks.upper), byte.is_ascii_uppercase());
            assert_eq!(is(masks.digit), byte.is_ascii_digit());
            assert_eq!(is(masks.white), matches!(byte, 9..=13 | 32));
            assert_eq!(is(masks.newline), matches!(byte, b'\r' | b'\n'));
            assert_eq!(is(masks.blank), byte == b' ');
            assert_eq!(is(masks.quote), byte == b'\'');
            assert_eq!(is(masks.slash), byte == b'/');
            assert_eq!(is(masks.high), byte >= 0x80);
        }
        #[cfg(target_arch = "x86_64")]
        {
            if x86::has_avx2() {
                // SAFETY: the features were just found.
                assert_eq!(masks, unsafe { x86::classify_avx2(&block) });
            }
            if x86::has_avx512() {
                // SAFETY: the features were just found.
                assert_eq!(masks, unsafe { x86::classify_avx512(&block) });
            }
        }
    }
}

#[test]
fn the_comparison_can_fail() {
    let mut random = Random(2);
    let (one, other) = (Splitter::new(GPT2[0], false).unwrap(), by_regex(O200K));
    let differ = (0..200).any(|_| {
        let text = random.text(10);
        pieces(&one, &text) != pieces(&other, &text)
    });
    assert!(differ);
}

#[test]
fn safe_cuts_change_nothing() {
    let mut random = Random(3);
    let mut cut_somewhere = 0;
    for (pattern, drop_gaps) in known()
        .into_iter()
        .flat_map(|one| [(one, false), (one, true)])
    {
        let splitter = Splitter::new(pattern, drop_gaps).unwrap();
        for _ in 0..4_000 {
            let (first, more) = (random.next(12), random.next(6));
            let (mut text, more) = (random.text(first), random.text(more));
            let cut = splitter.safe_cut(&text);
            let mut parts = pieces(&splitter, &text[..cut]);
            text.extend_from_slice(&more);
            parts.extend(pieces(&splitter, &text[cut..]));
            assert_eq!(
                parts,
                pieces(&splitter, &text),
                "{pattern} cut at {cut} of {text:?}"
            );
            cut_somewhere += usize::from(cut > 0);
        }
    }
    assert!(cut_somewhere > 1_000);
}

#[test]
fn gaps_are_pieces_unless_dropped() {
    let letters = Splitter::new("[a-z]+", false).unwrap();
    assert_eq!(
        pieces(&letters, b"ab\xff1cd!"),
        [&b"ab"[..], b"\xff1", b"cd", b"!"]
    );
    let dropped = Splitter::new("[a-z]+", true).unwrap();
    assert_eq!(pieces(&dropped, b"ab\xff1cd!"), [b"ab", b"cd"]);
}

#[test]
fn a_wrong_pattern_is_an_error() {
    assert!(Splitter::new("(", false).is_err());
}

#[test]
fn long_runs_take_linear_time() {
    for pattern in known() {
        let splitter = Splitter::new(pattern, false).unwrap();
        for unit in [" ", "a", "A", "'", "\n", "1", "\u{301}", "中A"] {
            let text = unit.repeat(1_000_000);
            let mut total = 0;
            splitter
                .each(text.as_bytes(), |start, end| total += end - start)
                .unwrap();
            assert_eq!(total, text.len());
        }
    }
}

/// Characters of two and three bytes, some of others, and now and then bytes that are none.
fn beyond_ascii(random: &mut Random, length: usize) -> Vec<u8> {
    const WRONG: [&[u8]; 11] = [
        b"\xe0\x80\x80",
        b"\xe0\x9f\xbf",
        b"\xed\xa0\x80",
        b"\xed\x9f\xbf",
        b"\xc0\xaf",
        b"\xc1\xbf",
        b"\xf5\x80",
        b"\xff\xbf\xbf",
        b"\xc3",
        b"\xe4\xb8",
        b"\x80",
    ];
    let rare = 20 + random.next(400);
    let mut text = Vec::new();
    while text.len() < length {
        let most = [0x80, 0x250, 0x800, 0x3100, 0x1_0000][random.next(5)];
        let code = match random.next(rare) {
            0 => {
                text.extend_from_slice(WRONG[random.next(WRONG.len())]);
                continue;
            }
            1 => 0x1_f600 + random.next(64),
            _ => random.next(most),
        };
        let character = u32::try_from(code).ok().and_then(char::from_u32);
        text.extend_from_slice(character.unwrap_or('ö').to_string().as_bytes());
    }
    text
}

#[test]
#[cfg(target_arch = "x86_64")]
fn characters_are_entered_alike_one_by_one_and_at_once() {
    if !x86::has_avx512() {
        return;
    }
    fn agree(text: &[u8], rule: impl block::Rule) -> Option<u32> {
        let block = text.first_chunk().unwrap();
        let (mut one_by_one, mut at_once) = (block::classify(block), block::classify(block));
        let known = wide::enter(text, 0, &mut one_by_one, 64, rule);
        // SAFETY: the features were just found.
        let found = unsafe { x86::enter_at_once(text, 0, &mut at_once, rule) };
        let Some(found) = found else {
            assert_eq!(at_once, block::classify(block), "{text:x?}");
            return None;
        };
        assert_eq!(known, found, "{:?}", String::from_utf8_lossy(text));
        let kept = block::lowest(known);
        let told = |masks: &block::Masks| {
            let block::Masks {
                letter,
                upper,
                digit,
                high,
                inner,
                ..
            } = *masks;
            [letter, upper, digit, high, inner].map(|mask| mask & kept)
        };
        assert_eq!(told(&one_by_one), told(&at_once), "{text:x?}");
        Some(known)
    }
    let mut random = Random(7);
    let (mut whole, mut short, mut none) = (0, 0, 0);
    for _ in 0..20_000 {
        let length = 64 + random.next(8);
        let text = beyond_ascii(&mut random, length);
        agree(&text, o200k::O200k);
        let Rule::Cl100k(variant) = Splitter::new(cl100k::sources()[0], false).unwrap().rule else {
            unreachable!()
        };
        agree(&text, variant);
        match agree(&text, gpt2::Gpt2) {
            Some(62..) => whole += 1,
            Some(_) => short += 1,
            None => none += 1,
        }
    }
    let enough = [whole > 2_000, short > 200, none > 1_000];
    assert_eq!(enough, [true; 3], "{whole} {short} {none}");
}
