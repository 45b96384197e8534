//! A library in memory: one value that stands in for the database, the files, the index and the
//! models. Each part can be made to fail.
mod models;
mod parts;
mod prompts;
mod talk;
mod web;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::chat::Chat;
use carrel_domain::document::{
    Document, DocumentFiles, DocumentPart, Extracted, Extractor, FileType, IncomingFile,
    ReadRequest,
};
use carrel_domain::embedding::{EmbeddingCache, TextKey};
use carrel_domain::library::{
    IndexedDocument, NewPassage, Passage, WorkspaceDocument, WorkspaceDocuments,
};
use carrel_domain::memory::Memory;
use carrel_domain::model::ChatRequest;
use carrel_domain::prompt_variable::PromptVariable;
use carrel_domain::reranker::Reranker;
use carrel_domain::settings::names;
use carrel_domain::slash_command::SlashCommand;
use carrel_domain::thread_file::ThreadFile;
use carrel_domain::upload::UploadId;
use carrel_domain::vector::{Neighbour, VectorIndex, VectorQuery};
use carrel_domain::{
    ChunkId, DocumentPath, Error, Folder, Result, UserId, WorkspaceDocumentId, WorkspaceId,
};
use chrono::{DateTime, Utc};

use models::FakeModels;
pub use talk::Words;
pub use web::Web;

use super::FakeSettings;
use super::jobs::FakeJob;
use super::originals::FakeOriginals;
use super::recordings::{FakeRecordings, speech_limit, transcribe_fake};
use crate::chat::Conversations;
use crate::indexer::{Indexer, VectorLengths};
use crate::ingestion::Ingestion;
use crate::jobs::Workers;
use crate::library::Library;
use crate::originals::{Originals, PageImages};
use crate::pending_recordings::PendingRecordings;
use crate::search::Search;
use crate::speech::SpeechMeter;

#[derive(Default)]
pub struct World {
    pub documents: Mutex<BTreeMap<DocumentPath, Document>>,
    pub files: Mutex<BTreeMap<DocumentPath, String>>,
    pub pending_files: Mutex<Vec<DocumentPath>>,
    pub folders: Mutex<BTreeSet<Folder>>,
    pub places: Mutex<Vec<WorkspaceDocument>>,
    pub passages: Mutex<Vec<Passage>>,
    /// The users with a limit who have asked.
    pub questions: Mutex<Vec<UserId>>,
    pub chats: Mutex<Vec<Chat>>,
    pub requests: Mutex<Vec<ChatRequest>>,
    /// The number of leading passages that searches do not find.
    pub blind: AtomicUsize,
    /// The time at which pending files were last recorded.
    pub noted_at: Mutex<Option<DateTime<Utc>>>,
    /// The parts that fail: `create`, `put`, `embed`, `reranker`, and `told`, which commits but
    /// reports a failure. Any other entry fails the embedding of texts that contain it.
    pub failing: Mutex<Vec<&'static str>>,
    pub jobs: Mutex<Vec<FakeJob>>,
    /// Unfinished uploads with the documents stored so far.
    pub unfinished: Mutex<HashMap<UploadId, Vec<DocumentPath>>>,
    /// The number of stored documents after each piece of an upload.
    pub pieces: Mutex<Vec<usize>>,
    /// The number of passages stored or removed in each transaction.
    pub written_passages: Mutex<Vec<usize>>,
    /// The embedding cache.
    pub cache: Mutex<HashMap<TextKey, Vec<f32>>>,
    /// The number of dimensions of a vector beyond the first.
    pub more_numbers: AtomicUsize,
    pub lengths: Arc<VectorLengths>,
    /// Lengths that stored vectors were compared with.
    pub compared: Mutex<Vec<usize>>,
    /// The number of texts in each embedding batch.
    pub batches: Mutex<Vec<usize>>,
    pub variables: Mutex<Vec<PromptVariable>>,
    pub commands: Mutex<Vec<SlashCommand>>,
    /// The configured reranker, if any.
    pub reranker: Mutex<Option<Arc<dyn Reranker>>>,
    pub memories: Mutex<Vec<Memory>>,
    /// The files of every thread.
    pub thread_files: Mutex<Vec<(ThreadFile, String)>>,
    /// Every text that was embedded.
    pub embedded: Mutex<Vec<String>>,
    pub originals: FakeOriginals,
    /// The quota for originals, if they are stored.
    pub originals_quota: Mutex<Option<u64>>,
    pub recordings: FakeRecordings,
}

