//! Finding the passages of a workspace that bear on a question.
use std::collections::HashMap;
use std::sync::Arc;

use carrel_domain::library::{Passage, Placements};
use carrel_domain::model::{Models, Purpose};
use carrel_domain::vector::{Nearest, VectorIndex};
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, Result};

/// The most passages one search returns.
pub const MOST_PASSAGES: usize = 1000;

/// Cheap to clone.
#[derive(Clone)]
pub struct Search {
    pub models: Arc<dyn Models>,
    pub index: Arc<dyn VectorIndex>,
    pub placements: Arc<dyn Placements>,
}

/// A passage and how similar it is to the question, 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    pub passage: Passage,
    pub similarity: f32,
}

/// What is looked for; absent bounds are those of the workspace.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pub text: String,
    pub limit: Option<usize>,
    pub least_similarity: Option<f32>,
}

impl Search {
    /// The passages nearest to a query, nearest first; `None` when the workspace has none at all.
    pub async fn nearest(&self, workspace: &Workspace, query: Query) -> Result<Option<Vec<Hit>>> {
        if query.text.trim().is_empty() {
            return Err(Error::invalid("query", "must not be empty"));
        }
        if self.index.count(Some(workspace.id)).await? == 0 {
            return Ok(None);
        }
        let embedder = self.models.embedder()?;
        let vectors = embedder.embed(&[query.text], Purpose::Query).await?;
        let Some(vector) = vectors.first() else { return Ok(Some(Vec::new())) };
        let limit = query.limit.or(usize::try_from(workspace.settings.passages).ok()).unwrap_or(1);
        let least_similarity =
            query.least_similarity.unwrap_or(workspace.settings.least_similarity as f32);
        let nearest = Nearest {
            within: workspace.id,
            to: vector,
            limit: limit.clamp(1, MOST_PASSAGES),
            least_similarity,
            only: None,
        };
        let neighbours = self.index.nearest(nearest).await?;
        let chunks: Vec<_> = neighbours.iter().map(|neighbour| neighbour.chunk).collect();
        let similarity: HashMap<_, _> =
            neighbours.iter().map(|neighbour| (neighbour.chunk, neighbour.similarity)).collect();
        let passages = self.placements.passages(workspace.id, &chunks).await?;
        let hit = |passage: Passage| {
            let similarity = similarity.get(&passage.chunk).copied().unwrap_or_default();
            Hit { passage, similarity }
        };
        Ok(Some(passages.into_iter().map(hit).collect()))
    }
}
