//! Connection tests, which send a small request with unsaved settings while the user waits.
use std::sync::Arc;
use std::time::{Duration, Instant};

use carrel_domain::image::{ImageModel, ImageRequest};
use carrel_domain::model::{ChatModel, ChatRequest, Delta, Embedder, ModelList, Purpose};
use carrel_domain::reranker::Reranker;
use carrel_domain::speech::{
    Recording, SpeechRequest, SpeechSynthesizer, Speed, Transcriber, TranscriptionRequest,
};
use carrel_domain::vector::VectorIndex;
use carrel_domain::{Error, Result};
use futures_util::StreamExt;
use tokio::time::timeout;

use crate::speech;

/// The time limit for most tests.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The time limit for generating an image.
const IMAGE_TIMEOUT: Duration = Duration::from_secs(120);

/// The time limit for a transcription. Includes loading the model.
const SPEECH_TIMEOUT: Duration = Duration::from_secs(30);

/// Looks up settings by variable name, whether they are stored or only tried.
pub type SettingsLookup<'a> = dyn Fn(&str) -> Option<String> + Send + Sync + 'a;

/// Creates temporary models from given settings.
pub trait ConnectionTest: Send + Sync {
    /// Creates a language model. [`Error::Unavailable`] or [`Error::Invalid`] if the settings do
    /// not define one.
    fn language_model(&self, settings: &SettingsLookup<'_>) -> Result<Arc<dyn ChatModel>>;
    /// Creates an embedder. Fails like [`ConnectionTest::language_model`].
    fn embedding_model(&self, settings: &SettingsLookup<'_>) -> Result<Arc<dyn Embedder>>;
    /// Creates the list of a provider's language or embedding models. Fails like
    /// [`ConnectionTest::language_model`].
    fn model_list(
        &self,
        settings: &SettingsLookup<'_>,
        provider: &str,
        embeds: bool,
    ) -> Result<Arc<dyn ModelList>>;
    /// Creates a reranker, or returns `None` if passages are reranked without a model. Fails like
    /// [`ConnectionTest::language_model`].
    fn reranking_model(&self, settings: &SettingsLookup<'_>) -> Result<Option<Arc<dyn Reranker>>>;
    /// Creates an image model. Fails like [`ConnectionTest::language_model`].
    fn image_model(&self, settings: &SettingsLookup<'_>) -> Result<Arc<dyn ImageModel>>;
}

/// Creates temporary speech models from given settings.
pub trait SpeechConnectionTest: Send + Sync {
    /// Creates a transcriber. Fails like [`ConnectionTest::language_model`].
    fn transcriber(&self, settings: &SettingsLookup<'_>) -> Result<Arc<dyn Transcriber>>;
    /// Creates a synthesizer. Fails like [`ConnectionTest::language_model`].
    fn synthesizer(&self, settings: &SettingsLookup<'_>) -> Result<Arc<dyn SpeechSynthesizer>>;
}

/// Creates a temporary vector index from given settings.
pub trait IndexConnectionTest: Send + Sync {
    /// Creates a vector index without connecting to it. Fails like
    /// [`ConnectionTest::language_model`].
    fn index(&self, settings: &SettingsLookup<'_>) -> Result<Arc<dyn VectorIndex>>;
}

/// The result of a successful test.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionTestResult {
    /// The name of the model.
    pub by: String,
    /// The response time, in seconds.
    pub seconds: f64,
    /// The number of dimensions of the vectors, for embedders.
    pub dimensions: Option<usize>,
}

/// Tests a language model by asking for one word.
pub async fn language_model(model: Arc<dyn ChatModel>) -> Result<ConnectionTestResult> {
    let started = Instant::now();
    let request = ChatRequest {
        instructions: "Answer with one word.".to_owned(),
        question: "Are you there?".to_owned(),
        longest_answer: Some(16),
        ..ChatRequest::default()
    };
    let ask = async {
        let mut parts = model.answer(request).await?;
        while let Some(part) = parts.next().await {
            if matches!(part?, Delta::Text(_) | Delta::Reasoning(_)) {
                return Ok(());
            }
        }
        Err(Error::unavailable("the language model", "its answer is empty"))
    };
    timeout(TIMEOUT, ask).await.map_err(|_| timed_out("the language model"))??;
    let seconds = started.elapsed().as_secs_f64();
    Ok(ConnectionTestResult { by: model.name().model, seconds, dimensions: None })
}

/// Tests an embedder with one word.
pub async fn embedder(embedder: Arc<dyn Embedder>) -> Result<ConnectionTestResult> {
    let started = Instant::now();
    let texts = ["lighthouse".to_owned()];
    let vectors = timeout(TIMEOUT, embedder.embed(&texts, Purpose::Query)).await;
    let vectors = vectors.map_err(|_| timed_out("the embedder"))??;
    let dimensions = vectors.first().map(Vec::len).filter(|length| *length > 0);
    let empty_answer = || Error::unavailable("the embedder", "its answer is empty");
    let dimensions = dimensions.ok_or_else(empty_answer)?;
    let seconds = started.elapsed().as_secs_f64();
    Ok(ConnectionTestResult { by: embedder.model().name, seconds, dimensions: Some(dimensions) })
}

/// Tests a reranker with two texts.
pub async fn reranker(reranker: Arc<dyn Reranker>) -> Result<ConnectionTestResult> {
    let started = Instant::now();
    let texts = ["Bread is baked in an oven.", "A lighthouse warns ships."].map(str::to_owned);
    let scores = timeout(TIMEOUT, reranker.rerank("What warns ships?", &texts)).await;
    let scores = scores.map_err(|_| timed_out("the reranker"))??;
    if scores.iter().flatten().next().is_none() {
        return Err(Error::unavailable("the reranker", "its answer is empty"));
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok(ConnectionTestResult { by: reranker.name(), seconds, dimensions: None })
}

/// Tests an image model by generating one image. Some providers charge for it.
pub async fn image_model(model: Arc<dyn ImageModel>) -> Result<ConnectionTestResult> {
    let started = Instant::now();
    let request =
        ImageRequest { prompt: "A small lighthouse".to_owned(), ..ImageRequest::default() };
    let generated = timeout(IMAGE_TIMEOUT, model.generate(&request)).await;
    let slow = || Error::unavailable("image generation", "no picture came within 2 minutes");
    generated.map_err(|_| slow())??;
    let seconds = started.elapsed().as_secs_f64();
    Ok(ConnectionTestResult { by: model.name(), seconds, dimensions: None })
}

/// Tests a transcriber with a second of silence. The transcript is ignored.
pub async fn transcriber(model: Arc<dyn Transcriber>) -> Result<ConnectionTestResult> {
    let started = Instant::now();
    let recording = speech::second_of_silence().map_err(Error::of_file)?;
    let request = TranscriptionRequest::of(Recording {
        content: recording.path().to_owned(),
        length: recording.as_file().metadata().map_err(Error::of_file)?.len(),
        name: "silence.wav".to_owned(),
    });
    let transcribe = async {
        let mut parts = model.transcribe(request).await?;
        while let Some(part) = parts.next().await {
            part?;
        }
        Ok::<_, Error>(())
    };
    timeout(SPEECH_TIMEOUT, transcribe).await.map_err(|_| timed_out("speech recognition"))??;
    let seconds = started.elapsed().as_secs_f64();
    Ok(ConnectionTestResult { by: model.name().model, seconds, dimensions: None })
}

/// Tests a synthesizer with a few words, up to the first audio.
pub async fn synthesizer(model: Arc<dyn SpeechSynthesizer>) -> Result<ConnectionTestResult> {
    let started = Instant::now();
    let empty_answer = || Error::unavailable("speech synthesis", "it returned no audio");
    let format = model.formats().into_iter().next().ok_or_else(empty_answer)?;
    let request = SpeechRequest {
        text: "Are you there?".to_owned(),
        voice: None,
        format,
        speed: Speed::default(),
        instructions: None,
    };
    let speak = async { model.speak(request).await?.audio.next().await.ok_or_else(empty_answer)? };
    timeout(TIMEOUT, speak).await.map_err(|_| timed_out("speech synthesis"))??;
    let seconds = started.elapsed().as_secs_f64();
    Ok(ConnectionTestResult { by: model.name().model, seconds, dimensions: None })
}

/// Tests an index by counting its vectors.
pub async fn index(index: Arc<dyn VectorIndex>) -> Result<u64> {
    timeout(TIMEOUT, index.stored_count()).await.map_err(|_| timed_out("the vector database"))?
}

fn timed_out(service: &'static str) -> Error {
    Error::unavailable(service, "it did not answer within 30 seconds")
}
