//! Questions that failed. They are stored with the reason, so that the chat form displays them
//! again, even after a reload and without scripts.
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use carrel_domain::ChatId;
use carrel_domain::chat::Conversation;

/// Maximum number of stored drafts; one per conversation, the newest.
const MAX_DRAFTS: usize = 500;
/// Maximum length of a draft, in bytes. A longer one is still in its author's chat form.
const MAX_LENGTH: usize = 64 << 10;

#[derive(Clone, Debug, PartialEq)]
pub struct FailedDraft {
    pub question: String,
    /// The message for its author.
    pub reason: String,
    /// The exchange that the answer would have replaced.
    pub instead_of: Option<ChatId>,
}

/// The failed drafts of this process.
#[derive(Debug, Default)]
pub struct FailedDrafts(Mutex<VecDeque<(Conversation, FailedDraft)>>);

impl FailedDrafts {
    pub fn insert(&self, conversation: &Conversation, draft: FailedDraft) {
        let mut drafts = self.lock();
        drafts.retain(|(other, _)| other != conversation);
        if draft.question.len() <= MAX_LENGTH {
            drafts.push_back((conversation.clone(), draft));
        }
        if drafts.len() > MAX_DRAFTS {
            drafts.pop_front();
        }
    }

    pub fn get(&self, conversation: &Conversation) -> Option<FailedDraft> {
        let drafts = self.lock();
        let found = drafts.iter().find(|(other, _)| other == conversation);
        found.map(|(_, draft)| draft.clone())
    }

    pub fn remove(&self, conversation: &Conversation) {
        self.lock().retain(|(other, _)| other != conversation);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Conversation, FailedDraft)>> {
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
        let drafts = FailedDrafts::default();
        let first = conversation(0);
        drafts.insert(&first, question("first"));
        drafts.insert(&first, question("second"));
        assert_eq!(drafts.get(&first), Some(question("second")));
        drafts.insert(&first, question(&"x".repeat(MAX_LENGTH + 1)));
        assert_eq!(drafts.get(&first), None);
        for number in 0..=MAX_DRAFTS as i32 {
            drafts.insert(&conversation(number), question("q"));
        }
        assert_eq!(drafts.get(&first), None);
        let last = conversation(MAX_DRAFTS as i32);
        assert!(drafts.get(&last).is_some());
        drafts.remove(&last);
        assert_eq!(drafts.get(&last), None);
    }
}
