//! Reranking by an external model, if one is configured.
use std::cmp::Ordering::Equal;

use carrel_domain::Result;
use carrel_domain::model::Models;

use super::{Hit, Task, conversation};

/// The maximum number of passages sent to the model.
const MOST_SENT: usize = 100;

/// Orders hits by the scores of the configured reranker. Hits without a score follow in their
/// previous order. If the reranker fails, the order does not change, because an answer from
/// unranked passages is better than none.
pub(super) async fn rerank_by_model(models: &dyn Models, task: &Task<'_>, hits: &mut [Hit]) {
    if let Err(error) = ask_reranker(models, task, hits).await {
        tracing::warn!(%error, "failed to rerank passages by a model; the built-in ranking \
                 applies");
    }
}

async fn ask_reranker(models: &dyn Models, task: &Task<'_>, hits: &mut [Hit]) -> Result<()> {
    let Some(reranker) = models.reranker()? else { return Ok(()) };
    if hits.is_empty() {
        return Ok(());
    }
    let continued = conversation::with_question_before(task.text, task.earlier);
    let query = continued.map_or_else(|| task.text.to_owned(), |(text, _)| text);
    let texts: Vec<_> = hits.iter().take(MOST_SENT).map(read_by_model).collect();
    let mut scores = reranker.rerank(&query, &texts).await?.into_iter();
    for hit in hits.iter_mut() {
        hit.why.reranked = scores.next().flatten();
    }
    hits.sort_by(|one, two| two.why.reranked.partial_cmp(&one.why.reranked).unwrap_or(Equal));
    Ok(())
}

/// Returns the text for the model: the title, the headings and the passage.
fn read_by_model(hit: &Hit) -> String {
    format!("{}\n{}", hit.passage.title_and_headings(), hit.passage.text)
}
