//! An exchange of a conversation, as pages show it.
use askama::Template;
use carrel_domain::chat::Chat;
use carrel_domain::workspace::Workspace;
use carrel_services::chat::Finished;
use carrel_services::reasoning;
use carrel_services::record::{self, AnswerRecord, StoredSource};

use crate::live::answers::QuestionContext;
use crate::view::filters;
use crate::view::markdown::{self, Citations};
use crate::view::sources::{self, CitedSource, MessageContext, SourceList};
use crate::view::texts::plural;

/// Maximum number of bytes of stored answers that one page renders.
const MAX_PAGE_BYTES: usize = 1024 * 1024;
/// Bytes of an answer that are displayed beyond that limit.
const PREVIEW_BYTES: usize = 2_000;

/// A file attached to a question.
#[derive(Clone, Debug)]
pub struct AttachedFile {
    pub name: String,
    /// Its address, if it is a stored image.
    pub address: Option<String>,
}

impl AttachedFile {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), address: None }
    }
}

#[derive(Clone, Debug, Default)]
pub struct MessageView {
    /// Id of the exchange, once it is stored.
    pub id: Option<i64>,
    pub question: String,
    pub attachments: Vec<AttachedFile>,
    /// HTML.
    pub answer: String,
    /// HTML.
    pub reasoning: Option<String>,
    /// The text of the answer, for copying.
    pub answer_text: String,
    /// The stored text, including the reasoning.
    pub stored_text: String,
    pub sources: SourceList,
    pub model: Option<String>,
    /// Seconds that the model took.
    pub seconds: Option<f64>,
    pub feedback: Option<bool>,
    /// Address of its conversation.
    pub base: String,
    /// Slug of its workspace.
    pub slug: String,
    /// Why the answer is incomplete.
    pub problem: Option<String>,
    /// True if nothing was stored, so that the question returns to the chat form.
    pub is_unanswered: bool,
    /// True if this process no longer has the answer.
    pub is_lost: bool,
    /// True if the page offers no actions for it.
    pub is_read_only: bool,
    /// True if only the beginning of the answer is displayed, because the page is full.
    pub is_truncated: bool,
    /// True if a page displays it only on request.
    pub is_collapsed: bool,
    /// True if the page already has the answer, because it was streamed.
    pub is_streamed: bool,
    /// The exchange that this one replaced, or would have replaced.
    pub instead_of: Option<i64>,
}

/// A single exchange, for insertion into a page.
#[derive(Template)]
#[template(path = "part/message.html")]
pub struct MessagePart {
    pub message: MessageView,
}

impl MessageView {
    /// Returns the address of the exchange, once it is stored.
    pub fn address(&self) -> String {
        format!("/w/{}/chats/{}", self.slug, self.id.unwrap_or_default())
    }

    /// Returns a stored exchange. A damaged answer is displayed as source.
    pub fn from_chat(chat: Chat, workspace: &Workspace, base: &str) -> Self {
        let raw_answer = || AnswerRecord { text: chat.response.clone(), ..AnswerRecord::default() };
        let stored = record::read(&chat.response).unwrap_or_else(raw_answer);
        Self {
            id: Some(chat.id.0),
            attachments: attachments(&stored, workspace, chat.id.0),
            question: chat.prompt,
            feedback: chat.feedback,
            model: stored.model.clone(),
            seconds: stored.seconds,
            ..Self::from_text(
                &stored.text,
                &stored.sources,
                &stored.documents,
                MessageContext { workspace, base, id: Some(chat.id.0), is_public: false },
            )
        }
    }

    /// Returns a line with the model, the time and the number of sources.
    pub fn summary(&self) -> String {
        let mut parts: Vec<String> = self.model.iter().cloned().collect();
        parts.extend(
            self.seconds
                .filter(|seconds| *seconds >= 0.05)
                .map(|seconds| format!("{seconds:.1} s")),
        );
        if !self.sources.items.is_empty() {
            parts.push(plural("chat.passages", self.sources.items.len()));
        }
        parts.join(" · ")
    }

    /// Returns the exchanges of a page. Beyond [`MAX_PAGE_BYTES`] bytes of answers, counted from
    /// the newest, only the beginnings are displayed, with links to the complete answers.
    pub fn from_chats(chats: Vec<Chat>, workspace: &Workspace, base: &str) -> Vec<Self> {
        let mut remaining = MAX_PAGE_BYTES;
        let newest_first = chats.into_iter().rev().map(|chat| {
            let size = chat.response.len();
            let is_within_limit = size <= remaining;
            remaining = remaining.saturating_sub(size);
            if is_within_limit {
                Self::from_chat(chat, workspace, base)
            } else {
                Self::preview(chat, workspace, base)
            }
        });
        let mut messages: Vec<_> = newest_first.collect();
        messages.reverse();
        messages
    }

