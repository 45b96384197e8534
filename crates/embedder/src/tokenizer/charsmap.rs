//! The precompiled character table of SentencePiece models, which replaces characters before the
//! text is split.
//!
//! A double-array trie in Darts' layout maps bytes to offsets in a list of replacements. As in the
//! `tokenizers` library, it is applied to graphemes of up to 5 bytes as a whole, and otherwise to
//! single characters.
use unicode_segmentation::UnicodeSegmentation;

/// Maximum bytes of a grapheme that is replaced as a whole. Longer ones are replaced character by
/// character.
const LONGEST_GRAPHEME: usize = 5;

#[derive(Default)]
pub struct Charsmap {
    trie: Vec<u32>,
    /// Replacements, each terminated by a zero byte.
    replacements: String,
}

impl Charsmap {
    /// Parses a table. Returns `None` if `bytes` are not a table. An empty table replaces nothing.
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

    /// Passes the characters of `text` after replacement to `push` until it returns false.
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

    /// Returns the replacement of the shortest prefix of `text` that is in the table.
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
