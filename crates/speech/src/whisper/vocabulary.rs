//! The vocabulary: converts tokens to text and back, and names the special tokens.
use std::collections::HashMap;
use std::io;
use std::ops::Range;

use serde::Deserialize;

use super::languages::LANGUAGES;
use super::tensors::invalid;

pub type TokenId = u32;

/// Number of time tokens: steps of 20 ms, up to the end of a window.
const TIMES: u32 = 1501;

/// The special tokens. Their ids follow from the size of the vocabulary.
#[derive(Clone, Copy, Debug)]
pub struct SpecialTokens {
    pub end: TokenId,
    pub start: TokenId,
    first_language: TokenId,
    languages: u32,
    pub translate: TokenId,
    pub transcribe: TokenId,
    pub before: TokenId,
    pub no_speech: TokenId,
    pub no_times: TokenId,
    pub first_time: TokenId,
}

impl SpecialTokens {
    pub fn new(vocabulary: usize) -> Self {
        let size = u32::try_from(vocabulary).unwrap_or(u32::MAX);
        let is_multilingual = size >= 51_865;
        let end = if is_multilingual { 50_257 } else { 50_256 };
        // English-only models reserve ids for other languages too.
        let languages = size - 51_765 - u32::from(is_multilingual);
        let translate = end + 2 + languages;
        Self {
            end,
            start: end + 1,
            first_language: end + 2,
            languages: if is_multilingual { languages } else { 0 },
            translate,
            transcribe: translate + 1,
            before: translate + 3,
            no_speech: translate + 4,
            no_times: translate + 5,
            first_time: translate + 6,
        }
    }

    /// Whether the model supports languages other than English.
    pub fn is_multilingual(&self) -> bool {
        self.languages > 0
    }

    pub fn languages(&self) -> Range<TokenId> {
        self.first_language..self.first_language + self.languages
    }

    pub fn language(&self, number: usize) -> Option<TokenId> {
        let token = self.first_language + u32::try_from(number).ok()?;
        self.languages().contains(&token).then_some(token)
    }

    pub fn language_code(&self, token: TokenId) -> Option<&'static str> {
        let number = token.checked_sub(self.first_language)?;
        LANGUAGES.get(number as usize).copied()
    }

    pub fn is_time(&self, token: TokenId) -> bool {
        token >= self.first_time
    }

    /// Returns the seconds of a time token.
    pub fn seconds(&self, token: TokenId) -> f64 {
        f64::from(token.saturating_sub(self.first_time).min(TIMES)) * 0.02
    }

    /// Returns the special tokens that never appear in a transcript.
    pub fn never(&self) -> [TokenId; 6] {
        let start_of_model = self.translate + 2;
        [self.start, self.translate, self.transcribe, start_of_model, self.before, self.no_speech]
    }
}

pub struct Vocabulary {
    /// The bytes of each text token.
    texts: Vec<Vec<u8>>,
    pub marks: SpecialTokens,
}

impl Vocabulary {
    /// Reads `vocabulary.json` of faster-whisper, a list, or `tokenizer.json` of transformers.
    pub fn parse(json: &[u8], size: usize) -> io::Result<Self> {
        let marks = SpecialTokens::new(size);
        let is_list = json.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
        let mut words: Vec<String> = if is_list {
            serde_json::from_slice(json).map_err(invalid)?
        } else {
            let Tokenizer { model } = serde_json::from_slice(json).map_err(invalid)?;
            let mut words = vec![String::new(); marks.end as usize];
            for (word, id) in model.vocab {
                if let Some(place) = words.get_mut(id as usize) {
                    *place = word;
                }
            }
            words
        };
        if words.len() < marks.end as usize {
            return Err(invalid("it has fewer words than the model"));
        }
        words.truncate(marks.end as usize);
        let bytes = byte_letters();
        let text = |word: String| -> Option<Vec<u8>> {
            word.chars().map(|letter| bytes.get(&letter).copied()).collect()
        };
        let texts: Option<Vec<_>> = words.into_iter().map(text).collect();
        let texts = texts.ok_or_else(|| invalid("it has words that are not of bytes"))?;
        Ok(Self { texts, marks })
    }

