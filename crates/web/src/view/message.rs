//! One exchange of a conversation, as a page shows it.
use askama::Template;
use carrel_domain::chat::Chat;
use carrel_domain::workspace::Workspace;
use carrel_services::chat::Finished;
use carrel_services::reasoning;
use carrel_services::record::{self, Source, Stored};

use crate::http::response::segment;
use crate::live::answers::Matter;
use crate::view::filters;
use crate::view::markdown::{self, Citations};
use crate::view::pagination::query;
use crate::view::provenance;
use crate::view::texts::counted;

/// How many bytes of stored answers one page renders.
const PAGE: usize = 1024 * 1024;
/// How much of an answer is shown beyond them, in bytes.
const BEGINNING: usize = 2_000;

/// A source under an answer.
#[derive(Clone, Debug)]
pub struct Cited {
    /// The number that the answer cites it by, from 1.
    pub number: usize,
    pub title: String,
    /// Where its document lies, if that was noted.
    location: Option<String>,
    /// Where the passage is shown in its document; nothing where the document was only attached.
    pub address: Option<String>,
    /// Its page, slide, rows or time, as far as that is known.
    pub locator: Option<String>,
    /// The headings above the passage and its beginning.
    pub excerpt: String,
}

/// Where an answer stands, as far as its sources lead back to it.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    pub workspace: &'a Workspace,
    /// The address of its conversation.
    pub base: &'a str,
    /// The number of the exchange, once it is kept.
    pub id: Option<i64>,
    /// Whether strangers read it, whom nothing leads into the workspace.
    pub is_public: bool,
}

/// A file beside a question.
#[derive(Clone, Debug)]
pub struct AttachedFile {
    pub name: String,
    /// Where it is to be seen, if it is a picture that was kept.
    pub address: Option<String>,
}

impl AttachedFile {
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), address: None }
    }
}

#[derive(Clone, Debug, Default)]
pub struct MessageView {
    /// The number of the exchange, once it is kept.
    pub id: Option<i64>,
    pub question: String,
    pub attached: Vec<AttachedFile>,
    /// HTML.
    pub answer: String,
    /// HTML.
    pub thinking: Option<String>,
    /// As it was said, for copying.
    pub plain: String,
    /// As it is stored: with what the model thought.
    pub whole: String,
    pub sources: Vec<Cited>,
    pub model: Option<String>,
    /// How long the model took.
    pub seconds: Option<f64>,
    pub feedback: Option<bool>,
    /// The address of its conversation.
    pub base: String,
    /// The slug of its workspace.
    pub slug: String,
    /// Why the answer is not whole.
    pub problem: Option<String>,
    /// Whether nothing is kept, so that the question goes back into its box.
    pub is_unanswered: bool,
    /// Whether this process knows nothing of it any more.
    pub is_gone: bool,
    /// Whether nothing can be done to it here.
    pub is_read_only: bool,
    /// Whether only the beginning of the answer is shown, the page being full.
    pub is_cut: bool,
    /// Whether the page has the answer already: it was shown while it grew.
    pub is_grown: bool,
    /// The exchange that this one has taken the place of, or would have.
    pub instead_of: Option<i64>,
}

/// An exchange by itself, for the place it has on a page.
#[derive(Template)]
#[template(path = "part/message.html")]
pub struct MessagePart {
    pub message: MessageView,
}

impl MessageView {
    /// The address of the exchange, once it is kept.
    pub fn at(&self) -> String {
        format!("/w/{}/chats/{}", self.slug, self.id.unwrap_or_default())
    }

