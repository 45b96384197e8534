//! Uploads with a key, which replace the earlier upload with the same key in all its workspaces.
//!
//! The new text is stored first. Its workspaces keep the earlier passages until a job has made new
//! ones, and documents without a successor are removed last. A search therefore finds one of the
//! texts at any time, even if the process is killed: the jobs continue after a restart.
use std::collections::BTreeMap;

use carrel_domain::audit::{By, Event};
use carrel_domain::document::Document;
use carrel_domain::job::queue::LeaseRequest;
use carrel_domain::library::RelatedDocuments;
use carrel_domain::upload::{IndexTarget, Replaced, Replacement, UploadId};
use carrel_domain::{Error, Result, WorkspaceId};
use serde_json::json;
use uuid::Uuid;

use super::known::Placed;
use super::store::{self, Stored};
use super::{Indexing, Ingested, Ingestion, PreparedUpload, index};
use crate::jobs;
use crate::library::Library;

/// The number of attempts if other requests change the same documents.
const TRIES: usize = 8;

/// Stores and indexes an upload in place of the earlier one with its key. If the embedder fails or
/// the upload cannot be stored, the earlier documents stay. Once stored, the upload stays even with
/// [`Indexing::Refuse`], because the earlier texts no longer exist.
pub(super) async fn replace(
    ingestion: &Ingestion,
    key: String,
    upload: PreparedUpload,
) -> Result<Ingested> {
    if upload.documents.is_empty() {
        return Ok(Ingested::default());
    }
    let library = &ingestion.library;
    let related = RelatedDocuments::Key(key.clone());
    for _ in 0..TRIES {
        let existing = library.documents.related(&related).await?;
        if existing.is_empty() {
            match store::add_new(ingestion, &upload.documents, &upload).await {
                // Another first upload with the key was faster.
                Err(Error::AlreadyExists { .. }) => continue,
                stored => return Ok(stored?.with(upload.documents)),
            }
        }
        let plan = plan(&key, &existing, &upload);
        if !plan.targets.is_empty() {
            library.indexer.check().await?;
        }
        let Some(replaced) = store(library, &plan, &upload).await? else { continue };
        return settle(ingestion, plan, replaced, upload).await;
    }
    Err(Error::unavailable("the document", "other requests are changing it; try again"))
}

fn plan(key: &str, existing: &[Placed], upload: &PreparedUpload) -> Replacement {
    let documents: Vec<Document> =
        upload.documents.iter().map(|(document, _)| document.clone()).collect();
    let mut events = BTreeMap::new();
    for workspace in existing.iter().flat_map(|(_, workspaces)| workspaces) {
        events.insert(*workspace, created(*workspace, documents.len(), &upload.by));
    }
    for workspace in &upload.into {
        events.insert(workspace.id, jobs::created(workspace, documents.len(), &upload.by));
    }
    let event = match documents.first() {
        Some(first) => upload.event(first),
        None => upload.by.event(upload.event, "{}"),
    };
    let target = |(workspace, event)| IndexTarget { workspace, existing_job: None, event };
    Replacement {
        key: key.to_owned(),
        replaced: existing.iter().map(|(document, _)| document.path.clone()).collect(),
        event,
        documents,
        targets: events.into_iter().map(target).collect(),
        lease: jobs::lease_request(),
        obsolete: UploadId(Uuid::new_v4()),
    }
}

/// Returns the event of [`jobs::created`] for a workspace known only by its id.
fn created(workspace: WorkspaceId, documents: usize, by: &By) -> Event {
    let details = json!({ "workspaceId": workspace.0, "numberOfDocuments": documents });
    by.event("embedding_job_created", details.to_string())
}

/// Stores the replacement. Returns `None` if other requests have changed the documents.
async fn store(
    library: &Library,
    plan: &Replacement,
    upload: &PreparedUpload,
) -> Result<Option<Replaced>> {
    let written = library.write_files(&upload.documents).await?;
    // Start the lease now, because writing files can take longer than a lease lasts.
    let lease = LeaseRequest { token: plan.lease.token, ..jobs::lease_request() };
    let replaced = match library.uploads.replace(Replacement { lease, ..plan.clone() }).await {
        Err(Error::AlreadyExists { .. } | Error::NotFound { kind: "workspace", .. }) => Ok(None),
        other => other,
    };
    if !matches!(replaced, Ok(Some(_))) {
        library.reconcile_files(&written).await;
    }
    replaced
}

/// Completes a committed replacement.
async fn settle(
    ingestion: &Ingestion,
    plan: Replacement,
    replaced: Replaced,
    upload: PreparedUpload,
) -> Result<Ingested> {
    let library = &ingestion.library;
    let texts = upload.documents.into_iter().map(|(_, text)| text);
    let documents: Vec<_> = replaced.documents.into_iter().zip(texts).collect();
    let outcome = index::wait(ingestion, replaced.jobs, plan.lease, &documents).await?;
    if outcome.failures.is_empty() {
        library.roll_back(plan.obsolete, &upload.by).await;
    }
    for path in &plan.replaced {
        if library.documents.by_path(path).await?.is_none() {
            library.discard_file(path).await?;
        }
    }
    library.originals.delete_released().await;
    if upload.indexing == Indexing::Refuse && !outcome.failures.is_empty() {
        return Err(outcome.into_error());
    }
    Ok(Stored { jobs: Vec::new(), warnings: outcome.failures }.with(documents))
}
