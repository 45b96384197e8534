//! Ingestion: the only path of documents into the library and its workspaces.
//!
//! A file, a text or a page is *received* (as a file, within limits), *extracted* (to text, by a
//! worker process), *stored* (in transactions of bounded size) and *indexed* (by a job, step by
//! step). A request that promises searchable documents waits for its job.
mod incoming;
mod index;
mod known;
mod link;
pub(crate) mod recording;
mod replace;
pub(crate) mod scratch;
mod store;

use std::path::PathBuf;
use std::sync::Arc;

use carrel_domain::audit::{By, Event};
use carrel_domain::document::{Document, IncomingFile, ReadRequest};
use carrel_domain::job::Job;
use carrel_domain::link::{LinkFetcher, PageReader};
use carrel_domain::original::OriginalName;
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, Folder, JobId, Result};
use serde_json::json;

pub use incoming::{Details, RawText, Terms};
pub(crate) use incoming::{check_file_name, count_tokens, from_file, from_text};
use known::Known;
pub use link::LinkRequest;

use crate::jobs::Workers;
use crate::library::Library;

/// Adds documents to the library. Cheap to clone.
#[derive(Clone)]
pub struct Ingestion {
    /// The library.
    pub library: Library,
    /// Runs indexing jobs.
    pub workers: Workers,
    /// Fetches web pages.
    pub fetcher: Arc<dyn LinkFetcher>,
    /// Extracts text from web pages.
    pub reader: Arc<dyn PageReader>,
    /// The directory for fetched files until they are read.
    pub directory: PathBuf,
}

/// When the documents of an upload are indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indexing {
    /// Before the response. A document that cannot be indexed stays in the library, with a warning.
    Keep,
    /// Before the response. If any new document cannot be indexed, none is stored.
    Refuse,
    /// By a job that no request waits for.
    Later {
        /// An existing job to add the documents to, if it still accepts some.
        existing_job: Option<JobId>,
    },
}

/// An added document.
#[derive(Clone, Debug)]
pub struct Added {
    /// The document as stored.
    pub document: Document,
    /// Its text.
    pub text: String,
    /// Why the document is not in all requested workspaces, if so.
    pub warning: Option<String>,
    /// Whether the document existed before. Only its workspaces have changed then.
    pub existed: bool,
}

/// The result of adding a file, a text or a page.
#[derive(Clone, Debug, Default)]
pub struct Ingested {
    /// The documents, in the order of the upload.
    pub added: Vec<Added>,
    /// The jobs that index the documents later.
    pub jobs: Vec<Job>,
}

/// The audit event of a document made from a file.
const FILE_EVENT: &str = "api_document_uploaded";

/// The documents of one upload before they are stored.
struct PreparedUpload {
    documents: Vec<(Document, String)>,
    /// Existing documents with the same content, if they are acceptable.
    identical: Known,
    terms: Terms,
    into: Vec<Workspace>,
    indexing: Indexing,
    by: By,
    event: &'static str,
    /// The staged original, if any.
    original: Option<OriginalName>,
}

impl PreparedUpload {
    /// Creates an upload into the library only. `event` is the name of its audit events.
    fn new(event: &'static str, documents: Vec<(Document, String)>, terms: Terms, by: &By) -> Self {
        let indexing = Indexing::Later { existing_job: None };
        let (identical, into, by, original) = (Vec::new(), Vec::new(), by.clone(), None);
        Self { documents, identical, terms, into, indexing, by, event, original }
    }

    /// Indexes the documents in workspaces.
    fn into_workspaces(self, into: Vec<Workspace>, indexing: Indexing) -> Self {
        Self { into, indexing, ..self }
    }

    /// Uses existing documents with the same content.
    fn or_identical(self, identical: Known) -> Self {
        Self { identical, ..self }
    }

    /// Keeps the uploaded file.
    fn with_original(self, original: Option<OriginalName>) -> Self {
        Self { original, ..self }
    }

