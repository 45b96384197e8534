//! A complete service: opens a database, adds a document, asks a workspace and writes a report.
//! Run it: `cargo run -p carrel-services --example library_service -- <directory>`.
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use carrel_documents::worker::{Program, Readers, ResourceLimits};
use carrel_documents::{DocumentStore, FileExtractor, Limits, OriginalStore};
use carrel_documents::{RecursiveSplitter, WebPages};
use carrel_domain::model::{ChatModel, Embedder, EmbeddingModel, ModelChoice, Models, Purpose};
use carrel_domain::{Error, Result, audit::By, reranker::Reranker, workspace::WorkspaceSettings};
use carrel_persistence::Database;
use carrel_providers::{Cl100k, Extractive, LinkLimits, SystemLookup, WebFetcher};
use carrel_services::chat::{Question, Reply};
use carrel_services::ingestion::{Indexing, RawText};
use carrel_services::originals::{Originals, PageImages};
use carrel_services::{Adapters, DocumentServices, workspaces};
use carrel_vectors::EmbeddedIndex;

/// The models of this service. Texts that share words have nearby vectors.
struct OwnModels;

#[async_trait]
impl Embedder for OwnModels {
    fn model(&self) -> EmbeddingModel {
        EmbeddingModel { name: "words".into(), identity: "words/64".into(), longest_text: 8_192 }
    }
    async fn embed(&self, texts: &[String], _: Purpose) -> Result<Vec<Vec<f32>>> {
        let embed = |text: &String| {
            let mut vector = vec![0.01_f32; 64];
            for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()) {
                vector[word.bytes().map(usize::from).sum::<usize>() % 64] += 1.0;
            }
            let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
            vector.iter().map(|value| value / length).collect()
        };
        Ok(texts.iter().map(embed).collect())
    }
}

impl Models for OwnModels {
    fn chat(&self, _: &ModelChoice) -> Result<Arc<dyn ChatModel>> {
        Ok(Arc::new(Extractive))
    }
    fn embedder(&self) -> Result<Arc<dyn Embedder>> {
        Ok(Arc::new(Self))
    }
    fn reranker(&self) -> Result<Option<Arc<dyn Reranker>>> {
        Ok(None)
    }
    fn images(&self) -> Result<Arc<dyn carrel_domain::image::ImageModel>> {
        Err(Error::unavailable("the image model", "this service has none"))
    }
}

/// Writes `report.md` to `directory`, next to the database and the document files.
pub async fn run(directory: &Path) -> anyhow::Result<()> {
    let database = Arc::new(Database::open(&format!("sqlite://{}/s.db", directory.display()))?);
    let links = LinkLimits { bytes: 1 << 20, time: Duration::from_secs(20) };
    let program = Program { path: "carrel".into(), arguments: vec![], environment: vec![] };
    let resources = ResourceLimits { workers: 1, time: links.time, memory: 1 << 30 };
    let (limits, readers) = (Limits::text(1 << 20), Readers::new(program, resources));
    let extractor = Arc::new(FileExtractor::new(limits, readers));
    let pages = PageImages { renderer: extractor.clone(), directory: directory.into(), room: 0 };
    let originals = Arc::new(OriginalStore::local(&directory.join("originals"))?);
    let adapters = Adapters {
        models: Arc::new(OwnModels),
        index: Arc::new(EmbeddedIndex::new(database.clone(), 64 << 20)),
        files: Arc::new(DocumentStore::local(&directory.join("documents"))?),
        originals: Originals::new(&database, originals, pages, 0),
        extractor,
        splitter: Arc::new(RecursiveSplitter),
        tokenizer: Arc::new(Cl100k::default()),
        fetcher: Arc::new(WebFetcher::new(Arc::new(SystemLookup), vec![], links)),
        reader: Arc::new(WebPages::new(limits.text)),
        scratch: directory.to_owned(),
        recordings: directory.join("recordings"),
        settings: Arc::new(|_: &str| None),
        embedding_cache: 64 << 20,
        meter: Arc::default(),
    };
    let services = DocumentServices::new(&database, adapters);
    let (by, settings) = (By::operator(chrono::Utc::now()), WorkspaceSettings::named("Garden"));
    let garden = workspaces::create(&*database, &*database, settings, &by).await?;
    let (title, text) = ("Animals".into(), "Bees make honey. Cows make milk.".into());
    let raw_text = RawText { title, text, ..RawText::default() };
    services.ingestion.add_text(raw_text, vec![garden.clone()], Indexing::Refuse, &by).await?;
    let question = Question { text: "What do bees make?".into(), ..Question::default() };
    let reply = services.conversations.ask(&garden, question, &by).await?;
    let Reply::Answered { text, sources, .. } = reply else { anyhow::bail!("no answer") };
    let report = format!("# Bees\n\n{text}\n\nFrom: {}\n", sources[0].document().title);
    Ok(std::fs::write(directory.join("report.md"), report)?)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run(Path::new(&std::env::args().nth(1).unwrap_or_else(|| ".".into()))).await
}
