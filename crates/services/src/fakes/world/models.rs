//! Fake models.
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use carrel_domain::image::ImageModel;
use carrel_domain::model::{
    AnswerStream, ChatModel, ChatRequest, Delta, Embedder, EmbeddingModel, ModelChoice, ModelName,
    Models, Purpose,
};
use carrel_domain::reranker::Reranker;
use carrel_domain::{Error, Result};
use futures_util::StreamExt;

use super::World;

/// Answers with the question and embeds all texts alike.
pub(super) struct FakeModels(pub(super) Arc<World>);

impl Models for FakeModels {
    fn chat(&self, _: &ModelChoice) -> Result<Arc<dyn ChatModel>> {
        Ok(self.0.clone())
    }

    fn embedder(&self) -> Result<Arc<dyn Embedder>> {
        Ok(self.0.clone())
    }

    fn reranker(&self) -> Result<Option<Arc<dyn Reranker>>> {
        self.0.check("reranker")?;
        Ok(self.0.reranker.lock().unwrap().clone())
    }

    fn images(&self) -> Result<Arc<dyn ImageModel>> {
        Err(Error::unavailable("the test", "it makes no pictures"))
    }
}

#[async_trait]
impl ChatModel for World {
    fn name(&self) -> ModelName {
        ModelName { provider: "fake".into(), model: "echo".into(), window: 4096 }
    }

    async fn answer(&self, request: ChatRequest) -> Result<AnswerStream> {
        let words =
            vec![Ok(Delta::Text("You asked: ".into())), Ok(Delta::Text(request.question.clone()))];
        let is_endless = request.question == "endless";
        self.requests.lock().unwrap().push(request);
        let words = futures_util::stream::iter(words);
        Ok(match is_endless {
            true => Box::pin(words.chain(futures_util::stream::pending())),
            false => Box::pin(words),
        })
    }
}

#[async_trait]
impl Embedder for World {
    fn model(&self) -> EmbeddingModel {
        EmbeddingModel { name: "fake".into(), identity: "fake".into(), longest_text: 1000 }
    }

    async fn embed(&self, texts: &[String], _: Purpose) -> Result<Vec<Vec<f32>>> {
        self.check("embed")?;
        for word in texts.iter().flat_map(|text| text.split(' ')) {
            if self.failing.lock().unwrap().contains(&word) {
                return Err(Error::unavailable("the test", word.to_owned()));
            }
        }
        self.batches.lock().unwrap().push(texts.len());
        self.embedded.lock().unwrap().extend(texts.iter().cloned());
        let length = 1 + self.more_numbers.load(Ordering::Relaxed);
        Ok(vec![vec![1.0; length]; texts.len()])
    }
}
