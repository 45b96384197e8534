//! An exchange of a conversation, as pages show it.
use askama::Template;
use carrel_domain::chat::Chat;
use carrel_domain::workspace::Workspace;
use carrel_services::chat::Finished;
use carrel_services::reasoning;
use carrel_services::record::{self, AnswerRecord, StoredSource};

use crate::live::answers::Matter;
use crate::view::filters;
use crate::view::markdown::{self, Citations};
use crate::view::sources::{self, Cited, SourceList, Standing};
use crate::view::texts::counted;

/// Bytes of stored answers that one page renders.
const PAGE: usize = 1024 * 1024;
/// Bytes of an answer that are shown beyond that limit.
const BEGINNING: usize = 2_000;

/// A file attached to a question.
#[derive(Clone, Debug)]
pub struct AttachedFile {
    pub name: String,
    /// Its address, if it is a stored image.
    pub address: Option<String>,
}

impl AttachedFile {
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), address: None }
    }
}

#[derive(Clone, Debug, Default)]
pub struct MessageView {
    /// Id of the exchange, once it is stored.
    pub id: Option<i64>,
    pub question: String,
    pub attached: Vec<AttachedFile>,
    /// HTML.
    pub answer: String,
    /// HTML.
    pub thinking: Option<String>,
    /// The text of the answer, for copying.
    pub plain: String,
    /// The stored text, including the reasoning.
    pub whole: String,
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
    /// True if this process does not know the answer any more.
    pub is_gone: bool,
    /// True if the page offers no actions for it.
    pub is_read_only: bool,
    /// True if only the beginning of the answer is shown, because the page is full.
    pub is_cut: bool,
    /// True if a page shows it only on request.
    pub is_earlier: bool,
    /// True if the page already shows the answer, because it was streamed.
    pub is_grown: bool,
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
    pub fn at(&self) -> String {
        format!("/w/{}/chats/{}", self.slug, self.id.unwrap_or_default())
    }

    /// Shows a stored exchange. A damaged answer is shown as stored.
    pub fn of_chat(chat: Chat, workspace: &Workspace, base: &str) -> Self {
        let damaged = || AnswerRecord { text: chat.response.clone(), ..AnswerRecord::default() };
        let stored = record::read(&chat.response).unwrap_or_else(damaged);
        Self {
            id: Some(chat.id.0),
            attached: attached(&stored, workspace, chat.id.0),
            question: chat.prompt,
            feedback: chat.feedback,
            model: stored.model.clone(),
            seconds: stored.seconds,
            ..Self::said(
                &stored.text,
                &stored.sources,
                &stored.documents,
                Standing { workspace, base, id: Some(chat.id.0), is_public: false },
            )
        }
    }

    /// Returns a line with the model, the time and the number of sources.
    pub fn about(&self) -> String {
        let mut parts: Vec<String> = self.model.iter().cloned().collect();
        parts.extend(
            self.seconds.filter(|seconds| *seconds >= 0.05).map(|taken| format!("{taken:.1} s")),
        );
        if !self.sources.all.is_empty() {
            parts.push(counted("chat.passages", self.sources.all.len()));
        }
        parts.join(" · ")
    }

    /// Shows the exchanges of a page. Beyond [`PAGE`] bytes of answers, counted from the newest,
    /// only the beginnings are shown, with links to the whole answers.
    pub fn of_chats(chats: Vec<Chat>, workspace: &Workspace, base: &str) -> Vec<Self> {
        let mut left = PAGE;
        let newest_first = chats.into_iter().rev().map(|chat| {
            let size = chat.response.len();
            let is_shown = size <= left;
            left = left.saturating_sub(size);
            if is_shown {
                Self::of_chat(chat, workspace, base)
            } else {
                Self::begun(chat, workspace, base)
            }
        });
        let mut messages: Vec<_> = newest_first.collect();
        messages.reverse();
        messages
    }

    /// Shows exchanges to the public: with quotations, but without links to documents.
    pub fn of_public(chats: Vec<Chat>, workspace: &Workspace) -> Vec<Self> {
        let mut left = PAGE;
        let message = |chat: Chat| {
            let stored = record::read(&chat.response)?;
            left = left.checked_sub(stored.text.len())?;
            let at = Standing { workspace, base: "", id: Some(chat.id.0), is_public: true };
            let files = stored.images.iter().map(|picture| &picture.name);
            let files = files.chain(&stored.documents).map(|name| AttachedFile::named(name));
            Some(Self {
                question: chat.prompt,
                attached: files.collect(),
                is_read_only: true,
                ..Self::said(&stored.text, &stored.sources, &stored.documents, at)
            })
        };
        chats.into_iter().map_while(message).collect()
    }

    /// Shows a stored exchange with the beginning of its answer.
    fn begun(chat: Chat, workspace: &Workspace, base: &str) -> Self {
        let text = record::read(&chat.response).map(|stored| stored.text);
        let text = text.unwrap_or(chat.response);
        let (_, answer) = reasoning::split(&text);
        let plain = answer[..answer.floor_char_boundary(BEGINNING)].to_owned();
        Self {
            id: Some(chat.id.0),
            question: chat.prompt,
            answer: markdown::html(&plain, &Citations::None),
            plain,
            feedback: chat.feedback,
            base: base.to_owned(),
            slug: workspace.slug.to_string(),
            is_cut: true,
            ..Self::default()
        }
    }

    /// Shows an answer that has just been stored.
    pub fn of_end(matter: &Matter, text: &str, end: &Finished, workspace: &Workspace) -> Self {
        let sources = sources::stored(&end.sources);
        let base = matter.base.as_str();
        let at = Standing { workspace, base, id: Some(end.chat.0), is_public: false };
        let message = Self::said(text, &sources, &matter.attached, at);
        Self {
            question: matter.question.clone(),
            attached: matter.attached.iter().map(|name| AttachedFile::named(name)).collect(),
            model: Some(end.metrics.model.model.clone()),
            seconds: Some(end.metrics.seconds),
            ..message
        }
    }

    /// Shows a text with its sources. Attached documents are not stored, so citations lead to their
    /// excerpts below the answer.
    pub fn said(
        text: &str,
        sources: &[StoredSource],
        attached: &[String],
        at: Standing<'_>,
    ) -> Self {
        let (thinking, plain) = reasoning::split(text);
        let prefix = format!("source-{}", at.id.unwrap_or_default());
        let sources = SourceList::new(sources, attached, prefix, at);
        let below = |source: &Cited| format!("#{}", sources.anchor(&source.number));
        let address = |source: &Cited| source.address.clone().unwrap_or_else(|| below(source));
        let addresses: Vec<_> = sources.all.iter().map(address).collect();
        Self {
            answer: markdown::html(plain, &Citations::Sources(&addresses)),
            thinking: thinking.map(|thinking| markdown::html(thinking, &Citations::None)),
            plain: plain.to_owned(),
            whole: text.to_owned(),
            sources,
            id: at.id,
            base: at.base.to_owned(),
            slug: at.workspace.slug.to_string(),
            ..Self::default()
        }
    }
}

/// Returns the attachments of a stored question: stored images first.
fn attached(stored: &AnswerRecord, workspace: &Workspace, id: i64) -> Vec<AttachedFile> {
    let slug = &workspace.slug;
    let pictures = stored.images.iter().enumerate().map(|(place, picture)| AttachedFile {
        name: picture.name.clone(),
        address: Some(format!("/w/{slug}/chats/{id}/shown/{place}")),
    });
    pictures.chain(stored.documents.iter().map(|name| AttachedFile::named(name))).collect()
}
