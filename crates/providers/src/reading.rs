//! Reads an answer from its connection, in any protocol.
use std::collections::VecDeque;
use std::sync::Arc;

use carrel_domain::model::{AnswerStream, Delta, FinishReason, Usage};
use carrel_domain::{Error, Result};
use futures_util::stream;
use serde_json::Value;

use crate::endpoint::{Body, Endpoint};
use crate::frames::{Broken, Frame, Frames};
use crate::json::Joiner;
use crate::refusal;
use crate::think::{Splitter, Unopened};

/// Longest answer that is read, in bytes on the wire. A stream wraps each word in about 200 bytes.
const LONGEST_ANSWER: usize = 64 << 20;

/// Adds a value of an answer to what was collected. The error is the provider's own.
pub(crate) type Take = fn(&mut Collected, &Value) -> Result<(), Reported>;

/// An error that the provider reports within an answer.
pub(crate) struct Reported(pub String);

/// The parts of an answer so far.
pub(crate) struct Collected {
    ready: VecDeque<Delta>,
    splitter: Splitter,
    text: Joiner,
    thoughts: Joiner,
    pub usage: Option<Usage>,
    finish: Option<String>,
    /// True if any part of an answer arrived.
    pub is_answer: bool,
    /// True if the answer is complete even without a finish reason.
    pub is_complete: bool,
    pub has_text: bool,
}

impl Collected {
    fn new(unopened: Unopened) -> Self {
        Self {
            ready: VecDeque::new(),
            splitter: Splitter::new(unopened),
            text: Joiner::default(),
            thoughts: Joiner::default(),
            usage: None,
            finish: None,
            is_answer: false,
            is_complete: false,
            has_text: false,
        }
    }

    pub fn text(&mut self, text: &str) {
        self.has_text |= !text.is_empty();
        let text = self.text.join(text);
        self.ready.extend(self.splitter.push(&text));
    }

    /// Adds reasoning that is separate from the text.
    pub fn reasoning(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.splitter.set_separate();
        self.ready.push_back(Delta::Reasoning(self.thoughts.join(text)));
    }

    /// Ends the answer with the provider's name for the finish reason.
    pub fn finish(&mut self, word: &str) {
        self.finish = Some(word.to_owned());
    }

    fn end(&mut self) {
        let rest: String = self.text.end().into_iter().collect();
        self.ready.extend(self.splitter.push(&rest));
        self.ready.extend(self.splitter.end());
        self.ready.extend(self.usage.take().map(Delta::Usage));
        if let Some(word) = self.finish.take() {
            let reason = FinishReason::of_provider(&word);
            self.ready.push_back(Delta::Finish { reason, word: refusal::shortened(&word) });
        }
    }
}

/// An answer in progress. Dropping it closes the connection, which tells the provider to stop.
struct Reading {
    endpoint: Arc<Endpoint>,
    body: Option<Body>,
    frames: Frames,
    push: Take,
    collected: Collected,
    /// Reported after everything that arrived before it.
    failure: Option<Error>,
    received: usize,
}

/// Reads the answer in `body`.
pub(crate) fn answer(
    endpoint: Arc<Endpoint>,
    body: Body,
    push: Take,
    unopened: Unopened,
) -> AnswerStream {
    let reading = Reading {
        endpoint,
        body: Some(body),
        frames: Frames::default(),
        push,
        collected: Collected::new(unopened),
        failure: None,
        received: 0,
    };
    Box::pin(stream::unfold(reading, |mut reading| async move {
        let delta = reading.next().await?;
        Some((delta, reading))
    }))
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Delta>> {
        loop {
            if let Some(delta) = self.collected.ready.pop_front() {
                return Some(Ok(delta));
            }
            if let Some(error) = self.failure.take() {
                return Some(Err(error));
            }
            let body = self.body.as_mut()?;
            let read = match self.endpoint.next_chunk(body).await {
                Ok(piece) => self.read(piece),
                // An answer with a finish reason is complete.
                Err(_) if self.collected.finish.is_some() => self.end(),
                Err(error) => Err(error),
            };
            if let Err(error) = read {
                self.body = None;
                self.collected.end_text();
                self.failure = Some(error);
            }
        }
    }

    /// Processes a chunk of the body, or its end.
    fn read(&mut self, piece: Option<Vec<u8>>) -> Result<()> {
        let is_over = piece.is_none();
        let fed = match piece {
            Some(piece) => {
                self.received += piece.len();
                match self.received <= LONGEST_ANSWER {
                    true => self.frames.feed(&piece),
                    false => Err(Broken::TooLong),
                }
            }
            None => self.frames.finish(),
        };
        while let Some(frame) = self.frames.next_frame() {
            match frame {
                Frame::Done => {
                    self.collected.is_complete = true;
                    return self.end();
                }
                Frame::Error(data) => {
                    return Err(self.endpoint.reported(&refusal::message(&data)));
                }
                Frame::Json(value) => (self.push)(&mut self.collected, &value)
                    .map_err(|Reported(message)| self.endpoint.reported(&message))?,
            }
        }
        match fed {
            Ok(()) if is_over => self.end(),
            Ok(()) => Ok(()),
            Err(Broken::TooLong) => Err(self.endpoint.unavailable("its answer is too long")),
            Err(Broken::WebPage) => Err(self.endpoint.web_page()),
            Err(Broken::NotJson(_)) if is_over && self.collected.is_answer => {
                Err(self.endpoint.unavailable("its answer broke off"))
            }
            Err(Broken::NotJson(error)) => {
                let reason = format!("its answer is not the JSON expected: {error}");
                Err(self.endpoint.unavailable(reason))
            }
        }
    }

    /// Processes the end of the provider's response.
    fn end(&mut self) -> Result<()> {
        self.body = None;
        let Collected { is_answer, is_complete, finish, .. } = &self.collected;
        if self.received == 0 {
            return Err(self.endpoint.unavailable("its answer is empty"));
        }
        if !is_answer {
            return Err(self.endpoint.unavailable("its answer contains no choices"));
        }
        if !is_complete && finish.is_none() {
            let reason = "its answer broke off: the stream ended without a finish reason";
            return Err(self.endpoint.unavailable(reason));
        }
        self.collected.end();
        Ok(())
    }
}

impl Collected {
    /// Emits the text that was held back when the answer breaks off.
    fn end_text(&mut self) {
        self.finish = None;
        self.usage = None;
        self.end();
    }
}
