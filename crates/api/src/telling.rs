//! A stream of server-sent events: what is told of an answer, for as long as whoever asked may hear it.
use std::convert::Infallible;
use std::time::{Duration, Instant};

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpResponse, HttpResponseBuilder};
use carrel_domain::api_key::KeyDigest;
use carrel_domain::thread::{Thread, Threads};
use carrel_domain::user::{User, Users};
use carrel_domain::workspace::{Workspace, Workspaces};
use carrel_domain::{Error, Result};
use carrel_services::chat::Piece;
use carrel_services::keyring::Keyring;
use chrono::Utc;
use futures_util::stream;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use crate::wire::stream::{HEARTBEAT, Teller};

/// How often it is looked whether the client may go on listening.
const CHECK: Duration = Duration::from_secs(5);

/// After how many of these without a part of the answer the client is told that the server is
/// still there.
const PAUSE: u32 = 3;

/// Who listens, and what must not go away meanwhile.
pub struct Listener {
    pub keyring: Data<Keyring>,
    pub workspaces: Data<dyn Workspaces>,
    pub threads: Data<dyn Threads>,
    pub users: Data<dyn Users>,
    pub key: KeyDigest,
    pub workspace: Workspace,
    pub thread: Option<Thread>,
    pub user: Option<User>,
}

impl Listener {
    /// Whether the key is still good, the user still admitted, and the conversation still there.
    async fn may_listen(&self) -> Result<bool> {
        if !self.keyring.lasts(self.key, Utc::now()).await? {
            return Ok(false);
        }
        if let Some(user) = &self.user {
            match self.users.by_id(user.id).await? {
                Some(user) if !user.suspended => {}
                _ => return Ok(false),
            }
        }
        let (id, slug) = (self.workspace.id, self.workspace.slug.as_str());
        if self.workspaces.by_slug(slug).await?.is_none_or(|found| found.id != id) {
            return Ok(false);
        }
        Ok(match &self.thread {
            Some(thread) => self.threads.by_slug(id, thread.slug.as_str()).await?.is_some(),
            None => true,
        })
    }
}

/// The head of a stream.
pub fn head() -> HttpResponseBuilder {
    let mut head = HttpResponse::Ok();
    head.content_type("text/event-stream").insert_header((CACHE_CONTROL, "no-cache"));
    // Proxies that collect answers before they pass them on would make it look like none.
    head.insert_header(("x-accel-buffering", "no"));
    head
}

/// Tells an answer. Leaving the stream drops the receiver, which stops the model.
pub fn tell(pieces: Receiver<Piece>, teller: Teller, listener: Listener) -> HttpResponse {
    let telling = Telling { pieces, teller, listener, checked: Instant::now(), is_over: false };
    head().streaming(stream::unfold(telling, |mut telling| async move {
        let event = telling.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(event)), telling))
    }))
}

struct Telling {
    pieces: Receiver<Piece>,
    teller: Teller,
    listener: Listener,
    checked: Instant,
    is_over: bool,
}

impl Telling {
    async fn next(&mut self) -> Option<String> {
        let mut silent = 0;
        while !self.is_over {
            let piece = timeout(CHECK, self.pieces.recv()).await;
            if self.checked.elapsed() >= CHECK {
                self.checked = Instant::now();
                // A database that does not answer now may do so again: the answer goes on.
                self.is_over = matches!(self.listener.may_listen().await, Ok(false));
                if self.is_over {
                    self.pieces.close();
                    let error = Error::unavailable(
                        "this conversation",
                        "its key, user, thread or workspace is no longer there",
                    );
                    return Some(self.teller.events(Piece::Failed { error, begun: true }));
                }
            }
            match piece {
                Ok(Some(piece)) => return Some(self.teller.events(piece)),
                Ok(None) => return None,
                Err(_) => silent += 1,
            }
            if silent >= PAUSE {
                return Some(HEARTBEAT.to_owned());
            }
        }
        None
    }
}
