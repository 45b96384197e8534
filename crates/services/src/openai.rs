//! Embeddings for clients.
use carrel_domain::model::{Models, Purpose};
use carrel_domain::{Error, Result};

/// The most texts of one request.
pub const MOST_TEXTS: usize = 2048;
/// The longest text, in bytes.
pub const LONGEST_TEXT: usize = 1 << 20;

/// How many texts are embedded before others get their turn.
const AT_ONCE: usize = 32;

/// Texts with their vectors.
pub struct EmbeddedTexts {
    /// The model that made the vectors, as the provider names it.
    pub model: String,
    /// One for each text, in order.
    pub vectors: Vec<Vec<f32>>,
    /// The estimated tokens of all texts together.
    pub tokens: usize,
}

/// One vector for each text, as it stands. [`Error::Invalid`] when they are to have another length
/// than the model's.
pub async fn embed(
    models: &dyn Models,
    texts: Vec<String>,
    dimensions: Option<usize>,
) -> Result<EmbeddedTexts> {
    let embedder = models.embedder()?;
    let mut vectors = Vec::with_capacity(texts.len());
    for some in texts.chunks(AT_ONCE) {
        vectors.extend(embedder.embed(some, Purpose::Neither).await?);
        let length = vectors.first().map_or(0, Vec::len);
        if let Some(wanted) = dimensions.filter(|wanted| *wanted != length) {
            let reason = format!("must be {length}, which the model's vectors have, not {wanted}");
            return Err(Error::invalid("dimensions", reason));
        }
    }
    let tokens = texts.iter().map(|text| text.chars().count().div_ceil(4)).sum();
    Ok(EmbeddedTexts { model: embedder.model().name, vectors, tokens })
}
