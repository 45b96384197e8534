//! The precompiled table of characters in SentencePiece models: what stands for what before words are cut.
//!
//! A double-array trie (as Darts lays it out) leads from bytes to an offset into a list of replacements. It is applied
//! as the `tokenizers` library does it: to each grapheme of up to 5 bytes, else to each character of it.
use unicode_segmentation::UnicodeSegmentation;

/// Longer graphemes are replaced character by character.
const LONGEST_GRAPHEME: usize = 5;

#[derive(Default)]
pub struct Charsmap {
    trie: Vec<u32>,
    /// Replacements, each ended by a zero byte.
    replacements: String,
}

impl Charsmap {
    /// `None` when `bytes` are no such table. No bytes at all are a table that replaces nothing.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let (size, rest) = bytes.split_first_chunk()?;
        let (trie, replacements) = rest.split_at_checked(u32::from_le_bytes(*size) as usize)?;
        let (units, []) = trie.as_chunks() else { return None };
        let trie = units.iter().map(|&unit| u32::from_le_bytes(unit)).collect();
        Some(Self { trie, replacements: String::from_utf8(replacements.to_vec()).ok()? })
    }

    /// Hands the characters that stand for `text` to `push` until it returns false.
    pub fn apply(&self, text: &str, mut push: impl FnMut(char) -> bool) {
        for grapheme in text.graphemes(true) {
            let whole = (grapheme.len() <= LONGEST_GRAPHEME).then(|| self.replacement(grapheme));
            let more = match whole.flatten() {
                Some(replacement) => replacement.chars().all(&mut push),
                None => grapheme.char_indices().all(|(start, character)| {
                    let part = &grapheme[start..start + character.len_utf8()];
                    match self.replacement(part) {
                        Some(replacement) => replacement.chars().all(&mut push),
                        None => push(character),
                    }
                }),
            };
            if !more {
                return;
            }
        }
    }

    /// What stands for the shortest beginning of `text` that is in the table.
    fn replacement(&self, text: &str) -> Option<&str> {
        let unit = |node: usize| self.trie.get(node).copied();
        let offset = |unit: u32| ((unit >> 10) << ((unit & (1 << 9)) >> 6)) as usize;
        let mut node = offset(unit(0)?);
        for byte in text.bytes().take_while(|&byte| byte != 0) {
            node ^= usize::from(byte);
            let found = unit(node)?;
            if found & (1 << 31 | 0xff) != u32::from(byte) {
                return None;
            }
            node ^= offset(found);
            if found >> 8 & 1 == 1 {
                let start = (unit(node)? & 0x7fff_ffff) as usize;
                let rest = self.replacements.get(start..)?;
                return rest.split('\0').next();
            }
        }
        None
    }
}
