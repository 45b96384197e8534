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
use super::{Arrival, Indexing, Ingested, Ingestion, index};
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
    arrival: Arrival,
) -> Result<Ingested> {
    if arrival.made.is_empty() {
        return Ok(Ingested::default());
    }
    let library = &ingestion.library;
    let related = RelatedDocuments::Key(key.clone());
    for _ in 0..TRIES {
        let earlier = library.documents.related(&related).await?;
        if earlier.is_empty() {
            match store::add_new(ingestion, &arrival.made, &arrival).await {
                // Another first upload with the key was faster.
                Err(Error::AlreadyExists { .. }) => continue,
                stored => return Ok(stored?.with(arrival.made)),
            }
        }
        let plan = plan(&key, &earlier, &arrival);
        if !plan.targets.is_empty() {
            library.indexer.check().await?;
        }
        let Some(replaced) = store(library, &plan, &arrival).await? else { continue };
        return settle(ingestion, plan, replaced, arrival).await;
    }
    Err(Error::unavailable("the document", "other requests are changing it; try again"))
}

fn plan(key: &str, earlier: &[Placed], arrival: &Arrival) -> Replacement {
    let documents: Vec<Document> =
        arrival.made.iter().map(|(document, _)| document.clone()).collect();
    let mut events = BTreeMap::new();
    for workspace in earlier.iter().flat_map(|(_, workspaces)| workspaces) {
        events.insert(*workspace, created(*workspace, documents.len(), &arrival.by));
    }
    for workspace in &arrival.into {
        events.insert(workspace.id, jobs::created(workspace, documents.len(), &arrival.by));
    }
    let event = match documents.first() {
        Some(first) => arrival.event(first),
        None => arrival.by.event(arrival.event, "{}"),
    };
    let target = |(workspace, event)| IndexTarget { workspace, along: None, event };
    Replacement {
        key: key.to_owned(),
        earlier: earlier.iter().map(|(document, _)| document.path.clone()).collect(),
        event,
        documents,
        targets: events.into_iter().map(target).collect(),
        hold: jobs::lease_request(),
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
    arrival: &Arrival,
) -> Result<Option<Replaced>> {
    let written = library.write_files(&arrival.made).await?;
    // Start the lease now, because writing files can take longer than a lease lasts.
    let hold = LeaseRequest { token: plan.hold.token, ..jobs::lease_request() };
    let replaced = match library.uploads.replace(Replacement { hold, ..plan.clone() }).await {
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
    arrival: Arrival,
) -> Result<Ingested> {
    let library = &ingestion.library;
    let outcome = index::wait(ingestion, replaced.jobs, plan.hold).await?;
    if outcome.failures.is_empty() {
        library.roll_back(plan.obsolete, &arrival.by).await;
    }
    for path in &plan.earlier {
        if library.documents.by_path(path).await?.is_none() {
            library.discard_file(path).await?;
        }
    }
    library.originals.delete_released().await;
    if arrival.indexing == Indexing::Refuse && !outcome.failures.is_empty() {
        return Err(outcome.into_error());
    }
    let texts = arrival.made.into_iter().map(|(_, text)| text);
    let stored = Stored { jobs: Vec::new(), warnings: outcome.failures };
    Ok(stored.with(replaced.documents.into_iter().zip(texts).collect()))
}
