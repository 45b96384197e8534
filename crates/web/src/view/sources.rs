//! The sources of an answer, as pages show them.
use askama::Template;
use carrel_domain::workspace::Workspace;
use carrel_services::chat::Source;
use carrel_services::record::{self, AnswerRecord, StoredSource};

use crate::http::response::segment;
use crate::view::filters;
use crate::view::pagination::query;
use crate::view::provenance;
use crate::view::texts::{counted, t};

/// A source below an answer.
#[derive(Clone, Debug)]
pub struct Cited {
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
pub struct Standing<'a> {
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
    pub all: Vec<Cited>,
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
        let passages = counted("chat.passages", sources.all.len());
        Self { status: t("chat.found").replace("{passages}", &passages), sources }
    }
}

impl SourceList {
    /// Creates the list. Attached documents are not stored, so their sources have no address.
    pub fn new(
        sources: &[StoredSource],
        attached: &[String],
        prefix: String,
        at: Standing<'_>,
    ) -> Self {
        let is_attached = |cited: &Cited| {
            let is_named = |name: &String| !name.is_empty() && cited.title.starts_with(name);
            attached.iter().any(is_named)
        };
        let all = sources.iter().zip(1..).map(|(source, number)| {
            let cited = cited(source, number, at);
            let address = cited.address.clone().filter(|_| !is_attached(&cited));
            Cited { address, ..cited }
        });
        Self { all: all.collect(), prefix }
    }

    /// Returns the sources grouped by document, in the order in which documents are first cited.
    pub fn documents(&self) -> Vec<Vec<&Cited>> {
        let mut groups: Vec<Vec<&Cited>> = Vec::new();
        for cited in &self.all {
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

    /// Returns the id of a source's element.
    pub fn anchor(&self, number: &usize) -> String {
        format!("{}-{number}", self.prefix)
    }
}

/// Returns the sources in their stored form.
pub fn stored(sources: &[Source]) -> Vec<StoredSource> {
    sources.iter().map(|source| record::read_source(&record::source_json(source))).collect()
}

/// Returns the sources of a stored answer.
pub fn cited_by(stored: &AnswerRecord, at: Standing<'_>) -> Vec<Cited> {
    stored.sources.iter().zip(1..).map(|(source, number)| cited(source, number, at)).collect()
}

fn cited(source: &StoredSource, number: usize, at: Standing<'_>) -> Cited {
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
