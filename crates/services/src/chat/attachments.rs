//! Attachments of a question: pictures for the model, and documents that become context.
use std::time::Duration;

use carrel_domain::audit::By;
use carrel_domain::document::{Document, IncomingFile, ReadRequest};
use carrel_domain::{Error, Result};

use super::{Conversations, Question};
use crate::exchange::Attachment;
use crate::ingestion::{self, scratch};

/// How many attachments a question may have.
pub const MOST_ATTACHMENTS: usize = 16;

/// How long reading one attached document may take: somebody waits for the answer, and others for
/// the worker.
const ATTACHMENT_TIME_LIMIT: Duration = Duration::from_secs(10);

/// The most bytes of a document's text that are kept for each token of the model's window: more
/// than that would hardly be sent.
pub(super) const BYTES_A_TOKEN: u64 = 8;

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
    let content = attachment.decode();
    let content = content.map_err(|_| Error::invalid("attachments", "must be base64"))?;
    // It may be long until there is a worker for it.
    attachment.content = String::new();
    let file = scratch::written(conversations.scratch.clone(), content).await?;
    let (name, path) = (attachment.name.clone(), file.path().to_owned());
    let file = IncomingFile { name, content: path };
    let owner = by.actor.to_text();
    let time_limit = Some(ATTACHMENT_TIME_LIMIT);
    let request = ReadRequest { owner, time_limit, ..ReadRequest::default() };
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
