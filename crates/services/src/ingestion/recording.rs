//! Recordings: counted against a daily limit, and transcribed by a job if no request waits for the
//! document.
use carrel_domain::audit::By;
use carrel_domain::document::{Document, Extracted, Extractor, IncomingFile, ReadRequest};
use carrel_domain::job::Job;
use carrel_domain::job::recordings::NewRecording;
use carrel_domain::original::OriginalName;
use carrel_domain::speech::{ProgressSnapshot, SpeechUse, TranscriptionProgress};
use carrel_domain::workspace::Workspace;
use carrel_domain::{DocumentId, DocumentPath, Error, Folder, Result};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::incoming::{self, Details, Terms, from_file};
use super::known::{self, Known};
use super::{FILE_EVENT, Indexing, Ingestion, PreparedUpload, count_tokens, store};
use crate::jobs;
use crate::library::Library;
use crate::speech::BYTES_A_SECOND;

/// The data of a recording that its job needs, stored with the item.
#[derive(Serialize, Deserialize)]
struct Pending {
    /// The name of the pending file, a UUID.
    file: String,
    /// The id of the future document.
    id: String,
    name: String,
    title: Option<String>,
    author: Option<String>,
    description: Option<String>,
    source: Option<String>,
    chunk_source: Option<String>,
    folder: Option<String>,
    metadata: String,
    digest: Option<[u8; 32]>,
    /// Absent in jobs that an earlier version queued.
    #[serde(default)]
    skip_identical: bool,
}

impl Pending {
    fn parse(details: &str) -> Result<Self> {
        serde_json::from_str(details).map_err(Error::internal)
    }

    fn details(self) -> Result<Details> {
        let Self { title, author, description, source, chunk_source, .. } = self;
        let folder = self.folder.map(|folder| Folder::parse(&folder)).transpose()?;
        let Self { metadata, digest, skip_identical, .. } = self;
        let terms = Terms { folder, metadata, digest, skip_identical, ..Terms::default() };
        Ok(Details { title, author, description, source, chunk_source, terms })
    }
}

/// A transcribed recording, ready to be stored.
pub(crate) struct TranscribedRecording {
    documents: Vec<(Document, String)>,
    terms: Terms,
    original: Option<OriginalName>,
}

/// Returns the pending file from the details of an item.
pub(crate) fn pending_file(details: &str) -> Result<Uuid> {
    Pending::parse(details)?.file.parse().map_err(Error::internal)
}

/// Extracts a file. A recording is refused if the daily limit is used up; otherwise its length is
/// counted.
pub(crate) async fn read(
    library: &Library,
    file: &IncomingFile,
    request: &ReadRequest,
    by: &By,
) -> Result<Vec<Extracted>> {
    if !is_recording(&*library.extractor, &file.name) {
        return library.extractor.extract(file, request).await;
    }
    library.speech.check(SpeechUse::Transcribed, by).await?;
    let read = library.extractor.extract(file, request).await;
    let ProgressSnapshot { model, seconds, duration } = request.recording.now();
    if let Some(model) = model {
        // The built-in model reports its progress. Others may report only the length.
        let whole = duration.filter(|_| read.is_ok() && model.provider != "native");
        let mut transcribed = seconds.max(whole.unwrap_or(0.0)).ceil() as u32;
        if transcribed == 0 && read.is_ok() {
            let seconds = length(file).await.div_ceil(BYTES_A_SECOND);
            transcribed = u32::try_from(seconds).unwrap_or(u32::MAX);
        }
        if let Err(error) = library.speech.count_transcribed(transcribed, &model, by).await {
            tracing::warn!(%error, "failed to count what was transcribed");
        }
    }
    read
}

async fn length(file: &IncomingFile) -> u64 {
    tokio::fs::metadata(&file.content).await.map_or(0, |found| found.len())
}

/// Returns whether a file is a recording by its name and transcription is enabled.
fn is_recording(extractor: &dyn Extractor, name: &str) -> bool {
    let Some((_, ending)) = name.rsplit_once('.') else { return false };
    let is_named = |known: &&str| known[1..].eq_ignore_ascii_case(ending);
    extractor.file_types().iter().any(|of| {
        let is_sound = of.mime.starts_with("audio/") || of.mime.starts_with("video/");
        is_sound && of.is_read && of.extensions.iter().chain(of.aliases).any(is_named)
    })
}

