//! Answers in progress. They are kept here, so that a browser can resume one after a reload or a
//! lost connection.
use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use carrel_domain::ChatId;
use carrel_domain::chat::Conversation;
use carrel_services::background::BackgroundTasks;
use carrel_services::chat::{AnswerEvent, Finished, Source, Stop};
use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use uuid::Uuid;

use crate::http::page_error::PageError;
use crate::view::language;
use crate::view::texts::t;
use crate::view::{Growth, Renderer};

/// Time for which a finished answer is kept for browsers that have not seen its end.
const LINGERS: Duration = Duration::from_secs(60);

/// The end of an answer.
#[derive(Clone, Debug, Default)]
pub struct End {
    /// The stored answer, if it was stored.
    pub kept: Option<Box<Finished>>,
    /// Why the answer is incomplete, or why none was stored.
    pub problem: Option<String>,
}

impl End {
    pub fn kept(kept: Finished) -> Self {
        Self { kept: Some(Box::new(kept)), problem: None }
    }

    pub fn of_nothing(problem: String) -> Self {
        Self { kept: None, problem: Some(problem) }
    }

    /// True if the answer is complete and stored.
    pub fn is_whole(&self) -> bool {
        self.kept.is_some() && self.problem.is_none()
    }
}

/// The text of an answer so far.
#[derive(Clone, Debug, Default)]
pub struct AnswerText {
    pub text: String,
    /// The sources, once they are found.
    pub sources: Option<Arc<[Source]>>,
    pub end: Option<End>,
}

/// An answer so far, as HTML. It is rendered once for all viewers.
#[derive(Clone, Debug, Default)]
pub struct ShownAnswer {
    pub growth: Growth,
    /// The sources, once they are found.
    pub sources: Option<Arc<[Source]>>,
    /// The whole text and how it ended, once it has.
    pub end: Option<(Arc<str>, End)>,
}

/// The question of an answer and its context.
#[derive(Clone, Debug)]
pub struct Matter {
    pub question: String,
    /// Names of the attached files.
    pub attached: Vec<String>,
    /// Number of documents that are searched.
    pub documents: u64,
    pub conversation: Conversation,
    /// Address of the conversation.
    pub base: String,
    /// The exchange that this one replaces.
    pub instead_of: Option<ChatId>,
    /// True if errors may contain hints for operators.
    pub is_for_admin: bool,
    pub stop: Stop,
}

pub struct Running {
    pub id: Uuid,
    pub matter: Matter,
    said: watch::Sender<AnswerText>,
    shown: watch::Sender<ShownAnswer>,
    is_stopped: AtomicBool,
}

impl Running {
    /// Returns a receiver of all changes.
    pub fn watch(&self) -> watch::Receiver<ShownAnswer> {
        self.shown.subscribe()
    }

    /// Returns the prefix of the anchors of its sources while the answer grows.
    pub fn prefix(&self) -> String {
        format!("source-{}", self.id)
    }

    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.matter.stop.stop();
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Answers {
    all: Arc<Mutex<HashMap<Uuid, Arc<Running>>>>,
    /// Conversations in which a question is about to be answered.
    reserved: Arc<Mutex<Vec<Conversation>>>,
    renderer: Renderer,
    tasks: BackgroundTasks,
}

/// Reserves a conversation for one question until this is dropped.
#[derive(Debug)]
pub struct Reservation {
    reserved: Arc<Mutex<Vec<Conversation>>>,
    conversation: Conversation,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        locked(&self.reserved).retain(|reserved| *reserved != self.conversation);
    }
}

impl Answers {
    pub fn new(renderer: Renderer, tasks: BackgroundTasks) -> Self {
        Self { all: Arc::default(), reserved: Arc::default(), renderer, tasks }
    }

    /// Returns `None` if a question of the conversation is being answered, or about to be.
    pub fn reserve(&self, conversation: &Conversation) -> Option<Reservation> {
        let mut reserved = locked(&self.reserved);
        if reserved.contains(conversation) || self.current(conversation).is_some() {
            return None;
        }
        reserved.push(conversation.clone());
        Some(Reservation { reserved: self.reserved.clone(), conversation: conversation.clone() })
    }

