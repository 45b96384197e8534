//! Answers in progress. They stay in memory, so that a browser can resume one after a reload or a
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
use crate::view::{IncrementalAnswer, Renderer};

/// Retention of a finished answer for browsers that have not received its end.
const RETENTION: Duration = Duration::from_secs(60);

/// The end of an answer.
#[derive(Clone, Debug, Default)]
pub struct AnswerEnd {
    /// The stored answer, if it was stored.
    pub stored: Option<Box<Finished>>,
    /// Why the answer is incomplete, or why none was stored.
    pub problem: Option<String>,
}

impl AnswerEnd {
    pub fn complete(stored: Finished) -> Self {
        Self { stored: Some(Box::new(stored)), problem: None }
    }

    pub fn failed(problem: String) -> Self {
        Self { stored: None, problem: Some(problem) }
    }

    /// True if the answer is complete and stored.
    pub fn is_complete(&self) -> bool {
        self.stored.is_some() && self.problem.is_none()
    }
}

/// The text of an answer so far.
#[derive(Clone, Debug, Default)]
pub struct AnswerText {
    pub text: String,
    /// The sources, as soon as the search has found them.
    pub sources: Option<Arc<[Source]>>,
    pub end: Option<AnswerEnd>,
}

/// An answer so far, as HTML. It is rendered once for all viewers.
#[derive(Clone, Debug, Default)]
pub struct RenderedAnswer {
    pub html: IncrementalAnswer,
    /// The sources, as soon as the search has found them.
    pub sources: Option<Arc<[Source]>>,
    /// The complete text and its end, if it has ended.
    pub end: Option<(Arc<str>, AnswerEnd)>,
}

/// The question of an answer and its context.
#[derive(Clone, Debug)]
pub struct QuestionContext {
    pub question: String,
    /// Names of the attached files.
    pub attachment_names: Vec<String>,
    /// Number of documents that are searched.
    pub document_count: u64,
    pub conversation: Conversation,
    /// Address of the conversation.
    pub base: String,
    /// The exchange that this one replaces.
    pub instead_of: Option<ChatId>,
    /// True if errors may contain hints for operators.
    pub is_for_admin: bool,
    pub stop: Stop,
}

pub struct RunningAnswer {
    pub id: Uuid,
    pub context: QuestionContext,
    text: watch::Sender<AnswerText>,
    html: watch::Sender<RenderedAnswer>,
    is_stopped: AtomicBool,
}

impl RunningAnswer {
    /// Returns a receiver of all changes.
    pub fn watch(&self) -> watch::Receiver<RenderedAnswer> {
        self.html.subscribe()
    }

    /// Returns the prefix of its sources' anchors while the answer is in progress.
    pub fn prefix(&self) -> String {
        format!("source-{}", self.id)
    }

    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.context.stop.stop();
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Answers {
    by_id: Arc<Mutex<HashMap<Uuid, Arc<RunningAnswer>>>>,
    /// Conversations in which a question is about to be answered.
    reservations: Arc<Mutex<Vec<Conversation>>>,
    renderer: Renderer,
    tasks: BackgroundTasks,
}

/// Reserves a conversation for one question until this is dropped.
#[derive(Debug)]
pub struct Reservation {
    reservations: Arc<Mutex<Vec<Conversation>>>,
    conversation: Conversation,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        lock(&self.reservations).retain(|conversation| *conversation != self.conversation);
    }
}

impl Answers {
    pub fn new(renderer: Renderer, tasks: BackgroundTasks) -> Self {
        Self { by_id: Arc::default(), reservations: Arc::default(), renderer, tasks }
    }

    /// Returns `None` if a question of the conversation is being answered, or about to be.
    pub fn reserve(&self, conversation: &Conversation) -> Option<Reservation> {
        let mut reservations = lock(&self.reservations);
        if reservations.contains(conversation) || self.current(conversation).is_some() {
            return None;
        }
        reservations.push(conversation.clone());
        Some(Reservation {
            reservations: self.reservations.clone(),
            conversation: conversation.clone(),
        })
    }

