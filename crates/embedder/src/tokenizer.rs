//! Tokenizers for the two kinds of vocabularies of BERT-family encoders.
mod charsmap;
mod json;
mod sentencepiece;
mod unigram;
mod wordpiece;

pub use json::parse as parse_json;
pub use sentencepiece::{Piece, parse as parse_sentencepiece, write as write_sentencepiece};
pub use unigram::Unigram;
pub use wordpiece::{Letters, WordPiece};

/// A model's vocabulary with its rules for splitting texts.
pub enum SubwordTokenizer {
    WordPiece(WordPiece),
    Unigram(Unigram),
}

impl SubwordTokenizer {
    /// Returns the ids of `text` between the special tokens for beginning and end, 2 to `most` ids
    /// in total.
    ///
    /// Reads only as much of the text as the last token requires, however long the text is.
    pub fn encode(&self, text: &str, most: usize) -> Vec<u32> {
        match self {
            Self::WordPiece(tokenizer) => tokenizer.encode(text, most),
            Self::Unigram(tokenizer) => tokenizer.encode(text, most),
        }
    }

    /// Returns a number greater than every id.
    pub fn size(&self) -> usize {
        match self {
            Self::WordPiece(tokenizer) => tokenizer.size(),
            Self::Unigram(tokenizer) => tokenizer.size(),
        }
    }
}
