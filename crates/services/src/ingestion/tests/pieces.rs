//! Uploads of many parts: stored in pieces of bounded size, and undone as a whole.
use carrel_domain::job::{ItemState, JobState};

use super::*;

const PARTS: usize = 300;

fn many() -> String {
    (0..PARTS).map(|number| format!("part-{number}")).collect::<Vec<_>>().join("\u{c}")
}

async fn ingest(world: &Arc<World>, text: &str, indexing: Indexing) -> Result<Ingested> {
    let file = IncomingFile { name: "a.txt".into(), content: PathBuf::from(text) };
    let into = vec![workspace("Alpha")];
    world.ingestion().add_file(file, Details::default(), into, indexing, &by()).await
}

#[tokio::test]
async fn an_upload_of_many_parts_is_a_job_with_an_item_for_each() {
    let world = Arc::new(World::default());
    let added = ingest(&world, &many(), Indexing::Keep).await.unwrap().added;
    let texts: Vec<_> = added.iter().map(|added| added.text.clone()).collect();
    assert_eq!(texts.join("\u{c}"), many(), "in the order of the file");
    assert!(added.iter().all(|added| added.warning.is_none() && !added.existed));
    assert_eq!(*world.pieces.lock().unwrap(), [128, 256, PARTS]);
    let jobs = world.jobs.lock().unwrap();
    let [job] = &jobs[..] else { panic!("{} jobs", jobs.len()) };
    assert_eq!((job.items.len(), job.job.state), (PARTS, JobState::Done));
    assert!(job.items.iter().all(|item| item.state == ItemState::Done));
    assert_eq!(world.passages.lock().unwrap().len(), PARTS);
}

#[tokio::test]
async fn what_fails_in_a_later_piece_leaves_nothing_of_the_earlier_ones() {
    let world = Arc::new(World::default());
    world.fail("store");
    assert!(ingest(&world, &many(), Indexing::Keep).await.is_err());
    assert!(is_empty(&world));
    assert!(world.jobs.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_upload_that_a_killed_process_left_is_undone() {
    let world = Arc::new(World::default());
    let kept = ingest(&world, "kept", Indexing::Keep).await.unwrap().added.remove(0).document;
    let half = ingest(&world, "half", Indexing::Later { along: None }).await.unwrap();
    let half = half.added[0].document.path.clone();
    let upload = carrel_domain::upload::UploadId(uuid::Uuid::new_v4());
    world.unfinished.lock().unwrap().insert(upload, vec![half.clone()]);
    world.library().reconcile(Utc::now()).await.unwrap();
    assert_eq!(world.documents.lock().unwrap().keys().collect::<Vec<_>>(), [&kept.path]);
    assert_eq!(world.files.lock().unwrap().keys().collect::<Vec<_>>(), [&kept.path]);
    assert!(world.unfinished.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_indexed_later_is_answered_at_once_and_goes_along_with_a_job() {
    let world = Arc::new(World::default());
    let first = ingest(&world, "one", Indexing::Later { along: None }).await.unwrap();
    let job = first.jobs[0].clone();
    assert_eq!((job.state, job.awaited, job.progress.total), (JobState::Queued, false, 1));
    assert!(world.passages.lock().unwrap().is_empty());
    let second = ingest(&world, "two", Indexing::Later { along: Some(job.id) }).await.unwrap();
    assert_eq!((second.jobs[0].id, second.jobs[0].progress.total), (job.id, 2));
}

#[tokio::test]
async fn a_second_workspace_is_served_by_what_the_first_embedded() {
    let world = Arc::new(World::default());
    let beta = Workspace { id: WorkspaceId(2), ..workspace("Beta") };
    let file = IncomingFile { name: "a.txt".into(), content: PathBuf::from("some text") };
    let (into, details) = (vec![workspace("Alpha"), beta], Details::default());
    let ingestion = world.ingestion();
    let added =
        ingestion.add_file(file, details, into, Indexing::Refuse, &by()).await.unwrap().added;
    assert_eq!(added[0].warning, None);
    assert_eq!(*world.embedded.lock().unwrap(), ["some text"]);
    assert_eq!(world.places.lock().unwrap().len(), 2);
    assert_eq!(world.jobs.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn the_server_stopping_is_a_warning_for_what_is_stored() {
    let world = Arc::new(World::default());
    let ingestion = world.ingestion();
    ingestion.workers.stop().await;
    let file = IncomingFile { name: "a.txt".into(), content: PathBuf::from("some text") };
    let into = vec![workspace("Alpha")];
    let added = ingestion.add_file(file, Details::default(), into, Indexing::Keep, &by()).await;
    let warning = added.unwrap().added[0].warning.clone().unwrap();
    assert!(warning.contains("once it has started again"), "{warning}");
    assert_eq!(world.jobs.lock().unwrap()[0].job.state, JobState::Queued);
}
