use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use carrel_domain::document::IncomingFile;
use carrel_domain::job::{ItemState, Job, JobState};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::fakes::world::World;
use crate::fakes::{by, workspace};
use crate::ingestion::{Details, Indexing, Ingested, Terms};
use crate::jobs::worker::LeftJob;

/// Adds a recording of someone saying `text` to a workspace.
async fn upload(world: &Arc<World>, text: &str) -> Result<Ingested> {
    upload_with(world, text, Details::default()).await
}

async fn upload_with(world: &Arc<World>, text: &str, details: Details) -> Result<Ingested> {
    let content = world.recordings.directory.path().join("upload");
    std::fs::write(&content, text).unwrap();
    let file = IncomingFile { name: "talk.wav".into(), content };
    let indexing = Indexing::Later { existing_job: None };
    let into = vec![workspace("Alpha")];
    world.ingestion().add_file(file, details, into, indexing, &by()).await
}

/// The terms of the browser: existing documents with the same content are used instead.
fn or_identical() -> Details {
    let terms = Terms { digest: Some([7; 32]), skip_identical: true, ..Terms::default() };
    Details { terms, ..Details::default() }
}

fn stored_files(world: &World) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(world.recordings.directory.path()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| !path.ends_with("upload")).collect()
}

fn job(world: &World) -> (Job, JobItem) {
    let jobs = world.jobs.lock().unwrap();
    let known = jobs.last().unwrap();
    (known.job.clone(), known.items[0].clone())
}

async fn work(workers: &Workers) {
    while let Some(claimed) = workers.claim().await.unwrap() {
        Worker::new(workers.clone(), claimed).run(None).await.unwrap();
    }
}

