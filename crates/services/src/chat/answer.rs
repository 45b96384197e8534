//! An answer being received, and the events that clients are sent of it.
use std::time::Instant;

use carrel_domain::model::{ChatModel, ChatRequest, Delta, FinishReason, Usage};
use carrel_domain::{ChatId, Error, Result};
use chrono::Utc;
use futures_util::StreamExt;

use crate::exchange::{Metrics, Source};
use crate::reasoning::{CLOSE, OPEN, marked};

/// A model ended its answer without any text. Nothing is stored of it.
#[derive(Clone, Debug, PartialEq)]
pub struct EmptyCompletion {
    /// The provider's word for it; may be empty.
    pub reason: String,
    /// The usage of the failed answer.
    pub metrics: Metrics,
}

/// The message of an [`EmptyCompletion`].
pub const EMPTY_COMPLETION: &str = "No text completion could be completed with this input.";

impl EmptyCompletion {
    /// The completion as a failure.
    pub fn error(&self) -> Error {
        let reason = match self.reason.as_str() {
            "" => String::new(),
            reason => format!(" (reason: {reason})"),
        };
        Error::unavailable("the language model", format!("{EMPTY_COMPLETION}{reason}"))
    }
}

/// Events while a question is answered, in this order.
#[derive(Debug)]
pub enum AnswerEvent {
    /// What the model thinks. Only if the question separates reasoning; otherwise it comes as text
    /// between `<think>` marks.
    Reasoning(String),
    /// More of the answer.
    Text(String),
    /// Instead of everything else: query mode, and nothing in the workspace bears on the question.
    Refused(String),
    /// The answer ends here. Unless it has `begun`, no other event comes either.
    Failed {
        /// Why.
        error: Error,
        /// Whether any other event came before.
        begun: bool,
    },
    /// The model ended without any text. Nothing is stored, not even its reasoning.
    Empty(Box<EmptyCompletion>),
    /// The answer is stored; absent when there was nothing to store.
    Finished(Option<Finished>),
}

/// An answer that is stored.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Names the exchange.
    pub chat: ChatId,
    /// The whole answer, its reasoning first between `<think>` marks.
    pub text: String,
    /// The passages it was built on, by relevance.
    pub sources: Vec<Source>,
    /// The usage.
    pub metrics: Metrics,
}

/// Collects the parts of one answer.
#[derive(Debug, Default)]
pub(super) struct AnswerBuffer {
    text: String,
    reasoning: String,
    usage: Usage,
    finish: FinishReason,
    word: String,
    separates_reasoning: bool,
    /// Whether clients have been sent an opening mark that is still open.
    is_open: bool,
}

impl AnswerBuffer {
    /// An empty buffer. Otherwise reasoning becomes a part of the text, between marks.
    pub fn new(separates_reasoning: bool) -> Self {
        Self { separates_reasoning, ..Self::default() }
    }

    /// Adds a part. Returns what clients are sent of it.
    pub fn push(&mut self, delta: Delta) -> Option<AnswerEvent> {
        match delta {
            Delta::Usage(usage) => self.usage = usage,
            Delta::Finish { reason, word } => (self.finish, self.word) = (reason, word),
            Delta::Text(more) if !more.is_empty() => {
                self.text.push_str(&more);
                let close = if std::mem::take(&mut self.is_open) { CLOSE } else { "" };
                return Some(AnswerEvent::Text(format!("{close}{more}")));
            }
            Delta::Reasoning(more) if !more.is_empty() => {
                self.reasoning.push_str(&more);
                if self.separates_reasoning {
                    return Some(AnswerEvent::Reasoning(more));
                }
                let open = if std::mem::replace(&mut self.is_open, true) { "" } else { OPEN };
                return Some(AnswerEvent::Text(format!("{open}{more}")));
            }
            Delta::TextWasReasoning => {
                self.reasoning.push_str(&std::mem::take(&mut self.text));
                // Clients have the text already, and a mark tells them what it was.
                let marks = !self.separates_reasoning;
                return marks.then(|| AnswerEvent::Text(CLOSE.to_owned()));
            }
            Delta::Text(_) | Delta::Reasoning(_) => {}
        }
        None
    }

