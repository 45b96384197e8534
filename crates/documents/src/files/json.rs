//! The JSON of a document's file, in AnythingLLM's format.
use std::fmt;

use carrel_domain::document::{Document, NO_METADATA};
use carrel_domain::{DocumentPath, Error, Result};
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

/// The fields of the file, in this order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    id: String,
    url: &'a str,
    title: &'a str,
    doc_author: &'a str,
    description: &'a str,
    doc_source: &'a str,
    chunk_source: &'a str,
    published: String,
    word_count: i32,
    page_content: &'a str,
    #[serde(rename = "token_count_estimate")]
    token_count_estimate: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Value>,
}

/// The fields that are read back; others are ignored.
#[derive(Deserialize)]
struct Read {
    #[serde(rename = "pageContent")]
    page_content: Text,
}

pub fn write(document: &Document, text: &str) -> Result<Vec<u8>> {
    let Document {
        id,
        path: _,
        title,
        url,
        author,
        description,
        source,
        chunk_source,
        published,
        words,
        tokens,
        digest: _,
        created_at: _,
        metadata,
        origin: _,
        warnings: _,
    } = document;
    let metadata = Some(metadata).filter(|metadata| *metadata != NO_METADATA);
    let metadata = metadata.map(|text| serde_json::from_str(text)).transpose();
    let written = Written {
        id: id.to_string(),
        url,
        title,
        doc_author: author,
        description,
        doc_source: source,
        chunk_source,
        published: published.to_string(),
        word_count: *words,
        page_content: text,
        token_count_estimate: *tokens,
        metadata: metadata.map_err(Error::internal)?,
    };
    let mut file = Vec::with_capacity(text.len() + text.len() / 16 + 1024);
    let formatter = PrettyFormatter::with_indent(b"    ");
    written
        .serialize(&mut Serializer::with_formatter(&mut file, formatter))
        .map_err(Error::internal)?;
    Ok(file)
}

/// Returns the text in the file at `path`, or [`Error::Unprocessable`] if the file is damaged.
pub fn text(path: &DocumentPath, file: &[u8]) -> Result<String> {
    let file = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
    match serde_json::from_slice::<Read>(file) {
        Ok(read) => Ok(read.page_content.0),
        Err(error) => Err(Error::unprocessable(format!("the file {path} is damaged: {error}"))),
    }
}

/// A JSON string that may contain unpaired surrogates, which JavaScript writes when it cuts a text.
/// They become U+FFFD.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Text, E> {
        Ok(Text(String::from_utf8_lossy(bytes).into_owned()))
    }
}
