//! Thread files: read once, and sent with every question of the thread.
use carrel_domain::audit::By;
use carrel_domain::thread::Thread;
use carrel_domain::thread_file::{NewThreadFile, ThreadFile};
use carrel_domain::{Error, Result, ThreadFileId};
use serde_json::json;

use super::attachments::{AttachedDocument, BYTES_PER_TOKEN, read_document};
use super::{Attachment, Conversations, Question};
use crate::ingestion::{RawText, from_text};

/// The maximum number of files of a thread.
pub const MAX_FILES: usize = 16;

/// The maximum length of the text of a thread file, in bytes.
pub const MAX_TEXT_BYTES: usize = 4 << 20;

/// The context window assumed when reading a thread file, large enough to keep the whole text.
const WHOLE_TEXT_WINDOW: u64 = MAX_TEXT_BYTES as u64 / BYTES_PER_TOKEN + 1;

/// The source text of a thread file in answers.
const SOURCE: &str = "a file that stays with the thread.";

/// Reads a file and stores its text with the thread. One file can become several, such as the
/// sheets of a workbook.
///
/// # Errors
/// [`Error::Invalid`] if the file is an image, which can only be attached to a single question;
/// otherwise those of extraction.
pub async fn add_file(
    conversations: &Conversations,
    thread: &Thread,
    mut attachment: Attachment,
    by: &By,
) -> Result<Vec<ThreadFile>> {
    if attachment.is_image() {
        let reason = "must be a document; attach images to a question";
        return Err(Error::invalid("attachment", reason));
    }
    let name = attachment.name.clone();
    let documents = read_document(conversations, &mut attachment, WHOLE_TEXT_WINDOW, by).await?;
    let mut files = Vec::new();
    for AttachedDocument { document, text } in documents {
        if text.len() > MAX_TEXT_BYTES {
            return Err(Error::TooLarge { what: "the text", limit: MAX_TEXT_BYTES as u64 });
        }
        let details = json!({ "threadName": thread.name, "file": name }).to_string();
        let file = NewThreadFile {
            thread: thread.id,
            name: document.title,
            text,
            tokens: document.tokens,
            created_at: by.at,
        };
        let event = by.event("thread_file_added", details);
        files.push(conversations.thread_files.add(file, MAX_FILES, event).await?);
    }
    match files.is_empty() {
        true => Err(Error::unprocessable("No text content found in the document.")),
        false => Ok(files),
    }
}

/// Removes a file from a thread.
pub async fn remove_file(
    conversations: &Conversations,
    thread: &Thread,
    id: ThreadFileId,
    by: &By,
) -> Result<()> {
    let details = json!({ "threadName": thread.name, "file": id.0 }).to_string();
    let event = by.event("thread_file_removed", details);
    match conversations.thread_files.remove(thread.id, id, event).await? {
        true => Ok(()),
        false => Err(Error::not_found("file", id)),
    }
}

/// Returns the files of the question's thread, with their texts up to the size that fits the model.
pub(super) async fn load_documents(
    conversations: &Conversations,
    question: &Question,
    window: u64,
    by: &By,
) -> Result<Vec<AttachedDocument>> {
    let Some(thread) = &question.thread else { return Ok(Vec::new()) };
    let mut remaining =
        usize::try_from(window.saturating_mul(BYTES_PER_TOKEN)).unwrap_or(usize::MAX);
    let mut documents = Vec::new();
    for (file, mut text) in conversations.thread_files.texts(thread.id).await? {
        text.truncate(text.floor_char_boundary(remaining));
        if text.is_empty() {
            break;
        }
        remaining -= text.len();
        let source = Some(SOURCE.to_owned());
        let raw = RawText { title: file.name, text, source, ..RawText::default() };
        let (mut document, text) = from_text(raw, by.at)?;
        document.tokens = file.tokens;
        documents.push(AttachedDocument { document, text });
    }
    Ok(documents)
}
