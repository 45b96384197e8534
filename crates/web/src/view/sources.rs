//! The sources of an answer, as pages show them.
use askama::Template;
use carrel_domain::workspace::Workspace;
use carrel_services::chat::Source;
use carrel_services::record::{self, AnswerRecord, StoredSource};

use crate::http::response::segment;
use crate::view::filters;
use crate::view::pagination::query;
use crate::view::provenance;
use crate::view::texts::{plural, t};

/// A source below an answer.
#[derive(Clone, Debug)]
pub struct CitedSource {
    /// The citation number, from 1.
    pub number: usize,
    pub title: String,
    /// Path of its document, if it was stored.
    location: Option<String>,
    /// Address of the passage in its document; `None` if the document was an attachment.
    pub address: Option<String>,
    /// Page, slide, rows or time, if known.
    pub locator: Option<String>,
    /// The headings above the passage, and its beginning.
    pub excerpt: String,
}

/// The context of an answer, to which its sources link back.
#[derive(Clone, Copy, Debug)]
pub struct MessageContext<'a> {
    pub workspace: &'a Workspace,
    /// Address of its conversation.
    pub base: &'a str,
    /// Id of the exchange, once it is stored.
    pub id: Option<i64>,
    /// True if the page is public, and must not link into the workspace.
    pub is_public: bool,
}

/// The sources of one answer.
#[derive(Clone, Debug, Default)]
pub struct SourceList {
    pub items: Vec<CitedSource>,
    /// The prefix of their elements' ids.
    prefix: String,
}

/// The sources of an answer in progress, for insertion into a page.
#[derive(Template)]
#[template(path = "part/found_sources.html")]
pub struct FoundSourcesPart {
    /// The number of sources, in words.
    status: String,
    sources: SourceList,
}

impl FoundSourcesPart {
    pub fn new(sources: SourceList) -> Self {
        let passages = plural("chat.passages", sources.items.len());
        Self { status: t("chat.found").replace("{passages}", &passages), sources }
    }
}

impl SourceList {
    /// Creates the list. Attached documents are not stored, so their sources have no address.
    pub fn new(
        sources: &[StoredSource],
        attachment_names: &[String],
        prefix: String,
        context: MessageContext<'_>,
    ) -> Self {
        let is_from_attachment = |source: &CitedSource| {
            let has_name = |name: &String| !name.is_empty() && source.title.starts_with(name);
            attachment_names.iter().any(has_name)
        };
        let items = sources.iter().zip(1..).map(|(source, number)| {
            let cited_source = cited_source(source, number, context);
            let address =
                cited_source.address.clone().filter(|_| !is_from_attachment(&cited_source));
            CitedSource { address, ..cited_source }
        });
        Self { items: items.collect(), prefix }
    }

    /// Returns the sources grouped by document, in the order in which documents are first cited.
    pub fn documents(&self) -> Vec<Vec<&CitedSource>> {
        let mut groups: Vec<Vec<&CitedSource>> = Vec::new();
        for source in &self.items {
            let is_same_document = |group: &&mut Vec<&CitedSource>| {
                let first = group[0];
                first.title == source.title && first.location == source.location
            };
            match groups.iter_mut().find(is_same_document) {
                Some(group) => group.push(source),
                None => groups.push(vec![source]),
            }
        }
        groups
    }

    /// Returns the id of a source's element.
    pub fn anchor(&self, number: &usize) -> String {
        format!("{}-{number}", self.prefix)
    }
}

/// Returns the sources in their stored form.
pub fn to_stored(sources: &[Source]) -> Vec<StoredSource> {
    sources.iter().map(|source| record::read_source(&record::source_json(source))).collect()
}

/// Returns the sources of a stored answer.
pub fn from_stored(stored: &AnswerRecord, context: MessageContext<'_>) -> Vec<CitedSource> {
    stored
        .sources
        .iter()
        .zip(1..)
        .map(|(source, number)| cited_source(source, number, context))
        .collect()
}

fn cited_source(source: &StoredSource, number: usize, context: MessageContext<'_>) -> CitedSource {
    let location = source.location.as_deref().map(segment).unwrap_or_default();
    let chunk = source.chunk.map(|chunk| chunk.to_string()).unwrap_or_default();
    let message_id = context.id.map(|id| id.to_string()).unwrap_or_default();
    let thread = context.base.split_once("/t/").map_or("", |(_, thread)| thread);
    let back_link =
        query(&[("turn", message_id.as_str()), ("source", &number.to_string()), ("t", thread)]);
    CitedSource {
        number,
        title: source.title.clone(),
        location: source.location.clone(),
        address: (!context.is_public).then(|| {
            let (slug, back_link) = (&context.workspace.slug, back_link.trim_end_matches('&'));
            format!("/w/{slug}/source?in={location}&passage={chunk}&{back_link}#passage")
        }),
        locator: provenance::locator(&source.provenance),
        excerpt: source.provenance.heading_path().map_or_else(String::new, |path| path + "\n")
            + &source.text.chars().take(240).collect::<String>(),
    }
}
