//! Questions that failed. They are kept with the reason, so that the chat form shows them again,
//! even after a reload and without scripts.
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use carrel_domain::ChatId;
use carrel_domain::chat::Conversation;

/// Most drafts that are kept; one per conversation, the newest.
const MOST: usize = 500;
/// Longest draft, in bytes. A longer one is still in its author's chat form.
const LONGEST: usize = 64 << 10;

#[derive(Clone, Debug, PartialEq)]
pub struct FailedDraft {
    pub question: String,
    /// The message to show.
    pub reason: String,
    /// The exchange that the answer would have replaced.
    pub instead_of: Option<ChatId>,
}

/// The failed drafts of this process.
#[derive(Debug, Default)]
pub struct FailedDrafts(Mutex<VecDeque<(Conversation, FailedDraft)>>);

impl FailedDrafts {
    pub fn keep(&self, of: &Conversation, unanswered: FailedDraft) {
        let mut all = self.all();
        all.retain(|(known, _)| known != of);
        if unanswered.question.len() <= LONGEST {
            all.push_back((of.clone(), unanswered));
        }
        if all.len() > MOST {
            all.pop_front();
        }
    }

    pub fn of(&self, conversation: &Conversation) -> Option<FailedDraft> {
        let all = self.all();
        let found = all.iter().find(|(known, _)| known == conversation);
        found.map(|(_, unanswered)| unanswered.clone())
    }

    pub fn forget(&self, of: &Conversation) {
        self.all().retain(|(known, _)| known != of);
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<(Conversation, FailedDraft)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use carrel_domain::WorkspaceId;

    use super::*;

    fn conversation(number: i32) -> Conversation {
        let workspace = WorkspaceId(number);
        Conversation { workspace, user: None, thread: None, session: None }
    }

    fn question(text: &str) -> FailedDraft {
        FailedDraft { question: text.into(), reason: "no".into(), instead_of: None }
    }

    #[test]
    fn the_last_draft_of_each_of_the_newest_conversations_is_kept() {
        let kept = FailedDrafts::default();
        let one = conversation(0);
        kept.keep(&one, question("first"));
        kept.keep(&one, question("second"));
        assert_eq!(kept.of(&one), Some(question("second")));
        kept.keep(&one, question(&"x".repeat(LONGEST + 1)));
        assert_eq!(kept.of(&one), None);
        for number in 0..=MOST as i32 {
            kept.keep(&conversation(number), question("q"));
        }
        assert_eq!(kept.of(&one), None);
        let last = conversation(MOST as i32);
        assert!(kept.of(&last).is_some());
        kept.forget(&last);
        assert_eq!(kept.of(&last), None);
    }
}
