//! Waiting for the jobs that index an upload.
use std::collections::HashMap;

use carrel_domain::job::Job;
use carrel_domain::job::queue::LeaseRequest;
use carrel_domain::{DocumentPath, Error, Result};

use super::Ingestion;

/// The outcome of an upload's jobs.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Documents that are not indexed everywhere, and why.
    pub(super) failures: HashMap<DocumentPath, String>,
    cause: Option<Error>,
}

impl Outcome {
    /// Why nothing is kept of an upload.
    pub(super) fn into_error(self) -> Error {
        let reason = self.failures.into_values().next().unwrap_or_default();
        self.cause.unwrap_or_else(|| Error::unprocessable(reason))
    }
}

/// Works on held jobs, one after another, to their end.
pub(super) async fn wait(
    ingestion: &Ingestion,
    jobs: Vec<Job>,
    hold: LeaseRequest,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for ended in ingestion.workers.finish(jobs, hold).await? {
        outcome.cause = outcome.cause.or(ended.cause);
        for (path, reason) in ended.failures {
            // One that is gone was replaced or removed by somebody else.
            if ingestion.library.documents.by_path(&path).await?.is_some() {
                outcome.failures.entry(path).or_insert(reason);
            }
        }
    }
    Ok(outcome)
}
