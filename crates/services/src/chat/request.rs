//! From a question and what was gathered for it to what a model is asked.
use carrel_domain::model::{ChatRequest, Context, Message};
use carrel_domain::workspace::Workspace;
use chrono::{DateTime, Utc};

use super::Question;
use crate::prompt::Values;
use crate::record::Earlier;
use crate::{preferences, prompt};

/// How many pictures of earlier questions the model is shown again, the newest first.
const MOST_EARLIER_IMAGES: usize = 8;

pub(super) fn compose(
    workspace: &Workspace,
    question: &Question,
    context: Vec<Context>,
    past: Vec<Earlier>,
    now: DateTime<Utc>,
) -> ChatRequest {
    let images = question.attachments.iter().filter(|attached| attached.is_image());
    ChatRequest {
        instructions: instructions(workspace, question, now),
        context,
        history: question.given.history.clone().unwrap_or_else(|| turns(past)),
        question: question.asked().to_owned(),
        images: images.map(|image| image.image()).collect(),
        temperature: question.given.temperature.or(workspace.settings.temperature),
        longest_answer: question.given.longest_answer,
    }
}

fn instructions(workspace: &Workspace, question: &Question, now: DateTime<Utc>) -> String {
    if let Some(instructions) = &question.given.instructions {
        return instructions.clone();
    }
    let prompt = workspace.settings.prompt.as_deref().unwrap_or(preferences::SYSTEM_PROMPT);
    prompt::expand(prompt, &Values { workspace, user: question.user.as_ref(), now })
}

/// Earlier exchanges as the model sees them.
fn turns(past: Vec<Earlier>) -> Vec<Message> {
    let mut left = MOST_EARLIER_IMAGES;
    let mut turns = Vec::with_capacity(past.len() * 2);
    for Earlier { prompt, answer, mut images, .. } in past.into_iter().rev() {
        images.truncate(left);
        left -= images.len();
        turns.push(Message::assistant(answer));
        turns.push(Message { images, ..Message::user(prompt) });
    }
    turns.reverse();
    turns
}
