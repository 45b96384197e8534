//! Stored vectors of embedded texts, so that a text is not embedded twice.
use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::Result;

/// The key of a text embedded by one model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TextKey(pub [u8; 32]);

impl TextKey {
    /// Returns the SHA-256 of the model identity and the text, each prefixed by its length.
    pub fn of(identity: &str, text: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [identity, text] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(hash.finalize().into())
    }
}

/// Stores embedding vectors. Each method is one transaction.
///
/// Vectors can be recomputed at any time, so callers ignore failures to read them.
#[async_trait]
pub trait EmbeddingCache: Send + Sync {
    /// Returns the stored vectors and marks them as used at `now`.
    async fn find(
        &self,
        keys: &[TextKey],
        now: DateTime<Utc>,
    ) -> Result<HashMap<TextKey, Vec<f32>>>;
    /// Stores vectors and evicts the least recently used ones until the total size is at most
    /// `most` bytes. An existing vector is kept unless its length differs, in which case it is
    /// replaced.
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
    fn keys_differ_by_model_and_text() {
        let key = TextKey::of("a", "bc");
        assert_eq!(key, TextKey::of("a", "bc"));
        assert_ne!(key, TextKey::of("ab", "c"));
        assert_ne!(key, TextKey::of("a", "bd"));
        assert_ne!(key, TextKey::of("b", "bc"));
    }
}
