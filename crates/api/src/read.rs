//! Bodies, read by the handler: after the caller is known, and never more than allowed.
mod json;
mod params;
mod pictures;
mod upload;

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{Bytes, BytesMut};
use carrel_domain::{Error, Result};
use futures_util::StreamExt;

pub use json::Body;
pub use params::Params;
pub use pictures::{Order, Ordered, REFERENCES};
pub use upload::Form;

/// How long a client may pause while it sends.
const PATIENCE: Duration = Duration::from_secs(30);

/// The whole of a body of at most `limit` bytes. One that announces more is refused unread.
async fn whole(request: &HttpRequest, mut payload: Payload, limit: usize) -> Result<Bytes> {
    announced(request, limit as u64, "the body")?;
    let mut body = BytesMut::new();
    while let Some(more) = next(&mut payload).await? {
        if body.len() + more.len() > limit {
            return Err(Error::TooLarge { what: "the body", limit: limit as u64 });
        }
        body.extend_from_slice(&more);
    }
    Ok(body.freeze())
}

async fn next(payload: &mut Payload) -> Result<Option<Bytes>> {
    let next = tokio::time::timeout(PATIENCE, payload.next()).await;
    let next = next.map_err(|_| Error::invalid("body", "did not arrive in time"))?;
    next.transpose().map_err(|error| Error::invalid("body", error.to_string()))
}

/// Refuses a body whose length is announced to be more than `limit` bytes.
fn announced(request: &HttpRequest, limit: u64, what: &'static str) -> Result<()> {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    match length.and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length > limit => Err(Error::TooLarge { what, limit }),
        _ => Ok(()),
    }
}
