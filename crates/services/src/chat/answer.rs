//! An answer as a whole.
use std::time::Instant;

use carrel_domain::Result;
use carrel_domain::model::{ChatModel, ChatRequest, Delta, Usage};
use chrono::Utc;
use futures_util::StreamExt;

use super::Metrics;

/// An answer, and what it cost.
pub(super) enum Whole {
    /// Reasoning, if any, comes first between `<think>` marks.
    Text(String, Metrics),
    /// There is no text; why, if the model says so.
    Silence(String, Metrics),
}

/// Collects the model's whole answer.
pub(super) async fn whole(
    model: &dyn ChatModel,
    request: ChatRequest,
    as_agent: bool,
) -> Result<Whole> {
    let started = Instant::now();
    let mut parts = model.answer(request).await?;
    let (mut text, mut reasoning, mut usage) = (String::new(), String::new(), Usage::default());
    let mut why_silent = String::new();
    while let Some(part) = parts.next().await {
        match part? {
            Delta::Text(more) => text.push_str(&more),
            Delta::Reasoning(more) => reasoning.push_str(&more),
            Delta::Usage(spent) => usage = spent,
            Delta::Silence(why) => why_silent = why,
        }
    }
    if !text.is_empty() && !reasoning.is_empty() {
        text = format!("<think>{reasoning}</think>{text}");
    }
    let seconds = started.elapsed().as_secs_f64();
    let (model, answered_at) = (model.name(), Utc::now());
    let metrics = Metrics { usage, seconds, model, answered_at, as_agent };
    Ok(match text.is_empty() {
        true => Whole::Silence(why_silent, metrics),
        false => Whole::Text(text, metrics),
    })
}
