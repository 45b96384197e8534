//! Making a request fit the model's window: what matters least goes first.
//!
//! The question stays, and the instructions, each cut in the middle if it alone is too long. Of
//! what is left, two thirds are for the context, most important first, and one third for what was
//! said before, newest first; what one does not need the other gets.
use std::sync::Arc;

use carrel_domain::model::{ChatRequest, Context, Message, Tokenizer};
use carrel_domain::{Error, Result};

/// What is left for the answer where nothing else is asked for, in tokens.
const ANSWER: usize = 600;

/// What stands between two turns or around a passage, in tokens, at most.
const BETWEEN: usize = 16;

/// What a picture takes, in tokens, about.
const PICTURE: usize = 1000;

/// What the question and the instructions may take of the window, in hundredths.
const QUESTION_SHARE: usize = 70;
const INSTRUCTIONS_SHARE: usize = 25;

/// A passage of which less than this would be left is left out, in tokens.
const SHORTEST: usize = 64;

/// Stands where something was cut out. Clients know the words.
const CUT: &str = "\n\n--prompt truncated for brevity--\n\n";

/// What [`CUT`] takes, in tokens, at most.
const CUT_TOKENS: usize = 16;

/// `request` as it fits a window of so many tokens, with room for the answer.
pub(super) async fn fit(
    tokenizer: Arc<dyn Tokenizer>,
    request: ChatRequest,
    window: u64,
) -> Result<ChatRequest> {
    let window = usize::try_from(window).unwrap_or(usize::MAX);
    let answer = request.longest_answer.map_or(ANSWER, |tokens| tokens as usize);
    let budget = window - answer.min(window / 2);
    // No token is shorter than a byte, so most requests need no counting.
    if most_tokens(&request) <= budget {
        return Ok(request);
    }
    let squeeze = move || squeeze(&Scale(&*tokenizer), request, budget);
    tokio::task::spawn_blocking(squeeze).await.map_err(Error::internal)
}

/// More than a request can have.
fn most_tokens(request: &ChatRequest) -> usize {
    let ChatRequest { instructions, context, history, question, images, .. } = request;
    let context: usize = context.iter().map(|part| part.text.len() + 3 * BETWEEN).sum();
    let turn = |turn: &Message| turn.text.len() + turn.images.len() * PICTURE + BETWEEN;
    let history: usize = history.iter().map(turn).sum();
    let asked = question.len() + images.len() * PICTURE;
    instructions.len() + context + history + asked + 3 * BETWEEN
}

/// Weighs text.
struct Scale<'a>(&'a dyn Tokenizer);

impl Scale<'_> {
    /// The tokens of `text`, or more than `limit`.
    fn weigh(&self, text: &str, limit: usize) -> usize {
        self.0.count(text, limit).unwrap_or(limit.saturating_add(1))
    }

    /// Cuts the middle out of `text` if it has more than `limit` tokens.
    fn cut(&self, text: String, limit: usize) -> String {
        if self.0.count(&text, limit).is_some() {
            return text;
        }
        let half = limit.saturating_sub(CUT_TOKENS) / 2;
        if half == 0 {
            return self.0.beginning(&text, limit).to_owned();
        }
        format!("{}{CUT}{}", self.0.beginning(&text, half), self.0.end(&text, half))
    }
}

fn squeeze(scale: &Scale<'_>, mut request: ChatRequest, budget: usize) -> ChatRequest {
    let share = |hundredths: usize| budget / 100 * hundredths + budget % 100 * hundredths / 100;
    request.question = scale.cut(request.question, share(QUESTION_SHARE));
    let pictures = request.images.len() * PICTURE;
    let question = scale.weigh(&request.question, budget) + pictures + BETWEEN;
    let left = budget.saturating_sub(question);
    request.instructions = scale.cut(request.instructions, share(INSTRUCTIONS_SHARE).min(left));
    let left = left.saturating_sub(scale.weigh(&request.instructions, left) + BETWEEN);

    let history = weigh_history(scale, &request.history, left);
    let context = weigh_context(scale, &request.context, left);
    if history + context <= left {
        return request;
    }
    let for_history = (left / 3).max(left.saturating_sub(context));
    let (kept, spent) = newest(scale, request.history, for_history);
    request.history = kept;
    request.context = first(scale, request.context, left.saturating_sub(spent));
    request
}

fn turn_weight(scale: &Scale<'_>, turn: &Message, limit: usize) -> usize {
    scale.weigh(&turn.text, limit) + turn.images.len() * PICTURE + BETWEEN
}

/// What the turns weigh, or more than `limit`.
fn weigh_history(scale: &Scale<'_>, turns: &[Message], limit: usize) -> usize {
    let mut sum = 0;
    for turn in turns.iter().rev() {
        sum += turn_weight(scale, turn, limit);
        if sum > limit {
            break;
        }
    }
    sum
}

/// What the context weighs, or more than `limit`.
fn weigh_context(scale: &Scale<'_>, context: &[Context], limit: usize) -> usize {
    let mut sum = 0;
    for part in context {
        sum += scale.weigh(&part.text, limit) + BETWEEN;
        if sum > limit {
            break;
        }
    }
    sum
}

/// The newest exchanges that weigh no more than `limit`, and what they weigh. The very last is cut
/// if need be.
fn newest(scale: &Scale<'_>, turns: Vec<Message>, limit: usize) -> (Vec<Message>, usize) {
    let mut kept: Vec<Message> = Vec::new();
    let mut spent = 0;
    // Pairs, from the end: a question and its answer go together.
    let mut end = turns.len();
    while end > 0 {
        let start = end.saturating_sub(2);
        let pair = &turns[start..end];
        let weight: usize = pair.iter().map(|turn| turn_weight(scale, turn, limit)).sum();
        if spent + weight <= limit {
            kept.extend(pair.iter().rev().cloned());
            spent += weight;
        } else {
            if kept.is_empty() && limit > 2 * SHORTEST {
                let each = limit / pair.len() - BETWEEN;
                for turn in pair.iter().rev() {
                    let text = scale.cut(turn.text.clone(), each);
                    spent += scale.weigh(&text, each) + BETWEEN;
                    kept.push(Message { role: turn.role, text, images: Vec::new() });
                }
            }
            break;
        }
        end = start;
    }
    kept.reverse();
    (kept, spent)
}

/// The first parts of the context that weigh no more than `limit`; the last of them is cut if need
/// be.
fn first(scale: &Scale<'_>, context: Vec<Context>, limit: usize) -> Vec<Context> {
    let mut kept = Vec::new();
    let mut left = limit;
    for part in context {
        let weight = scale.weigh(&part.text, left) + BETWEEN;
        if weight <= left {
            left -= weight;
            kept.push(part);
            continue;
        }
        let rest = left.saturating_sub(BETWEEN);
        if rest >= SHORTEST {
            kept.push(Context { text: scale.cut(part.text, rest), ..part });
        }
        break;
    }
    kept
}

#[cfg(test)]
mod tests;
