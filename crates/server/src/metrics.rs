//! Measuring: models that count what they do, readings of this process, and who may see them.
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use carrel_domain::Result;
use carrel_domain::model::{
    Answer, ChatModel, ChatRequest, Delta, Embedder, EmbeddingModel, ModelChoice, ModelName,
    Models, Purpose, Usage,
};
use carrel_domain::picture::ImageModel;
use carrel_services::meter::Meter;
use futures_util::StreamExt;
use futures_util::stream::unfold;

/// Models of another, each of which counts.
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

    async fn answer(&self, request: ChatRequest) -> Result<Answer> {
        let ask = Ask {
            meter: self.meter.clone(),
            provider: self.model.name().provider,
            started: Instant::now(),
            usage: Usage::default(),
            succeeded: false,
        };
        // Whether it is refused, fails on its way or is given up, it is counted when it goes.
        let answer = self.model.answer(request).await?;
        let counted = unfold((answer, ask), |(mut answer, mut ask)| async move {
            let piece = answer.next().await;
            match &piece {
                Some(Ok(Delta::Usage(usage))) => ask.usage = *usage,
                Some(Ok(_)) => {}
                Some(Err(_)) => ask.succeeded = false,
                None => ask.succeeded = true,
            }
            Some((piece?, (answer, ask)))
        });
        Ok(Box::pin(counted))
    }
}

/// One question, counted at its end.
struct Ask {
    meter: Arc<Meter>,
    provider: String,
    started: Instant,
    usage: Usage,
    succeeded: bool,
}

impl Drop for Ask {
    fn drop(&mut self) {
        let Self { meter, provider, started, usage, succeeded } = self;
        meter.chat(provider, *succeeded, *usage, started.elapsed());
    }
}
