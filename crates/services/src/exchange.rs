//! The parts of an exchange other than its texts: attachments, sources and metrics.
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::read::DecoderReader;
use base64::{DecodeError, Engine};
use carrel_domain::document::Document;
use carrel_domain::model::{FinishReason, Image, ModelName, Usage};
use chrono::{DateTime, Utc};

use crate::provenance::ProvenanceFields;
use crate::search::Hit;

/// Accepts base64 without padding, which clients often omit.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An attached image or document, as sent by the client.
#[derive(Clone, Debug, PartialEq)]
pub struct Attachment {
    /// The file name given by the client.
    pub name: String,
    /// The media type, such as `image/png`, or `application/anythingllm-document` for a document of
    /// any type.
    pub mime: String,
    /// The content, as a data URL or plain base64.
    pub content: String,
}

impl Attachment {
    /// Returns whether the attachment is sent to the model as an image.
    pub fn is_image(&self) -> bool {
        let kind = self.mime.split('/').next().unwrap_or_default();
        kind.eq_ignore_ascii_case("image")
    }

    /// Returns the image in the form for models.
    pub fn image(&self) -> Image {
        Image::Inline { mime: self.mime.clone(), data: self.data().to_owned() }
    }

    /// Creates an attachment from binary content.
    pub fn new(name: String, mime: String, content: &[u8]) -> Self {
        let content = format!("data:{mime};base64,{}", BASE64.encode(content));
        Self { name, mime, content }
    }

    /// Returns whether the content is valid base64 and not empty.
    pub fn is_readable(&self) -> bool {
        let mut decoded = DecoderReader::new(self.data().as_bytes(), &BASE64);
        std::io::copy(&mut decoded, &mut std::io::sink()).is_ok_and(|bytes| bytes > 0)
    }

    /// Decodes the content. Returns `None` if it is empty or not base64.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        self.decode().ok().filter(|content| !content.is_empty())
    }

    pub(crate) fn decode(&self) -> Result<Vec<u8>, DecodeError> {
        BASE64.decode(self.data())
    }

    /// Returns the base64 part of the content.
    fn data(&self) -> &str {
        let data = match self.content.starts_with("data:") {
            true => self.content.split_once(',').map_or("", |(_, data)| data),
            false => &self.content,
        };
        data.trim()
    }
}

/// The length of the text shown for a whole document, in characters.
const EXCERPT_CHARS: usize = 1000;

/// A source of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A retrieved passage.
    Passage(Box<Hit>),
    /// A document included in full, because it is pinned or attached.
    Document {
        /// The document.
        document: Box<Document>,
        /// The beginning of the text.
        beginning: String,
    },
}

impl Source {
    /// Creates the source of a document included in full.
    pub(crate) fn full_document(document: Document, text: &str) -> Self {
        let beginning = text.chars().take(EXCERPT_CHARS).collect();
        Self::Document { document: Box::new(document), beginning }
    }

    /// Returns the location of a passage. Returns `None` for a document included in full.
    pub fn provenance(&self) -> Option<ProvenanceFields> {
        match self {
            Self::Passage(hit) => Some(ProvenanceFields::of(&hit.passage)),
            Self::Document { .. } => None,
        }
    }

    /// Returns the document of the source.
    pub fn document(&self) -> &Document {
        match self {
            Self::Passage(hit) => &hit.passage.document,
            Self::Document { document, .. } => document,
        }
    }
}

/// The usage, duration and model of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// Tokens of the prompt and the answer.
    pub usage: Usage,
    /// The time from the request to the last part of the answer, in seconds.
    pub seconds: f64,
    /// The model that answered.
    pub model: ModelName,
    /// The time of the last part of the answer.
    pub answered_at: DateTime<Utc>,
    /// Whether the question requested an agent.
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
    fn data_urls_and_plain_base64_are_equivalent() {
        for content in ["data:image/png;base64,iVBORw0KGgo=", "iVBORw0KGgo=", " iVBORw0KGgo "] {
            let image = attachment("Image/PNG", content);
            assert!(image.is_image() && image.is_readable(), "{content}");
            let Image::Inline { data, .. } = image.image() else {
                panic!("the image is not inline")
            };
            assert_eq!(data.trim_end_matches('='), "iVBORw0KGgo");
        }
        for content in ["", "data:image/png", "data:image/png;base64,", "?"] {
            assert!(!attachment("image/png", content).is_readable(), "{content}");
        }
        assert!(!attachment("application/pdf", "").is_image());
        assert!(!attachment("application/anythingllm-document", "").is_image());
    }
}
