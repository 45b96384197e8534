//! Parses SentencePiece model files, limited to the protocol buffer fields that tokenization needs.
use super::charsmap::Charsmap;
use super::unigram::Unigram;

/// A piece of a vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    pub text: String,
    /// The logarithm of its probability.
    pub score: f32,
}

impl Piece {
    fn special(text: &str) -> Self {
        Self { text: text.into(), score: 0.0 }
    }
}

/// The type of the piece for text that no other piece covers.
const UNKNOWN: u64 = 2;
/// The type of a special token, which text never contains.
const CONTROL: u64 = 3;
/// The model type that maximizes the sum of the pieces' scores.
const UNIGRAM: u64 = 1;

/// Parses a model and assigns ids like XLM-R: four special tokens, the pieces, and one more special
/// token.
///
/// An error is the end of a sentence "the file …".
pub fn parse(bytes: &[u8]) -> Result<Unigram, &'static str> {
    let damaged = "is damaged or not a SentencePiece model";
    let mut pieces: Vec<Piece> = ["<s>", "<pad>", "</s>", "<unk>"].map(Piece::special).into();
    let mut charsmap = &[][..];
    let mut kind = UNIGRAM;
    for field in Fields(bytes) {
        match field.ok_or(damaged)? {
            (1, Value::Bytes(piece)) => pieces.extend(normal_piece(piece).ok_or(damaged)?),
            (2, Value::Bytes(trainer)) => {
                for field in Fields(trainer) {
                    if let (3, Value::Number(number)) = field.ok_or(damaged)? {
                        kind = number;
                    }
                }
            }
            (3, Value::Bytes(normalizer)) => {
                for field in Fields(normalizer) {
                    if let (2, Value::Bytes(table)) = field.ok_or(damaged)? {
                        charsmap = table;
                    }
                }
            }
            _ => {}
        }
    }
    if kind != UNIGRAM {
        return Err("is a SentencePiece model of another kind than unigram");
    }
    if pieces.len() == 4 {
        return Err(damaged);
    }
    pieces.push(Piece::special("<mask>"));
    let charsmap = Charsmap::parse(charsmap).ok_or("has a damaged table of characters")?;
    Unigram::new(&pieces, 3, charsmap, true).ok_or(damaged)
}

/// Returns a normal piece, or `Some(None)` for a special token, which has its own id in XLM-R.
/// Returns `None` if the piece is unreadable.
fn normal_piece(bytes: &[u8]) -> Option<Option<Piece>> {
    let mut piece = Piece { text: String::new(), score: 0.0 };
    let mut kind = 1;
    for field in Fields(bytes) {
        match field? {
            (1, Value::Bytes(text)) => piece.text = String::from_utf8(text.to_vec()).ok()?,
            (2, Value::Float(score)) => piece.score = score,
            (3, Value::Number(number)) => kind = number,
            _ => {}
        }
    }
    Some((kind != UNKNOWN && kind != CONTROL).then_some(piece))
}

enum Value<'a> {
    Number(u64),
    Float(f32),
    Bytes(&'a [u8]),
    Skipped,
}

/// Iterates over the fields of a message. Yields `None` for an unreadable field and then ends.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Some(number);
            }
        }
        None
    }

    fn take_bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let key = self.number()?;
        let value = match key & 7 {
            0 => Value::Number(self.number()?),
            1 => {
                self.take_bytes(8)?;
                Value::Skipped
            }
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                Value::Bytes(self.take_bytes(length)?)
            }
            5 => Value::Float(f32::from_le_bytes(self.take_bytes(4)?.try_into().ok()?)),
            _ => return None,
        };
        Some((key >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// Writes a model that [`parse`] reads. `pieces` are the pieces between the special tokens.
pub fn write(pieces: &[Piece], charsmap: &[u8]) -> Vec<u8> {
    fn number(mut number: u64, out: &mut Vec<u8>) {
        while number >= 128 {
            out.push(number as u8 | 128);
            number >>= 7;
        }
        out.push(number as u8);
    }
    fn bytes(field: u64, content: &[u8], out: &mut Vec<u8>) {
        number(field << 3 | 2, out);
        number(content.len() as u64, out);
        out.extend_from_slice(content);
    }
    let mut out = Vec::new();
    let marks = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)];
    let marks = marks.map(|(text, kind)| (Piece::special(text), kind));
    let all = marks.iter().map(|(piece, kind)| (piece, *kind));
    for (Piece { text, score }, kind) in all.chain(pieces.iter().map(|piece| (piece, 1))) {
        let mut piece = Vec::new();
        bytes(1, text.as_bytes(), &mut piece);
        piece.push(2 << 3 | 5);
        piece.extend_from_slice(&score.to_le_bytes());
        if kind != 1 {
            piece.push(3 << 3);
            number(kind, &mut piece);
        }
        bytes(1, &piece, &mut out);
    }
    let mut normalizer = Vec::new();
    bytes(2, charsmap, &mut normalizer);
    bytes(2, &[3 << 3, UNIGRAM as u8], &mut out);
    bytes(3, &normalizer, &mut out);
    out
}