impl World {
    pub fn library(self: &Arc<Self>) -> Library {
        Library {
            documents: self.clone(),
            uploads: self.clone(),
            folders: self.clone(),
            workspace_documents: self.clone(),
            files: self.clone(),
            extractor: self.clone(),
            originals: self.originals(),
            recordings: PendingRecordings::new(self.recordings.directory.path().to_owned()),
            speech: SpeechMeter { usage: self.clone(), settings: speech_limit(self) },
            tokenizer: Arc::new(Words),
            index: self.clone(),
            indexer: Indexer {
                splitter: self.clone(),
                settings: Arc::new(FakeSettings::default()),
                models: Arc::new(FakeModels(self.clone())),
                cache: self.clone(),
                cache_limit: 1 << 20,
                lengths: self.lengths.clone(),
            },
            tasks: Default::default(),
        }
    }

    pub fn originals(self: &Arc<Self>) -> Originals {
        let quota = *self.originals_quota.lock().unwrap();
        let stored = quota.map(|_| (names::KEEP_ORIGINALS.to_owned(), "on".to_owned()));
        Originals {
            records: self.clone(),
            files: self.clone(),
            settings: Arc::new(FakeSettings(Mutex::new(stored.into_iter().collect()))),
            page_images: PageImages {
                renderer: self.clone(),
                directory: std::env::temp_dir().join("carrel-no-page-images"),
                room: 0,
            },
            quota: quota.unwrap_or_default(),
        }
    }

    pub fn workers(self: &Arc<Self>) -> Workers {
        Workers::new(self.library(), self, Arc::default())
    }

    pub fn ingestion(self: &Arc<Self>) -> Ingestion {
        self.ingestion_from(Arc::new(Web("text/html")))
    }

    /// Returns an ingestion service whose links lead to the pages of `web`.
    pub fn ingestion_from(self: &Arc<Self>, web: Arc<Web>) -> Ingestion {
        Ingestion {
            library: self.library(),
            workers: self.workers(),
            fetcher: web.clone(),
            reader: web,
            directory: std::env::temp_dir(),
        }
    }

    pub fn search(self: &Arc<Self>) -> Search {
        Search {
            models: Arc::new(FakeModels(self.clone())),
            lengths: self.lengths.clone(),
            index: self.clone(),
            lexical: self.clone(),
            workspace_documents: self.clone(),
            filter_rows: self.clone(),
        }
    }

    pub fn conversations(self: &Arc<Self>) -> Conversations {
        let models = Arc::new(FakeModels(self.clone()));
        let search = self.search();
        Conversations {
            search,
            models,
            chats: self.clone(),
            quota: self.clone(),
            pins: self.clone(),
            commands: self.clone(),
            variables: self.clone(),
            memories: self.clone(),
            thread_files: self.clone(),
            files: self.clone(),
            extractor: self.clone(),
            tokenizer: Arc::new(Words),
            scratch: std::env::temp_dir(),
            limits: Default::default(),
            tasks: Default::default(),
        }
    }

    pub fn fail(&self, part: &'static str) {
        self.failing.lock().unwrap().push(part);
    }

    pub fn repair(&self, part: &'static str) {
        self.failing.lock().unwrap().retain(|failing| *failing != part);
    }

    pub fn check(&self, part: &'static str) -> Result<()> {
        match self.failing.lock().unwrap().contains(&part) {
            true => Err(Error::unavailable("the test", part)),
            false => Ok(()),
        }
    }

    pub fn put_places(&self, document: &Document, places: Vec<IndexedDocument>) {
        let mut passages = self.passages.lock().unwrap();
        for IndexedDocument { workspace, recipe, passages: new } in places {
            let place = self.put_place(WorkspaceDocument {
                id: WorkspaceDocumentId(0),
                workspace,
                document: document.clone(),
                key: uuid::Uuid::new_v4(),
                pinned: false,
                watched: false,
                recipe,
                created_at: document.created_at,
                updated_at: document.created_at,
            });
            for new in new {
                let (chunk, place) = (ChunkId(passages.len() as i64), place.id);
                let document = document.clone();
                let NewPassage { text, span, provenance, vector: _ } = new;
                passages.push(Passage {
                    chunk,
                    place,
                    ordinal: 0,
                    span,
                    provenance,
                    text,
                    document,
                });
            }
        }
    }
}

#[async_trait]
impl WorkspaceDocuments for World {
    async fn paths_in_workspaces(
        &self,
        _: &[WorkspaceId],
        paths: &[DocumentPath],
    ) -> Result<Vec<DocumentPath>> {
        Ok(paths.to_vec())
    }

    async fn withdraw(
        &self,
        _: WorkspaceId,
        _: &[DocumentPath],
        _: Event,
    ) -> Result<Vec<WorkspaceDocumentId>> {
        Ok(Vec::new())
    }

    async fn counts(&self) -> Result<Vec<(WorkspaceId, u64)>> {
        Ok(Vec::new())
    }