    /// Follows an answer until it ends, even without viewers. `finalize` completes the follow-up
    /// work before viewers see the end.
    pub fn follow<F>(
        &self,
        reservation: Reservation,
        context: QuestionContext,
        events: Receiver<AnswerEvent>,
        finalize: impl FnOnce(AnswerEnd) -> F + Send + 'static,
    ) -> Arc<RunningAnswer>
    where
        F: Future<Output = AnswerEnd> + Send,
    {
        let (id, text, html) = (Uuid::new_v4(), watch::Sender::default(), watch::Sender::default());
        let running_answer =
            Arc::new(RunningAnswer { id, context, text, html, is_stopped: false.into() });
        self.lock_answers().insert(running_answer.id, running_answer.clone());
        // From now on, [`Self::current`] finds the answer.
        drop(reservation);
        self.tasks.spawn(language::inherit(render(running_answer.clone(), self.renderer.clone())));
        let (answers, answer) = (self.clone(), running_answer.clone());
        self.tasks.spawn(language::inherit(async move {
            let end = finalize(listen(&answer, events).await).await;
            answer.text.send_modify(|text| text.end = Some(end));
            // A stopping server does not wait for this task.
            tokio::spawn(async move {
                tokio::time::sleep(RETENTION).await;
                answers.lock_answers().remove(&answer.id);
            });
        }));
        running_answer
    }

    pub fn find(&self, id: Uuid) -> Option<Arc<RunningAnswer>> {
        self.lock_answers().get(&id).cloned()
    }

    /// Returns the answer in progress in a conversation.
    pub fn current(&self, conversation: &Conversation) -> Option<Arc<RunningAnswer>> {
        let all = self.lock_answers();
        let is_unfinished = |answer: &&Arc<RunningAnswer>| answer.text.borrow().end.is_none();
        let is_in_conversation =
            |answer: &&Arc<RunningAnswer>| answer.context.conversation == *conversation;
        all.values().filter(is_unfinished).find(is_in_conversation).cloned()
    }

    fn lock_answers(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<RunningAnswer>>> {
        lock(&self.by_id)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Minimum pause between two renderings of an answer in progress, absolute and as a multiple of the
/// rendering time.
const MIN_PAUSE: Duration = Duration::from_millis(80);
const PAUSE_FACTOR: u32 = 4;

/// Renders an answer in progress until it has ended.
async fn render(running_answer: Arc<RunningAnswer>, renderer: Renderer) {
    let (mut updates, prefix) = (running_answer.text.subscribe(), running_answer.prefix());
    let mut html = IncrementalAnswer::default();
    loop {
        let answer = updates.borrow_and_update().clone();
        let is_finished = answer.end.is_some();
        let mut pause = MIN_PAUSE;
        // Without viewers, only the end is rendered.
        if is_finished || running_answer.html.receiver_count() > 0 {
            let (text, prefix, mut html_so_far) =
                (answer.text.clone(), prefix.clone(), html.clone());
            let started = Instant::now();
            let work = move || {
                match is_finished {
                    true => html_so_far.finish(&text, &prefix),
                    false => html_so_far.advance(&text, &prefix),
                }
                html_so_far
            };
            match renderer.run(work).await {
                Ok(rendered) => html = rendered,
                Err(error) => tracing::error!(%error, "failed to render an answer"),
            }
            pause = MIN_PAUSE.max(started.elapsed() * PAUSE_FACTOR);
            let end = answer.end.map(|end| (Arc::from(answer.text), end));
            let (html, sources) = (html.clone(), answer.sources);
            running_answer.html.send_replace(RenderedAnswer { html, sources, end });
        }
        if is_finished || updates.changed().await.is_err() {
            return;
        }
        tokio::time::sleep(pause).await;
    }
}

/// Receives the parts of an answer until it ends, including the stored result.
async fn listen(running_answer: &RunningAnswer, mut events: Receiver<AnswerEvent>) -> AnswerEnd {
    let mut end = AnswerEnd::default();
    while let Some(event) = events.recv().await {
        match event {
            AnswerEvent::Sources(sources) => {
                running_answer.text.send_modify(|answer| answer.sources = Some(sources.into()));
            }
            AnswerEvent::Text(delta) | AnswerEvent::Reasoning(delta) => {
                running_answer.text.send_modify(|answer| answer.text.push_str(&delta));
            }
            AnswerEvent::Refused(text) => end.problem = Some(text),
            AnswerEvent::Failed { error, .. } => {
                let error = PageError::from(error);
                let is_for_admin = running_answer.context.is_for_admin;
                let error = if is_for_admin { error } else { error.for_member() };
                end.problem = Some(error.to_string());
            }
            AnswerEvent::Empty(empty) => {
                end.problem = Some(PageError::from(empty.error()).to_string());
            }
            AnswerEvent::Finished(stored) => end.stored = stored.map(Box::new),
        }
    }
    let is_stopped = running_answer.is_stopped.load(Ordering::Relaxed);
    if end.problem.is_none() {
        end.problem = match (&end.stored, is_stopped) {
            (Some(_), true) => Some(t("chat.stopped").to_owned()),
            (Some(_), false) => None,
            (None, true) => Some(t("chat.stopped-early").to_owned()),
            (None, false) => Some(t("chat.silent").to_owned()),
        };
    }
    end
}
