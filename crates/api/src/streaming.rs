//! Answers on their way to a client part by part, as server-sent events.
use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use carrel_domain::Result;
use carrel_services::chat::Piece;
use futures_util::stream::{self, Stream};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

/// After how long without an answer's part the client is told that the server is still there.
const PAUSE: Duration = Duration::from_secs(15);

/// A line that clients ignore, so that nothing on the way takes the connection for dead.
pub const HEARTBEAT: &str = ": still there\n\n";

/// The head of an answer that comes as events.
pub fn response() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.content_type("text/event-stream").insert_header((CACHE_CONTROL, "no-cache"));
    // Proxies that collect answers before they pass them on would make it look like none.
    response.insert_header(("x-accel-buffering", "no"));
    response
}

/// The first piece, if it comes before a client would have to be told anything. An error if it is
/// one: then there is still time to say so by the status.
pub async fn first(pieces: &mut Receiver<Piece>) -> Result<Option<Piece>> {
    match timeout(PAUSE, pieces.recv()).await {
        Ok(Some(Piece::Failed { error, begun: false })) => Err(error),
        Ok(piece) => Ok(piece),
        Err(_) => Ok(None),
    }
}

/// The events that `tell` makes of each piece, and heartbeats between them.
pub fn told(
    pieces: Receiver<Piece>,
    tell: impl FnMut(Piece) -> String,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold((pieces, tell), |(mut pieces, mut tell)| async move {
        let event = match timeout(PAUSE, pieces.recv()).await {
            Ok(piece) => tell(piece?),
            Err(_) => HEARTBEAT.to_owned(),
        };
        Some((Ok(Bytes::from(event)), (pieces, tell)))
    })
}

/// An event: `data:` and JSON on one line.
pub fn event(value: &serde_json::Value) -> String {
    format!("data: {value}\n\n")
}
