//! Embeddings for API clients.
use carrel_domain::model::{Models, Purpose};
use carrel_domain::{Error, Result};

/// The maximum number of texts per request.
pub const MAX_TEXTS: usize = 2048;
/// The maximum length of a text, in bytes.
pub const MAX_TEXT_BYTES: usize = 1 << 20;

/// The number of texts embedded at a time, so that requests take turns.
const BATCH_SIZE: usize = 32;

/// Texts converted to vectors.
pub struct EmbeddedTexts {
    /// The model, by the provider's name for it.
    pub model: String,
    /// One vector per text, in order.
    pub vectors: Vec<Vec<f32>>,
    /// The estimated total number of tokens.
    pub tokens: usize,
}

/// Embeds texts without a purpose-specific prefix. [`Error::Invalid`] if `dimensions` differs from
/// the model's.
pub async fn embed(
    models: &dyn Models,
    texts: Vec<String>,
    dimensions: Option<usize>,
) -> Result<EmbeddedTexts> {
    let embedder = models.embedder()?;
    let mut vectors = Vec::with_capacity(texts.len());
    for some in texts.chunks(BATCH_SIZE) {
        vectors.extend(embedder.embed(some, Purpose::Neither).await?);
        let length = vectors.first().map_or(0, Vec::len);
        if let Some(requested) = dimensions.filter(|requested| *requested != length) {
            let reason =
                format!("must be {length}, which the model's vectors have, not {requested}");
            return Err(Error::invalid("dimensions", reason));
        }
    }
    let tokens = texts.iter().map(|text| text.chars().count().div_ceil(4)).sum();
    Ok(EmbeddedTexts { model: embedder.model().name, vectors, tokens })
}