/// Queues a recording for transcription by its indexing job, if no request waits for the document
/// and exactly one workspace receives it.
pub(super) async fn defer(
    ingestion: &Ingestion,
    file: &IncomingFile,
    details: &Details,
    into: &[Workspace],
    indexing: Indexing,
    by: &By,
) -> Result<Option<Job>> {
    let (Indexing::Later { existing_job }, [workspace]) = (indexing, into) else { return Ok(None) };
    let library = &ingestion.library;
    let is_plain = details.terms.key.is_none() && details.terms.request.is_none();
    if !is_plain || !is_recording(&*library.extractor, &file.name) {
        return Ok(None);
    }
    library.speech.check(SpeechUse::Transcribed, by).await?;
    if length(file).await == 0 {
        return Err(Error::unprocessable(format!("{} is empty.", file.name)));
    }
    let id = DocumentId::random();
    let path = incoming::path(&file.name, id, &details.terms)?;
    let pending_file = library.recordings.keep(&file.content).await?;
    let Details { title, author, description, source, chunk_source, terms } = details.clone();
    let pending = Pending {
        file: pending_file.to_string(),
        id: id.to_string(),
        name: file.name.clone(),
        title,
        author,
        description,
        source,
        chunk_source,
        folder: terms.folder.map(|folder| folder.as_str().to_owned()),
        metadata: terms.metadata,
        digest: terms.digest,
        skip_identical: terms.skip_identical,
    };
    let details = serde_json::to_string(&pending).map_err(Error::internal)?;
    let (workspace_id, name) = (workspace.id, file.name.clone());
    let new = NewRecording { workspace: workspace_id, existing_job, path, name, details };
    let queued = ingestion.workers.transcribe_later(new, jobs::created(workspace, 1, by)).await;
    if queued.is_err() {
        library.recordings.remove(pending_file).await;
    }
    queued.map(Some)
}

/// Returns the document that an identical recording has become since this one was queued, if the
/// upload allows using it.
pub(crate) async fn identical(library: &Library, details: &str) -> Result<Option<DocumentPath>> {
    let terms = Pending::parse(details)?.details()?.terms;
    let found: Known = known::identical(library, &terms).await?;
    let Some((document, _)) = found.into_iter().next() else { return Ok(None) };
    // A document whose file is lost cannot be indexed.
    let has_text = library.files.text(&document.path).await?.is_some();
    Ok(has_text.then_some(document.path))
}

/// Transcribes a queued recording. Dropping the future is safe at any time.
///
/// # Errors
/// [`Error::Unprocessable`] if the file no longer exists; otherwise those of
/// [`Extractor::extract`].
pub(crate) async fn transcribe(
    library: &Library,
    details: &str,
    path: &DocumentPath,
    progress: TranscriptionProgress,
    by: &By,
) -> Result<TranscribedRecording> {
    let content = library.recordings.path(pending_file(details)?);
    let pending = Pending::parse(details)?;
    let id = DocumentId(pending.id.parse().map_err(Error::internal)?);
    let name = pending.name.clone();
    let details = pending.details()?;
    if !tokio::fs::try_exists(&content).await.map_err(Error::of_file)? {
        return Err(Error::unprocessable(format!("{name} is gone; upload it again.")));
    }
    let file = IncomingFile { name, content };
    let owner = by.actor.to_text();
    let request = ReadRequest { owner, time_limit: None, recording: progress };
    let extracted = read(library, &file, &request, by).await?;
    let mut documents = Vec::with_capacity(extracted.len());
    for part in extracted {
        let (document, text) = from_file(&file.name, part, &details, by.at)?;
        documents.push((Document { id, path: path.clone(), ..document }, text));
    }
    // A recording yields one document today.
    documents.truncate(1);
    if documents.is_empty() {
        return Err(Error::unprocessable(format!("No text content found in {}.", file.name)));
    }
    let documents = count_tokens(&library.tokenizer, documents).await?;
    let original = library.originals.stage(&file.content, details.terms.digest).await;
    Ok(TranscribedRecording { documents, terms: details.terms, original })
}

/// Stores the document of a recording.
pub(crate) async fn keep(
    library: &Library,
    transcribed: TranscribedRecording,
    by: &By,
) -> Result<()> {
    let TranscribedRecording { documents, terms, original } = transcribed;
    let by = By { at: Utc::now(), ..by.clone() };
    let upload = PreparedUpload::new(FILE_EVENT, Vec::new(), terms, &by).with_original(original);
    let library = library.clone();
    let tasks = library.tasks.clone();
    let store = async move {
        let stored = store::store(&library, &documents, &upload, None).await;
        if let Some(name) = upload.original {
            library.originals.commit_or_release(name).await;
        }
        stored
    };
    tasks.spawn(store).await.map_err(Error::internal)?.map(drop)
}
