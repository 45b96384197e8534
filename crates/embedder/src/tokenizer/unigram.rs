//! The unigram tokenizer of SentencePiece models, as implemented by the `tokenizers` library for
//! XLM-R models.
use std::ops::Range;

use super::charsmap::Charsmap;
use super::sentencepiece::Piece;

/// Replaces the space before a word.
const SPACE: char = '\u{2581}';
/// The difference between the score of the worst piece and that of an unknown character.
const UNKNOWN_PENALTY: f64 = 10.0;
/// The reference implementation recognizes these tokens anywhere in raw text.
const SPECIAL: [&str; 5] = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"];

pub struct Unigram {
    charsmap: Charsmap,
    /// Whether runs of white space only separate words. Otherwise a run of spaces counts as one
    /// space, even at the end.
    drops_spaces: bool,
    /// All pieces, concatenated in the order of their ids.
    texts: String,
    ends: Vec<u32>,
    scores: Vec<f32>,
    /// The ids, sorted by the bytes of their pieces.
    sorted: Vec<u32>,
    /// The start in `sorted` of the pieces with each first byte.
    first: Vec<u32>,
    unknown_score: f64,
    /// Length of the longest piece, in characters.
    longest: usize,
    unknown: u32,
    beginning: u32,
    end: u32,
    special: [Option<u32>; SPECIAL.len()],
}

impl Unigram {
    /// Creates a tokenizer from pieces in the order of their ids. Returns `None` if `<s>`, `</s>`
    /// or the unknown piece is missing.
    pub fn new(
        pieces: &[Piece],
        unknown: usize,
        charsmap: Charsmap,
        drops_spaces: bool,
    ) -> Option<Self> {
        let mut texts = String::new();
        let mut ends = Vec::with_capacity(pieces.len());
        for piece in pieces {
            texts.push_str(&piece.text);
            ends.push(u32::try_from(texts.len()).ok()?);
        }
        let id =
            |text: &str| pieces.iter().position(|piece| piece.text == text).map(|id| id as u32);
        let worst = pieces.iter().map(|piece| piece.score).fold(f32::INFINITY, f32::min);
        let longest = pieces.iter().map(|piece| piece.text.chars().count()).max()?;
        let mut sorted: Vec<u32> = (0..pieces.len() as u32).collect();
        sorted.retain(|&id| !pieces[id as usize].text.is_empty());
        sorted.sort_by(|&a, &b| pieces[a as usize].text.cmp(&pieces[b as usize].text));
        let first_byte = |id: u32| pieces[id as usize].text.as_bytes()[0];
        let first = (0..=256_u32)
            .map(|byte| sorted.partition_point(|&id| u32::from(first_byte(id)) < byte) as u32)
            .collect();
        Some(Self {
            charsmap,
            drops_spaces,
            texts,
            ends,
            scores: pieces.iter().map(|piece| piece.score).collect(),
            sorted,
            first,
            unknown_score: f64::from(worst) - UNKNOWN_PENALTY,
            longest,
            unknown: u32::try_from(unknown).ok().filter(|_| unknown < pieces.len())?,
            beginning: id("<s>")?,
            end: id("</s>")?,
            special: SPECIAL.map(id),
        })
    }

    pub fn size(&self) -> usize {
        self.ends.len()
    }

    pub fn encode(&self, text: &str, most: usize) -> Vec<u32> {
        let mut ids = vec![self.beginning];
        let mut rest = text;
        while ids.len() < most && !rest.is_empty() {
            let special = next_special(rest);
            let (mut plain, after) = match special {
                Some((start, which)) => (&rest[..start], &rest[start + SPECIAL[which].len()..]),
                None => (rest, ""),
            };
            // The mask token includes the space before it.
            if special.is_some_and(|(_, which)| SPECIAL[which] == "<mask>") {
                plain = plain.trim_end();
            }
            self.encode_plain(plain, most, &mut ids);
            if let Some(id) = special.and_then(|(_, which)| self.special[which]) {
                ids.push(id);
            }
            rest = after;
        }
        ids.truncate(most - 1);
        ids.push(self.end);
        ids
    }

