//! The search playground: compares the results of all search modes for a query, with scores and
//! reasons, and shows which passages an answer would use.
use std::collections::HashSet;

use askama::Template;
use carrel_domain::ChunkId;
use carrel_domain::workspace::{SearchMode, Workspace};
use carrel_services::provenance::ProvenanceFields;
use carrel_services::search::{Hit, Query};
use futures_util::future::join_all;

use crate::http::form::Fields;
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult, segment};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::provenance;
use crate::view::texts::{self, t};

/// Passages per search mode.
const SHOWN: usize = 8;

/// The search modes, simplest first.
const WAYS: [SearchMode; 4] =
    [SearchMode::Vector, SearchMode::Lexical, SearchMode::Hybrid, SearchMode::Rerank];

struct Place {
    name: String,
    slug: String,
    is_chosen: bool,
}

/// The results of one search mode.
struct Way {
    name: &'static str,
    /// Keys of its title and description.
    title: String,
    words: String,
    /// True if answers of this workspace use this mode.
    is_usual: bool,
    hits: Vec<Found>,
    problem: Option<String>,
}

struct Found {
    title: String,
    text: String,
    /// Page, slide, rows or time, and the headings above it.
    place: Option<String>,
    address: String,
    score: f32,
    percent: u32,
    why: Vec<String>,
    /// True if an answer would use it.
    is_used: bool,
}

#[derive(Template)]
#[template(path = "search.html")]
struct Playground {
    layout: PageLayout,
    places: Vec<Place>,
    /// Address for adding documents to the selected workspace.
    slug: String,
    query: String,
    /// `None` before a query was made.
    ways: Option<Vec<Way>>,
    is_empty: bool,
    used: usize,
}

pub async fn playground(current_user: CurrentUser<role::Any>) -> PageResult {
    let asked = Fields::of_query(&current_user.request);
    let (query, wanted) = (asked.text("q").to_owned(), asked.text("w").to_owned());
    let workspaces = current_user.workspaces().await?;
    let chosen = workspaces.iter().find(|known| known.slug.as_str() == wanted);
    let chosen = chosen.or(workspaces.first());
    let (mut ways, mut used) = (None, HashSet::new());
    if let Some(workspace) = chosen.filter(|_| !query.is_empty()) {
        used = built_on(&current_user, workspace, &query).await;
        let found = WAYS.map(|mode| way(&current_user, workspace, &query, mode, &used));
        ways = Some(join_all(found).await);
    }
    let slug = chosen.map(|workspace| workspace.slug.to_string()).unwrap_or_default();
    let is_empty = match chosen {
        Some(workspace) => current_user.ports().index.count(Some(workspace.id)).await? == 0,
        None => true,
    };
    let place = |workspace: Workspace| Place {
        is_chosen: slug == workspace.slug.as_str(),
        name: workspace.settings.name,
        slug: workspace.slug.to_string(),
    };
    let places = workspaces.into_iter().map(place).collect();
    let layout = current_user.layout(t("search.title"), Section::Search).await?;
    let used = used.len();
    let page = Playground { layout, places, slug, query, ways, is_empty, used };
    response::page(&current_user.request, &page)
}

/// Returns the passages that an answer would use. Errors are shown with the search mode that
/// failed.
async fn built_on(
    current_user: &CurrentUser<role::Any>,
    within: &Workspace,
    query: &str,
) -> HashSet<ChunkId> {
    let query = Query { text: query.to_owned(), ..Query::default() };
    let hits = current_user.ports().search.nearest(within, query).await.ok().flatten();
    hits.unwrap_or_default().into_iter().map(|hit| hit.passage.chunk).collect()
}

async fn way(
    current_user: &CurrentUser<role::Any>,
    within: &Workspace,
    query: &str,
    mode: SearchMode,
    used: &HashSet<ChunkId>,
) -> Way {
    let query = Query {
        text: query.to_owned(),
        limit: Some(SHOWN),
        min_similarity: Some(0.0),
        mode: Some(mode),
        ..Query::default()
    };
    let found = current_user.ports().search.nearest(within, query).await;
    let problem = found.as_ref().err().map(ToString::to_string);
    let hits = found.ok().flatten().unwrap_or_default();
    let name = mode.as_str();
    let text = |key: String| texts::find(&key).unwrap_or_default().to_owned();
    Way {
        name,
        title: text(format!("search-way.{name}")),
        words: text(format!("search-way.{name}-words")),
        is_usual: mode == within.settings.search_mode.effective(),
        hits: hits.into_iter().map(|hit| shown(hit, within, mode, used)).collect(),
        problem: problem.map(|words| PageError::sentence(&words)),
    }
}

fn shown(hit: Hit, within: &Workspace, mode: SearchMode, used: &HashSet<ChunkId>) -> Found {
    let reranked = hit.ranking.rerank_score.filter(|_| mode == SearchMode::Rerank);
    let score = reranked.unwrap_or(hit.similarity);
    Found {
        address: format!(
            "/w/{}/source?in={}&passage={}#passage",
            within.slug,
            segment(&hit.passage.document.path.to_string()),
            hit.passage.chunk
        ),
        is_used: used.contains(&hit.passage.chunk),
        score,
        percent: percent(score),
        why: why(&hit, mode),
        place: provenance::words(&ProvenanceFields::of(&hit.passage)),
        title: hit.passage.document.title,
        text: hit.passage.text,
    }
}

/// Returns why it was found, as text.
fn why(hit: &Hit, mode: SearchMode) -> Vec<String> {
    let mut why = Vec::new();
    if mode == SearchMode::Rerank {
        let similarity = percent(hit.similarity).to_string();
        why.push(t("search.similar").replace("{percent}", &similarity));
    }
    if let Some(rank) = hit.ranking.vector_rank {
        why.push(t("search.by-meaning").replace("{rank}", &rank.to_string()));
    }
    if let Some(words) = hit.ranking.lexical {
        let said = t("search.by-words").replace("{rank}", &words.rank.to_string());
        let said = said.replace("{share}", &percent(words.share).to_string());
        why.push(said.replace("{score}", &format!("{:.1}", words.score)));
    }
    why
}

fn percent(share: f32) -> u32 {
    (share * 100.0).round() as u32
}
