//! Storing documents: first their files, then their rows in pieces of bounded size, together with
//! the indexing jobs.
use std::collections::HashMap;

use carrel_domain::document::Document;
use carrel_domain::job::Job;
use carrel_domain::job::queue::LeaseRequest;
use carrel_domain::upload::{IndexTarget, StoredDocument, UploadId, UploadPiece};
use carrel_domain::{DocumentPath, Result};
use uuid::Uuid;

use super::{Added, Indexing, Ingested, Ingestion, PreparedUpload, index, known};
use crate::jobs;
use crate::library::Library;

/// The maximum number of documents per transaction.
const DOCUMENTS: usize = 128;

/// Stores and indexes new documents, and indexes existing ones in workspaces that lack them.
pub(super) async fn add(ingestion: &Ingestion, mut upload: PreparedUpload) -> Result<Ingested> {
    let library = &ingestion.library;
    let mut existing = known::by_part(library, &mut upload).await?;
    let order = upload.documents.iter().enumerate();
    let order: HashMap<_, _> =
        order.map(|(at, (document, _))| (document.origin.part.clone(), at)).collect();
    let (mut there, mut new) = (Vec::new(), Vec::new());
    for (document, text) in std::mem::take(&mut upload.documents) {
        match existing.remove(&document.origin.part) {
            Some(found) => there.push((found, text)),
            None => new.push((document, text)),
        }
    }
    let stored = add_new(ingestion, &new, &upload).await?;
    let mut ingested = stored.with(new);
    let more = known::reuse(ingestion, there, &upload.into, upload.indexing, &upload.by).await?;
    ingested.jobs.extend(more.jobs);
    ingested.added.extend(more.added);
    // Parts do not sort as text: the tenth mail comes after the ninth.
    ingested.added.sort_by_key(|added| order.get(&added.document.origin.part).copied());
    Ok(ingested)
}

/// The result of storing documents.
#[derive(Debug, Default)]
pub(super) struct Stored {
    /// The jobs that index them later.
    pub(super) jobs: Vec<Job>,
    /// Why documents are not indexed in all workspaces, by path.
    pub(super) warnings: HashMap<DocumentPath, String>,
}

impl Stored {
    /// Combines the documents with their warnings.
    pub(super) fn with(mut self, documents: Vec<(Document, String)>) -> Ingested {
        let added = documents.into_iter().map(|(document, text)| {
            let warning = self.warnings.remove(&document.path);
            Added { document, text, warning, existed: false }
        });
        Ingested { added: added.collect(), jobs: self.jobs }
    }
}

/// Stores new documents and indexes them as the upload requests.
pub(super) async fn add_new(
    ingestion: &Ingestion,
    new: &[(Document, String)],
    upload: &PreparedUpload,
) -> Result<Stored> {
    if new.is_empty() {
        return Ok(Stored::default());
    }
    let lease = match upload.indexing {
        Indexing::Later { .. } => None,
        Indexing::Keep | Indexing::Refuse => Some(jobs::lease_request()),
    };
    let jobs = store(&ingestion.library, new, upload, lease).await?;
    let Some(lease) = lease else {
        jobs.iter().for_each(|job| ingestion.workers.notify(job.id));
        return Ok(Stored { jobs, warnings: HashMap::new() });
    };
    let outcome = index::wait(ingestion, jobs, lease, new).await?;
    if upload.indexing == Indexing::Refuse && !outcome.failures.is_empty() {
        let paths = new.iter().map(|(document, _)| document.path.clone()).collect();
        return Err(undo(&ingestion.library, paths, outcome, upload).await);
    }
    Ok(Stored { jobs: Vec::new(), warnings: outcome.failures })
}

/// Removes the stored documents, because not all could be indexed, and returns the reason.
async fn undo(
    library: &Library,
    paths: Vec<DocumentPath>,
    outcome: index::Outcome,
    upload: &PreparedUpload,
) -> carrel_domain::Error {
    for paths in paths.chunks(DOCUMENTS) {
        if let Err(error) = library.remove(paths.to_vec(), &upload.by).await {
            return error;
        }
    }
    outcome.into_error()
}

/// Stores documents, all or none, and creates their indexing jobs.
pub(super) async fn store(
    library: &Library,
    new: &[(Document, String)],
    upload: &PreparedUpload,
    lease: Option<LeaseRequest>,
) -> Result<Vec<Job>> {
    let upload_id = UploadId(Uuid::new_v4());
    let pieces = new.chunks(DOCUMENTS);
    let existing_job = match upload.indexing {
        Indexing::Later { existing_job } if pieces.len() == 1 => existing_job,
        _ => None,
    };
    let targets: Vec<IndexTarget> = upload
        .into
        .iter()
        .map(|workspace| IndexTarget {
            workspace: workspace.id,
            existing_job,
            event: jobs::created(workspace, new.len(), &upload.by),
        })
        .collect();
    let last = pieces.len() - 1;
    let mut jobs = Vec::new();
    for (number, documents) in pieces.enumerate() {
        let stored = async {
            let paths = library.write_files(documents).await?;
            let stored = |(document, _): &(Document, String)| StoredDocument {
                document: document.clone(),
                event: upload.event(document),
            };
            let piece = UploadPiece {
                upload: upload_id,
                documents: documents.iter().map(stored).collect(),
                is_first: number == 0,
                is_last: number == last,
                targets: targets.clone(),
                // Start the lease now, because storing a large upload takes longer than a lease
                // lasts.
                lease: lease
                    .map(|hold| LeaseRequest { token: hold.token, ..jobs::lease_request() }),
            };
            match library.uploads.store(piece).await {
                Ok(jobs) => Ok(jobs),
                Err(error) => {
                    library.reconcile_files(&paths).await;
                    Err(error)
                }
            }
        };
        match stored.await {
            Ok(created) => jobs = created,
            Err(error) => {
                library.roll_back(upload_id, &upload.by).await;
                return Err(error);
            }
        }
    }
    Ok(jobs)
}
