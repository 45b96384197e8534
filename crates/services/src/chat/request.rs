//! Composes the request to a model from a question and the context gathered for it.
use carrel_domain::model::{ChatRequest, Context, Image, Message, MessageRole};
use carrel_domain::prompt_variable::PromptVariable;
use carrel_domain::workspace::Workspace;
use chrono::{DateTime, Utc};

use super::Question;
use crate::prompt::Values;
use crate::record::EarlierExchange;
use crate::{preferences, prompt, reasoning};

/// The maximum number of images of earlier questions that are sent again, newest first.
pub(super) const MAX_HISTORY_IMAGES: usize = 8;

/// User-defined additions to the instructions.
#[derive(Default)]
pub(super) struct Additions {
    pub variables: Vec<PromptVariable>,
    /// The memories of the user.
    pub notes: Option<String>,
}

pub(super) fn compose(
    workspace: &Workspace,
    question: &Question,
    context: Vec<Context>,
    history: Vec<EarlierExchange>,
    additions: &Additions,
    now: DateTime<Utc>,
) -> ChatRequest {
    let overrides = &question.overrides;
    let images = question.attachments.iter().filter(|attachment| attachment.is_image());
    let urls = overrides.image_urls.iter().cloned().map(Image::Url);
    ChatRequest {
        instructions: instructions(workspace, question, additions, now),
        context,
        history: overrides.history.clone().map_or_else(|| messages(history), without_reasoning),
        question: question.text_for_model().to_owned(),
        images: images.map(|image| image.image()).chain(urls).collect(),
        temperature: overrides.temperature.or(workspace.settings.temperature),
        longest_answer: overrides.longest_answer,
        sampling: overrides.sampling.clone(),
    }
}

fn instructions(
    workspace: &Workspace,
    question: &Question,
    additions: &Additions,
    now: DateTime<Utc>,
) -> String {
    if let Some(instructions) = &question.overrides.instructions {
        return instructions.clone();
    }
    let prompt = workspace.settings.prompt.as_deref().unwrap_or(preferences::SYSTEM_PROMPT);
    let user = question.user.as_ref();
    let mut text =
        prompt::expand(prompt, &Values { workspace, user, variables: &additions.variables, now });
    if let Some(notes) = &additions.notes {
        text.push_str("\n\n");
        text.push_str(notes);
    }
    text
}

/// Removes reasoning from a conversation sent by a client. Reasoning is never sent to a model
/// again.
fn without_reasoning(mut history: Vec<Message>) -> Vec<Message> {
    for message in history.iter_mut().filter(|message| message.role == MessageRole::Assistant) {
        message.text = reasoning::strip(&message.text).to_owned();
    }
    history.retain(|message| !message.text.is_empty() || !message.images.is_empty());
    history
}

/// Converts earlier exchanges to messages for the model.
fn messages(history: Vec<EarlierExchange>) -> Vec<Message> {
    let mut messages = Vec::with_capacity(history.len() * 2);
    for EarlierExchange { prompt, answer, images, .. } in history.into_iter().rev() {
        let answer = reasoning::strip(&answer);
        // The answer was stopped during the reasoning.
        if answer.is_empty() {
            continue;
        }
        messages.push(Message::assistant(answer));
        messages.push(Message { images, ..Message::user(prompt) });
    }
    messages.reverse();
    messages
}
