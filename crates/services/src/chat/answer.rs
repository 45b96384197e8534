//! An answer as a whole.
use std::time::Instant;

use carrel_domain::Result;
use carrel_domain::model::{ChatModel, ChatRequest, Delta, Usage};
use chrono::Utc;
use futures_util::StreamExt;

use super::Metrics;

/// Collects the model's whole answer, which may be empty. Reasoning, if any, comes first between
/// `<think>` marks.
pub(super) async fn whole(
    model: &dyn ChatModel,
    request: ChatRequest,
    as_agent: bool,
) -> Result<(String, Metrics)> {
    let started = Instant::now();
    let mut parts = model.answer(request).await?;
    let (mut text, mut reasoning, mut usage) = (String::new(), String::new(), Usage::default());
    while let Some(part) = parts.next().await {
        match part? {
            Delta::Text(more) => text.push_str(&more),
            Delta::Reasoning(more) => reasoning.push_str(&more),
            Delta::Usage(spent) => usage = spent,
        }
    }
    if !reasoning.is_empty() {
        text = format!("<think>{reasoning}</think>{text}");
    }
    let seconds = started.elapsed().as_secs_f64();
    let (model, answered_at) = (model.name(), Utc::now());
    Ok((text, Metrics { usage, seconds, model, answered_at, as_agent }))
}
