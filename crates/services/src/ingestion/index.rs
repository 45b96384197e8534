//! Waiting for the jobs that index an upload.
use std::collections::HashMap;

use carrel_domain::document::Document;
use carrel_domain::job::Job;
use carrel_domain::job::queue::LeaseRequest;
use carrel_domain::{DocumentPath, Error, Result};

use super::Ingestion;
use crate::jobs::KnownTexts;

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

/// The maximum size of texts that are handed to jobs instead of being read from files, in bytes.
const HANDED_OVER: usize = 1 << 20;

/// Runs held jobs for stored documents to their end, one after another.
pub(super) async fn wait(
    ingestion: &Ingestion,
    jobs: Vec<Job>,
    lease: LeaseRequest,
    documents: &[(Document, String)],
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for ended in ingestion.workers.finish(jobs, lease, known_texts(documents)).await? {
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

/// Returns the texts of a small upload. Those of a larger one are not held in memory twice.
fn known_texts(documents: &[(Document, String)]) -> KnownTexts {
    let size: usize = documents.iter().map(|(_, text)| text.len()).sum();
    if size > HANDED_OVER {
        return KnownTexts::default();
    }
    let texts = documents.iter().map(|(document, text)| (document.path.clone(), text.clone()));
    KnownTexts::new(texts.collect())
}
