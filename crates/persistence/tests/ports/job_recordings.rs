//! Recordings that jobs transcribe before they index the documents made of them.
use carrel_domain::job::queue::{ClaimedJob, ItemOutcome, JobQueue};
use carrel_domain::job::recordings::{JobRecordings, NewRecording, RecordingProgress};
use carrel_domain::job::{Job, JobItem, Jobs};
use carrel_domain::{JobId, WorkspaceId};

use crate::jobs::{add, claim, finish, lease_request, queue};
use crate::support::{Scratch, at, done, path, workspace};

on_both_databases! {
    a_recording_comes_after_the_other_documents_of_its_job,
    progress_is_recorded_only_by_the_holder_of_the_lease,
}

async fn recording(
    db: &carrel_persistence::Database,
    workspace: WorkspaceId,
    existing_job: Option<JobId>,
    name: &str,
) -> Job {
    let details = format!("{{\"of\":\"{name}\"}}");
    let new = NewRecording {
        workspace,
        existing_job,
        path: path(name),
        name: format!("{name}.mp3"),
        details,
    };
    JobRecordings::queue(db, new, done(0)).await.unwrap()
}

async fn items(db: &carrel_persistence::Database, job: JobId) -> Vec<JobItem> {
    db.items(job, None, None, 10).await.unwrap()
}

async fn a_recording_comes_after_the_other_documents_of_its_job(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let there = workspace(&db, "There").await.id;
    let job = recording(&db, here, None, "one").await;
    assert_eq!((job.progress.total, job.workspace.id), (1, here));
    let other = recording(&db, there, Some(job.id), "two").await;
    assert_ne!(other.id, job.id, "it is of another workspace");
    let more = recording(&db, here, Some(job.id), "three").await;
    assert_eq!((more.id, more.progress.total), (job.id, 2));
    add(&db, &["a"]).await;
    db.extend(job.id, vec![path("a")], done(0)).await.unwrap().unwrap();
    assert_eq!(db.pending().await.unwrap().len(), 3);
    let ClaimedJob { lease, job: claimed, .. } = claim(&db, 1).await;
    assert_eq!(claimed.id, job.id);
    let waiting = db.pending_items(&lease, 10).await.unwrap().unwrap();
    assert_eq!(waiting.iter().map(|item| item.path.clone()).collect::<Vec<_>>(), [path("a")]);
    finish(&db, &lease, |_| ItemOutcome::Unchanged).await;
    let waiting = db.pending_items(&lease, 10).await.unwrap().unwrap();
    let [item] = waiting.as_slice() else { panic!("{waiting:?}") };
    assert!(item.is_untranscribed());
    assert_eq!(item.recording.as_ref().unwrap().name, "one.mp3");
    let details = db.details(job.id, item.number).await.unwrap();
    assert_eq!(details.as_deref(), Some("{\"of\":\"one\"}"));
}

async fn progress_is_recorded_only_by_the_holder_of_the_lease(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let job = recording(&db, here, None, "one").await;
    let ClaimedJob { lease, .. } = claim(&db, 1).await;
    let progress = RecordingProgress { transcribed: 30, duration: Some(600) };
    let recorded = db.record_progress(&lease, 0, progress, at(20)).await.unwrap().unwrap();
    let item = items(&db, job.id).await.remove(0);
    assert_eq!(
        (item.changed, item.recording.as_ref().unwrap().progress),
        (recorded.changes, progress)
    );
    // The worker is gone: the next one continues, and the first can no longer change anything.
    let next = db.claim(lease_request(60), at(30)).await.unwrap().unwrap();
    assert!(next.resumed && next.job.attempts == 1);
    let late = RecordingProgress { transcribed: 60, duration: Some(600) };
    assert!(db.record_progress(&lease, 0, late, at(40)).await.unwrap().is_none());
    assert!(db.transcribed(&lease, 0, path("two"), at(40)).await.unwrap().is_none());
    let further = db.record_progress(&next.lease, 0, late, at(40)).await.unwrap().unwrap();
    assert_eq!(further.attempts, 0, "it has got further");
    db.transcribed(&next.lease, 0, path("two"), at(60)).await.unwrap().unwrap();
    let item = items(&db, job.id).await.remove(0);
    assert!(!item.is_untranscribed());
    assert_eq!(item.path, path("two"), "an identical recording was transcribed before");
    assert_eq!(item.recording.unwrap().progress, late);
    assert_eq!(db.details(job.id, 0).await.unwrap(), None);
    assert!(db.pending().await.unwrap().is_empty());
    // An ordinary job has no recordings.
    add(&db, &["a"]).await;
    let plain = queue(&db, here, &["a"]).await;
    assert!(items(&db, plain.id).await.iter().all(|item| item.recording.is_none()));
}
