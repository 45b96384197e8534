//! Reranking by an external model, if one is configured.
use std::cmp::Ordering::Equal;

use carrel_domain::Result;
use carrel_domain::model::Models;

use super::{Hit, Task, conversation};

/// The maximum number of passages sent to the model.
const MAX_RERANKED: usize = 100;

/// Orders hits by the scores of the configured reranker. Hits without a score follow in their
/// previous order. If the reranker fails, the order does not change, because an answer from
/// unranked passages is better than none.
pub(super) async fn rerank_by_model(models: &dyn Models, task: &Task<'_>, hits: &mut [Hit]) {
    if let Err(error) = apply_reranker(models, task, hits).await {
        tracing::warn!(%error, "failed to rerank passages by a model; the built-in ranking \
                 applies");
    }
}

async fn apply_reranker(models: &dyn Models, task: &Task<'_>, hits: &mut [Hit]) -> Result<()> {
    let Some(reranker) = models.reranker()? else { return Ok(()) };
    if hits.is_empty() {
        return Ok(());
    }
    let joined = conversation::join_previous_question(task.text, task.history);
    let query = joined.map_or_else(|| task.text.to_owned(), |(text, _)| text);
    let texts: Vec<_> = hits.iter().take(MAX_RERANKED).map(text_for_model).collect();
    let mut scores = reranker.rerank(&query, &texts).await?.into_iter();
    for hit in hits.iter_mut() {
        hit.ranking.rerank_score = scores.next().flatten();
    }
    hits.sort_by(|a, b| {
        b.ranking.rerank_score.partial_cmp(&a.ranking.rerank_score).unwrap_or(Equal)
    });
    Ok(())
}

/// Returns the text for the model: the title, the headings and the passage.
fn text_for_model(hit: &Hit) -> String {
    format!("{}\n{}", hit.passage.title_and_headings(), hit.passage.text)
}