    /// Ends reasoning that no text followed. Returns what clients are sent.
    pub fn close(&mut self) -> Option<AnswerEvent> {
        std::mem::take(&mut self.is_open).then(|| AnswerEvent::Text(CLOSE.to_owned()))
    }

    /// Whether nothing has come yet, not even reasoning.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.reasoning.is_empty()
    }

    /// Whether any text has come beside reasoning.
    pub fn has_text(&self) -> bool {
        !self.text.is_empty()
    }

    /// The answer as it is stored.
    pub fn stored(&self) -> String {
        marked(&self.reasoning, &self.text)
    }

    /// Returns the usage of the answer; `started` is the time of the request to the model.
    pub fn metrics(&self, model: &dyn ChatModel, started: Instant, as_agent: bool) -> Metrics {
        Metrics {
            usage: self.usage,
            seconds: started.elapsed().as_secs_f64(),
            model: model.name(),
            answered_at: Utc::now(),
            as_agent,
            finish: self.finish,
        }
    }

    /// The outcome of an answer that ended without text.
    pub fn empty(&self, metrics: Metrics) -> EmptyCompletion {
        EmptyCompletion { reason: self.word.clone(), metrics }
    }
}

/// Collects the model's whole answer, as it is stored.
pub(super) async fn collect(
    model: &dyn ChatModel,
    request: ChatRequest,
    as_agent: bool,
) -> Result<Result<(String, Metrics), EmptyCompletion>> {
    let started = Instant::now();
    let mut parts = model.answer(request).await?;
    let mut buffer = AnswerBuffer::new(true);
    while let Some(part) = parts.next().await {
        buffer.push(part?);
    }
    let metrics = buffer.metrics(model, started, as_agent);
    Ok(match buffer.has_text() {
        true => Ok((buffer.stored(), metrics)),
        false => Err(buffer.empty(metrics)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(separates: bool, deltas: &[Delta]) -> Vec<(bool, String)> {
        let mut buffer = AnswerBuffer::new(separates);
        let mut events: Vec<_> =
            deltas.iter().filter_map(|delta| buffer.push(delta.clone())).collect();
        events.extend(buffer.close());
        let told = events.into_iter().map(|event| match event {
            AnswerEvent::Reasoning(text) => (true, text),
            AnswerEvent::Text(text) => (false, text),
            other => panic!("{other:?}"),
        });
        told.collect()
    }

    #[test]
    fn reasoning_is_marked_or_separate() {
        let reasoning = |text: &str| Delta::Reasoning(text.into());
        let deltas = [reasoning("a"), reasoning("b"), Delta::Text("c".into())];
        let text = |text: &str| (false, text.to_owned());
        let marked = [text("<think>a"), text("b"), text("</think>c")];
        assert_eq!(events(false, &deltas), marked);
        assert_eq!(events(true, &deltas), [(true, "a".into()), (true, "b".into()), text("c")]);
        let unanswered = [text("<think>a"), text("b"), text("</think>")];
        assert_eq!(events(false, &deltas[..2]), unanswered);
    }

    #[test]
    fn text_that_was_reasoning_is_stored_as_such() {
        let text = |text: &str| Delta::Text(text.into());
        let deltas = [text("plan"), Delta::TextWasReasoning, text("c")];
        let mut buffer = AnswerBuffer::new(true);
        deltas.iter().for_each(|delta| drop(buffer.push(delta.clone())));
        assert_eq!(buffer.stored(), "<think>plan</think>c");
        let marked = ["plan", "</think>", "c"].map(|text| (false, text.to_owned()));
        assert_eq!(events(false, &deltas), marked);
    }

    #[test]
    fn the_stored_answer_has_its_reasoning_first_in_whatever_order_it_came() {
        let mut buffer = AnswerBuffer::new(true);
        for delta in [Delta::Text("One ".into()), Delta::Reasoning("hm".into())] {
            buffer.push(delta);
        }
        buffer.push(Delta::Text("two.".into()));
        assert_eq!(buffer.stored(), "<think>hm</think>One two.");
    }
}
