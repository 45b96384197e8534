//! Running jobs that a request waits for, and collecting their failures.
use carrel_domain::job::queue::{ClaimedJob, Lease, LeaseRequest};
use carrel_domain::job::{ItemState, Job, JobState};
use carrel_domain::{DocumentPath, Error, Result};
use tokio::sync::oneshot;

use super::worker::{LeftJob, Worker};
use super::{KnownTexts, PAGE, Workers};

/// Why a document is not indexed yet when the server stops.
const STOPPING: &str = "the server is stopping; the document is indexed when it has started again";

/// The outcome of a job that a request waited for.
#[derive(Debug)]
pub(crate) struct EndedJob {
    /// Whether the job has ended. Otherwise the server is stopping, and the job continues after a
    /// restart.
    pub(crate) is_over: bool,
    /// Documents that are not indexed, with reasons.
    pub(crate) failures: Vec<(DocumentPath, String)>,
    /// The first failure.
    pub(crate) cause: Option<Error>,
}

/// Runs held jobs in order, so that embeddings of earlier jobs are reused by later ones. Continues
/// if the caller is dropped.
pub(super) async fn finish(
    workers: &Workers,
    jobs: Vec<Job>,
    lease: LeaseRequest,
    texts: KnownTexts,
) -> Result<Vec<EndedJob>> {
    let (mut running, mut before) = (Vec::with_capacity(jobs.len()), None);
    for job in jobs {
        let lease = Lease { job: job.id, token: lease.token };
        let id = job.id;
        let worker = Worker::new(workers.clone(), ClaimedJob { job, lease, resumed: false })
            .with_texts(texts.clone());
        let (ended, next) = oneshot::channel::<()>();
        let before = before.replace(next);
        let work = async move {
            let left = worker.run(before).await;
            drop(ended);
            left
        };
        running.push((id, workers.shared.runtime.spawn(work)));
    }
    let mut outcomes = Vec::with_capacity(running.len());
    for (id, work) in running {
        let LeftJob { job, cause } = work.await.map_err(Error::internal)??;
        let job = match job.state.is_over() {
            true => Some(job),
            // Another worker may have ended it.
            false => workers.shared.jobs.by_id(id).await?,
        };
        let Some(job) = job else {
            // The job was deleted with its workspace.
            continue;
        };
        let failures = failures(workers, &job).await?;
        outcomes.push(EndedJob { is_over: job.state.is_over(), failures, cause });
    }
    Ok(outcomes)
}

async fn failures(workers: &Workers, job: &Job) -> Result<Vec<(DocumentPath, String)>> {
    let mut failures = Vec::new();
    if job.state == JobState::Done {
        return Ok(failures);
    }
    for (state, otherwise) in [
        (ItemState::Failed, "it could not be embedded"),
        (ItemState::Cancelled, "the job was cancelled before this document was indexed"),
        (ItemState::Queued, STOPPING),
    ] {
        let mut after = None;
        loop {
            let items = workers.shared.jobs.items(job.id, Some(state), after, PAGE).await?;
            after = items.last().map(|item| item.number);
            failures.extend(items.into_iter().map(|item| {
                let reason = item.reason.unwrap_or_else(|| otherwise.to_owned());
                (item.path, reason)
            }));
            if after.is_none() {
                break;
            }
        }
    }
    Ok(failures)
}
