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
pub async fn first(events: &mut Receiver<AnswerEvent>) -> Result<Option<AnswerEvent>> {
    match timeout(MAX_SILENCE, events.recv()).await {
        Ok(Some(AnswerEvent::Failed { error, begun: false })) => Err(error),
        Ok(event) => Ok(event),
        Err(_) => Ok(None),
    }
}

/// Returns the events that `tell` makes of each part, with heartbeats between them, as long as the
/// client may listen. Dropping the stream drops the receiver, which stops the model.
pub fn event_stream(
    events: Receiver<AnswerEvent>,
    encode: impl FnMut(AnswerEvent) -> String,
    listener: impl Admitted,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let stream_state =
        StreamState { events, encode, listener, checked_at: Instant::now(), has_ended: false };
    stream::unfold(stream_state, |mut stream_state| async move {
        let event = stream_state.next().await?;
        Some((Ok(Bytes::from(event)), stream_state))
    })
}

struct StreamState<T, A> {
    events: Receiver<AnswerEvent>,
    encode: T,
    listener: A,
    checked_at: Instant,
    has_ended: bool,
}

impl<T: FnMut(AnswerEvent) -> String, A: Admitted> StreamState<T, A> {
    async fn next(&mut self) -> Option<String> {
        let silent_since = Instant::now();
        while !self.has_ended {
            let event = timeout(CHECK_INTERVAL, self.events.recv()).await;
            if self.checked_at.elapsed() >= CHECK_INTERVAL {
                self.checked_at = Instant::now();
                // A database that is unavailable now may recover, so the answer goes on.
                self.has_ended = matches!(self.listener.is_admitted().await, Ok(false));
                if self.has_ended {
                    self.events.close();
                    let reason = "its key, user, thread or workspace has ended";
                    let error = Error::unavailable("this conversation", reason);
                    return Some((self.encode)(AnswerEvent::Failed { error, begun: true }));
                }
            }
            match event {
                Ok(Some(event)) => return Some((self.encode)(event)),
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
