//! Limits on concurrent questions. Each question holds its attachments in memory until its
//! documents are read, and its images until the model has answered.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use carrel_domain::audit::{Actor, By};
use carrel_domain::model::{ChatRequest, Image};
use carrel_domain::{Error, Result};

use super::Question;

/// The maximum number of concurrent questions per user, or per address of widget visitors.
const MAX_PER_PERSON: usize = 8;
/// The maximum number of concurrent questions per API key, and for the owner and the operator. Many
/// people can use one key.
const MAX_PER_PROGRAM: usize = 64;
/// The maximum size of the attachments of all questions in progress, in bytes.
const MAX_ATTACHMENT_BYTES: usize = 256 << 20;

/// Counts questions in progress. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct QuestionLimits(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    questions: HashMap<String, usize>,
    attachments: usize,
}

/// A question in progress. Dropping it frees its slot.
#[derive(Debug)]
pub struct QuestionPermit {
    limits: QuestionLimits,
    caller: String,
    bytes: usize,
}

impl QuestionLimits {
    /// Admits a question. [`Error::Exhausted`] if the caller has too many questions in progress,
    /// [`Error::Unavailable`] if the attachments of all callers are too large in total.
    pub fn acquire(&self, question: &Question, by: &By) -> Result<QuestionPermit> {
        let (caller, limit) = caller(question, by);
        let bytes = question.attachments.iter().map(|attachment| attachment.content.len()).sum();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.questions.get(&caller).is_some_and(|count| *count >= limit) {
            let reason = format!(
                "at most {limit} questions can be answered at once; wait until one is \
                     finished"
            );
            return Err(Error::exhausted(reason));
        }
        // A single question may exceed the limit; its size is limited elsewhere.
        if bytes > 0 && state.attachments > 0 && state.attachments + bytes > MAX_ATTACHMENT_BYTES {
            let reason = "too many attachments are being read; try again later";
            return Err(Error::unavailable("chat", reason));
        }
        *state.questions.entry(caller.clone()).or_default() += 1;
        state.attachments += bytes;
        drop(state);
        Ok(QuestionPermit { limits: self.clone(), caller, bytes })
    }
}

/// Returns the caller to count for, and the caller's limit.
fn caller(question: &Question, by: &By) -> (String, usize) {
    if let Some(user) = &question.user {
        return (format!("user:{}", user.id), MAX_PER_PERSON);
    }
    match by.actor {
        Actor::User(_) => (by.actor.to_text(), MAX_PER_PERSON),
        Actor::Stranger => {
            (format!("stranger:{}", by.address.as_deref().unwrap_or_default()), MAX_PER_PERSON)
        }
        Actor::Key(_) | Actor::Owner | Actor::Operator | Actor::Server => {
            (by.actor.to_text(), MAX_PER_PROGRAM)
        }
    }
}

impl QuestionPermit {
    /// Reduces the counted size to the images of the request.
    pub fn shrink_to(&mut self, request: &ChatRequest) {
        let bytes = request.images.iter().map(|image| match image {
            Image::Inline { data, .. } => data.len(),
            Image::Url(_) => 0,
        });
        let bytes = bytes.sum::<usize>().min(self.bytes);
        let mut state = self.limits.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.attachments = state.attachments.saturating_sub(self.bytes - bytes);
        self.bytes = bytes;
    }
}

impl Drop for QuestionPermit {
    fn drop(&mut self) {
        let mut state = self.limits.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.attachments = state.attachments.saturating_sub(self.bytes);
        if let Some(count) = state.questions.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                state.questions.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use carrel_domain::ApiKeyId;

    use super::*;
    use crate::chat::Attachment;
    use crate::fakes::by;

    fn question_with_image(bytes: usize) -> Question {
        let content = "a".repeat(bytes);
        let attachment = Attachment { name: "a".into(), mime: "image/png".into(), content };
        let attachments = if bytes > 0 { vec![attachment] } else { Vec::new() };
        Question { text: "?".to_owned(), attachments, ..Question::default() }
    }

    fn by_actor(actor: Actor) -> By {
        By { actor, ..by() }
    }

    #[test]
    fn each_caller_has_a_limit() {
        let limits = QuestionLimits::default();
        let key = by_actor(Actor::Key(ApiKeyId(1)));
        let permits: Vec<_> = (0..MAX_PER_PROGRAM)
            .map(|_| limits.acquire(&question_with_image(0), &key).unwrap())
            .collect();
        assert!(matches!(
            limits.acquire(&question_with_image(0), &key),
            Err(Error::Exhausted { .. })
        ));
        assert!(
            limits.acquire(&question_with_image(0), &by_actor(Actor::Key(ApiKeyId(2)))).is_ok()
        );
        drop(permits);
        assert!(limits.acquire(&question_with_image(0), &key).is_ok());
        assert!(limits.0.lock().unwrap().questions.is_empty());
    }

    #[test]
    fn attachments_in_progress_are_bounded_together() {
        let limits = QuestionLimits::default();
        let key = by_actor(Actor::Key(ApiKeyId(1)));
        let half = MAX_ATTACHMENT_BYTES / 2;
        let permits =
            [half, half].map(|bytes| limits.acquire(&question_with_image(bytes), &key).unwrap());
        assert!(matches!(
            limits.acquire(&question_with_image(1), &key),
            Err(Error::Unavailable { .. })
        ));
        assert!(limits.acquire(&question_with_image(0), &key).is_ok());
        let [mut first, waiting] = permits;
        // Documents are released once they are read. Images stay until the model has answered.
        let image = Image::Inline { mime: "image/png".into(), data: "a".repeat(half / 2) };
        first.shrink_to(&ChatRequest { images: vec![image], ..ChatRequest::default() });
        drop(limits.acquire(&question_with_image(half / 2), &key).unwrap());
        assert!(limits.acquire(&question_with_image(half), &key).is_err());
        drop((first, waiting));
        assert!(limits.acquire(&question_with_image(half), &key).is_ok());
        assert_eq!(limits.0.lock().unwrap().attachments, 0);
    }
}
