//! Models that read a query and a passage together and say how well the one answers the other.
use async_trait::async_trait;

use crate::Result;

/// Reorders passages. Slower and more exact than comparing vectors.
#[async_trait]
pub trait Reranker: Send + Sync {
    /// The name of the model, or of the provider where the model has none.
    fn name(&self) -> String;
    /// How well each text answers the query, 0 to 1, in the order of the texts; `None` for a text that was
    /// not judged.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] when the provider does not answer in time, or with something else.
    async fn rerank(&self, query: &str, texts: &[String]) -> Result<Vec<Option<f32>>>;
}
