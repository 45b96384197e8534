//! JSON of embeddings requests and responses.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use carrel_domain::{Error, Result};
use carrel_services::openai::{EmbeddedTexts, MAX_TEXT_BYTES, MAX_TEXTS};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::v1::openai::wire::not_null;

#[derive(Deserialize, ToSchema)]
pub struct EmbeddingsBody {
    /// A text, or up to 2,048 texts, of at most 1 MiB each. Token ids are refused, because they
    /// belong to one model's vocabulary.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub input: Option<Value>,
    /// Same as `input`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub inputs: Option<Value>,
    /// `float`, or `base64` for little-endian 32-bit floats.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub encoding_format: Option<Value>,
    /// Number of dimensions. The server's model has a fixed number, so any other value is refused.
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    pub dimensions: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Float,
    Base64,
}

impl EmbeddingsBody {
    pub fn encoding(&self) -> Result<Encoding> {
        match &self.encoding_format {
            None | Some(Value::Null) => Ok(Encoding::Float),
            Some(Value::String(name)) if name == "float" => Ok(Encoding::Float),
            Some(Value::String(name)) if name == "base64" => Ok(Encoding::Base64),
            Some(_) => Err(Error::invalid("encoding_format", "must be float or base64")),
        }
    }

    pub fn dimensions(&self) -> Result<Option<usize>> {
        match &self.dimensions {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
                let invalid = || Error::invalid("dimensions", "must be a whole number from 1");
                number.filter(|number| *number > 0).map(Some).ok_or_else(invalid)
            }
        }
    }

    pub fn texts(self) -> Result<Vec<String>> {
        let texts = match not_null(self.input).or_else(|| not_null(self.inputs)) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(items)) => items.into_iter().map(text).collect::<Result<_>>()?,
            None | Some(_) => return Err(invalid_input("must be text, or an array of texts")),
        };
        if texts.is_empty() || texts.len() > MAX_TEXTS {
            return Err(invalid_input("must hold 1 to 2048 texts"));
        }
        if texts.iter().any(String::is_empty) {
            return Err(invalid_input("must not hold an empty text"));
        }
        match texts.iter().any(|text| text.len() > MAX_TEXT_BYTES) {
            true => Err(Error::TooLarge { what: "a text", limit: MAX_TEXT_BYTES as u64 }),
            false => Ok(texts),
        }
    }
}

/// Token ids belong to one model's vocabulary, so they cannot be turned back into text here.
const TOKENS: &str = "must be text: token ids are not supported; clients that send them have an \
    option to send text, such as check_embedding_ctx_length=False in LangChain's OpenAIEmbeddings";

fn text(item: Value) -> Result<String> {
    match item {
        Value::String(text) => Ok(text),
        Value::Number(_) | Value::Array(_) => Err(invalid_input(TOKENS)),
        _ => Err(invalid_input("must be an array of texts")),
    }
}

fn invalid_input(reason: &'static str) -> Error {
    Error::invalid("input", reason)
}

#[derive(Serialize, ToSchema)]
pub struct Embeddings {
    /// `list`.
    object: &'static str,
    /// In the order of the texts.
    data: Vec<Embedding>,
    /// The model that computed them.
    model: String,
    usage: Spent,
}

#[derive(Serialize, ToSchema)]
pub struct Embedding {
    /// `embedding`.
    object: &'static str,
    /// Numbers, or their bytes in base64.
    embedding: Numbers,
    index: usize,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Numbers {
    Float(Vec<f32>),
    Base64(String),
}

/// Tokens, estimated at four characters each.
#[derive(Serialize, ToSchema)]
pub struct Spent {
    prompt_tokens: usize,
    total_tokens: usize,
}

impl Embeddings {
    pub fn of(embedded: EmbeddedTexts, encoding: Encoding) -> Self {
        let EmbeddedTexts { model, vectors, tokens } = embedded;
        let embedding = |(index, vector): (usize, Vec<f32>)| Embedding {
            object: "embedding",
            embedding: match encoding {
                Encoding::Float => Numbers::Float(vector),
                Encoding::Base64 => Numbers::Base64(base64(&vector)),
            },
            index,
        };
        let data = vectors.into_iter().enumerate().map(embedding).collect();
        let usage = Spent { prompt_tokens: tokens, total_tokens: tokens };
        Self { object: "list", data, model, usage }
    }
}

fn base64(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(body: Value) -> Result<Vec<String>> {
        serde_json::from_value::<EmbeddingsBody>(body).unwrap().texts()
    }

    #[test]
    fn texts_are_accepted_and_token_ids_refused() {
        assert_eq!(texts(json!({ "input": "a" })).unwrap(), ["a"]);
        assert_eq!(texts(json!({ "inputs": ["a", "b"] })).unwrap(), ["a", "b"]);
        let many = vec!["x"; MAX_TEXTS + 1];
        for wrong in [
            json!({}),
            json!({ "input": "" }),
            json!({ "input": [] }),
            json!({ "input": [1, 2] }),
            json!({ "input": [["a"]] }),
            json!({ "input": ["a", null] }),
            json!({ "input": ["a", ""] }),
            json!({ "input": {} }),
            json!({ "input": 5 }),
            json!({ "input": many }),
        ] {
            let refused = texts(wrong).unwrap_err().to_string();
            assert!(refused.starts_with("input: "), "{refused}");
        }
    }

    #[test]
    fn base64_is_of_little_endian_numbers() {
        assert_eq!(base64(&[1.0, -2.5]), "AACAPwAAIMA=");
    }
}
