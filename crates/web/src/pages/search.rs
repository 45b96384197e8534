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
const HITS_PER_MODE: usize = 8;

/// The search modes, simplest first.
const MODES: [SearchMode; 4] =
    [SearchMode::Vector, SearchMode::Lexical, SearchMode::Hybrid, SearchMode::Rerank];

struct WorkspaceOption {
    name: String,
    slug: String,
    is_selected: bool,
}

/// The results of one search mode.
struct ModeResults {
    name: &'static str,
    /// Keys of its title and description.
    title: String,
    description: String,
    /// True if answers of this workspace use this mode.
    is_default: bool,
    hits: Vec<HitRow>,
    problem: Option<String>,
}

struct HitRow {
    title: String,
    text: String,
    /// Page, slide, rows or time, and the headings above it.
    provenance: Option<String>,
    address: String,
    score: f32,
    percent: u32,
    reasons: Vec<String>,
    /// True if an answer would use it.
    is_used: bool,
}

#[derive(Template)]
#[template(path = "search.html")]
struct Playground {
    layout: PageLayout,
    workspaces: Vec<WorkspaceOption>,
    /// Address for adding documents to the selected workspace.
    slug: String,
    query: String,
    /// `None` without a query.
    results: Option<Vec<ModeResults>>,
    is_empty: bool,
    used_count: usize,
}

pub async fn playground(current_user: CurrentUser<role::Any>) -> PageResult {
    let parameters = Fields::of_query(&current_user.request);
    let (query, requested_slug) =
        (parameters.text("q").to_owned(), parameters.text("w").to_owned());
    let workspaces = current_user.workspaces().await?;
    let selected_workspace =
        workspaces.iter().find(|workspace| workspace.slug.as_str() == requested_slug);
    let selected_workspace = selected_workspace.or(workspaces.first());
    let (mut results, mut used_chunks) = (None, HashSet::new());
    if let Some(workspace) = selected_workspace.filter(|_| !query.is_empty()) {
        used_chunks = chunks_of_answer(&current_user, workspace, &query).await;
        let searches =
            MODES.map(|mode| results_of_mode(&current_user, workspace, &query, mode, &used_chunks));
        results = Some(join_all(searches).await);
    }
    let slug = selected_workspace.map(|workspace| workspace.slug.to_string()).unwrap_or_default();
    let is_empty = match selected_workspace {
        Some(workspace) => current_user.ports().index.count(Some(workspace.id)).await? == 0,
        None => true,
    };
    let option = |workspace: Workspace| WorkspaceOption {
        is_selected: slug == workspace.slug.as_str(),
        name: workspace.settings.name,
        slug: workspace.slug.to_string(),
    };
    let workspaces = workspaces.into_iter().map(option).collect();
    let layout = current_user.layout(t("search.title"), Section::Search).await?;
    let used_count = used_chunks.len();
    let page = Playground { layout, workspaces, slug, query, results, is_empty, used_count };
    response::page(&current_user.request, &page)
}

/// Returns the passages that an answer would use. Errors are displayed with the search mode
/// that failed.
async fn chunks_of_answer(
    current_user: &CurrentUser<role::Any>,
    workspace: &Workspace,
    query: &str,
) -> HashSet<ChunkId> {
    let query = Query { text: query.to_owned(), ..Query::default() };
    let hits = current_user.ports().search.nearest(workspace, query).await.ok().flatten();
    hits.unwrap_or_default().into_iter().map(|hit| hit.passage.chunk).collect()
}

async fn results_of_mode(
    current_user: &CurrentUser<role::Any>,
    workspace: &Workspace,
    query: &str,
    mode: SearchMode,
    used_chunks: &HashSet<ChunkId>,
) -> ModeResults {
    let query = Query {
        text: query.to_owned(),
        limit: Some(HITS_PER_MODE),
        min_similarity: Some(0.0),
        mode: Some(mode),
        ..Query::default()
    };
    let found = current_user.ports().search.nearest(workspace, query).await;
    let problem = found.as_ref().err().map(ToString::to_string);
    let hits = found.ok().flatten().unwrap_or_default();
    let name = mode.as_str();
    let text = |key: String| texts::find(&key).unwrap_or_default().to_owned();
    ModeResults {
        name,
        title: text(format!("search-way.{name}")),
        description: text(format!("search-way.{name}-words")),
        is_default: mode == workspace.settings.search_mode.effective(),
        hits: hits.into_iter().map(|hit| hit_row(hit, workspace, mode, used_chunks)).collect(),
        problem: problem.map(|message| PageError::sentence(&message)),
    }
}

fn hit_row(
    hit: Hit,
    workspace: &Workspace,
    mode: SearchMode,
    used_chunks: &HashSet<ChunkId>,
) -> HitRow {
    let rerank_score = hit.ranking.rerank_score.filter(|_| mode == SearchMode::Rerank);
    let score = rerank_score.unwrap_or(hit.similarity);
    HitRow {
        address: format!(
            "/w/{}/source?in={}&passage={}#passage",
            workspace.slug,
            segment(&hit.passage.document.path.to_string()),
            hit.passage.chunk
        ),
        is_used: used_chunks.contains(&hit.passage.chunk),
        score,
        percent: percent(score),
        reasons: reasons(&hit, mode),
        provenance: provenance::summary(&ProvenanceFields::of(&hit.passage)),
        title: hit.passage.document.title,
        text: hit.passage.text,
    }
}

/// Returns the reasons for a hit, as text.
fn reasons(hit: &Hit, mode: SearchMode) -> Vec<String> {
    let mut reasons = Vec::new();
    if mode == SearchMode::Rerank {
        let similarity = percent(hit.similarity).to_string();
        reasons.push(t("search.similar").replace("{percent}", &similarity));
    }
    if let Some(rank) = hit.ranking.vector_rank {
        reasons.push(t("search.by-meaning").replace("{rank}", &rank.to_string()));
    }
    if let Some(words) = hit.ranking.lexical {
        let text = t("search.by-words").replace("{rank}", &words.rank.to_string());
        let text = text.replace("{share}", &percent(words.share).to_string());
        reasons.push(text.replace("{score}", &format!("{:.1}", words.score)));
    }
    reasons
}

fn percent(share: f32) -> u32 {
    (share * 100.0).round() as u32
}
