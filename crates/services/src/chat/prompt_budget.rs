//! Trims a request to the model's context window, the least important parts first.
//!
//! The question and the instructions stay; each is cut in the middle if it alone is too long. Two
//! thirds of the rest go to the context, most important first, and one third to the history, newest
//! first. Each may use what the other leaves.
use std::sync::Arc;

use carrel_domain::model::{ChatRequest, Context, Message, Tokenizer};
use carrel_domain::{Error, Result};

/// The default number of tokens reserved for the answer.
const ANSWER: usize = 600;

/// The maximum overhead of a turn or a passage, in tokens.
const BETWEEN: usize = 16;

/// About what an image takes, in tokens.
const IMAGE: usize = 1000;

/// The share of the window for the question and the instructions, in hundredths.
const QUESTION_SHARE: usize = 70;
const INSTRUCTIONS_SHARE: usize = 25;

/// A passage of which less than this would be left is left out, in tokens.
const SHORTEST: usize = 64;

/// Stands where something was cut out. Clients know the words.
const CUT: &str = "\n\n--prompt truncated for brevity--\n\n";

/// What [`CUT`] takes, in tokens, at most.
const CUT_TOKENS: usize = 16;

/// `request` as it fits a window of so many tokens, with room for the answer.
pub(super) async fn apply(
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
    let trimmed = move || trim(&TokenCounter(&*tokenizer), request, budget);
    tokio::task::spawn_blocking(trimmed).await.map_err(Error::internal)
}

/// More than a request can have.
fn most_tokens(request: &ChatRequest) -> usize {
    let ChatRequest { instructions, context, history, question, images, .. } = request;
    let context: usize = context.iter().map(|part| part.text.len() + 3 * BETWEEN).sum();
    let turn = |turn: &Message| turn.text.len() + turn.images.len() * IMAGE + BETWEEN;
    let history: usize = history.iter().map(turn).sum();
    let asked = question.len() + images.len() * IMAGE;
    instructions.len() + context + history + asked + 3 * BETWEEN
}

/// Counts the tokens of text.
struct TokenCounter<'a>(&'a dyn Tokenizer);

impl TokenCounter<'_> {
    /// The tokens of `text`, or more than `limit`.
    fn count(&self, text: &str, limit: usize) -> usize {
        self.0.count(text, limit).unwrap_or(limit.saturating_add(1))
    }

    /// Cuts the middle out of `text` if it has more than `limit` tokens.
    fn cut(&self, text: String, limit: usize) -> String {
        if self.0.count(&text, limit).is_some() {
            return text;
        }
        let half = limit.saturating_sub(CUT_TOKENS) / 2;
        if half == 0 {
            return self.0.prefix(&text, limit).to_owned();
        }
        format!("{}{CUT}{}", self.0.prefix(&text, half), self.0.suffix(&text, half))
    }
}

fn trim(counter: &TokenCounter<'_>, mut request: ChatRequest, budget: usize) -> ChatRequest {
    let share = |hundredths: usize| budget / 100 * hundredths + budget % 100 * hundredths / 100;
    request.question = counter.cut(request.question, share(QUESTION_SHARE));
    let image_tokens = request.images.len() * IMAGE;
    let question = counter.count(&request.question, budget) + image_tokens + BETWEEN;
    let left = budget.saturating_sub(question);
    request.instructions = counter.cut(request.instructions, share(INSTRUCTIONS_SHARE).min(left));
    let left = left.saturating_sub(counter.count(&request.instructions, left) + BETWEEN);

    let history = count_history(counter, &request.history, left);
    let context = count_context(counter, &request.context, left);
    if history + context <= left {
        return request;
    }
    let for_history = (left / 3).max(left.saturating_sub(context));
    let (kept, spent) = newest(counter, request.history, for_history);
    request.history = kept;
    request.context = first(counter, request.context, left.saturating_sub(spent));
    request
}

fn count_turn(counter: &TokenCounter<'_>, turn: &Message, limit: usize) -> usize {
    counter.count(&turn.text, limit) + turn.images.len() * IMAGE + BETWEEN
}

/// The tokens of the turns, or more than `limit`.
fn count_history(counter: &TokenCounter<'_>, turns: &[Message], limit: usize) -> usize {
    let mut sum = 0;
    for turn in turns.iter().rev() {
        sum += count_turn(counter, turn, limit);
        if sum > limit {
            break;
        }
    }
    sum
}

/// The tokens of the context, or more than `limit`.
fn count_context(counter: &TokenCounter<'_>, context: &[Context], limit: usize) -> usize {
    let mut sum = 0;
    for part in context {
        sum += counter.count(&part.text, limit) + BETWEEN;
        if sum > limit {
            break;
        }
    }
    sum
}

/// The newest exchanges that fit `limit`, and their tokens. The newest of all is cut if need be.
fn newest(counter: &TokenCounter<'_>, turns: Vec<Message>, limit: usize) -> (Vec<Message>, usize) {
    let mut kept: Vec<Message> = Vec::new();
    let mut spent = 0;
    // Pairs, from the end: a question and its answer go together.
    let mut end = turns.len();
    while end > 0 {
        let start = end.saturating_sub(2);
        let pair = &turns[start..end];
        let tokens: usize = pair.iter().map(|turn| count_turn(counter, turn, limit)).sum();
        if spent + tokens <= limit {
            kept.extend(pair.iter().rev().cloned());
            spent += tokens;
        } else {
            if kept.is_empty() && limit > 2 * SHORTEST {
                let each = limit / pair.len() - BETWEEN;
                for turn in pair.iter().rev() {
                    let text = counter.cut(turn.text.clone(), each);
                    spent += counter.count(&text, each) + BETWEEN;
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

/// The first parts of the context that fit `limit`; the last of them is cut if need be.
fn first(counter: &TokenCounter<'_>, context: Vec<Context>, limit: usize) -> Vec<Context> {
    let mut kept = Vec::new();
    let mut left = limit;
    for part in context {
        let tokens = counter.count(&part.text, left) + BETWEEN;
        if tokens <= left {
            left -= tokens;
            kept.push(part);
            continue;
        }
        let rest = left.saturating_sub(BETWEEN);
        if rest >= SHORTEST {
            kept.push(Context { text: counter.cut(part.text, rest), ..part });
        }
        break;
    }
    kept
}

#[cfg(test)]
mod tests;