    /// Follows an answer until it ends, even without viewers. `settle` completes the follow-up work
    /// before viewers see the end.
    pub fn follow<F>(
        &self,
        reservation: Reservation,
        matter: Matter,
        pieces: Receiver<AnswerEvent>,
        settle: impl FnOnce(End) -> F + Send + 'static,
    ) -> Arc<Running>
    where
        F: Future<Output = End> + Send,
    {
        let (id, said, shown) =
            (Uuid::new_v4(), watch::Sender::default(), watch::Sender::default());
        let running = Arc::new(Running { id, matter, said, shown, is_stopped: false.into() });
        self.all().insert(running.id, running.clone());
        // From now on, [`Self::current`] finds the answer.
        drop(reservation);
        self.tasks.spawn(language::kept(render(running.clone(), self.renderer.clone())));
        let (answers, followed) = (self.clone(), running.clone());
        self.tasks.spawn(language::kept(async move {
            let end = settle(listen(&followed, pieces).await).await;
            followed.said.send_modify(|said| said.end = Some(end));
            // A stopping server does not wait for this task.
            tokio::spawn(async move {
                tokio::time::sleep(LINGERS).await;
                answers.all().remove(&followed.id);
            });
        }));
        running
    }

    pub fn find(&self, id: Uuid) -> Option<Arc<Running>> {
        self.all().get(&id).cloned()
    }

    /// Returns the answer in progress in a conversation.
    pub fn current(&self, conversation: &Conversation) -> Option<Arc<Running>> {
        let all = self.all();
        let goes_on = |running: &&Arc<Running>| running.said.borrow().end.is_none();
        let here = |running: &&Arc<Running>| running.matter.conversation == *conversation;
        all.values().filter(goes_on).find(here).cloned()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Running>>> {
        locked(&self.all)
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shortest pause between two renderings of a growing answer, and its minimum as a multiple of the
/// rendering time.
const PAUSE: Duration = Duration::from_millis(80);
const RESPITE: u32 = 4;

/// Renders an answer while it grows, until it has ended.
async fn render(running: Arc<Running>, renderer: Renderer) {
    let (mut watched, prefix) = (running.said.subscribe(), running.prefix());
    let mut growth = Growth::default();
    loop {
        let said = watched.borrow_and_update().clone();
        let is_over = said.end.is_some();
        let mut rest = PAUSE;
        // Without viewers, only the end is rendered.
        if is_over || running.shown.receiver_count() > 0 {
            let (text, prefix, mut grown) = (said.text.clone(), prefix.clone(), growth.clone());
            let started = Instant::now();
            let work = move || {
                match is_over {
                    true => grown.finish(&text, &prefix),
                    false => grown.advance(&text, &prefix),
                }
                grown
            };
            match renderer.run(work).await {
                Ok(grown) => growth = grown,
                Err(error) => tracing::error!(%error, "failed to render an answer"),
            }
            rest = PAUSE.max(started.elapsed() * RESPITE);
            let end = said.end.map(|end| (Arc::from(said.text), end));
            let (growth, sources) = (growth.clone(), said.sources);
            running.shown.send_replace(ShownAnswer { growth, sources, end });
        }
        if is_over || watched.changed().await.is_err() {
            return;
        }
        tokio::time::sleep(rest).await;
    }
}

/// Receives the parts of an answer until it ends, including the stored result.
async fn listen(running: &Running, mut pieces: Receiver<AnswerEvent>) -> End {
    let mut end = End::default();
    while let Some(piece) = pieces.recv().await {
        match piece {
            AnswerEvent::Sources(sources) => {
                running.said.send_modify(|said| said.sources = Some(sources.into()));
            }
            AnswerEvent::Text(more) | AnswerEvent::Reasoning(more) => {
                running.said.send_modify(|said| said.text.push_str(&more));
            }
            AnswerEvent::Refused(text) => end.problem = Some(text),
            AnswerEvent::Failed { error, .. } => {
                let refusal = PageError::from(error);
                let is_for_admin = running.matter.is_for_admin;
                let refusal = if is_for_admin { refusal } else { refusal.for_member() };
                end.problem = Some(refusal.to_string());
            }
            AnswerEvent::Empty(empty) => {
                end.problem = Some(PageError::from(empty.error()).to_string());
            }
            AnswerEvent::Finished(kept) => end.kept = kept.map(Box::new),
        }
    }
    let is_stopped = running.is_stopped.load(Ordering::Relaxed);
    if end.problem.is_none() {
        end.problem = match (&end.kept, is_stopped) {
            (Some(_), true) => Some(t("chat.stopped").to_owned()),
            (Some(_), false) => None,
            (None, true) => Some(t("chat.stopped-early").to_owned()),
            (None, false) => Some(t("chat.silent").to_owned()),
        };
    }
    end
}
