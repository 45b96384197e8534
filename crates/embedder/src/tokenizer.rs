//! Text to token ids, by the two kinds of vocabulary that encoders of the BERT family come with.
mod charsmap;
mod json;
mod sentencepiece;
mod unigram;
mod wordpiece;

pub use json::parse as parse_json;
pub use sentencepiece::{Piece, parse as parse_sentencepiece, write as write_sentencepiece};
pub use unigram::Unigram;
pub use wordpiece::{Letters, WordPiece};

/// The vocabulary of a model with the rules by which text is cut into its pieces.
pub enum Tokenizer {
    WordPiece(WordPiece),
    Unigram(Unigram),
}

impl Tokenizer {
    /// The ids of `text`, between the marks of its beginning and end: 2 to `most` of them.
    ///
    /// Reads no further than the last token needs, however long the text is.
    pub fn encode(&self, text: &str, most: usize) -> Vec<u32> {
        match self {
            Self::WordPiece(tokenizer) => tokenizer.encode(text, most),
            Self::Unigram(tokenizer) => tokenizer.encode(text, most),
        }
    }

    /// Every id is below this.
    pub fn size(&self) -> usize {
        match self {
            Self::WordPiece(tokenizer) => tokenizer.size(),
            Self::Unigram(tokenizer) => tokenizer.size(),
        }
    }
}