    fn encode_plain(&self, text: &str, most: usize, ids: &mut Vec<u32>) {
        // A word is read up to twice the length that the remaining tokens can cover. Text beyond
        // that does not affect the first tokens.
        let longest_word = 2 * most * self.longest;
        let mut word = Vec::new();
        let mut was_space = false;
        let mut flush = |word: &mut Vec<char>| {
            self.encode_word(word, ids);
            word.clear();
            ids.len() < most
        };
        let push = |character: char| {
            let is_space =
                if self.drops_spaces { character.is_whitespace() } else { character == ' ' };
            if is_space && (self.drops_spaces || was_space) {
                was_space = true;
                return word.is_empty() || flush(&mut word);
            }
            was_space = is_space;
            let character = if is_space { SPACE } else { character };
            let mut more = true;
            if character == SPACE && !word.is_empty() {
                more = flush(&mut word);
            }
            if word.is_empty() && character != SPACE {
                word.push(SPACE);
            }
            word.push(character);
            more && word.len() <= longest_word
        };
        self.charsmap.apply(text, push);
        flush(&mut word);
    }

    /// Splits a word into the pieces with the highest sum of scores. Consecutive unknown characters
    /// become one token.
    fn encode_word(&self, word: &[char], ids: &mut Vec<u32>) {
        /// The best path to a position between two characters.
        #[derive(Clone, Copy)]
        struct PathTo {
            score: f64,
            id: u32,
            start: usize,
        }
        let mut paths: Vec<Option<PathTo>> = vec![None; word.len() + 1];
        for start in 0..word.len() {
            let here = paths[start].map_or(0.0, |path| path.score);
            let mut reach = |id: u32, length: usize, score: f64| {
                let path = &mut paths[start + length];
                let score = here + score;
                if path.is_none_or(|path| score > path.score) {
                    *path = Some(PathTo { score, id, start });
                }
            };
            let mut single = false;
            self.prefixes(&word[start..], |id, length| {
                single |= length == 1;
                reach(id, length, f64::from(self.scores[id as usize]));
            });
            if !single {
                reach(self.unknown, 1, self.unknown_score);
            }
        }
        let first = ids.len();
        let mut end = word.len();
        while let Some(way) = paths[end].filter(|_| end > 0) {
            let repeats =
                way.id == self.unknown && ids.len() > first && ids.last() == Some(&way.id);
            if !repeats {
                ids.push(way.id);
            }
            end = way.start;
        }
        ids[first..].reverse();
    }

    /// Reports every piece that is a prefix of `word`, by id and length in characters, shortest
    /// first.
    fn prefixes(&self, word: &[char], mut found: impl FnMut(u32, usize)) {
        let mut range = 0..self.sorted.len();
        let mut depth = 0;
        for (index, character) in word.iter().enumerate() {
            let mut bytes = [0; 4];
            for &byte in character.encode_utf8(&mut bytes).as_bytes() {
                range = self.narrow(range, depth, byte);
                depth += 1;
                if range.is_empty() {
                    return;
                }
            }
            let id = self.sorted[range.start];
            if self.piece(id).len() == depth {
                found(id, index + 1);
            }
        }
    }

    /// Narrows `range`, whose pieces share `depth` bytes, to the pieces that continue with `byte`.
    fn narrow(&self, range: Range<usize>, depth: usize, byte: u8) -> Range<usize> {
        if depth == 0 {
            let at = |byte: usize| self.first[byte] as usize;
            return at(byte.into())..at(usize::from(byte) + 1);
        }
        let pieces = &self.sorted[range.clone()];
        let next = |id: &u32| self.piece(*id).get(depth).copied();
        let start = pieces.partition_point(|id| next(id) < Some(byte));
        let length = pieces[start..].partition_point(|id| next(id) == Some(byte));
        range.start + start..range.start + start + length
    }

    fn piece(&self, id: u32) -> &[u8] {
        let id = id as usize;
        let start = id.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.texts.as_bytes()[start..self.ends[id] as usize]
    }
}

/// Returns the position and the index of the next special token.
fn next_special(text: &str) -> Option<(usize, usize)> {
    text.match_indices('<').find_map(|(start, _)| {
        let which = SPECIAL.iter().position(|token| text[start..].starts_with(token))?;
        Some((start, which))
    })
}

#[cfg(test)]
mod tests;
