//! What belongs to an exchange beside its texts: attachments, sources and what the answer cost.
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::read::DecoderReader;
use base64::{DecodeError, Engine};
use carrel_domain::document::Document;
use carrel_domain::model::{FinishReason, Image, ModelName, Usage};
use chrono::{DateTime, Utc};

use crate::provenance::ProvenanceFields;
use crate::search::Hit;

/// Padding is often left out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A picture or a document, as the client sent it.
#[derive(Clone, Debug, PartialEq)]
pub struct Attachment {
    /// The name as the client gave it.
    pub name: String,
    /// Such as `image/png`; `application/anythingllm-document` for a document of any type.
    pub mime: String,
    /// A data URL, or base64 alone.
    pub content: String,
}

impl Attachment {
    /// Whether the model is shown it as an image.
    pub fn is_image(&self) -> bool {
        let kind = self.mime.split('/').next().unwrap_or_default();
        kind.eq_ignore_ascii_case("image")
    }

    /// As a model sees it.
    pub fn image(&self) -> Image {
        Image::Inline { mime: self.mime.clone(), data: self.data().to_owned() }
    }

    /// Of content as it is.
    pub fn new(name: String, mime: String, content: &[u8]) -> Self {
        let content = format!("data:{mime};base64,{}", BASE64.encode(content));
        Self { name, mime, content }
    }

    /// Whether the content is what it says: base64.
    pub fn is_readable(&self) -> bool {
        let mut decoded = DecoderReader::new(self.data().as_bytes(), &BASE64);
        std::io::copy(&mut decoded, &mut std::io::sink()).is_ok_and(|bytes| bytes > 0)
    }

    /// The content as it is; `None` when there is none, or it is not base64.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        self.decode().ok().filter(|content| !content.is_empty())
    }

    pub(crate) fn decode(&self) -> Result<Vec<u8>, DecodeError> {
        BASE64.decode(self.data())
    }

    /// The base64 in the content.
    fn data(&self) -> &str {
        let data = match self.content.starts_with("data:") {
            true => self.content.split_once(',').map_or("", |(_, data)| data),
            false => &self.content,
        };
        data.trim()
    }
}

/// How much of a whole document its source shows, in characters.
const BEGINNING: usize = 1000;

/// Something an answer is built on.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A passage that was found.
    Passage(Box<Hit>),
    /// A document that was shown whole, because it is pinned or came with the question.
    Document {
        /// The document.
        document: Box<Document>,
        /// The beginning of its text.
        beginning: String,
    },
}

impl Source {
    /// A document shown in full, with this text.
    pub(crate) fn whole(document: Document, text: &str) -> Self {
        let beginning = text.chars().take(BEGINNING).collect();
        Self::Document { document: Box::new(document), beginning }
    }

    /// Where a passage stands; nothing of a document that was shown whole.
    pub fn provenance(&self) -> Option<ProvenanceFields> {
        match self {
            Self::Passage(hit) => Some(ProvenanceFields::of(&hit.passage)),
            Self::Document { .. } => None,
        }
    }

    /// The document it is from.
    pub fn document(&self) -> &Document {
        match self {
            Self::Passage(hit) => &hit.passage.document,
            Self::Document { document, .. } => document,
        }
    }
}

/// What an answer cost and who gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// Tokens of the prompt and the answer.
    pub usage: Usage,
    /// From the request to the last part of the answer.
    pub seconds: f64,
    /// The model that answered.
    pub model: ModelName,
    /// When the last part came.
    pub answered_at: DateTime<Utc>,
    /// Whether the question was one for an agent.
    pub as_agent: bool,
    /// Why the model stopped.
    pub finish: FinishReason,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment(mime: &str, content: &str) -> Attachment {
        Attachment { name: "a".into(), mime: mime.into(), content: content.into() }
    }

    #[test]
    fn data_urls_and_bare_base64_mean_the_same() {
        for content in ["data:image/png;base64,iVBORw0KGgo=", "iVBORw0KGgo=", " iVBORw0KGgo "] {
            let image = attachment("Image/PNG", content);
            assert!(image.is_image() && image.is_readable(), "{content}");
            let Image::Inline { data, .. } = image.image() else { panic!("not inline") };
            assert_eq!(data.trim_end_matches('='), "iVBORw0KGgo");
        }
        for content in ["", "data:image/png", "data:image/png;base64,", "?"] {
            assert!(!attachment("image/png", content).is_readable(), "{content}");
        }
        assert!(!attachment("application/pdf", "").is_image());
        assert!(!attachment("application/anythingllm-document", "").is_image());
    }
}
