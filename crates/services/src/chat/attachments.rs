//! Attachments of a question: pictures for the model, and documents that become context.
use std::time::Duration;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::read::DecoderReader;
use carrel_domain::audit::By;
use carrel_domain::document::{Document, IncomingFile, ReadRequest};
use carrel_domain::model::Image;
use carrel_domain::{Error, Result};

use super::{Conversations, Question};
use crate::ingestion::{self, scratch};

/// How many attachments a question may have.
pub const MOST_ATTACHMENTS: usize = 16;

/// How long reading one attached document may take: somebody waits for the answer, and others for
/// the worker.
const ATTACHMENT_TIME_LIMIT: Duration = Duration::from_secs(10);

/// The most bytes of a document's text that are kept for each token of the model's window: more
/// than that would hardly be sent.
pub(super) const BYTES_A_TOKEN: u64 = 8;

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
        BASE64.decode(self.data()).ok().filter(|content| !content.is_empty())
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

pub(super) fn check(attachments: &[Attachment]) -> Result<()> {
    if attachments.len() > MOST_ATTACHMENTS {
        let allowed = format!("must not be more than {MOST_ATTACHMENTS}");
        return Err(Error::invalid("attachments", allowed));
    }
    Ok(())
}

/// An attached document and as much of its text as a model could be sent.
pub(super) struct Attached {
    pub document: Document,
    pub text: String,
}

/// Reads the documents among a question's attachments. Of these the names are left.
pub(super) async fn read_attached(
    conversations: &Conversations,
    question: &mut Question,
    window: u64,
    by: &By,
) -> Result<Vec<Attached>> {
    let mut read = Vec::new();
    let passes_over_unreadable = question.passes_over_unreadable;
    for attachment in question.attachments.iter_mut().filter(|attached| !attached.is_image()) {
        match read_one(conversations, attachment, window, by).await {
            Ok(documents) => read.extend(documents),
            Err(error @ Error::Internal(_)) => return Err(error),
            Err(error) if passes_over_unreadable => {
                tracing::debug!(%error, "an attached document was skipped");
            }
            Err(error) => return Err(named(error, &attachment.name)),
        }
    }
    Ok(read)
}

pub(super) async fn read_one(
    conversations: &Conversations,
    attachment: &mut Attachment,
    window: u64,
    by: &By,
) -> Result<Vec<Attached>> {
    ingestion::check_file_name(&attachment.name)?;
    let content = BASE64.decode(attachment.data());
    let content = content.map_err(|_| Error::invalid("attachments", "must be base64"))?;
    // It may be long until there is a worker for it.
    attachment.content = String::new();
    let file = scratch::written(conversations.scratch.clone(), content).await?;
    let (name, path) = (attachment.name.clone(), file.path().to_owned());
    let file = IncomingFile { name, content: path };
    let owner = by.actor.to_text();
    let request = ReadRequest { owner, time_limit: Some(ATTACHMENT_TIME_LIMIT) };
    let extracted = conversations.extractor.extract(&file, &request).await?;
    let most = usize::try_from(window.saturating_mul(BYTES_A_TOKEN)).unwrap_or(usize::MAX);
    let details = ingestion::Details::default();
    let made = |part| ingestion::from_file(&attachment.name, part, &details, by.at);
    let made = extracted.into_iter().map(made).collect::<Result<Vec<_>>>()?;
    let attached = |(document, mut text): (_, String)| {
        text.truncate(text.floor_char_boundary(most));
        // What was cut off would be held with the rest until the model has answered.
        text.shrink_to_fit();
        Attached { document, text }
    };
    let counted = ingestion::count_tokens(&conversations.tokenizer, made).await?;
    Ok(counted.into_iter().map(attached).collect())
}

/// Says of which attachment a failure is.
fn named(error: Error, name: &str) -> Error {
    match error {
        Error::Unprocessable { reason } => Error::unprocessable(format!("{name}: {reason}")),
        Error::Invalid { reason, .. } => Error::invalid("attachments", format!("{name}: {reason}")),
        other => other,
    }
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
