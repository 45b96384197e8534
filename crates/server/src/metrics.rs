//! Metrics: models that count their calls, readings of this process, and access to the metrics.
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use carrel_domain::Result;
use carrel_domain::image::ImageModel;
use carrel_domain::model::{
    AnswerStream, ChatModel, ChatRequest, Delta, Embedder, EmbeddingModel, ModelChoice, ModelName,
    Models, Purpose, Usage,
};
use carrel_domain::reranker::Reranker;
use carrel_services::meter::{ChatOutcome, Meter};
use futures_util::StreamExt;
use futures_util::stream::unfold;

/// Wraps models so that each call is counted.
pub struct MeasuredModels {
    pub models: Arc<dyn Models>,
    pub meter: Arc<Meter>,
}

impl Models for MeasuredModels {
    fn chat(&self, choice: &ModelChoice) -> Result<Arc<dyn ChatModel>> {
        let (model, meter) = (self.models.chat(choice)?, self.meter.clone());
        Ok(Arc::new(Measured { model, meter }))
    }

    fn embedder(&self) -> Result<Arc<dyn Embedder>> {
        let (model, meter) = (self.models.embedder()?, self.meter.clone());
        Ok(Arc::new(Measured { model, meter }))
    }

    fn reranker(&self) -> Result<Option<Arc<dyn Reranker>>> {
        self.models.reranker()
    }

    fn images(&self) -> Result<Arc<dyn ImageModel>> {
        self.models.images()
    }
}

struct Measured<T: ?Sized> {
    meter: Arc<Meter>,
    model: Arc<T>,
}

#[async_trait]
impl Embedder for Measured<dyn Embedder> {
    fn model(&self) -> EmbeddingModel {
        self.model.model()
    }

    async fn embed(&self, texts: &[String], purpose: Purpose) -> Result<Vec<Vec<f32>>> {
        let started = Instant::now();
        let embedded = self.model.embed(texts, purpose).await;
        self.meter.embedding(texts.len(), embedded.is_ok(), started.elapsed());
        embedded
    }
}

#[async_trait]
impl ChatModel for Measured<dyn ChatModel> {
    fn name(&self) -> ModelName {
        self.model.name()
    }

    async fn answer(&self, request: ChatRequest) -> Result<AnswerStream> {
        let mut ask = Ask {
            meter: self.meter.clone(),
            provider: self.model.name().provider,
            started: Instant::now(),
            usage: Usage::default(),
            outcome: ChatOutcome::Stopped,
        };
        // `Ask` counts the question when it is dropped: after a refusal, a failure, a cancellation
        // or a complete answer.
        let answer = self.model.answer(request).await;
        let answer = answer.inspect_err(|_| ask.outcome = ChatOutcome::Failed)?;
        let counted = unfold((answer, ask), |(mut answer, mut ask)| async move {
            let piece = answer.next().await;
            match &piece {
                Some(Ok(Delta::Usage(usage))) => ask.usage = *usage,
                Some(Ok(_)) => {}
                Some(Err(_)) => ask.outcome = ChatOutcome::Failed,
                None if ask.outcome == ChatOutcome::Stopped => ask.outcome = ChatOutcome::Answered,
                None => {}
            }
            Some((piece?, (answer, ask)))
        });
        Ok(Box::pin(counted))
    }
}

/// One question, counted when it is dropped.
struct Ask {
    meter: Arc<Meter>,
    provider: String,
    started: Instant,
    usage: Usage,
    /// The outcome so far. Dropping it before the end counts as stopped.
    outcome: ChatOutcome,
}

impl Drop for Ask {
    fn drop(&mut self) {
        let Self { meter, provider, started, usage, outcome } = self;
        meter.chat(provider, *outcome, *usage, started.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use carrel_domain::Error;
    use carrel_services::meter::Readings;
    use futures_util::stream::iter;

    use super::*;

    /// Answers in two pieces, breaks off after the first, or refuses.
    struct Scripted(Option<bool>);

    #[async_trait]
    impl ChatModel for Scripted {
        fn name(&self) -> ModelName {
            ModelName { provider: "scripted".into(), model: String::new(), window: 1 }
        }

        async fn answer(&self, _: ChatRequest) -> Result<AnswerStream> {
            let failure = || Error::unavailable("the model", "it breaks off");
            let is_whole = self.0.ok_or_else(failure)?;
            let second = if is_whole { Ok(Delta::Text("b".into())) } else { Err(failure()) };
            Ok(Box::pin(iter([Ok(Delta::Text("a".into())), second])))
        }
    }

    async fn ask(meter: &Arc<Meter>, script: Option<bool>, pieces: usize) {
        let model: Arc<dyn ChatModel> = Arc::new(Scripted(script));
        let model = Measured { meter: meter.clone(), model };
        if let Ok(answer) = model.answer(ChatRequest::default()).await {
            answer.take(pieces).collect::<Vec<_>>().await;
        }
    }

    #[tokio::test]
    async fn a_stopped_answer_is_not_a_failure_of_the_model() {
        let meter = Arc::new(Meter::default());
        for (script, pieces) in
            [(Some(true), 9), (Some(true), 1), (Some(true), 1), (Some(false), 9), (None, 9)]
        {
            ask(&meter, script, pieces).await;
        }
        let rendered = meter.render(&Readings::default());
        for (outcome, count) in [("answered", 1), ("stopped", 2), ("failed", 2)] {
            let line = format!(
                "carrel_chats_total{{provider=\"scripted\",outcome=\"{outcome}\"}} {count}"
            );
            assert!(rendered.lines().any(|line_found| line_found == line), "{line}\n{rendered}");
        }
    }
}
