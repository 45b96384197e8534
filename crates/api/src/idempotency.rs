//! The `Idempotency-Key` header: a request that is repeated with the same key is carried out once
//! and gets the same response.
use actix_web::HttpRequest;
use carrel_domain::idempotency::{IdempotencyKeys, IdempotencyState, IdempotentRequest};
use carrel_domain::{Error, Result};
use carrel_services::library::Library;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use std::future::Future;
use std::sync::Arc;

use crate::authorized::Authorized;
use crate::v1::documents::added::DocumentsAdded;

const HEADER: &str = "idempotency-key";

/// Longest key, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// Reads the request's idempotency key, if it has one. `content` is the SHA-256 of the body.
pub fn read_key<P>(
    request: &HttpRequest,
    caller: &Authorized<P>,
    content: [u8; 32],
) -> Result<Option<IdempotentRequest>> {
    let invalid = |reason| Error::invalid("Idempotency-Key", reason);
    let mut values = request.headers().get_all(HEADER);
    let Some(name) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(invalid("must be sent once"));
    }
    let is_plain = |byte: &u8| (0x20..0x7f).contains(byte);
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.len() > MAX_NAME_BYTES || !bytes.iter().all(is_plain) {
        return Err(invalid("must be 1 to 255 ASCII characters"));
    }
    let by = caller.key.id;
    let name = Sha256::new().chain_update(by.0.to_be_bytes()).chain_update(bytes);
    let content =
        Sha256::new().chain_update(request.path()).chain_update([0]).chain_update(content);
    let (name, content) = (name.finalize().into(), content.finalize().into());
    Ok(Some(IdempotentRequest { name, by, content }))
}

/// Returns the digest of a request that is stored with the documents it created. It covers the
/// content, because a key may be reused once the first request is forgotten.
pub fn request_digest(request: &IdempotentRequest) -> [u8; 32] {
    Sha256::new().chain_update(request.name).chain_update(request.content).finalize().into()
}

/// Runs `work` to its end, even if the client disconnects. If the request was carried out before,
/// returns the earlier result with the current texts of its documents.
pub async fn once<W>(
    repeats: Arc<dyn IdempotencyKeys>,
    library: &Library,
    request: Option<IdempotentRequest>,
    now: DateTime<Utc>,
    work: W,
) -> Result<DocumentsAdded>
where
    W: Future<Output = Result<DocumentsAdded>> + Send + 'static,
{
    let Some(request) = request else { return work.await };
    match repeats.begin(request, now).await? {
        IdempotencyState::New => {}
        IdempotencyState::Completed(answer) => return replay(library, &answer).await,
        IdempotencyState::InProgress => {
            let kind = "a request with this Idempotency-Key is still in progress";
            return Err(Error::AlreadyExists { kind, key: String::new() });
        }
        IdempotencyState::Mismatch => return Err(Error::unprocessable(KEY_REUSED)),
    }
    let perform = async move {
        match work.await {
            Ok(added) => {
                let answer = serde_json::to_string(&added.clone().without_content());
                repeats.answered(request.name, answer.map_err(Error::internal)?).await?;
                Ok(added)
            }
            Err(error) => {
                repeats.failed(request.name).await?;
                Err(error)
            }
        }
    };
    tokio::spawn(perform).await.map_err(Error::internal)?
}

/// The error if a key is reused with a different request.
pub const KEY_REUSED: &str = "The Idempotency-Key was used for another request.";

async fn replay(library: &Library, answer: &str) -> Result<DocumentsAdded> {
    let mut added: DocumentsAdded = serde_json::from_str(answer).map_err(Error::internal)?;
    for document in &mut added.documents {
        let text = library.text_of(document.id()?).await?;
        document.set_content(text.unwrap_or_default());
    }
    Ok(added)
}

#[cfg(test)]
mod tests {
    use carrel_domain::ApiKeyId;

    use super::*;

    #[test]
    fn a_key_reused_for_another_request_has_another_digest() {
        let first = IdempotentRequest { name: [1; 32], by: ApiKeyId(1), content: [2; 32] };
        let digests = [first, IdempotentRequest { content: [3; 32], ..first }, first]
            .map(|request| request_digest(&request));
        assert!(digests[0] != digests[1] && digests[0] == digests[2]);
    }
}
