//! BERT's WordPiece tokenizer, with the same results as the reference implementation.
use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

mod tables;
#[cfg(test)]
mod tests;

/// Maximum length of a word, in characters. Longer words become one unknown token.
const LONGEST_WORD: usize = 100;
/// The reference implementation recognizes these tokens anywhere in raw text.
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// How letters are normalized before words are split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Letters {
    pub lowercase: bool,
    pub strip_accents: bool,
}

impl Letters {
    pub const UNCASED: Self = Self { lowercase: true, strip_accents: true };
}

pub struct WordPiece {
    letters: Letters,
    /// Pieces at the beginning of a word, with their ids.
    beginnings: HashMap<Box<str>, u32>,
    /// Pieces inside a word, without their `##`, with their ids.
    continuations: HashMap<Box<str>, u32>,
    size: usize,
    /// Length of the longest piece, in bytes.
    longest_piece: usize,
    special: [u32; SPECIAL.len()],
    unknown: u32,
    beginning: u32,
    end: u32,
}

impl WordPiece {
    /// Parses a vocabulary with one piece per line. The ids are the line numbers, from 0.
    ///
    /// Returns `None` if special tokens are missing.
    pub fn parse(vocabulary: &str, letters: Letters) -> Option<Self> {
        Self::new((0..).zip(vocabulary.lines()), letters)
    }

    /// Like [`Self::parse`], from pieces with their ids.
    pub fn new<'a>(pieces: impl Iterator<Item = (u32, &'a str)>, letters: Letters) -> Option<Self> {
        let mut beginnings = HashMap::new();
        let mut continuations = HashMap::new();
        let mut longest_piece = 0;
        let mut size = 0;
        for (id, piece) in pieces {
            size = size.max(id as usize + 1);
            longest_piece = longest_piece.max(piece.len());
            match piece.strip_prefix("##") {
                Some(inner) if !inner.is_empty() => continuations.insert(inner.into(), id),
                _ => beginnings.insert(piece.into(), id),
            };
        }
        let [pad, unknown, beginning, end, mask] =
            SPECIAL.map(|token| beginnings.get(token).copied());
        let (unknown, beginning, end) = (unknown?, beginning?, end?);
        let special = [pad?, unknown, beginning, end, mask?];
        Some(Self {
            letters,
            size,
            beginnings,
            continuations,
            longest_piece,
            special,
            unknown,
            beginning,
            end,
        })
    }

    /// Returns a number greater than every id.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Returns the ids of `text` between the special tokens for beginning and end, 2 to `most` ids
    /// in total.
    ///
    /// Reads only as much of the text as the last token requires, however long the text is.
    pub fn encode(&self, text: &str, most: usize) -> Vec<u32> {
        let mut ids = vec![self.beginning];
        let mut rest = text;
        while ids.len() < most - 1 && !rest.is_empty() {
            let special = next_special(rest);
            let (plain, after) = match special {
                Some((start, which)) => (&rest[..start], &rest[start + SPECIAL[which].len()..]),
                None => (rest, ""),
            };
            self.encode_plain(plain, most, &mut ids);
            if let Some((_, which)) = special {
                ids.push(self.special[which]);
            }
            rest = after;
        }
        ids.truncate(most - 1);
        ids.push(self.end);
        ids
    }

    fn encode_plain(&self, text: &str, most: usize, ids: &mut Vec<u32>) {
        let mut word = Word::default();
        for character in normalized(text, self.letters) {
            let is_separate = is_punctuation(character);
            if is_separate || character.is_whitespace() {
                self.encode_word(&mut word, ids);
                if is_separate {
                    word.push(character);
                    self.encode_word(&mut word, ids);
                }
                if ids.len() >= most - 1 {
                    return;
                }
            } else {
                word.push(character);
            }
        }
        self.encode_word(&mut word, ids);
    }

    /// Splits a word greedily into the longest pieces from the left, or into one unknown token if
    /// that fails. Clears the word.
    fn encode_word(&self, word: &mut Word, ids: &mut Vec<u32>) {
        let text = std::mem::take(&mut word.text);
        let length = std::mem::take(&mut word.length);
        if length == 0 {
            return;
        }
        if length > LONGEST_WORD {
            ids.push(self.unknown);
            return;
        }
        let first = ids.len();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let pieces = if ids.len() == first { &self.beginnings } else { &self.continuations };
            let Some((id, length)) = self.longest(pieces, rest) else {
                ids.truncate(first);
                ids.push(self.unknown);
                break;
            };
            ids.push(id);
            rest = &rest[length..];
        }
        word.text = text;
        word.text.clear();
    }

    /// Returns the id and the length in bytes of the longest piece that is a prefix of `text`.
    fn longest(&self, pieces: &HashMap<Box<str>, u32>, text: &str) -> Option<(u32, usize)> {
        (1..=text.len().min(self.longest_piece))
            .rev()
            .filter(|&end| text.is_char_boundary(end))
            .find_map(|end| Some((*pieces.get(&text[..end])?, end)))
    }
}

/// A word being collected. Only the beginning of an overlong word is kept.
#[derive(Default)]
struct Word {
    text: String,
    /// Length in characters.
    length: usize,
}

impl Word {
    fn push(&mut self, character: char) {
        self.length += 1;
        if self.length <= LONGEST_WORD {
            self.text.push(character);
        }
    }
}

/// Returns the position and the index of the next special token.
fn next_special(text: &str) -> Option<(usize, usize)> {
    text.match_indices('[').find_map(|(start, _)| {
        let which = SPECIAL.iter().position(|token| text[start..].starts_with(token))?;
        Some((start, which))
    })
}

/// Cleans text, separates ideographs, strips accents and lowercases, in the order of the reference
/// implementation.
fn normalized(text: &str, letters: Letters) -> Box<dyn Iterator<Item = char> + '_> {
    let Letters { lowercase, strip_accents } = letters;
    let cleaned = text
        .chars()
        .filter_map(move |character| match character {
            ' '..='~' => Some(character),
            _ if within(tables::SPACES, character) => Some(' '),
            _ if within(tables::DROPPED, character) => None,
            // These marks would be stripped below anyway. Dropping them here bounds the number of
            // characters that decomposition must buffer and sort.
            _ if strip_accents
                && is_mark(character)
                && canonical_combining_class(character) != 0 =>
            {
                None
            }
            _ => Some(character),
        })
        .flat_map(|character| {
            let space = within_ideographs(character).then_some(' ');
            space.into_iter().chain([character]).chain(space)
        });
    match (strip_accents, lowercase) {
        (true, true) => {
            let stripped = cleaned.nfd().filter(|&character| !is_mark(character));
            Box::new(stripped.flat_map(char::to_lowercase))
        }
        (true, false) => Box::new(cleaned.nfd().filter(|&character| !is_mark(character))),
        (false, true) => Box::new(cleaned.flat_map(char::to_lowercase)),
        (false, false) => Box::new(cleaned),
    }
}

fn within_ideographs(character: char) -> bool {
    character >= '\u{3400}' && within(tables::IDEOGRAPHS, character)
}

fn is_mark(character: char) -> bool {
    character >= '\u{300}' && within(tables::MARKS, character)
}

fn is_punctuation(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_punctuation()
    } else {
        within(tables::PUNCTUATION, character)
    }
}

fn within(ranges: &[(u32, u32)], character: char) -> bool {
    let code = u32::from(character);
    let after = ranges.partition_point(|&(first, _)| first <= code);
    after > 0 && code <= ranges[after - 1].1
}
