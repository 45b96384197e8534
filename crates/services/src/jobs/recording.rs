//! Transcribing the recording of a job, with stored progress and the ability to resume.
use std::time::Duration;

use carrel_domain::audit::By;
use carrel_domain::job::JobItem;
use carrel_domain::job::queue::{FinishedItem, ItemOutcome, Lease};
use carrel_domain::job::recordings::RecordingProgress;
use carrel_domain::speech::{ProgressSnapshot, TranscriptionProgress};
use carrel_domain::{Error, Result};
use chrono::{TimeDelta, Utc};
use tokio::time::sleep;
use uuid::Uuid;

use super::batch::reason;
use super::worker::Worker;
use super::{LEASE, Workers};
use crate::ingestion::recording;

/// The interval at which progress is stored.
const LOOK: Duration = Duration::from_secs(1);
/// The delay of a job whose recording must wait for another one.
const LATER: TimeDelta = TimeDelta::seconds(5);

/// What follows a recording.
pub(super) enum AfterRecording {
    /// The next step of the job, which can be the same recording.
    Next,
    /// Nothing, because the job was left.
    Left,
}

/// Why a transcription is interrupted.
enum Interruption {
    /// The job has received other documents, which take less time.
    Others,
    /// Another worker has claimed the job.
    Lost,
}

/// Returns the pending file from the details of an item.
pub(super) fn file(details: &str) -> Result<Uuid> {
    recording::pending_file(details)
}

/// Transcribes the recording of an item and stores its document. The item is then indexed like any
/// other.
pub(super) async fn transcribe(worker: &mut Worker, item: JobItem) -> Result<AfterRecording> {
    let shared = worker.workers.shared.clone();
    // A transcription takes long, so the slot is freed for other jobs.
    worker.slot = None;
    shared.wake.notify_one();
    let Ok(_turn) = shared.transcribing.try_acquire() else {
        let (attempts, error) = (worker.job.attempts, worker.job.error.clone());
        worker.requeue(Utc::now() + LATER, attempts, error).await?;
        return Ok(AfterRecording::Left);
    };
    let Some(details) = shared.recordings.details(worker.job.id, item.number).await? else {
        return Ok(AfterRecording::Next);
    };
    let by = By { at: Utc::now(), ..worker.job.by.clone() };
    let mut path = item.path.clone();
    // The document may have been stored just before the process was killed.
    let is_stored = shared.library.documents.by_path(&path).await?.is_some();
    if !is_stored && let Some(identical) = recording::identical(&shared.library, &details).await? {
        path = identical;
    } else if !is_stored {
        let progress = TranscriptionProgress::default();
        let monitor = monitor_progress(&worker.workers, &worker.lease, &item, &progress);
        let transcription =
            recording::transcribe(&shared.library, &details, &item.path, progress.clone(), &by);
        let transcribed = tokio::select! {
            biased;
            interrupt = worker.heartbeat.interrupt() => {
                worker.leave(interrupt, None).await?;
                return Ok(AfterRecording::Left);
            }
            transcribed = transcription => transcribed,
            interruption = monitor => return interruption.map(|reason| match reason {
                Interruption::Others => AfterRecording::Next,
                Interruption::Lost => AfterRecording::Left,
            }),
        };
        let stored = match transcribed {
            Ok(transcribed) => recording::keep(&shared.library, transcribed, &by).await,
            Err(error) => Err(error),
        };
        if let Err(error) = stored {
            return not_transcribed(worker, item, &details, error).await;
        }
        store_progress(&worker.workers, &worker.lease, &item, &progress).await?;
    }
    let until = Utc::now() + LEASE;
    let Some(job) = shared.recordings.transcribed(&worker.lease, item.number, path, until).await?
    else {
        return Ok(AfterRecording::Left);
    };
    worker.changed(job);
    shared.library.recordings.remove(file(&details)?).await;
    Ok(AfterRecording::Next)
}

async fn not_transcribed(
    worker: &mut Worker,
    item: JobItem,
    details: &str,
    error: Error,
) -> Result<AfterRecording> {
    if matches!(error, Error::Unavailable { .. }) {
        worker.put_off(reason(&error)).await?;
        return Ok(AfterRecording::Left);
    }
    let outcome = ItemOutcome::Failed(reason(&error));
    worker.cause.get_or_insert(error);
    let completed = worker.complete(vec![FinishedItem { item, outcome }]).await?;
    worker.workers.shared.library.recordings.remove(file(details)?).await;
    Ok(if completed.is_some() { AfterRecording::Next } else { AfterRecording::Left })
}

/// Stores the progress of a transcription until there is a reason to interrupt it.
async fn monitor_progress(
    workers: &Workers,
    lease: &Lease,
    item: &JobItem,
    progress: &TranscriptionProgress,
) -> Result<Interruption> {
    // Nothing is stored yet, whatever was heard before the first look.
    let mut stored = ProgressSnapshot::default();
    loop {
        sleep(LOOK).await;
        let now = progress.now();
        if now != stored {
            stored = now;
            if !store_progress(workers, lease, item, progress).await? {
                return Ok(Interruption::Lost);
            }
        }
        match workers.shared.queue.pending_items(lease, 1).await? {
            None => return Ok(Interruption::Lost),
            Some(items) if items.iter().any(|item| !item.is_untranscribed()) => {
                return Ok(Interruption::Others);
            }
            Some(_) => {}
        }
    }
}

/// Stores the progress. Returns whether the job is still held.
async fn store_progress(
    workers: &Workers,
    lease: &Lease,
    item: &JobItem,
    progress: &TranscriptionProgress,
) -> Result<bool> {
    let now = progress.now();
    let recorded = RecordingProgress {
        transcribed: now.seconds as u32,
        duration: now.duration.map(|seconds| seconds.ceil() as u32),
    };
    let until = Utc::now() + LEASE;
    let job =
        workers.shared.recordings.record_progress(lease, item.number, recorded, until).await?;
    workers.notify_others(lease);
    Ok(job.is_some())
}

#[cfg(test)]
mod tests;