    /// Returns the audit event for an added document.
    fn event(&self, document: &Document) -> Event {
        let (title, location) = (&document.title, document.path.to_string());
        let mut details = json!({ "documentName": title, "location": location });
        if let Some(link) = document.chunk_source.strip_prefix("link://") {
            details["link"] = link.into();
        }
        self.by.event(self.event, details.to_string())
    }

    /// Returns whether all documents already exist.
    fn is_known(&self) -> bool {
        let is_same = |new: &Document| {
            self.identical.iter().any(|(known, _)| known.origin.part == new.origin.part)
        };
        !self.documents.is_empty() && self.documents.iter().all(|(document, _)| is_same(document))
    }
}

impl Ingestion {
    /// Adds the documents of a file and indexes them for workspaces, all or none. Continues if the
    /// caller is dropped.
    pub async fn add_file(
        &self,
        file: IncomingFile,
        mut details: Details,
        into: Vec<Workspace>,
        indexing: Indexing,
        by: &By,
    ) -> Result<Ingested> {
        check_file_name(&file.name)?;
        let originals = &self.library.originals;
        if details.terms.digest.is_none() && originals.is_enabled().await? {
            details.terms.digest = Some(scratch::digest(file.content.clone()).await?);
        }
        let digest = details.terms.digest;
        let same = known::identical(&self.library, &details.terms).await?;
        if let Some(known) = known::single(self, &same, &into, indexing, by).await? {
            // Documents stored before originals were enabled get theirs now.
            if let Some(name) = originals.stage(&file.content, digest).await {
                originals.commit_or_release(name).await;
            }
            return Ok(known);
        }
        if let Some(job) = recording::defer(self, &file, &details, &into, indexing, by).await? {
            return Ok(Ingested { added: Vec::new(), jobs: vec![job] });
        }
        let request = ReadRequest { owner: by.actor.to_text(), ..ReadRequest::default() };
        let extracted = recording::read(&self.library, &file, &request, by).await?;
        if details.terms.folder.is_none() {
            details.terms.folder = match same.first() {
                // Missing parts are added to the folder of the existing ones.
                Some((document, _)) => Some(Folder::parse(document.path.folder())?),
                None => incoming::folder_for_sheets(&file.name, &extracted)?,
            };
        }
        let mut documents = Vec::with_capacity(extracted.len());
        for part in extracted {
            documents.push(from_file(&file.name, part, &details, by.at)?);
        }
        let original = originals.stage(&file.content, digest).await;
        let upload = PreparedUpload::new(FILE_EVENT, documents, details.terms, by)
            .or_identical(same)
            .into_workspaces(into, indexing)
            .with_original(original);
        self.ingest(upload).await
    }

    /// Adds a document from text. See [`Ingestion::add_file`].
    pub async fn add_text(
        &self,
        raw: RawText,
        into: Vec<Workspace>,
        indexing: Indexing,
        by: &By,
    ) -> Result<Ingested> {
        let terms = raw.terms.clone();
        let documents = vec![from_text(raw, by.at)?];
        let identical = known::identical(&self.library, &terms).await?;
        if let Some(known) = known::single(self, &identical, &into, indexing, by).await? {
            return Ok(known);
        }
        let upload = PreparedUpload::new("api_raw_document_uploaded", documents, terms, by)
            .or_identical(identical)
            .into_workspaces(into, indexing);
        self.ingest(upload).await
    }

    /// Stores documents and indexes them.
    async fn ingest(&self, mut upload: PreparedUpload) -> Result<Ingested> {
        upload.documents = count_tokens(&self.library.tokenizer, upload.documents).await?;
        // Runs as a task that is awaited at shutdown, so that a disconnecting client does not leave
        // a file without its row.
        let this = self.clone();
        let ingest = async move {
            let original = upload.original;
            let ingested = match upload.terms.key.clone() {
                Some(key) if !upload.is_known() => replace::replace(&this, key, upload).await,
                _ => store::add(&this, upload).await,
            };
            if let Some(name) = original {
                this.library.originals.commit_or_release(name).await;
            }
            ingested
        };
        self.library.tasks.spawn(ingest).await.map_err(Error::internal)?
    }
}

#[cfg(test)]
mod tests;
