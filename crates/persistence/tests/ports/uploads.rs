//! Uploads in pieces: each piece is one transaction, and the upload is completed or rolled back.
use carrel_domain::audit::By;
use carrel_domain::job::queue::{JobQueue, LeaseRequest};
use carrel_domain::job::{JobState, Jobs};
use carrel_domain::library::Documents;
use carrel_domain::upload::{IndexTarget, StoredDocument, UploadId, UploadPiece, Uploads};
use carrel_domain::{DocumentPath, Error, JobId, WorkspaceId};
use carrel_persistence::Database;
use chrono::{TimeDelta, Utc};
use uuid::Uuid;

use crate::jobs::lease_request;
use crate::support::{Scratch, at, document, done, path, workspace};

on_both_databases! {
    an_upload_of_one_piece_leaves_only_its_job,
    the_job_of_an_upload_is_due_once_its_last_piece_is_stored,
    an_unfinished_upload_is_rolled_back_with_its_job,
    documents_adopted_by_another_upload_stay,
    a_job_takes_more_documents_while_it_is_open,
    a_piece_for_a_deleted_workspace_changes_nothing,
    a_job_cancelled_during_its_upload_ends,
}

fn paths(names: &[&str]) -> Vec<DocumentPath> {
    names.iter().map(|name| path(name)).collect()
}

fn target(workspace: WorkspaceId) -> IndexTarget {
    IndexTarget { workspace, existing_job: None, event: done(1) }
}

fn piece(upload: UploadId, names: &[&str], into: &[WorkspaceId]) -> UploadPiece {
    let stored = |name: &&str| StoredDocument { document: document(name), event: done(1) };
    UploadPiece {
        upload,
        documents: names.iter().map(stored).collect(),
        is_first: false,
        is_last: false,
        targets: into.iter().copied().map(target).collect(),
        lease: None,
    }
}

fn upload() -> UploadId {
    UploadId(Uuid::new_v4())
}

async fn intend(db: &Database, names: &[&str]) {
    db.record_intent(&paths(names), at(0)).await.unwrap();
}

async fn only(db: &Database, names: &[&str], into: &[WorkspaceId]) -> carrel_domain::job::Job {
    intend(db, names).await;
    let piece = UploadPiece { is_first: true, is_last: true, ..piece(upload(), names, into) };
    db.store(piece).await.unwrap().remove(0)
}

async fn first(db: &Database, upload: UploadId, names: &[&str], into: &[WorkspaceId]) {
    intend(db, names).await;
    let first = UploadPiece { is_first: true, ..piece(upload, names, into) };
    assert!(db.store(first).await.unwrap().is_empty());
}

async fn an_upload_of_one_piece_leaves_only_its_job(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (workspace(&db, "One").await.id, workspace(&db, "Two").await.id);
    intend(&db, &["a", "b"]).await;
    let request =
        LeaseRequest { token: Uuid::new_v4(), until: Utc::now() + TimeDelta::seconds(20) };
    let whole = UploadPiece {
        is_first: true,
        is_last: true,
        lease: Some(request),
        ..piece(upload(), &["a", "b"], &[one, two])
    };
    let jobs = db.store(whole).await.unwrap();
    let workspaces: Vec<_> = jobs.iter().map(|job| job.workspace.id).collect();
    assert_eq!(workspaces, [one, two]);
    for job in &jobs {
        assert_eq!((job.state, job.awaited, job.progress.total), (JobState::Running, true, 2));
        let items = db.items(job.id, None, None, 9).await.unwrap();
        assert_eq!(
            items.iter().map(|item| item.path.clone()).collect::<Vec<_>>(),
            paths(&["a", "b"])
        );
        // Only the requester holds the job.
        let lease = carrel_domain::job::queue::Lease { job: job.id, token: request.token };
        assert_eq!(db.pending_items(&lease, 9).await.unwrap().unwrap().len(), 2);
    }
    assert!(!db.is_due(Utc::now()).await.unwrap());
    assert!(db.pending_files(at(99)).await.unwrap().is_empty());
    assert_eq!((scratch.rows_in("uploads"), scratch.rows_in("documents")), (0, 2));
}

async fn the_job_of_an_upload_is_due_once_its_last_piece_is_stored(scratch: Scratch) {
    let db = scratch.open();
    let (here, id) = (workspace(&db, "Here").await.id, upload());
    first(&db, id, &["a", "b"], &[here]).await;
    assert!(!db.is_due(Utc::now()).await.unwrap(), "it is not full yet");
    assert!(db.pending_files(at(99)).await.unwrap().is_empty(), "they belong to the upload");
    intend(&db, &["c"]).await;
    db.store(piece(id, &["c"], &[here])).await.unwrap();
    intend(&db, &["d"]).await;
    let last = UploadPiece { is_last: true, ..piece(id, &["d"], &[here]) };
    let job = db.store(last).await.unwrap().remove(0);
    assert_eq!((job.state, job.awaited, job.progress.total), (JobState::Queued, false, 4));
    assert_eq!(db.unfinished(Utc::now() + TimeDelta::days(1)).await.unwrap(), []);
    assert_eq!(db.roll_back(id, 9, done(2)).await.unwrap(), None, "it is finished");
    // The pending files of the pieces are reconciled like any others.
    let pending = db.pending_files(at(99)).await.unwrap();
    assert!(pending.len() == 3 && pending.iter().all(|(_, is_known)| *is_known), "{pending:?}");
    let now = Utc::now();
    let request = LeaseRequest { token: Uuid::new_v4(), until: now + TimeDelta::seconds(20) };
    let claimed = db.claim(request, now).await.unwrap().unwrap();
    let waiting = db.pending_items(&claimed.lease, 9).await.unwrap().unwrap();
    let waiting: Vec<_> = waiting.into_iter().map(|item| item.path).collect();
    assert_eq!((claimed.job.id, waiting), (job.id, paths(&["a", "b", "c", "d"])));
}

