//! Storing documents: first their files, then their rows in pieces of bounded size, together with
//! the indexing jobs.
use std::collections::HashMap;

use carrel_domain::document::Document;
use carrel_domain::job::Job;
use carrel_domain::job::queue::LeaseRequest;
use carrel_domain::upload::{IndexTarget, StoredDocument, UploadId, UploadPiece};
use carrel_domain::{DocumentPath, Result};
use uuid::Uuid;

use super::{Added, Arrival, Indexing, Ingested, Ingestion, index, known};
use crate::jobs;
use crate::library::Library;

/// The maximum number of documents per transaction.
const DOCUMENTS: usize = 128;

/// Stores and indexes new documents, and indexes existing ones in workspaces that lack them.
pub(super) async fn add(ingestion: &Ingestion, mut arrival: Arrival) -> Result<Ingested> {
    let library = &ingestion.library;
    let mut earlier = known::by_part(library, &mut arrival).await?;
    let order = arrival.made.iter().enumerate();
    let order: HashMap<_, _> =
        order.map(|(at, (document, _))| (document.origin.part.clone(), at)).collect();
    let (mut there, mut new) = (Vec::new(), Vec::new());
    for (document, text) in std::mem::take(&mut arrival.made) {
        match earlier.remove(&document.origin.part) {
            Some(found) => there.push((found, text)),
            None => new.push((document, text)),
        }
    }
    let stored = add_new(ingestion, &new, &arrival).await?;
    let mut ingested = stored.with(new);
    let more = known::reuse(ingestion, there, &arrival.into, arrival.indexing, &arrival.by).await?;
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
    arrival: &Arrival,
) -> Result<Stored> {
    if new.is_empty() {
        return Ok(Stored::default());
    }
    let hold = match arrival.indexing {
        Indexing::Later { .. } => None,
        Indexing::Keep | Indexing::Refuse => Some(jobs::lease_request()),
    };
    let jobs = store(&ingestion.library, new, arrival, hold).await?;
    let Some(hold) = hold else {
        jobs.iter().for_each(|job| ingestion.workers.notify(job.id));
        return Ok(Stored { jobs, warnings: HashMap::new() });
    };
    let outcome = index::wait(ingestion, jobs, hold).await?;
    if arrival.indexing == Indexing::Refuse && !outcome.failures.is_empty() {
        let paths = new.iter().map(|(document, _)| document.path.clone()).collect();
        return Err(undo(&ingestion.library, paths, outcome, arrival).await);
    }
    Ok(Stored { jobs: Vec::new(), warnings: outcome.failures })
}

/// Removes the stored documents, because not all could be indexed, and returns the reason.
async fn undo(
    library: &Library,
    paths: Vec<DocumentPath>,
    outcome: index::Outcome,
    arrival: &Arrival,
) -> carrel_domain::Error {
    for paths in paths.chunks(DOCUMENTS) {
        if let Err(error) = library.remove(paths.to_vec(), &arrival.by).await {
            return error;
        }
    }
    outcome.into_error()
}

/// Stores documents, all or none, and creates their indexing jobs.
pub(super) async fn store(
    library: &Library,
    new: &[(Document, String)],
    arrival: &Arrival,
    hold: Option<LeaseRequest>,
) -> Result<Vec<Job>> {
    let upload = UploadId(Uuid::new_v4());
    let pieces = new.chunks(DOCUMENTS);
    let along = match arrival.indexing {
        Indexing::Later { along } if pieces.len() == 1 => along,
        _ => None,
    };
    let targets: Vec<IndexTarget> = arrival
        .into
        .iter()
        .map(|workspace| IndexTarget {
            workspace: workspace.id,
            along,
            event: jobs::created(workspace, new.len(), &arrival.by),
        })
        .collect();
    let last = pieces.len() - 1;
    let mut jobs = Vec::new();
    for (number, documents) in pieces.enumerate() {
        let stored = async {
            let paths = library.write_files(documents).await?;
            let stored = |(document, _): &(Document, String)| StoredDocument {
                document: document.clone(),
                event: arrival.event(document),
            };
            let piece = UploadPiece {
                upload,
                documents: documents.iter().map(stored).collect(),
                is_first: number == 0,
                is_last: number == last,
                targets: targets.clone(),
                // Start the lease now, because storing a large upload takes longer than a lease
                // lasts.
                hold: hold.map(|hold| LeaseRequest { token: hold.token, ..jobs::lease_request() }),
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
            Ok(begun) => jobs = begun,
            Err(error) => {
                library.roll_back(upload, &arrival.by).await;
                return Err(error);
            }
        }
    }
    Ok(jobs)
}
