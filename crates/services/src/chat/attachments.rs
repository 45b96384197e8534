//! Attachments of a question: images for the model, and documents that become context.
use std::time::Duration;

use carrel_domain::audit::By;
use carrel_domain::document::{Document, IncomingFile, ReadRequest};
use carrel_domain::{Error, Result};

use super::{Conversations, Question};
use crate::exchange::Attachment;
use crate::ingestion::{self, scratch};

/// The maximum number of attachments of a question.
pub const MAX_ATTACHMENTS: usize = 16;

/// The time limit for reading one attached document. It is short because the user waits for the
/// answer and others wait for the worker.
const ATTACHMENT_TIME_LIMIT: Duration = Duration::from_secs(10);

/// The number of bytes of a document's text kept per token of the context window. More would hardly
/// fit.
pub(super) const BYTES_PER_TOKEN: u64 = 8;

pub(super) fn check(attachments: &[Attachment]) -> Result<()> {
    if attachments.len() > MAX_ATTACHMENTS {
        let reason = format!("must not be more than {MAX_ATTACHMENTS}");
        return Err(Error::invalid("attachments", reason));
    }
    Ok(())
}

/// An attached document, with its text up to the size that fits a model.
pub(super) struct AttachedDocument {
    pub document: Document,
    pub text: String,
}

/// Reads the documents among a question's attachments and removes their contents from the question.
/// Their names stay.
pub(super) async fn read_documents(
    conversations: &Conversations,
    question: &mut Question,
    window: u64,
    by: &By,
) -> Result<Vec<AttachedDocument>> {
    let mut documents = Vec::new();
    let skips_unreadable = question.skips_unreadable;
    for attachment in question.attachments.iter_mut().filter(|attachment| !attachment.is_image()) {
        match read_document(conversations, attachment, window, by).await {
            Ok(parts) => documents.extend(parts),
            Err(error @ Error::Internal(_)) => return Err(error),
            Err(error) if skips_unreadable => {
                tracing::debug!(%error, "an attached document was skipped");
            }
            Err(error) => return Err(with_name(error, &attachment.name)),
        }
    }
    Ok(documents)
}

pub(super) async fn read_document(
    conversations: &Conversations,
    attachment: &mut Attachment,
    window: u64,
    by: &By,
) -> Result<Vec<AttachedDocument>> {
    ingestion::check_file_name(&attachment.name)?;
    let content = attachment.decode();
    let content = content.map_err(|_| Error::invalid("attachments", "must be base64"))?;
    // The wait for a worker can be long, so the content is released first.
    attachment.content = String::new();
    let file = scratch::written(conversations.scratch.clone(), content).await?;
    let (name, path) = (attachment.name.clone(), file.path().to_owned());
    let file = IncomingFile { name, content: path };
    let owner = by.actor.to_text();
    let time_limit = Some(ATTACHMENT_TIME_LIMIT);
    let request = ReadRequest { owner, time_limit, ..ReadRequest::default() };
    let extracted = conversations.extractor.extract(&file, &request).await?;
    let max_bytes = usize::try_from(window.saturating_mul(BYTES_PER_TOKEN)).unwrap_or(usize::MAX);
    let details = ingestion::Details::default();
    let read = |part| ingestion::from_file(&attachment.name, part, &details, by.at);
    let documents = extracted.into_iter().map(read).collect::<Result<Vec<_>>>()?;
    let truncate = |(document, mut text): (_, String)| {
        text.truncate(text.floor_char_boundary(max_bytes));
        // Release the memory of the truncated text, which would otherwise be held until the answer
        // ends.
        text.shrink_to_fit();
        AttachedDocument { document, text }
    };
    let documents = ingestion::count_tokens(&conversations.tokenizer, documents).await?;
    Ok(documents.into_iter().map(truncate).collect())
}

/// Prefixes an error with the name of the attachment.
fn with_name(error: Error, name: &str) -> Error {
    match error {
        Error::Unprocessable { reason } => Error::unprocessable(format!("{name}: {reason}")),
        Error::Invalid { reason, .. } => Error::invalid("attachments", format!("{name}: {reason}")),
        error => error,
    }
}
