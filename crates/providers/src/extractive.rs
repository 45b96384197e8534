//! The built-in extractive answerer: quotes relevant sentences, without a model or network.
mod ranking;
mod sentences;
mod terms;

use async_trait::async_trait;
use carrel_domain::Result;
use carrel_domain::model::{
    AnswerStream, ChatModel, ChatRequest, Context, Delta, MessageRole, ModelName, Usage,
};
use futures_util::stream;

use self::ranking::{Quote, Relevance};

const WINDOW: u64 = 16 * 1024;

/// Weight of the least similar passage; the most similar one has 1.
const LEAST_WORTH: f64 = 0.6;

const INTRODUCTION: &str = "This is an extractive answer: it quotes the sentences of your documents \
    that bear most on the question, and writes nothing of its own.";
const NEAREST: &str = "This is an extractive answer, which only quotes. No sentence found shares a \
    word with the question; these passages were found to be the closest to it in meaning.";
const NEAREST_AGAIN: &str = "No sentence found shares a word with the question; these passages were \
    found to be the closest to it in meaning.";
/// The beginning of every introduction, by which an earlier one is recognized.
const BEGINNING: &str = "This is an extractive answer";
const NOTHING: &str = "There is nothing to quote: no passage of this workspace's documents was found \
    for the question. This is the extractive answerer, which only quotes documents and writes \
    nothing of its own. Add documents that hold the answer, or set up a language model.";

/// Answers by quoting. Each quotation names its document and, in brackets, the position of the
/// passage in the context, from 1, which is its position among the sources that clients get. The
/// quotations depend only on the question and the context. The introduction says what an extractive
/// answer is, once in a conversation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extractive;

#[async_trait]
impl ChatModel for Extractive {
    fn name(&self) -> ModelName {
        ModelName { provider: "extractive".into(), model: "extractive".into(), window: WINDOW }
    }

    async fn answer(&self, request: ChatRequest) -> Result<AnswerStream> {
        let parts = parts(&request);
        let characters: usize = parts.iter().map(|part| part.chars().count()).sum();
        let usage = Usage {
            prompt_tokens: tokens(request.system_prompt().chars().count())
                + tokens(request.question.chars().count()),
            completion_tokens: tokens(characters),
        };
        let deltas = parts.into_iter().map(Delta::Text).chain([Delta::Usage(usage)]);
        Ok(Box::pin(stream::iter(deltas.map(Ok).collect::<Vec<_>>())))
    }
}

/// Estimates the number of tokens: about four characters each.
fn tokens(characters: usize) -> u64 {
    characters.div_ceil(4) as u64
}

/// Returns the parts of the answer: the introduction, then each quotation.
fn parts(request: &ChatRequest) -> Vec<String> {
    let bodies = request.context.iter().map(|context| body(&context.text));
    let texts: Vec<_> = bodies.zip(passage_weights(&request.context)).collect();
    let (relevance, quotes) = ranking::quotes(&request.question, &texts);
    if quotes.is_empty() {
        return vec![NOTHING.into()];
    }
    let is_introduced = request.history.iter().any(|message| {
        message.role == MessageRole::Assistant && message.text.starts_with(BEGINNING)
    });
    let introduction = match (relevance, is_introduced) {
        (Relevance::Shared, false) => Some(INTRODUCTION),
        (Relevance::Shared, true) => None,
        (Relevance::Nearest, false) => Some(NEAREST),
        (Relevance::Nearest, true) => Some(NEAREST_AGAIN),
    };
    let introduction = introduction.map(|introduction| format!("{introduction}\n\n"));
    let mut parts: Vec<String> = introduction.into_iter().collect();
    for Quote { context, text } in quotes {
        let title = request.context.get(context).map(title).unwrap_or_default();
        parts.push(format!("> {text} [{}] — {title}\n\n", context + 1));
    }
    if let Some(last) = parts.last_mut() {
        last.truncate(last.trim_end().len());
    }
    parts
}

/// Returns the weight of each passage, at most 1. It grows with the similarity to the question; if
/// that is unknown, earlier passages weigh more.
fn passage_weights(context: &[Context]) -> impl Iterator<Item = f64> {
    let similarities = context.iter().filter_map(|context| context.similarity);
    let best = similarities.fold(0.0, f32::max);
    context.iter().enumerate().map(move |(rank, context)| {
        let part = match context.similarity {
            Some(similarity) if best > 0.0 => f64::from((similarity / best).clamp(0.0, 1.0)),
            _ => 1.0 / (1 + rank) as f64,
        };
        LEAST_WORTH + (1.0 - LEAST_WORTH) * part
    })
}

fn title(context: &Context) -> String {
    let title = context.title.split_whitespace().collect::<Vec<_>>().join(" ");
    if title.is_empty() { "an untitled document".into() } else { title }
}

/// Returns the passage without the header that was added for embedding.
fn body(text: &str) -> &str {
    let text = text.trim_start();
    let after = text
        .strip_prefix("<document_metadata>")
        .and_then(|rest| rest.split_once("</document_metadata>"));
    after.map_or(text, |(_, body)| body.trim_start())
}

#[cfg(test)]
mod tests;