    /// Returns exchanges for the public: with quotations, but without links to documents.
    pub fn from_public_chats(chats: Vec<Chat>, workspace: &Workspace) -> Vec<Self> {
        let mut remaining = MAX_PAGE_BYTES;
        let message = |chat: Chat| {
            let stored = record::read(&chat.response)?;
            remaining = remaining.checked_sub(stored.text.len())?;
            let context =
                MessageContext { workspace, base: "", id: Some(chat.id.0), is_public: true };
            let files = stored.images.iter().map(|picture| &picture.name);
            let files = files.chain(&stored.documents).map(|name| AttachedFile::new(name));
            Some(Self {
                question: chat.prompt,
                attachments: files.collect(),
                is_read_only: true,
                ..Self::from_text(&stored.text, &stored.sources, &stored.documents, context)
            })
        };
        chats.into_iter().map_while(message).collect()
    }

    /// Returns a stored exchange with the beginning of its answer.
    fn preview(chat: Chat, workspace: &Workspace, base: &str) -> Self {
        let text = record::read(&chat.response).map(|stored| stored.text);
        let text = text.unwrap_or(chat.response);
        let (_, answer) = reasoning::split(&text);
        let answer_text = answer[..answer.floor_char_boundary(PREVIEW_BYTES)].to_owned();
        Self {
            id: Some(chat.id.0),
            question: chat.prompt,
            answer: markdown::html(&answer_text, &Citations::None),
            answer_text,
            feedback: chat.feedback,
            base: base.to_owned(),
            slug: workspace.slug.to_string(),
            is_truncated: true,
            ..Self::default()
        }
    }

    /// Returns an answer that has just been stored.
    pub fn from_finished(
        question: &QuestionContext,
        text: &str,
        finished: &Finished,
        workspace: &Workspace,
    ) -> Self {
        let sources = sources::to_stored(&finished.sources);
        let base = question.base.as_str();
        let context =
            MessageContext { workspace, base, id: Some(finished.chat.0), is_public: false };
        let message = Self::from_text(text, &sources, &question.attachment_names, context);
        Self {
            question: question.question.clone(),
            attachments: question
                .attachment_names
                .iter()
                .map(|name| AttachedFile::new(name))
                .collect(),
            model: Some(finished.metrics.model.model.clone()),
            seconds: Some(finished.metrics.seconds),
            ..message
        }
    }

    /// Returns a text with its sources. Attached documents are not stored, so citations lead to
    /// their excerpts below the answer.
    pub fn from_text(
        text: &str,
        sources: &[StoredSource],
        attachment_names: &[String],
        context: MessageContext<'_>,
    ) -> Self {
        let (reasoning, answer_text) = reasoning::split(text);
        let prefix = format!("source-{}", context.id.unwrap_or_default());
        let sources = SourceList::new(sources, attachment_names, prefix, context);
        let excerpt_anchor = |source: &CitedSource| format!("#{}", sources.anchor(&source.number));
        let address =
            |source: &CitedSource| source.address.clone().unwrap_or_else(|| excerpt_anchor(source));
        let addresses: Vec<_> = sources.items.iter().map(address).collect();
        Self {
            answer: markdown::html(answer_text, &Citations::Sources(&addresses)),
            reasoning: reasoning.map(|reasoning| markdown::html(reasoning, &Citations::None)),
            answer_text: answer_text.to_owned(),
            stored_text: text.to_owned(),
            sources,
            id: context.id,
            base: context.base.to_owned(),
            slug: context.workspace.slug.to_string(),
            ..Self::default()
        }
    }
}

/// Returns the attachments of a stored question: stored images first.
fn attachments(stored: &AnswerRecord, workspace: &Workspace, id: i64) -> Vec<AttachedFile> {
    let slug = &workspace.slug;
    let images = stored.images.iter().enumerate().map(|(index, image)| AttachedFile {
        name: image.name.clone(),
        address: Some(format!("/w/{slug}/chats/{id}/shown/{index}")),
    });
    images.chain(stored.documents.iter().map(|name| AttachedFile::new(name))).collect()
}
