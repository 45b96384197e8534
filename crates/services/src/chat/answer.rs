//! Receiving an answer, and the events sent to clients while it arrives.
use std::time::Instant;

use carrel_domain::model::{ChatModel, ChatRequest, Delta, FinishReason, Usage};
use carrel_domain::{ChatId, Error, Result};
use chrono::Utc;
use futures_util::StreamExt;

use crate::exchange::{Metrics, Source};
use crate::reasoning::{self, CLOSE, OPEN};

/// An answer without any text. It is not stored.
#[derive(Clone, Debug, PartialEq)]
pub struct EmptyCompletion {
    /// The finish reason in the provider's words. May be empty.
    pub reason: String,
    /// The usage and other facts about the answer.
    pub metrics: Metrics,
}

/// The message of an [`EmptyCompletion`].
pub const EMPTY_COMPLETION: &str = "No text completion could be completed with this input.";

impl EmptyCompletion {
    /// Returns the error that clients see.
    pub fn error(&self) -> Error {
        let reason = match self.reason.as_str() {
            "" => String::new(),
            reason => format!(" (reason: {reason})"),
        };
        Error::unavailable("the language model", format!("{EMPTY_COMPLETION}{reason}"))
    }
}

/// The events of an answer, in this order.
#[derive(Debug)]
pub enum AnswerEvent {
    /// The sources given to the model, most relevant first. Sent only if the question announces
    /// sources and there are some.
    Sources(Vec<Source>),
    /// Reasoning of the model. Sent only if the question separates reasoning; otherwise reasoning
    /// is part of the text, between `<think>` marks.
    Reasoning(String),
    /// The next text of the answer.
    Text(String),
    /// The refusal text. Sent instead of all other events in query mode if no passage is relevant.
    Refused(String),
    /// The answer failed. If `begun` is `false`, no text was sent before.
    Failed {
        /// The error.
        error: Error,
        /// Whether text or reasoning may have been sent before.
        begun: bool,
    },
    /// The model ended without any text. Nothing is stored, including its reasoning.
    Empty(Box<EmptyCompletion>),
    /// The answer is complete. Absent if there was nothing to store.
    Finished(Option<Finished>),
}

/// A stored answer.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The id of the exchange.
    pub chat: ChatId,
    /// The complete answer. Reasoning comes first between `<think>` marks.
    pub text: String,
    /// The passages used, most relevant first.
    pub sources: Vec<Source>,
    /// The usage and other facts about the answer.
    pub metrics: Metrics,
}

/// Collects the increments of one answer.
#[derive(Debug, Default)]
pub(super) struct AnswerBuffer {
    text: String,
    reasoning: String,
    usage: Usage,
    finish: FinishReason,
    word: String,
    separates_reasoning: bool,
    /// Whether clients have received an opening mark without a closing one.
    is_open: bool,
}

impl AnswerBuffer {
    /// Creates an empty buffer. If `separates_reasoning` is `false`, reasoning becomes part of the
    /// text, between marks.
    pub fn new(separates_reasoning: bool) -> Self {
        Self { separates_reasoning, ..Self::default() }
    }

    /// Adds an increment and returns the event for clients, if any.
    pub fn push(&mut self, delta: Delta) -> Option<AnswerEvent> {
        match delta {
            Delta::Usage(usage) => self.usage = usage,
            Delta::Finish { reason, word } => (self.finish, self.word) = (reason, word),
            Delta::Text(text) if !text.is_empty() => {
                self.text.push_str(&text);
                let close = if std::mem::take(&mut self.is_open) { CLOSE } else { "" };
                return Some(AnswerEvent::Text(format!("{close}{text}")));
            }
            Delta::Reasoning(text) if !text.is_empty() => {
                self.reasoning.push_str(&text);
                if self.separates_reasoning {
                    return Some(AnswerEvent::Reasoning(text));
                }
                let open = if std::mem::replace(&mut self.is_open, true) { "" } else { OPEN };
                return Some(AnswerEvent::Text(format!("{open}{text}")));
            }
            Delta::TextWasReasoning => {
                self.reasoning.push_str(&std::mem::take(&mut self.text));
                // Clients already have the text; a closing mark shows that it was reasoning.
                let marks = !self.separates_reasoning;
                return marks.then(|| AnswerEvent::Text(CLOSE.to_owned()));
            }
            Delta::Text(_) | Delta::Reasoning(_) => {}
        }
        None
    }

    /// Closes reasoning that no text followed. Returns the event for clients, if any.
    pub fn close(&mut self) -> Option<AnswerEvent> {
        std::mem::take(&mut self.is_open).then(|| AnswerEvent::Text(CLOSE.to_owned()))
    }

    /// Returns whether nothing has been received, not even reasoning.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.reasoning.is_empty()
    }

    /// Returns whether any text other than reasoning has been received.
    pub fn has_text(&self) -> bool {
        !self.text.is_empty()
    }

    /// Returns the answer in its stored form.
    pub fn stored(&self) -> String {
        reasoning::join(&self.reasoning, &self.text)
    }

    /// Returns the metrics of the answer. `started` is the time of the request to the model.
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

    /// Returns the outcome of an answer without text.
    pub fn empty(&self, metrics: Metrics) -> EmptyCompletion {
        EmptyCompletion { reason: self.word.clone(), metrics }
    }
}

/// Collects the complete answer of the model in its stored form.
pub(super) async fn collect(
    model: &dyn ChatModel,
    request: ChatRequest,
    as_agent: bool,
) -> Result<Result<(String, Metrics), EmptyCompletion>> {
    let started = Instant::now();
    let mut deltas = model.answer(request).await?;
    let mut buffer = AnswerBuffer::new(true);
    while let Some(delta) = deltas.next().await {
        buffer.push(delta?);
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
        let texts = events.into_iter().map(|event| match event {
            AnswerEvent::Reasoning(text) => (true, text),
            AnswerEvent::Text(text) => (false, text),
            other => panic!("{other:?}"),
        });
        texts.collect()
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
    fn text_reclassified_as_reasoning_is_stored_as_reasoning() {
        let text = |text: &str| Delta::Text(text.into());
        let deltas = [text("plan"), Delta::TextWasReasoning, text("c")];
        let mut buffer = AnswerBuffer::new(true);
        deltas.iter().for_each(|delta| drop(buffer.push(delta.clone())));
        assert_eq!(buffer.stored(), "<think>plan</think>c");
        let marked = ["plan", "</think>", "c"].map(|text| (false, text.to_owned()));
        assert_eq!(events(false, &deltas), marked);
    }

    #[test]
    fn a_stored_answer_begins_with_its_reasoning() {
        let mut buffer = AnswerBuffer::new(true);
        for delta in [Delta::Text("One ".into()), Delta::Reasoning("hm".into())] {
            buffer.push(delta);
        }
        buffer.push(Delta::Text("two.".into()));
        assert_eq!(buffer.stored(), "<think>hm</think>One two.");
    }
}
