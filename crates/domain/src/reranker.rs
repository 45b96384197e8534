//! Models that score how well a passage answers a query.
use async_trait::async_trait;

use crate::Result;

/// Scores passages against a query. Slower and more accurate than comparing vectors.
#[async_trait]
pub trait Reranker: Send + Sync {
    /// Returns the name of the model, or of the provider if the model has no name.
    fn name(&self) -> String;
    /// Returns a score from 0 to 1 for each text, in order. `None` for a text that was not scored.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] if the provider does not respond in time or responds with an
    /// error.
    async fn rerank(&self, query: &str, texts: &[String]) -> Result<Vec<Option<f32>>>;
}