/// Starts a worker and waits until it has transcribed the first second of the recording.
async fn partly_transcribed(world: &Arc<World>) -> (Workers, JoinHandle<Result<LeftJob>>) {
    world.recordings.failures.store(1, Ordering::Relaxed);
    let workers = world.workers();
    let claimed = workers.claim().await.unwrap().unwrap();
    let working = tokio::spawn(Worker::new(workers.clone(), claimed).run(None));
    let started = async {
        while job(world).1.recording.unwrap().progress.transcribed == 0 {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(60), started).await.expect("progress is stored");
    (workers, working)
}

#[tokio::test]
async fn a_recording_is_transcribed_by_its_job_and_then_indexed() {
    let world = Arc::new(World::default());
    let Ingested { added, jobs } = upload(&world, "Good morning.").await.unwrap();
    assert!(added.is_empty(), "no request waits for the document");
    assert_eq!((jobs.len(), stored_files(&world).len()), (1, 1));
    let path = job(&world).1.path;
    assert!(world.documents.lock().unwrap().is_empty());
    work(&world.workers()).await;
    let (job, item) = job(&world);
    assert_eq!((job.state, item.state), (JobState::Done, ItemState::Done));
    let recording = item.recording.unwrap();
    assert_eq!((recording.name.as_str(), recording.is_pending), ("talk.wav", false));
    let whole = RecordingProgress { transcribed: 59, duration: Some(60) };
    assert_eq!(recording.progress, whole);
    let document = world.documents.lock().unwrap()[&path].clone();
    assert_eq!((document.title.as_str(), document.url.as_str()), ("talk.wav", "file://talk.wav"));
    assert!(path.name().contains(&document.id.to_string()));
    assert_eq!(world.embedded.lock().unwrap().as_slice(), ["Good morning."]);
    assert!(stored_files(&world).is_empty(), "the recording is no longer needed");
    let usage = world.recordings.usage.lock().unwrap();
    let [(seconds, event)] = usage.as_slice() else { panic!("{usage:?}") };
    assert_eq!((*seconds, event.name, event.by.actor), (60, "speech_transcribed", by().actor));
    let details: Value = serde_json::from_str(&event.details).unwrap();
    assert_eq!(details["model"], "fake");
    assert!(!event.details.contains("morning"), "{}", event.details);
}

#[tokio::test(start_paused = true)]
async fn progress_made_before_the_first_look_is_stored() {
    let world = Arc::new(World::default());
    upload(&world, "Good morning.").await.unwrap();
    let workers = world.workers();
    let lease = workers.claim().await.unwrap().unwrap().lease;
    let progress = TranscriptionProgress::default();
    progress.advance_to(1.0);
    let item = job(&world).1;
    let monitor = monitor_progress(&workers, &lease, &item, &progress);
    assert!(timeout(LOOK * 3, monitor).await.is_err(), "nothing interrupts the transcription");
    assert_eq!(job(&world).1.recording.unwrap().progress.transcribed, 1);
}

#[tokio::test(start_paused = true)]
async fn a_recording_that_is_interrupted_stays_with_its_job() {
    let world = Arc::new(World::default());
    upload(&world, "Good morning.").await.unwrap();
    let (workers, working) = partly_transcribed(&world).await;
    let progress = RecordingProgress { transcribed: 1, duration: Some(60) };
    assert_eq!(job(&world).1.recording.unwrap().progress, progress);
    workers.stop().await;
    working.await.unwrap().unwrap();
    assert_eq!((job(&world).0.state, stored_files(&world).len()), (JobState::Queued, 1));
    assert!(
        world.recordings.usage.lock().unwrap().is_empty(),
        "a recording is counted once, when it is complete"
    );
    work(&world.workers()).await;
    assert_eq!(job(&world).0.state, JobState::Done);
    assert_eq!(world.recordings.usage.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn documents_added_during_a_transcription_are_indexed_first() {
    let world = Arc::new(World::default());
    let first = upload(&world, "Good morning.").await.unwrap();
    let (_workers, working) = partly_transcribed(&world).await;
    let file = IncomingFile { name: "a.txt".into(), content: PathBuf::from("a text") };
    let indexing = Indexing::Later { existing_job: Some(first.jobs[0].id) };
    let into = vec![workspace("Alpha")];
    world.ingestion().add_file(file, Details::default(), into, indexing, &by()).await.unwrap();
    working.await.unwrap().unwrap();
    let texts = world.embedded.lock().unwrap().clone();
    assert_eq!(texts, ["a text", "Good morning."]);
}

#[tokio::test]
async fn only_one_recording_is_transcribed_at_a_time() {
    let world = Arc::new(World::default());
    upload(&world, "Good morning.").await.unwrap();
    let workers = world.workers();
    let turn = workers.shared.transcribing.clone().try_acquire_owned().unwrap();
    work(&workers).await;
    let (job, item) = job(&world);
    assert_eq!((job.state, item.state, job.attempts), (JobState::Queued, ItemState::Queued, 0));
    assert!(job.due_at.is_some_and(|due| due > Utc::now()));
    drop(turn);
}

#[tokio::test]
async fn a_recording_without_its_file_fails_with_a_reason() {
    let world = Arc::new(World::default());
    upload(&world, "Good morning.").await.unwrap();
    for path in stored_files(&world) {
        std::fs::remove_file(path).unwrap();
    }
    work(&world.workers()).await;
    let (job, item) = job(&world);
    assert_eq!(job.state, JobState::Failed);
    assert_eq!(item.reason.as_deref(), Some("talk.wav is gone; upload it again."));
}

#[tokio::test]
async fn recordings_are_refused_beyond_the_daily_limit() {
    let world = Arc::new(World::default());
    *world.recordings.minutes.lock().unwrap() = Some(1);
    let by = By { actor: carrel_domain::audit::Actor::Owner, ..by() };
    let add = async |name: &str| {
        let content = world.recordings.directory.path().join("upload");
        std::fs::write(&content, "Good morning.").unwrap();
        let file = IncomingFile { name: name.into(), content };
        let (details, into) = (Details::default(), Vec::new());
        world.ingestion().add_file(file, details, into, Indexing::Keep, &by).await
    };
    add("one.wav").await.unwrap();
    let refused = add("two.WAV").await.unwrap_err();
    assert!(matches!(refused, Error::Exhausted { .. }), "{refused}");
    add("three.txt").await.unwrap();
    assert_eq!(world.recordings.usage.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn recordings_without_a_job_are_deleted() {
    let world = Arc::new(World::default());
    upload(&world, "Good morning.").await.unwrap();
    let orphan = world.recordings.directory.path().join(Uuid::new_v4().to_string());
    std::fs::write(&orphan, "sound").unwrap();
    let cutoff = std::time::SystemTime::now() + Duration::from_secs(60);
    assert_eq!(world.workers().sweep_recordings(cutoff).await.unwrap(), 1);
    assert!(!orphan.exists());
    assert_eq!(stored_files(&world).len(), 1);
}

#[tokio::test]
async fn a_recording_that_is_sent_twice_is_transcribed_once() {
    let world = Arc::new(World::default());
    for _ in 0..2 {
        let queued = upload_with(&world, "Good morning.", or_identical()).await.unwrap();
        assert_eq!(queued.jobs.len(), 1, "no document with this content exists yet");
    }
    work(&world.workers()).await;
    assert_eq!(world.documents.lock().unwrap().len(), 1);
    let paths: HashSet<_> =
        world.jobs.lock().unwrap().iter().map(|job| job.items[0].path.clone()).collect();
    assert_eq!(paths.len(), 1, "both jobs name the document there is");
    assert!(world.jobs.lock().unwrap().iter().all(|job| job.job.state == JobState::Done));
    assert_eq!(world.recordings.usage.lock().unwrap().len(), 1);
    assert!(stored_files(&world).is_empty());
    // Later it is known before it is queued.
    let known = upload_with(&world, "Good morning.", or_identical()).await.unwrap();
    assert!(known.added[0].existed);
    // Somebody who does not ask for the same document gets another one.
    upload(&world, "Good morning.").await.unwrap();
    work(&world.workers()).await;
    assert_eq!(world.documents.lock().unwrap().len(), 2);
}