    /// An exchange of the past. A damaged answer is shown as it is stored.
    pub fn of_chat(chat: Chat, workspace: &Workspace, base: &str) -> Self {
        let damaged = || Stored { text: chat.response.clone(), ..Stored::default() };
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

    /// The sources, those of a document together, in the order in which documents are first cited.
    pub fn documents(&self) -> Vec<Vec<&Cited>> {
        let mut groups: Vec<Vec<&Cited>> = Vec::new();
        for cited in &self.sources {
            let is_same = |group: &&mut Vec<&Cited>| {
                let first = group[0];
                first.title == cited.title && first.location == cited.location
            };
            match groups.iter_mut().find(is_same) {
                Some(group) => group.push(cited),
                None => groups.push(vec![cited]),
            }
        }
        groups
    }

    /// What the element of a source is called on a page.
    pub fn anchor(&self, number: &usize) -> String {
        anchor(self.id, *number)
    }

    /// Who answered, how long it took and from how much, in a line.
    pub fn about(&self) -> String {
        let mut parts: Vec<String> = self.model.iter().cloned().collect();
        parts.extend(
            self.seconds.filter(|seconds| *seconds >= 0.05).map(|taken| format!("{taken:.1} s")),
        );
        if !self.sources.is_empty() {
            parts.push(counted("chat.passages", self.sources.len()));
        }
        parts.join(" · ")
    }

    /// The exchanges of a page. Beyond [`PAGE`] bytes of answers, counted from the newest on, answers are
    /// shown by their beginning, with the way to the whole.
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

    /// Exchanges as strangers see them: with what was quoted, and without the way to any document.
    pub fn of_public(chats: Vec<Chat>, workspace: &Workspace) -> Vec<Self> {
        let mut left = PAGE;
        let message = |chat: Chat| {
            let stored = record::read(&chat.response)?;
            left = left.checked_sub(stored.text.len())?;
            let at = Standing { workspace, base: "", id: Some(chat.id.0), is_public: true };
            let files = stored.pictures.iter().map(|picture| &picture.name);
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

    /// An exchange of the past, by the beginning of its answer.
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

    /// An answer that has just ended and is kept.
    pub fn of_end(matter: &Matter, text: &str, end: &Finished, workspace: &Workspace) -> Self {
        let sources: Vec<_> =
            end.sources.iter().map(|source| record::read_source(&record::listed(source))).collect();
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

    /// A text with its sources. Attached documents were read and forgotten: citations lead to what is
    /// shown of them below the answer.
    pub fn said(text: &str, sources: &[Source], attached: &[String], at: Standing<'_>) -> Self {
        let (thinking, plain) = reasoning::split(text);
        let numbered = sources.iter().zip(1..);
        let mut sources: Vec<_> =
            numbered.map(|(source, number)| cited(source, number, at)).collect();
        for source in &mut sources {
            let title = &source.title;
            if attached.iter().any(|name| !name.is_empty() && title.starts_with(name.as_str())) {
                source.address = None;
            }
        }
        let below = |source: &Cited| format!("#{}", anchor(at.id, source.number));
        let address = |source: &Cited| source.address.clone().unwrap_or_else(|| below(source));
        let addresses: Vec<_> = sources.iter().map(address).collect();
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

fn anchor(id: Option<i64>, number: usize) -> String {
    format!("source-{}-{number}", id.unwrap_or_default())
}

/// The sources of a stored answer.
pub fn cited_by(stored: &Stored, at: Standing<'_>) -> Vec<Cited> {
    stored.sources.iter().zip(1..).map(|(source, number)| cited(source, number, at)).collect()
}

fn cited(source: &Source, number: usize, at: Standing<'_>) -> Cited {
    let location = source.location.as_deref().map(segment).unwrap_or_default();
    let chunk = source.chunk.map(|chunk| chunk.to_string()).unwrap_or_default();
    let message = at.id.map(|id| id.to_string()).unwrap_or_default();
    let thread = at.base.split_once("/t/").map_or("", |(_, thread)| thread);
    let back = query(&[("turn", message.as_str()), ("source", &number.to_string()), ("t", thread)]);
    Cited {
        number,
        title: source.title.clone(),
        location: source.location.clone(),
        address: (!at.is_public).then(|| {
            let (slug, back) = (&at.workspace.slug, back.trim_end_matches('&'));
            format!("/w/{slug}/source?in={location}&passage={chunk}&{back}#passage")
        }),
        locator: provenance::locator(&source.provenance),
        excerpt: source.provenance.heading_path().map_or_else(String::new, |path| path + "\n")
            + &source.text.chars().take(240).collect::<String>(),
    }
}

/// The files beside a question of the past: pictures first, as far as they were kept.
fn attached(stored: &Stored, workspace: &Workspace, id: i64) -> Vec<AttachedFile> {
    let slug = &workspace.slug;
    let pictures = stored.pictures.iter().enumerate().map(|(place, picture)| AttachedFile {
        name: picture.name.clone(),
        address: Some(format!("/w/{slug}/chats/{id}/shown/{place}")),
    });
    pictures.chain(stored.documents.iter().map(|name| AttachedFile::named(name))).collect()
}
