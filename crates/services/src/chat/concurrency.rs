//! Limits on concurrent questions. Each question holds its attachments in memory until its
//! documents are read, and its images until the model has answered.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use carrel_domain::audit::{Actor, By};
use carrel_domain::model::{ChatRequest, Image};
use carrel_domain::{Error, Result};

use super::Question;

/// The maximum number of concurrent questions per user, or per address of widget visitors.
const OF_A_PERSON: usize = 8;
/// The maximum number of concurrent questions per API key, and for the owner and the operator. Many
/// people can use one key.
const OF_A_PROGRAM: usize = 64;
/// The maximum size of the attachments of all questions in progress, in bytes.
const ATTACHMENTS: usize = 256 << 20;

/// Counts questions in progress. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct QuestionLimits(Arc<Mutex<InProgress>>);

#[derive(Debug, Default)]
struct InProgress {
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
        let (caller, most) = caller(question, by);
        let bytes = question.attachments.iter().map(|attached| attached.content.len()).sum();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.questions.get(&caller).is_some_and(|count| *count >= most) {
            let reason = format!(
                "at most {most} questions can be answered at once; wait until one is \
                     finished"
            );
            return Err(Error::exhausted(reason));
        }
        // A single question may exceed the limit; its size is limited elsewhere.
        if bytes > 0 && state.attachments > 0 && state.attachments + bytes > ATTACHMENTS {
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
        return (format!("user:{}", user.id), OF_A_PERSON);
    }
    match by.actor {
        Actor::User(_) => (by.actor.to_text(), OF_A_PERSON),
        Actor::Stranger => {
            (format!("stranger:{}", by.address.as_deref().unwrap_or_default()), OF_A_PERSON)
        }
        Actor::Key(_) | Actor::Owner | Actor::Operator | Actor::Server => {
            (by.actor.to_text(), OF_A_PROGRAM)
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

    fn asked(attached: usize) -> Question {
        let content = "a".repeat(attached);
        let attachment = Attachment { name: "a".into(), mime: "image/png".into(), content };
        let attachments = if attached > 0 { vec![attachment] } else { Vec::new() };
        Question { text: "?".to_owned(), attachments, ..Question::default() }
    }

    fn of(actor: Actor) -> By {
        By { actor, ..by() }
    }

    #[test]
    fn each_caller_has_a_limit() {
        let limits = QuestionLimits::default();
        let key = of(Actor::Key(ApiKeyId(1)));
        let held: Vec<_> =
            (0..OF_A_PROGRAM).map(|_| limits.acquire(&asked(0), &key).unwrap()).collect();
        assert!(matches!(limits.acquire(&asked(0), &key), Err(Error::Exhausted { .. })));
        assert!(limits.acquire(&asked(0), &of(Actor::Key(ApiKeyId(2)))).is_ok());
        drop(held);
        assert!(limits.acquire(&asked(0), &key).is_ok());
        assert!(limits.0.lock().unwrap().questions.is_empty());
    }

    #[test]
    fn attachments_in_progress_are_bounded_together() {
        let limits = QuestionLimits::default();
        let key = of(Actor::Key(ApiKeyId(1)));
        let half = ATTACHMENTS / 2;
        let held = [half, half].map(|bytes| limits.acquire(&asked(bytes), &key).unwrap());
        assert!(matches!(limits.acquire(&asked(1), &key), Err(Error::Unavailable { .. })));
        assert!(limits.acquire(&asked(0), &key).is_ok());
        let [mut read, waiting] = held;
        // Documents are released once they are read. Images stay until the model has answered.
        let image = Image::Inline { mime: "image/png".into(), data: "a".repeat(half / 2) };
        read.shrink_to(&ChatRequest { images: vec![image], ..ChatRequest::default() });
        drop(limits.acquire(&asked(half / 2), &key).unwrap());
        assert!(limits.acquire(&asked(half), &key).is_err());
        drop((read, waiting));
        assert!(limits.acquire(&asked(half), &key).is_ok());
        assert_eq!(limits.0.lock().unwrap().attachments, 0);
    }
}
