//! Trims a request to the model's context window, the least important parts first.
//!
//! The question and the instructions stay; each is cut in the middle if it is too long on its own.
//! Two thirds of the remaining window go to the context, most important first, and one third to the
//! history, newest first. Each can use what the other leaves.
use std::sync::Arc;

use carrel_domain::model::{ChatRequest, Context, Message, Tokenizer};
use carrel_domain::{Error, Result};

/// The default number of tokens reserved for the answer.
const ANSWER_TOKENS: usize = 600;

/// The maximum overhead of a message or a passage, in tokens.
const OVERHEAD_TOKENS: usize = 16;

/// The estimated size of an image, in tokens.
const IMAGE_TOKENS: usize = 1000;

/// The maximum shares of the question and the instructions, in percent of the window.
const QUESTION_SHARE: usize = 70;
const INSTRUCTIONS_SHARE: usize = 25;

/// The minimum useful length of a truncated passage, in tokens. Shorter ones are dropped.
const MIN_PASSAGE_TOKENS: usize = 64;

/// Replaces text that was cut out. Clients know this text.
const CUT_MARK: &str = "\n\n--prompt truncated for brevity--\n\n";

/// The maximum length of [`CUT_MARK`], in tokens.
const CUT_TOKENS: usize = 16;

/// Trims `request` to a context window of `window` tokens, leaving room for the answer.
pub(super) async fn apply(
    tokenizer: Arc<dyn Tokenizer>,
    request: ChatRequest,
    window: u64,
) -> Result<ChatRequest> {
    let window = usize::try_from(window).unwrap_or(usize::MAX);
    let answer = request.longest_answer.map_or(ANSWER_TOKENS, |tokens| tokens as usize);
    let budget = window - answer.min(window / 2);
    // A token has at least one byte, so most requests fit without counting.
    if max_tokens(&request) <= budget {
        return Ok(request);
    }
    let trim_request = move || trim(&TokenCounter(&*tokenizer), request, budget);
    tokio::task::spawn_blocking(trim_request).await.map_err(Error::internal)
}

/// Returns an upper bound on the tokens of a request.
fn max_tokens(request: &ChatRequest) -> usize {
    let ChatRequest { instructions, context, history, question, images, .. } = request;
    let context: usize = context.iter().map(|part| part.text.len() + 3 * OVERHEAD_TOKENS).sum();
    let turn =
        |turn: &Message| turn.text.len() + turn.images.len() * IMAGE_TOKENS + OVERHEAD_TOKENS;
    let history: usize = history.iter().map(turn).sum();
    let question = question.len() + images.len() * IMAGE_TOKENS;
    instructions.len() + context + history + question + 3 * OVERHEAD_TOKENS
}

/// Counts the tokens of texts.
struct TokenCounter<'a>(&'a dyn Tokenizer);

impl TokenCounter<'_> {
    /// Returns the number of tokens of `text`, or `limit + 1` if there are more than `limit`.
    fn count(&self, text: &str, limit: usize) -> usize {
        self.0.count(text, limit).unwrap_or(limit.saturating_add(1))
    }

    /// Cuts out the middle of `text` if it has more than `limit` tokens.
    fn cut(&self, text: String, limit: usize) -> String {
        if self.0.count(&text, limit).is_some() {
            return text;
        }
        let half = limit.saturating_sub(CUT_TOKENS) / 2;
        if half == 0 {
            return self.0.prefix(&text, limit).to_owned();
        }
        format!("{}{CUT_MARK}{}", self.0.prefix(&text, half), self.0.suffix(&text, half))
    }
}

fn trim(counter: &TokenCounter<'_>, mut request: ChatRequest, budget: usize) -> ChatRequest {
    let share = |hundredths: usize| budget / 100 * hundredths + budget % 100 * hundredths / 100;
    request.question = counter.cut(request.question, share(QUESTION_SHARE));
    let image_tokens = request.images.len() * IMAGE_TOKENS;
    let question = counter.count(&request.question, budget) + image_tokens + OVERHEAD_TOKENS;
    let remaining = budget.saturating_sub(question);
    request.instructions =
        counter.cut(request.instructions, share(INSTRUCTIONS_SHARE).min(remaining));
    let remaining =
        remaining.saturating_sub(counter.count(&request.instructions, remaining) + OVERHEAD_TOKENS);

    let history = count_history(counter, &request.history, remaining);
    let context = count_context(counter, &request.context, remaining);
    if history + context <= remaining {
        return request;
    }
    let history_budget = (remaining / 3).max(remaining.saturating_sub(context));
    let (messages, history_tokens) = newest_messages(counter, request.history, history_budget);
    request.history = messages;
    request.context =
        first_parts(counter, request.context, remaining.saturating_sub(history_tokens));
    request
}

fn count_turn(counter: &TokenCounter<'_>, turn: &Message, limit: usize) -> usize {
    counter.count(&turn.text, limit) + turn.images.len() * IMAGE_TOKENS + OVERHEAD_TOKENS
}

/// Returns the number of tokens of the messages. Stops counting above `limit`.
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

/// Returns the number of tokens of the context. Stops counting above `limit`.
fn count_context(counter: &TokenCounter<'_>, context: &[Context], limit: usize) -> usize {
    let mut sum = 0;
    for part in context {
        sum += counter.count(&part.text, limit) + OVERHEAD_TOKENS;
        if sum > limit {
            break;
        }
    }
    sum
}

/// Returns the newest exchanges that fit `limit`, and their tokens. Truncates the newest one if
/// necessary.
fn newest_messages(
    counter: &TokenCounter<'_>,
    turns: Vec<Message>,
    limit: usize,
) -> (Vec<Message>, usize) {
    let mut messages: Vec<Message> = Vec::new();
    let mut total = 0;
    // Keep pairs together, from the end: a question and its answer.
    let mut end = turns.len();
    while end > 0 {
        let start = end.saturating_sub(2);
        let pair = &turns[start..end];
        let tokens: usize = pair.iter().map(|turn| count_turn(counter, turn, limit)).sum();
        if total + tokens <= limit {
            messages.extend(pair.iter().rev().cloned());
            total += tokens;
        } else {
            if messages.is_empty() && limit > 2 * MIN_PASSAGE_TOKENS {
                let share = limit / pair.len() - OVERHEAD_TOKENS;
                for turn in pair.iter().rev() {
                    let text = counter.cut(turn.text.clone(), share);
                    total += counter.count(&text, share) + OVERHEAD_TOKENS;
                    messages.push(Message { role: turn.role, text, images: Vec::new() });
                }
            }
            break;
        }
        end = start;
    }
    messages.reverse();
    (messages, total)
}

/// Returns the first parts of the context that fit `limit`. Truncates the last one if necessary.
fn first_parts(counter: &TokenCounter<'_>, context: Vec<Context>, limit: usize) -> Vec<Context> {
    let mut parts = Vec::new();
    let mut remaining = limit;
    for part in context {
        let tokens = counter.count(&part.text, remaining) + OVERHEAD_TOKENS;
        if tokens <= remaining {
            remaining -= tokens;
            parts.push(part);
            continue;
        }
        let limit = remaining.saturating_sub(OVERHEAD_TOKENS);
        if limit >= MIN_PASSAGE_TOKENS {
            parts.push(Context { text: counter.cut(part.text, limit), ..part });
        }
        break;
    }
    parts
}

#[cfg(test)]
mod tests;
