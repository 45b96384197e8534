//! What is said of stores that cannot be used.
use super::*;

async fn said(settings: &[(&str, &str)]) -> String {
    let settings: Vec<_> =
        settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let error = match stores::by(&settings, "words") {
        Ok(store) => store.marks().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_told_with_what_to_look_at() {
    let nobody = "http://user:hidden@127.0.0.1:9";
    let chroma = said(&[("VECTOR_DB", "chroma"), ("CHROMA_ENDPOINT", nobody)]).await;
    assert!(chroma.starts_with("Chroma is unavailable: http://127.0.0.1:9/ cannot be reached"));
    assert!(chroma.contains("CHROMA_ENDPOINT") && !chroma.contains("hidden"), "{chroma}");
    let url = "postgresql://user:hidden@127.0.0.1:9/d";
    let with = [
        ("VECTOR_DB", "pgvector"),
        ("PGVECTOR_CONNECTION_STRING", url),
        ("PGVECTOR_TABLE_NAME", "vectors"),
    ];
    let pgvector = said(&with).await;
    assert!(pgvector.contains("PGVECTOR_CONNECTION_STRING") && !pgvector.contains("hidden"));
}

#[tokio::test]
async fn a_setting_that_is_missing_or_wrong_is_named() {
    let qdrant = said(&[("VECTOR_DB", "qdrant")]).await;
    assert_eq!(qdrant, "Qdrant is unavailable: QDRANT_ENDPOINT is not set");
    let chroma = said(&[("VECTOR_DB", "chroma"), ("CHROMA_ENDPOINT", "ftp://h")]).await;
    assert!(chroma.ends_with("CHROMA_ENDPOINT is not an address of http or https"));
    let with = [
        ("VECTOR_DB", "pgvector"),
        ("PGVECTOR_CONNECTION_STRING", "postgresql://h/d"),
        ("PGVECTOR_TABLE_NAME", "a\"; DROP TABLE b; --"),
    ];
    assert!(said(&with).await.contains("PGVECTOR_TABLE_NAME must be a name"));
}

#[tokio::test]
async fn a_wrong_key_is_told_from_none() {
    let address = support::qdrant::address().await;
    let with = [("VECTOR_DB", "qdrant"), ("QDRANT_ENDPOINT", &*address)];
    assert!(said(&with).await.ends_with("it wants a key; set QDRANT_API_KEY"));
    let with = [with[0], with[1], ("QDRANT_API_KEY", "wrong")];
    let told = said(&with).await;
    assert!(told.ends_with("it refuses the key; check QDRANT_API_KEY"), "{told}");
    // A server of another kind.
    let told = said(&[("VECTOR_DB", "chroma"), ("CHROMA_ENDPOINT", &*address)]).await;
    assert!(told.starts_with("Chroma is unavailable: it "), "{told}");
}
