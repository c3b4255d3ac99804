//! A trie of byte strings: nodes numbered level by level, so that a node's children are one run of labels.
//!
//! A node takes 9 bytes, and building is linear in the strings' bytes, whatever they are.

use std::collections::VecDeque;

/// No value, or no node.
pub const NONE: u32 = u32::MAX;
/// The node of the empty string.
pub const ROOT: u32 = 0;

/// Strings, each with a value.
#[derive(Debug, Clone)]
pub struct Trie {
    /// The children of node n are the nodes `first[n]..first[n + 1]`.
    first: Vec<u32>,
    /// The byte that leads to each node; the root's counts for nothing.
    labels: Vec<u8>,
    values: Vec<u32>,
    /// The root's children by byte.
    root: Box<[u32; 256]>,
}

impl Trie {
    /// The trie of these strings; of equal ones the last counts, and the empty string is left out.
    pub fn new(mut entries: Vec<(&[u8], u32)>) -> Self {
        entries.sort_by_key(|&(key, _)| key);
        entries.retain(|(key, _)| !key.is_empty());
        let mut trie = Self {
            first: Vec::new(),
            labels: vec![0],
            values: vec![NONE],
            root: Box::new([NONE; 256]),
        };
        let mut waiting = VecDeque::from([(0, entries.len(), 0)]);
        while let Some((mut from, to, depth)) = waiting.pop_front() {
            trie.first.push(trie.count());
            while from < to {
                let label = entries[from].0[depth];
                let end = from + entries[from..to].partition_point(|(key, _)| key[depth] == label);
                let ending = entries[from..end].partition_point(|(key, _)| key.len() == depth + 1);
                if depth == 0 {
                    trie.root[usize::from(label)] = trie.count();
                }
                trie.labels.push(label);
                trie.values.push(match ending {
                    0 => NONE,
                    some => entries[from + some - 1].1,
                });
                waiting.push_back((from + ending, end, depth + 1));
                from = end;
            }
        }
        trie.first.push(trie.count());
        trie
    }

    fn count(&self) -> u32 {
        u32::try_from(self.labels.len()).unwrap_or(NONE)
    }

    /// Whether there are no strings.
    pub fn is_empty(&self) -> bool {
        self.labels.len() == 1
    }

    /// Whether some string starts with this byte.
    pub fn starts_with(&self, byte: u8) -> bool {
        self.root[usize::from(byte)] != NONE
    }

    /// The node to which a byte leads.
    #[inline]
    pub fn child(&self, node: u32, byte: u8) -> Option<u32> {
        if node == ROOT {
            return Some(self.root[usize::from(byte)]).filter(|&node| node != NONE);
        }
        let (from, to) = (self.first[node as usize], self.first[node as usize + 1]);
        let run = &self.labels[from as usize..to as usize];
        let place = if run.len() < 8 {
            run.iter().position(|&label| label == byte)?
        } else {
            run.binary_search(&byte).ok()?
        };
        u32::try_from(place).ok().map(|place| from + place)
    }

    /// The node to which several bytes lead.
    #[inline]
    pub fn descend(&self, node: u32, bytes: &[u8]) -> Option<u32> {
        bytes
            .iter()
            .try_fold(node, |node, &byte| self.child(node, byte))
    }

    /// The value of the string that ends in a node, or `NONE`.
    #[inline]
    pub fn value(&self, node: u32) -> u32 {
        self.values[node as usize]
    }

    /// Calls with (length, value) of each string that `text` starts with, short ones first.
    #[inline]
    pub fn each_prefix(&self, text: &[u8], mut found: impl FnMut(usize, u32)) {
        let mut node = ROOT;
        for (place, &byte) in text.iter().enumerate() {
            let Some(next) = self.child(node, byte) else {
                return;
            };
            node = next;
            let value = self.values[node as usize];
            if value != NONE {
                found(place + 1, value);
            }
        }
    }

    /// The length of the longest string that `text` starts with, or 0.
    #[inline]
    pub fn longest(&self, text: &[u8]) -> usize {
        let mut longest = 0;
        self.each_prefix(text, |length, _| longest = length);
        longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_found_and_nothing_else() {
        let keys: [&[u8]; 6] = [b"a", b"ab", b"abc", b"b", b"\xff\x00", b""];
        let trie = Trie::new(keys.iter().copied().zip(0..).collect());
        let found = |text: &[u8]| {
            let mut found = Vec::new();
            trie.each_prefix(text, |length, value| found.push((length, value)));
            found
        };
        assert_eq!(found(b"abcd"), [(1, 0), (2, 1), (3, 2)]);
        assert_eq!(found(b"bb"), [(1, 3)]);
        assert_eq!(found(b"\xff\x00"), [(2, 4)]);
        assert_eq!(found(b"\xff"), []);
        assert_eq!(found(b""), []);
        assert!(Trie::new(Vec::new()).is_empty());
    }

    #[test]
    fn a_node_of_many_children_finds_each() {
        let keys: Vec<[u8; 2]> = (0..=255).map(|byte| [7, byte]).collect();
        let trie = Trie::new(keys.iter().map(|key| &key[..]).zip(0..).collect());
        for (key, value) in keys.iter().zip(0u32..) {
            let node = trie.descend(ROOT, key).unwrap();
            assert_eq!(trie.value(node), value);
        }
    }
}