    async fn in_workspace(&self, _: WorkspaceId) -> Result<Vec<WorkspaceDocument>> {
        Ok(Vec::new())
    }

    async fn passages(&self, _: WorkspaceId, chunks: &[ChunkId]) -> Result<Vec<Passage>> {
        let passages = self.passages.lock().unwrap();
        Ok(chunks.iter().map(|chunk| passages[chunk.0 as usize].clone()).collect())
    }
}

#[async_trait]
impl DocumentFiles for World {
    async fn put(&self, document: &Document, text: &str) -> Result<()> {
        self.files.lock().unwrap().insert(document.path.clone(), text.to_owned());
        self.check("put")
    }

    async fn text(&self, path: &DocumentPath) -> Result<Option<String>> {
        Ok(self.files.lock().unwrap().get(path).cloned())
    }

    async fn copy(&self, from: &DocumentPath, to: &DocumentPath) -> Result<()> {
        self.check("copy")?;
        let mut files = self.files.lock().unwrap();
        let text = files.get(from).cloned().ok_or_else(|| Error::not_found("document", from))?;
        files.insert(to.clone(), text);
        Ok(())
    }

    async fn delete(&self, path: &DocumentPath) -> Result<()> {
        self.files.lock().unwrap().remove(path);
        Ok(())
    }
}

#[async_trait]
impl Extractor for World {
    fn file_types(&self) -> Vec<FileType> {
        let read = |mime, extensions| FileType { mime, extensions, aliases: &[], is_read: true };
        vec![read("application/fake", &[".fake"]), read("audio/wav", &[".wav"])]
    }

    async fn extract(&self, file: &IncomingFile, of: &ReadRequest) -> Result<Vec<Extracted>> {
        if file.name.ends_with(".wav") {
            transcribe_fake(self, &of.recording).await;
        }
        // If there is no such file, the path itself is the text.
        let text = std::fs::read_to_string(&file.content);
        let text = text.unwrap_or_else(|_| file.content.display().to_string());
        if text.contains('\u{FFFD}') {
            return Err(Error::unprocessable("there is no text in it"));
        }
        let document_of = |part, text: &str| {
            let [author, description, source] = ["Unknown"; 3].map(str::to_owned);
            let text = text.to_owned();
            let warnings = Vec::new();
            Extracted { part, title: None, author, description, source, text, warnings }
        };
        // A form feed separates sheets.
        Ok(match text.contains('\u{c}') {
            false => vec![document_of(None, &text)],
            true => text
                .split('\u{c}')
                .enumerate()
                .map(|(number, text)| {
                    document_of(Some(DocumentPart::Sheet(number.to_string())), text)
                })
                .collect(),
        })
    }
}

/// Every selected passage matches with the same similarity.
#[async_trait]
impl VectorIndex for World {
    async fn upsert(&self, _: WorkspaceId, _: WorkspaceDocumentId) -> Result<()> {
        Ok(())
    }

    async fn remove(&self, _: WorkspaceId, _: &[WorkspaceDocumentId]) -> Result<()> {
        Ok(())
    }

    async fn drop_workspace(&self, _: WorkspaceId) -> Result<()> {
        Ok(())
    }

    async fn count(&self, _: Option<WorkspaceId>) -> Result<u64> {
        Ok(self.passages.lock().unwrap().len() as u64)
    }

    async fn stored_count(&self) -> Result<u64> {
        self.count(None).await
    }

    async fn nearest(&self, query: VectorQuery<'_>) -> Result<Vec<Neighbour>> {
        let passages = self.passages.lock().unwrap();
        let neighbour = |passage: &Passage| Neighbour { chunk: passage.chunk, similarity: 0.5 };
        let blind = self.blind.load(Ordering::Relaxed);
        let visible =
            passages.iter().skip(blind).filter(|passage| query.among.contains(passage.place));
        Ok(visible.take(query.limit).map(neighbour).collect())
    }

    async fn similarity(&self, _: &[f32], chunks: &[ChunkId]) -> Result<Vec<Neighbour>> {
        Ok(chunks.iter().map(|chunk| Neighbour { chunk: *chunk, similarity: 0.5 }).collect())
    }
}

#[async_trait]
impl EmbeddingCache for World {
    async fn find(&self, keys: &[TextKey], _: DateTime<Utc>) -> Result<HashMap<TextKey, Vec<f32>>> {
        let cache = self.cache.lock().unwrap();
        Ok(keys.iter().filter_map(|key| Some((*key, cache.get(key)?.clone()))).collect())
    }

    async fn store_vectors(
        &self,
        vectors: Vec<(TextKey, Vec<f32>)>,
        _: u64,
        _: DateTime<Utc>,
    ) -> Result<()> {
        self.cache.lock().unwrap().extend(vectors);
        Ok(())
    }
}
