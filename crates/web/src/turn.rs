//! One exchange of a conversation, as a page shows it.
use carrel_domain::chat::Chat;
use carrel_domain::workspace::Workspace;
use carrel_services::chat::Finished;
use carrel_services::record::{self, Source, Stored};

use crate::markdown;
use crate::reply::segment;

/// A source under an answer.
#[derive(Clone, Debug)]
pub struct Cited {
    pub title: String,
    /// Where the passage is shown in its document.
    pub address: String,
    /// The beginning of the passage.
    pub excerpt: String,
}

#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// The number of the exchange, once it is kept.
    pub id: Option<i64>,
    pub question: String,
    /// HTML.
    pub answer: String,
    /// HTML.
    pub thinking: Option<String>,
    /// As it was said, for copying.
    pub plain: String,
    pub sources: Vec<Cited>,
    pub model: Option<String>,
    pub feedback: Option<bool>,
    /// The address of its conversation.
    pub base: String,
    /// The slug of its workspace.
    pub slug: String,
    /// Why the answer is not whole.
    pub problem: Option<String>,
}

impl Turn {
    /// An exchange of the past. A damaged answer is shown as it is stored.
    pub fn of_chat(chat: Chat, workspace: &Workspace, base: &str) -> Self {
        let damaged = || Stored { text: chat.response.clone(), ..Stored::default() };
        let stored = record::read(&chat.response).unwrap_or_else(damaged);
        Self {
            id: Some(chat.id.0),
            question: chat.prompt,
            model: stored.model,
            feedback: chat.feedback,
            base: base.to_owned(),
            ..Self::said(&stored.text, &stored.sources, workspace)
        }
    }

    /// An answer that has just ended.
    pub fn of_end(question: &str, text: &str, end: &Finished, workspace: &Workspace) -> Self {
        let sources: Vec<_> =
            end.sources.iter().map(|source| record::read_source(&record::listed(source))).collect();
        Self {
            id: Some(end.chat.0),
            question: question.to_owned(),
            model: Some(end.metrics.model.model.clone()),
            ..Self::said(text, &sources, workspace)
        }
    }

    /// A text with its sources.
    pub fn said(text: &str, sources: &[Source], workspace: &Workspace) -> Self {
        let (thinking, plain) = markdown::split_thinking(text);
        let sources: Vec<_> = sources.iter().map(|source| cited(source, workspace)).collect();
        let addresses: Vec<_> = sources.iter().map(|source| source.address.clone()).collect();
        Self {
            answer: markdown::html(plain, &addresses),
            thinking: thinking.map(|thinking| markdown::html(thinking, &[])),
            plain: plain.to_owned(),
            sources,
            slug: workspace.slug.to_string(),
            ..Self::default()
        }
    }
}

fn cited(source: &Source, workspace: &Workspace) -> Cited {
    let at = source.location.as_deref().map(segment).unwrap_or_default();
    let chunk = source.chunk.map(|chunk| chunk.to_string()).unwrap_or_default();
    Cited {
        title: source.title.clone(),
        address: format!("/w/{}/source?in={at}&passage={chunk}#passage", workspace.slug),
        excerpt: source.text.chars().take(240).collect(),
    }
}
