//! Waiting for the jobs that index an upload.
use std::collections::HashMap;

use carrel_domain::job::Job;
use carrel_domain::job::queue::LeaseRequest;
use carrel_domain::{DocumentPath, Error, Result};

use super::Ingestion;

/// The outcome of an upload's jobs.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Documents that are not indexed in all workspaces, with the reason.
    pub(super) failures: HashMap<DocumentPath, String>,
    cause: Option<Error>,
}

impl Outcome {
    /// Returns the error for an upload of which nothing is kept.
    pub(super) fn into_error(self) -> Error {
        let reason = self.failures.into_values().next().unwrap_or_default();
        self.cause.unwrap_or_else(|| Error::unprocessable(reason))
    }
}

/// Runs held jobs to their end, one after another.
pub(super) async fn wait(
    ingestion: &Ingestion,
    jobs: Vec<Job>,
    lease: LeaseRequest,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for ended in ingestion.workers.finish(jobs, lease).await? {
        outcome.cause = outcome.cause.or(ended.cause);
        for (path, reason) in ended.failures {
            // A missing document was replaced or removed by another request.
            if ingestion.library.documents.by_path(&path).await?.is_some() {
                outcome.failures.entry(path).or_insert(reason);
            }
        }
    }
    Ok(outcome)
}
