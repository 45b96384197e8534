//! The search playground: what is found for a query, and how near it is.
use askama::Template;
use carrel_services::search::{Hit, Query};

use crate::filters;
use crate::form::Fields;
use crate::frame::{Frame, Section};
use crate::reply::{self, Answer, segment};
use crate::texts::t;
use crate::visit::{Reader, Visit};

/// How many passages are shown.
const SHOWN: usize = 10;

struct Place {
    name: String,
    slug: String,
    is_chosen: bool,
}

struct Found {
    title: String,
    text: String,
    address: String,
    similarity: f32,
    percent: u32,
    /// Whether an answer would be built on it.
    is_used: bool,
}

#[derive(Template)]
#[template(path = "search.html")]
struct Playground {
    frame: Frame,
    places: Vec<Place>,
    query: String,
    /// Nothing before something was asked, or where there is nothing to search.
    found: Option<Vec<Found>>,
    seconds: String,
}

pub async fn playground(visit: Visit<Reader>) -> Answer {
    let asked = Fields::of_query(&visit.request);
    let (query, wanted) = (asked.text("q").to_owned(), asked.text("w").to_owned());
    let workspaces = visit.workspaces().await?;
    let chosen = workspaces.iter().find(|known| known.slug.as_str() == wanted);
    let chosen = chosen.or(workspaces.first());
    let (mut found, started) = (None, std::time::Instant::now());
    if let Some(workspace) = chosen.filter(|_| !query.is_empty()) {
        let query = Query {
            text: query.clone(),
            limit: Some(SHOWN),
            least_similarity: Some(0.0),
            ..Query::default()
        };
        let hits = visit.ports().search.nearest(workspace, query).await?;
        let used = usize::try_from(workspace.settings.passages).unwrap_or(0);
        let least = workspace.settings.least_similarity as f32;
        let hits = hits.unwrap_or_default().into_iter().enumerate();
        let shown = |(place, hit): (usize, Hit)| Found {
            address: format!(
                "/w/{}/source?in={}&passage={}#passage",
                workspace.slug,
                segment(&hit.passage.document.path.to_string()),
                hit.passage.chunk
            ),
            is_used: place < used && hit.similarity >= least,
            similarity: hit.similarity,
            percent: (hit.similarity * 100.0).round() as u32,
            title: hit.passage.document.title,
            text: hit.passage.text,
        };
        found = Some(hits.map(shown).collect());
    }
    let seconds = format!("{:.2}", started.elapsed().as_secs_f32());
    let chosen = chosen.map(|workspace| workspace.slug.to_string());
    let place = |workspace: carrel_domain::workspace::Workspace| Place {
        is_chosen: chosen.as_deref() == Some(workspace.slug.as_str()),
        name: workspace.settings.name,
        slug: workspace.slug.to_string(),
    };
    let places = workspaces.into_iter().map(place).collect();
    let frame = visit.frame(t("search.title"), Section::Search).await?;
    reply::page(&visit.request, &Playground { frame, places, query, found, seconds })
}
