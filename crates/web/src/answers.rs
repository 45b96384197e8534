//! Answers under way: kept here while they are given, so that a browser that lost its connection,
//! or was reloaded, takes them up again.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carrel_domain::chat::Conversation;
use carrel_services::chat::{Finished, Piece};
use tokio::sync::mpsc::Receiver;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

/// How long an answer that has ended waits for a browser that has not seen its end.
const LINGERS: Duration = Duration::from_secs(60);

/// How an answer ended.
#[derive(Clone, Debug)]
pub enum End {
    Finished(Box<Finished>),
    /// Nothing bears on the question; the text says so.
    Refused,
    /// Somebody stopped it; what was said by then is kept.
    Stopped,
    /// In words.
    Failed(String),
}

/// An answer so far.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub text: String,
    pub end: Option<End>,
}

pub struct Running {
    pub id: Uuid,
    pub question: String,
    pub conversation: Conversation,
    /// The address of the conversation.
    pub base: String,
    said: watch::Sender<Said>,
    stop: Notify,
}

impl Running {
    /// Tells of every change.
    pub fn watch(&self) -> watch::Receiver<Said> {
        self.said.subscribe()
    }

    pub fn stop(&self) {
        self.stop.notify_one();
    }
}

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Answers(Arc<Mutex<HashMap<Uuid, Arc<Running>>>>);

impl Answers {
    /// Follows an answer until it ends, whoever listens.
    pub fn follow(
        &self,
        question: String,
        conversation: Conversation,
        base: String,
        pieces: Receiver<Piece>,
    ) -> Arc<Running> {
        let running = Arc::new(Running {
            id: Uuid::new_v4(),
            question,
            conversation,
            base,
            said: watch::Sender::default(),
            stop: Notify::new(),
        });
        self.all().insert(running.id, running.clone());
        let (answers, followed) = (self.clone(), running.clone());
        tokio::spawn(async move {
            let end = listen(&followed, pieces).await;
            followed.said.send_modify(|said| said.end = Some(end));
            tokio::time::sleep(LINGERS).await;
            answers.all().remove(&followed.id);
        });
        running
    }

    pub fn find(&self, id: Uuid) -> Option<Arc<Running>> {
        self.all().get(&id).cloned()
    }

    /// The answer that is being given in a conversation.
    pub fn current(&self, conversation: &Conversation) -> Option<Arc<Running>> {
        let all = self.all();
        let goes_on = |running: &&Arc<Running>| running.said.borrow().end.is_none();
        all.values().filter(goes_on).find(|running| running.conversation == *conversation).cloned()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Running>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the pieces of an answer until there are no more.
async fn listen(running: &Running, mut pieces: Receiver<Piece>) -> End {
    loop {
        // Leaving this drops the receiver, which tells the model to stop.
        let piece = tokio::select! {
            piece = pieces.recv() => piece,
            () = running.stop.notified() => return End::Stopped,
        };
        match piece {
            Some(Piece::Text(more)) => running.said.send_modify(|said| said.text.push_str(&more)),
            Some(Piece::Refused(text)) => {
                running.said.send_modify(|said| said.text = text);
                return End::Refused;
            }
            Some(Piece::Failed { error, begun: false }) => return End::Failed(error.to_string()),
            Some(Piece::Failed { error, begun: true }) => {
                let words = error.to_string();
                // What was said is kept; wait for that.
                while pieces.recv().await.is_some() {}
                return End::Failed(words);
            }
            Some(Piece::Finished(Some(finished))) => return End::Finished(Box::new(finished)),
            Some(Piece::Finished(None)) | None => return End::Stopped,
        }
    }
}
