//! Streamed answers, as server-sent events.
mod listener;

use std::convert::Infallible;
use std::time::Instant;

use actix_web::web::Bytes;
use carrel_domain::{Error, Result};
use carrel_http::sse::MAX_SILENCE;
use carrel_services::admission::{Admitted, CHECK_INTERVAL};
use carrel_services::chat::AnswerEvent;
use futures_util::stream::{self, Stream};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

pub use carrel_http::sse::{HEARTBEAT, json as event, response};
pub use listener::{Holder, Listener};

/// Waits for the first part of the answer, but no longer than the longest silence on a stream.
/// Returns an error if the answer fails by then, so that the status can still report it.
pub async fn first(pieces: &mut Receiver<AnswerEvent>) -> Result<Option<AnswerEvent>> {
    match timeout(MAX_SILENCE, pieces.recv()).await {
        Ok(Some(AnswerEvent::Failed { error, begun: false })) => Err(error),
        Ok(piece) => Ok(piece),
        Err(_) => Ok(None),
    }
}

/// Returns the events that `tell` makes of each part, with heartbeats between them, as long as the
/// client may listen. Dropping the stream drops the receiver, which stops the model.
pub fn event_stream(
    pieces: Receiver<AnswerEvent>,
    encode: impl FnMut(AnswerEvent) -> String,
    listener: impl Admitted,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let stream_state =
        StreamState { pieces, encode, listener, checked: Instant::now(), is_over: false };
    stream::unfold(stream_state, |mut stream_state| async move {
        let event = stream_state.next().await?;
        Some((Ok(Bytes::from(event)), stream_state))
    })
}

struct StreamState<T, A> {
    pieces: Receiver<AnswerEvent>,
    encode: T,
    listener: A,
    checked: Instant,
    is_over: bool,
}

impl<T: FnMut(AnswerEvent) -> String, A: Admitted> StreamState<T, A> {
    async fn next(&mut self) -> Option<String> {
        let silent_since = Instant::now();
        while !self.is_over {
            let piece = timeout(CHECK_INTERVAL, self.pieces.recv()).await;
            if self.checked.elapsed() >= CHECK_INTERVAL {
                self.checked = Instant::now();
                // A database that is unavailable now may recover, so the answer goes on.
                self.is_over = matches!(self.listener.is_admitted().await, Ok(false));
                if self.is_over {
                    self.pieces.close();
                    let reason = "its key, user, thread or workspace has ended";
                    let error = Error::unavailable("this conversation", reason);
                    return Some((self.encode)(AnswerEvent::Failed { error, begun: true }));
                }
            }
            match piece {
                Ok(Some(piece)) => return Some((self.encode)(piece)),
                Ok(None) => return None,
                Err(_) if silent_since.elapsed() >= MAX_SILENCE => {
                    return Some(HEARTBEAT.to_owned());
                }
                Err(_) => {}
            }
        }
        None
    }
}
