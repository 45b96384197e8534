//! Answering a question part by part.
use std::time::{Duration, Instant};

use carrel_domain::audit::By;
use carrel_domain::model::{Delta, Usage};
use carrel_domain::workspace::Workspace;
use carrel_domain::{ChatId, Error, Result};
use chrono::Utc;
use futures_util::StreamExt;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

use super::{Conversations, Kept, Metrics, Prepared, Question, Reply, Source};

/// How many pieces may wait for a slow client before the model is kept waiting.
const WAITING: usize = 16;

/// How long a client may take nothing before it is taken to have left.
const STALLED: Duration = Duration::from_secs(300);

/// What happens while a question is answered, in this order.
#[derive(Debug)]
pub enum Piece {
    /// More of the answer. Reasoning, if any, comes first between `<think>` marks.
    Text(String),
    /// Instead of everything else: query mode, and nothing bears on the question.
    Refused(String),
    /// Nothing more of the answer comes. Unless it has `begun`, nothing else does either.
    Failed { error: Error, begun: bool },
    /// The model had nothing to say, for this reason, which may be empty. Nothing is kept, not even
    /// what it thought.
    Silent(String),
    /// What was answered is kept; absent when nothing was.
    Finished(Option<Finished>),
}

#[derive(Clone, Debug)]
pub struct Finished {
    pub chat: ChatId,
    /// The whole answer.
    pub text: String,
    pub sources: Vec<Source>,
    pub metrics: Metrics,
}

impl Conversations {
    /// As [`Conversations::ask`], part by part. Once the receiver is dropped, or takes nothing for
    /// minutes, the model is told to stop, and what it has said by then is kept as the answer.
    pub async fn stream(
        &self,
        workspace: &Workspace,
        question: Question,
        by: &By,
    ) -> Result<Receiver<Piece>> {
        question.check()?;
        self.admit(question.user.as_ref(), by).await?;
        let (pieces, receiver) = channel(WAITING);
        let (conversations, workspace, by) = (self.clone(), workspace.clone(), by.clone());
        tokio::spawn(async move {
            if let Err(error) = conversations.tell(&workspace, question, &by, &pieces).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "failed to answer a question"
                );
                // Nobody may be listening any more.
                let _ = pieces.send(Piece::Failed { error, begun: false }).await;
            }
        });
        Ok(receiver)
    }

    async fn tell(
        &self,
        workspace: &Workspace,
        question: Question,
        by: &By,
        pieces: &Sender<Piece>,
    ) -> Result<()> {
        let stop = question.stop.clone();
        let prepared = tokio::select! {
            biased;
            () = stop.asked() => return Ok(()),
            prepared = self.prepare(workspace, &question, by) => prepared?,
        };
        let Some(prepared) = prepared else {
            let refused = self.refuse(workspace, question, by).await?;
            if let Reply::Refused { text, .. } = refused {
                let _ = pieces.send(Piece::Refused(text)).await;
            }
            return Ok(());
        };
        let Prepared { model, request, sources, mode, as_agent } = prepared;
        let started = Instant::now();
        let mut said = Said::new(pieces);
        let mut usage = Usage::default();
        let (mut failure, mut is_over, mut why_silent) = (None, false, String::new());
        {
            // Leaving this block drops the answer, which cancels the request.
            let mut parts = tokio::select! {
                biased;
                () = stop.asked() => return Ok(()),
                () = pieces.closed() => return Ok(()),
                parts = model.answer(request) => parts?,
            };
            loop {
                let part = tokio::select! {
                    biased;
                    () = stop.asked() => break,
                    () = pieces.closed() => break,
                    part = parts.next() => part,
                };
                match part {
                    _ if said.nobody_listens => break,
                    None => {
                        is_over = true;
                        break;
                    }
                    Some(Ok(Delta::Usage(spent))) => usage = spent,
                    Some(Ok(Delta::Silence(why))) => why_silent = why,
                    Some(Ok(Delta::Text(more))) => said.say(more).await,
                    Some(Ok(Delta::Reasoning(more))) => said.think(more).await,
                    Some(Err(error)) => {
                        failure = Some(error);
                        break;
                    }
                }
            }
        }
        let is_silent = is_over && !said.spoke;
        let text = said.end().await;
        let lacking = match failure {
            Some(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "an answer broke off");
                Some(Piece::Failed { error, begun: true })
            }
            None => is_silent.then_some(Piece::Silent(why_silent)),
        };
        if let Some(lacking) = lacking {
            let _ = timeout(STALLED, pieces.send(lacking)).await;
        }
        let finished = match text.is_empty() || is_silent {
            true => None,
            false => {
                let seconds = started.elapsed().as_secs_f64();
                let (model, answered_at) = (model.name(), Utc::now());
                let metrics = Metrics { usage, seconds, model, answered_at, as_agent };
                let kept = Kept { text: &text, sources: &sources, mode, metrics: &metrics };
                let chat = self.keep(workspace, question, kept, by).await?;
                Some(Finished { chat, text, sources, metrics })
            }
        };
        let _ = timeout(STALLED, pieces.send(Piece::Finished(finished))).await;
        Ok(())
    }
}

/// What a model has said so far. Pieces that nobody takes are still part of the answer.
struct Said<'a> {
    pieces: &'a Sender<Piece>,
    text: String,
    /// Whether anything of it is more than a thought.
    spoke: bool,
    is_thinking: bool,
    nobody_listens: bool,
}

impl<'a> Said<'a> {
    fn new(pieces: &'a Sender<Piece>) -> Self {
        let text = String::new();
        Self { pieces, text, spoke: false, is_thinking: false, nobody_listens: false }
    }

    async fn piece(&mut self, more: String) {
        if more.is_empty() {
            return;
        }
        self.text.push_str(&more);
        if !self.nobody_listens {
            let sent = timeout(STALLED, self.pieces.send(Piece::Text(more))).await;
            self.nobody_listens = !matches!(sent, Ok(Ok(())));
        }
    }

    async fn say(&mut self, more: String) {
        self.spoke |= !more.is_empty();
        if std::mem::take(&mut self.is_thinking) {
            self.piece("</think>".to_owned()).await;
        }
        self.piece(more).await;
    }

    async fn think(&mut self, more: String) {
        let begins = !std::mem::replace(&mut self.is_thinking, true);
        self.piece(if begins { format!("<think>{more}") } else { more }).await;
    }

    /// The whole answer.
    async fn end(mut self) -> String {
        self.say(String::new()).await;
        self.text
    }
}