    /// Returns the bytes of a token; none for a special token.
    pub fn bytes(&self, token: TokenId) -> &[u8] {
        self.texts.get(token as usize).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the text of tokens, without special tokens.
    pub fn text(&self, tokens: &[TokenId]) -> String {
        let bytes: Vec<u8> = tokens.iter().flat_map(|&token| self.bytes(token)).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether the tokens end within a character of several bytes.
    pub fn ends_within_letter(&self, tokens: &[TokenId]) -> bool {
        let bytes: Vec<u8> = tokens.iter().flat_map(|&token| self.bytes(token)).copied().collect();
        std::str::from_utf8(&bytes).is_err_and(|error| error.error_len().is_none())
    }

    /// Tokenizes a text.
    pub fn encode(&self, text: &str) -> Vec<TokenId> {
        let ranks: HashMap<&[u8], TokenId> =
            self.texts.iter().map(Vec::as_slice).zip(0..).collect();
        pieces(text).into_iter().flat_map(|piece| merge(piece.as_bytes(), &ranks)).collect()
    }
}

/// Splits a text into pieces that tokens never cross: words with the space before them, numbers,
/// punctuation, spaces.
fn pieces(text: &str) -> Vec<&str> {
    #[derive(PartialEq)]
    enum Kind {
        Letter,
        Digit,
        Space,
        Sign,
    }
    let kind = |letter: char| match letter {
        _ if letter.is_alphabetic() => Kind::Letter,
        _ if letter.is_numeric() => Kind::Digit,
        _ if letter.is_whitespace() => Kind::Space,
        _ => Kind::Sign,
    };
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let ending = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];
        let ending = ending.into_iter().find(|ending| rest.starts_with(ending));
        let word = rest.strip_prefix(' ').unwrap_or(rest);
        let of = word.chars().next().map(kind).unwrap_or(Kind::Space);
        let length = if let Some(ending) = ending {
            ending.len()
        } else if of == Kind::Space {
            let spaces = rest.len() - rest.trim_start().len();
            let last = rest[..spaces].char_indices().next_back().map_or(0, |(at, _)| at);
            // The last space belongs to the word after it.
            if spaces == rest.len() || last == 0 { spaces.max(first.len_utf8()) } else { last }
        } else {
            let end = word.find(|letter| kind(letter) != of).unwrap_or(word.len());
            rest.len() - word.len() + end
        };
        let (piece, after) = rest.split_at(length);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Merges the bytes of a piece into tokens, always the adjacent pair with the lowest rank
/// (byte-pair encoding).
fn merge(piece: &[u8], ranks: &HashMap<&[u8], TokenId>) -> Vec<TokenId> {
    let mut ends: Vec<usize> = (0..=piece.len()).collect();
    loop {
        let joined = ends.windows(3).enumerate();
        let joined =
            joined.filter_map(|(at, ends)| Some((*ranks.get(&piece[ends[0]..ends[2]])?, at)));
        let Some((_, at)) = joined.min() else { break };
        ends.remove(at + 1);
    }
    ends.windows(2).filter_map(|ends| ranks.get(&piece[ends[0]..ends[1]]).copied()).collect()
}

#[derive(Deserialize)]
struct Tokenizer {
    model: Model,
}

#[derive(Deserialize)]
struct Model {
    vocab: HashMap<String, TokenId>,
}

/// Returns the characters that encode bytes in GPT-2 vocabularies: printable bytes encode
/// themselves, others use characters from 256 on.
fn byte_letters() -> HashMap<char, u8> {
    let is_printed = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let printed = (0..=255).filter(is_printed).map(|byte| (char::from(byte), byte));
    let unprinted = (0..=255).filter(|byte| !is_printed(byte));
    let letters =
        unprinted.zip(256..).filter_map(|(byte, letter)| Some((char::from_u32(letter)?, byte)));
    printed.chain(letters).collect()
}