async fn an_unfinished_upload_is_rolled_back_with_its_job(scratch: Scratch) {
    let db = scratch.open();
    let (here, id) = (workspace(&db, "Here").await.id, upload());
    Documents::create(&db, document("other"), Vec::new(), done(0)).await.unwrap();
    first(&db, id, &["a", "b", "c"], &[here]).await;
    let cutoff = Utc::now() + TimeDelta::seconds(1);
    assert_eq!(db.unfinished(cutoff).await.unwrap(), [id]);
    assert_eq!(db.unfinished(cutoff - TimeDelta::hours(1)).await.unwrap(), []);
    let removed = db.roll_back(id, 2, done(2)).await.unwrap().unwrap();
    assert_eq!(removed.len(), 2);
    assert_eq!(scratch.rows_in("jobs"), 1, "there is more to remove");
    assert_eq!(db.roll_back(id, 2, done(2)).await.unwrap().unwrap().len(), 1);
    assert_eq!(db.roll_back(id, 2, done(2)).await.unwrap(), None);
    assert_eq!((scratch.rows_in("documents"), scratch.rows_in("jobs")), (1, 0));
    let pending = db.pending_files(at(99)).await.unwrap();
    assert_eq!(
        pending,
        paths(&["a", "b", "c"]).into_iter().map(|path| (path, false)).collect::<Vec<_>>()
    );
    // A client that is still storing the upload gets an error and stores nothing.
    let late = db.store(piece(id, &["d"], &[here])).await;
    assert!(matches!(late, Err(Error::Unavailable { .. })), "{late:?}");
    assert_eq!(scratch.rows_in("documents"), 1);
}

async fn documents_adopted_by_another_upload_stay(scratch: Scratch) {
    let db = scratch.open();
    let (here, id) = (workspace(&db, "Here").await.id, upload());
    first(&db, id, &["a", "b"], &[here]).await;
    let known = db.accept_existing(&paths(&["b", "never"])).await.unwrap();
    assert_eq!(known, paths(&["b"]));
    while db.roll_back(id, 9, done(2)).await.unwrap().is_some() {}
    assert!(db.by_path(&path("b")).await.unwrap().is_some());
    assert_eq!((scratch.rows_in("documents"), scratch.rows_in("uploads")), (1, 0));
}

async fn a_job_takes_more_documents_while_it_is_open(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (workspace(&db, "One").await.id, workspace(&db, "Two").await.id);
    let job = only(&db, &["a"], &[one]).await;
    let add_to_job = |name, id: JobId, into| {
        let target = IndexTarget { existing_job: Some(id), ..target(into) };
        let one = piece(upload(), &[name], &[]);
        UploadPiece { is_first: true, is_last: true, targets: vec![target], ..one }
    };
    let same = db.store(add_to_job("b", job.id, one)).await.unwrap().remove(0);
    assert_eq!((same.id, same.progress.total, same.state), (job.id, 2, JobState::Queued));
    let other = db.store(add_to_job("c", job.id, two)).await.unwrap().remove(0);
    assert!(other.id != job.id && other.workspace.id == two);
    Jobs::cancel(&db, job.id, done(3)).await.unwrap();
    let new = db.store(add_to_job("d", job.id, one)).await.unwrap().remove(0);
    assert_ne!(new.id, job.id);
    let unknown = db.store(add_to_job("e", JobId(999), one)).await.unwrap().remove(0);
    assert_eq!(unknown.progress.total, 1);
}

async fn a_piece_for_a_deleted_workspace_changes_nothing(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    intend(&db, &["a"]).await;
    let gone = UploadPiece {
        is_first: true,
        is_last: true,
        ..piece(upload(), &["a"], &[here, WorkspaceId(999)])
    };
    let refused = db.store(gone).await;
    assert!(matches!(refused, Err(Error::NotFound { kind: "workspace", .. })), "{refused:?}");
    assert_eq!((scratch.rows_in("documents"), scratch.rows_in("jobs")), (0, 0));
    assert_eq!(db.pending_files(at(99)).await.unwrap(), [(path("a"), false)]);
}

async fn a_job_cancelled_during_its_upload_ends(scratch: Scratch) {
    let db = scratch.open();
    let (here, id) = (workspace(&db, "Here").await.id, upload());
    first(&db, id, &["a"], &[here]).await;
    let filter = carrel_domain::job::JobFilter::default();
    let job = db.page(&filter, None, 9).await.unwrap().remove(0);
    let event = By::operator(at(2)).event("test", "{}");
    let cancelled = Jobs::cancel(&db, job.id, event).await.unwrap().unwrap();
    assert!(cancelled.cancelling && !cancelled.state.is_over());
    intend(&db, &["b"]).await;
    let last = UploadPiece { is_last: true, ..piece(id, &["b"], &[here]) };
    let full = db.store(last).await.unwrap().remove(0);
    assert!(full.cancelling && full.progress.total == 2);
    let now = Utc::now();
    let claimed =
        db.claim(LeaseRequest { until: now, ..lease_request(20) }, now).await.unwrap().unwrap();
    let ended = db.end(&claimed.lease, None, now).await.unwrap().unwrap();
    assert_eq!((ended.state, ended.progress.cancelled), (JobState::Cancelled, 2));
}
