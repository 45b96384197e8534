//! Vectors of texts that were embedded before, so that nothing is embedded twice.
use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::Result;

/// Identifies a text embedded by one model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TextKey(pub [u8; 32]);

impl TextKey {
    /// SHA-256 over the identity of the model and the text, each preceded by its length.
    pub fn of(identity: &str, text: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [identity, text] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(hash.finalize().into())
    }
}

/// Stores such vectors. Each method is one transaction.
///
/// They can be made again at any time, so whoever cannot read them goes on without.
#[async_trait]
pub trait EmbeddingCache: Send + Sync {
    /// The vectors that are there. To find one is to use it.
    async fn find(
        &self,
        keys: &[TextKey],
        now: DateTime<Utc>,
    ) -> Result<HashMap<TextKey, Vec<f32>>>;
    /// Keeps vectors, and drops those that were used the longest ago while all of them together
    /// take more than `most` bytes. One that is there already stays as it is, unless it has another
    /// length: then the new one takes its place.
    async fn store_vectors(
        &self,
        vectors: Vec<(TextKey, Vec<f32>)>,
        most: u64,
        now: DateTime<Utc>,
    ) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_models_and_texts_apart() {
        let key = TextKey::of("a", "bc");
        assert_eq!(key, TextKey::of("a", "bc"));
        assert_ne!(key, TextKey::of("ab", "c"));
        assert_ne!(key, TextKey::of("a", "bd"));
        assert_ne!(key, TextKey::of("b", "bc"));
    }
}
