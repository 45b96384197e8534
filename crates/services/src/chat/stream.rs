//! Streaming the answer to a question.
use std::time::{Duration, Instant};

use carrel_domain::audit::By;
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, Result};
use futures_util::StreamExt;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

use super::answer::{AnswerBuffer, AnswerEvent, Finished};
use super::concurrency::QuestionPermit;
use super::{AnswerParts, Conversations, Prepared, Question, Reply};

/// The number of events buffered for a slow client before the model has to wait.
const EVENT_BUFFER: usize = 16;

/// The time after which a client that takes no event is considered gone.
const STALL_TIMEOUT: Duration = Duration::from_secs(300);

impl Conversations {
    /// Like [`Conversations::ask`], but streams the answer. If the receiver is dropped or stalls
    /// for five minutes, the request to the model is cancelled and the text received so far is
    /// stored as the answer.
    pub async fn stream(
        &self,
        workspace: &Workspace,
        question: Question,
        by: &By,
    ) -> Result<Receiver<AnswerEvent>> {
        question.check()?;
        let permit = self.limits.acquire(&question, by)?;
        self.check_quota(question.user.as_ref(), by).await?;
        let (events, receiver) = channel(EVENT_BUFFER);
        let (conversations, workspace, by) = (self.clone(), workspace.clone(), by.clone());
        self.tasks.spawn(async move {
            let mut permit = permit;
            let answer =
                conversations.stream_answer(&workspace, question, &by, &events, &mut permit);
            if let Err(error) = answer.await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "failed to answer a question"
                );
                // The client may have disconnected.
                let _ = events.send(AnswerEvent::Failed { error, begun: false }).await;
            }
        });
        Ok(receiver)
    }

    async fn stream_answer(
        &self,
        workspace: &Workspace,
        mut question: Question,
        by: &By,
        events: &Sender<AnswerEvent>,
        permit: &mut QuestionPermit,
    ) -> Result<()> {
        let (stop, separates_reasoning) = (question.stop.clone(), question.separates_reasoning);
        let prepared = tokio::select! {
            biased;
            () = stop.wait() => return Ok(()),
            prepared = self.prepare(workspace, &mut question, by) => prepared?,
        };
        let Some(prepared) = prepared else {
            let reply = self.refuse(workspace, question, by).await?;
            if let Reply::Refused { text, .. } = reply {
                let _ = events.send(AnswerEvent::Refused(text)).await;
            }
            return Ok(());
        };
        let Prepared { model, request, sources, mode, as_agent, images } = prepared;
        permit.shrink_to(&request);
        if question.announces_sources && !sources.is_empty() {
            send(events, AnswerEvent::Sources(sources.clone())).await;
        }
        let started = Instant::now();
        let mut buffer = AnswerBuffer::new(separates_reasoning);
        let (mut failure, mut is_complete) = (None, false);
        {
            // Leaving this block drops the answer and thereby cancels the request.
            let mut deltas = tokio::select! {
                biased;
                () = stop.wait() => return Ok(()),
                () = events.closed() => return Ok(()),
                () = self.tasks.stopping() => return Err(shutdown_error()),
                deltas = model.answer(request) => deltas?,
            };
            let mut is_stalled = false;
            while !is_stalled {
                let delta = tokio::select! {
                    biased;
                    () = stop.wait() => break,
                    () = events.closed() => break,
                    () = self.tasks.stopping() => {
                        failure = Some(shutdown_error());
                        break;
                    }
                    delta = deltas.next() => delta,
                };
                match delta {
                    None => {
                        is_complete = true;
                        break;
                    }
                    Some(Ok(delta)) => {
                        if let Some(event) = buffer.push(delta) {
                            is_stalled = !send(events, event).await;
                        }
                    }
                    Some(Err(error)) => {
                        failure = Some(error);
                        break;
                    }
                }
            }
        }
        if let Some(event) = buffer.close() {
            send(events, event).await;
        }
        let metrics = buffer.metrics(&*model, started, as_agent);
        let is_empty = is_complete && !buffer.has_text();
        if let Some(error) = failure {
            tracing::warn!(error = &error as &dyn std::error::Error, "an answer broke off");
            send(events, AnswerEvent::Failed { error, begun: true }).await;
        } else if is_empty {
            let empty = Box::new(buffer.empty(metrics.clone()));
            send(events, AnswerEvent::Empty(empty)).await;
        }
        let finished = match buffer.is_empty() || is_empty {
            true => None,
            false => {
                let text = buffer.stored();
                let parts =
                    AnswerParts { text: &text, sources: &sources, mode, metrics: &metrics, images };
                match self.save(workspace, question, parts, by).await {
                    Ok(chat) => Some(Finished { chat, text, sources, metrics }),
                    Err(error) => {
                        send(events, AnswerEvent::Failed { error, begun: true }).await;
                        return Ok(());
                    }
                }
            }
        };
        send(events, AnswerEvent::Finished(finished)).await;
        Ok(())
    }
}

fn shutdown_error() -> Error {
    Error::unavailable("this server", "it is stopping; ask again when it is running")
}

/// Returns whether the client took the event in time.
async fn send(events: &Sender<AnswerEvent>, event: AnswerEvent) -> bool {
    matches!(timeout(STALL_TIMEOUT, events.send(event)).await, Ok(Ok(())))
}
