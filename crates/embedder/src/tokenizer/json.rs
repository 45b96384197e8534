//! Parses the `tokenizer.json` of the `tokenizers` library, limited to the features of BERT-family
//! models.
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::SubwordTokenizer;
use super::charsmap::Charsmap;
use super::sentencepiece::Piece;
use super::unigram::Unigram;
use super::wordpiece::{Letters, WordPiece};

#[derive(Deserialize)]
struct File {
    model: Model,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Model {
    WordPiece {
        vocab: HashMap<String, u32>,
    },
    Unigram {
        unk_id: Option<usize>,
        vocab: Vec<(String, f32)>,
    },
    #[serde(other)]
    Other,
}

/// Parses a file. An error is the end of a sentence "the file …".
pub fn parse(text: &str) -> Result<SubwordTokenizer, String> {
    let file: File = serde_json::from_str(text)
        .map_err(|error| format!("is damaged or not a tokenizer that carrel supports: {error}"))?;
    let normalizers = members(&file.normalizer, "normalizers");
    match file.model {
        Model::WordPiece { vocab } => {
            let letters = letters(&normalizers)?;
            let pieces = vocab.iter().map(|(piece, id)| (*id, piece.as_str()));
            let tokenizer = WordPiece::new(pieces, letters);
            tokenizer
                .map(SubwordTokenizer::WordPiece)
                .ok_or_else(|| "lacks the special tokens of BERT".into())
        }
        Model::Unigram { unk_id, vocab } => {
            let charsmap = charsmap(&normalizers)?;
            let steps = members(&file.pre_tokenizer, "pretokenizers");
            let drops_spaces = splits_at_spaces(&steps)?;
            let pieces: Vec<Piece> =
                vocab.into_iter().map(|(text, score)| Piece { text, score }).collect();
            let unknown = unk_id.ok_or("names no unknown piece")?;
            let tokenizer = Unigram::new(&pieces, unknown, charsmap, drops_spaces);
            tokenizer
                .map(SubwordTokenizer::Unigram)
                .ok_or_else(|| "lacks the special tokens of XLM-R".into())
        }
        Model::Other => Err("has a vocabulary of another kind than WordPiece and Unigram".into()),
    }
}

/// Returns the steps of a sequence, or the single step.
fn members<'a>(step: &'a Value, name: &str) -> Vec<&'a Value> {
    match (step["type"].as_str(), step[name].as_array()) {
        (Some("Sequence"), Some(steps)) => steps.iter().collect(),
        (Some(_), _) => vec![step],
        _ => Vec::new(),
    }
}

fn letters(normalizers: &[&Value]) -> Result<Letters, String> {
    let [normalizer] = normalizers else { return Err("has other normalizers than BERT's".into()) };
    let flag = |name: &str| normalizer[name].as_bool();
    let usual = normalizer["type"] == "BertNormalizer"
        && flag("clean_text") != Some(false)
        && flag("handle_chinese_chars") != Some(false);
    if !usual {
        return Err(format!("has the normalizer {normalizer}, which carrel does not know"));
    }
    let lowercase = flag("lowercase").unwrap_or(true);
    Ok(Letters { lowercase, strip_accents: flag("strip_accents").unwrap_or(lowercase) })
}

fn charsmap(normalizers: &[&Value]) -> Result<Charsmap, String> {
    let mut charsmap = Charsmap::default();
    for normalizer in normalizers {
        match normalizer["type"].as_str() {
            Some("Precompiled") => {
                let table = normalizer["precompiled_charsmap"].as_str().unwrap_or_default();
                let table = STANDARD.decode(table).ok().and_then(|table| Charsmap::parse(&table));
                charsmap = table.ok_or("has a damaged table of characters")?;
            }
            // Has no further effect, because all vocabularies here collapse runs of spaces anyway.
            Some("Replace") if normalizer["pattern"]["Regex"] == " {2,}" => {}
            _ => {
                return Err(format!("has the normalizer {normalizer}, which carrel does not know"));
            }
        }
    }
    Ok(charsmap)
}

fn splits_at_spaces(steps: &[&Value]) -> Result<bool, String> {
    let kinds: Vec<_> = steps.iter().filter_map(|step| step["type"].as_str()).collect();
    match kinds[..] {
        ["WhitespaceSplit", "Metaspace"] => Ok(true),
        ["Metaspace"] => Ok(false),
        _ => Err(format!("cuts words by {kinds:?}, which carrel does not know")),
    }
}
