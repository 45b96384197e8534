//! Tests of uploads with many parts, which are stored in pieces and rolled back as a whole.
use std::time::Duration;

use carrel_domain::WorkspaceId;
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
async fn a_failure_in_a_later_piece_removes_the_earlier_ones() {
    let world = Arc::new(World::default());
    world.fail("store");
    assert!(ingest(&world, &many(), Indexing::Keep).await.is_err());
    assert!(is_empty(&world));
    assert!(world.jobs.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_upload_left_by_a_killed_process_is_rolled_back() {
    let world = Arc::new(World::default());
    let finished = ingest(&world, "kept", Indexing::Keep).await.unwrap().added.remove(0).document;
    let unfinished = ingest(&world, "half", Indexing::Later { existing_job: None }).await.unwrap();
    let unfinished = unfinished.added[0].document.path.clone();
    let upload = carrel_domain::upload::UploadId(uuid::Uuid::new_v4());
    world.unfinished.lock().unwrap().insert(upload, vec![unfinished.clone()]);
    world.library().reconcile(Utc::now()).await.unwrap();
    assert_eq!(world.documents.lock().unwrap().keys().collect::<Vec<_>>(), [&finished.path]);
    assert_eq!(world.files.lock().unwrap().keys().collect::<Vec<_>>(), [&finished.path]);
    assert!(world.unfinished.lock().unwrap().is_empty());
}

#[tokio::test]
async fn deferred_indexing_responds_at_once_and_joins_a_job() {
    let world = Arc::new(World::default());
    let first = ingest(&world, "one", Indexing::Later { existing_job: None }).await.unwrap();
    let job = first.jobs[0].clone();
    assert_eq!((job.state, job.awaited, job.progress.total), (JobState::Queued, false, 1));
    assert!(world.passages.lock().unwrap().is_empty());
    let second =
        ingest(&world, "two", Indexing::Later { existing_job: Some(job.id) }).await.unwrap();
    assert_eq!((second.jobs[0].id, second.jobs[0].progress.total), (job.id, 2));
}

#[tokio::test]
async fn a_second_workspace_reuses_the_vectors_of_the_first() {
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
async fn a_stopping_server_adds_a_warning_to_stored_documents() {
    let world = Arc::new(World::default());
    let ingestion = world.ingestion();
    ingestion.workers.stop().await;
    let file = IncomingFile { name: "a.txt".into(), content: PathBuf::from("some text") };
    let into = vec![workspace("Alpha")];
    let added = ingestion.add_file(file, Details::default(), into, Indexing::Keep, &by()).await;
    let warning = added.unwrap().added[0].warning.clone().unwrap();
    assert!(warning.contains("when it has started again"), "{warning}");
    assert_eq!(world.jobs.lock().unwrap()[0].job.state, JobState::Queued);
}

/// The number of rows of a transaction determines how long other writers wait.
#[tokio::test]
async fn transactions_of_a_large_upload_are_small() {
    let world = Arc::new(World::default());
    // A mailbox of 1,000 mails, one of which has an attachment with 3,000 passages.
    let mut parts: Vec<String> = (0..1_000).map(|number| format!("mail-{number}|end")).collect();
    parts[500] = (0..3_000).map(|number| format!("row {number}|")).collect::<String>() + "end";
    let text = parts.join("\u{c}");
    let scratch = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(scratch.path(), &text).unwrap();
    let content = scratch.path().to_owned();
    let file = IncomingFile { name: "a.txt".into(), content };
    let into = vec![workspace("Alpha")];
    let (ingestion, details) = (world.ingestion(), Details::default());
    let added = ingestion.add_file(file, details, into, Indexing::Keep, &by()).await.unwrap();
    assert!(added.added.iter().all(|added| added.warning.is_none()));
    let stored = world.pieces.lock().unwrap().clone();
    assert!(stored[0] <= 128 && stored.windows(2).all(|pair| pair[1] - pair[0] <= 128));
    let written = world.written_passages.lock().unwrap().clone();
    assert!(written.iter().all(|passages| *passages <= 512), "{written:?}");
    assert_eq!(world.passages.lock().unwrap().len(), 999 * 2 + 3_001);
}

fn keyed_file(text: &str) -> (IncomingFile, Details) {
    let details = Details { terms: keyed("k"), ..Details::default() };
    (IncomingFile { name: "a.txt".into(), content: PathBuf::from(text) }, details)
}

async fn replace(ingestion: &Ingestion, text: &str) -> Result<Vec<Added>> {
    let (file, details) = keyed_file(text);
    let into = vec![workspace("Alpha")];
    Ok(ingestion.add_file(file, details, into, Indexing::Keep, &by()).await?.added)
}

fn searchable(world: &World) -> Vec<String> {
    let passages = world.passages.lock().unwrap();
    passages.iter().map(|passage| passage.text.clone()).collect()
}

/// Simulates a killed process: the job continues when a worker is available.
#[tokio::test]
async fn the_earlier_text_stays_searchable_until_the_new_one_is() {
    let world = Arc::new(World::default());
    let first = replace(&world.ingestion(), "old").await.unwrap().remove(0).document;
    let stopping = world.ingestion();
    stopping.workers.stop().await;
    let second = replace(&stopping, "new").await.unwrap().remove(0);
    assert!(second.warning.unwrap().contains("when it has started again"));
    assert_eq!((second.document.id, searchable(&world)), (first.id, vec!["old".to_owned()]));
    assert_eq!(world.files.lock().unwrap()[&second.document.path], "new");
    let workers = world.workers();
    tokio::select! {
        () = workers.work() => {}
        () = async { while searchable(&world) != ["new"] { tokio::task::yield_now().await } } => {}
    }
}

#[tokio::test]
async fn a_document_without_a_successor_is_removed_once_the_new_ones_are_searchable() {
    let world = Arc::new(World::default());
    replace(&world.ingestion(), "one\u{c}two").await.unwrap();
    world.fail("three");
    let added = replace(&world.ingestion(), "three").await.unwrap();
    assert!(added[0].warning.is_some());
    assert_eq!(searchable(&world), ["one", "two"]);
    world.repair("three");
    world.library().reconcile(Utc::now()).await.unwrap();
    replace(&world.ingestion(), "four").await.unwrap();
    assert_eq!(searchable(&world), ["four"]);
    assert_eq!((world.documents.lock().unwrap().len(), world.files.lock().unwrap().len()), (1, 1));
}

#[tokio::test]
async fn nothing_is_replaced_while_the_embedder_is_down() {
    let world = Arc::new(World::default());
    let first = replace(&world.ingestion(), "old").await.unwrap().remove(0).document;
    world.fail("embed");
    assert!(matches!(replace(&world.ingestion(), "new").await, Err(Error::Unavailable { .. })));
    assert_eq!(world.documents.lock().unwrap().keys().collect::<Vec<_>>(), [&first.path]);
    assert_eq!(searchable(&world), ["old"]);
    assert_eq!(world.files.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_large_document_that_fails_keeps_its_earlier_passages() {
    let world = Arc::new(World::default());
    replace(&world.ingestion(), "old").await.unwrap();
    let large = (0..1_200).map(|number| format!("row {number}|")).collect::<String>() + "bad";
    world.fail("bad");
    let added = replace(&world.ingestion(), &large).await.unwrap();
    assert!(added[0].warning.as_deref().unwrap().contains("bad"));
    assert_eq!(searchable(&world), ["old"]);
    world.repair("bad");
    let job = world.jobs.lock().unwrap().last().unwrap().job.clone();
    let workers = world.workers();
    workers.retry(&job, &by()).await.unwrap();
    let is_done = || world.jobs.lock().unwrap().last().unwrap().job.state == JobState::Done;
    tokio::select! {
        () = workers.work() => {}
        () = async { while !is_done() { tokio::task::yield_now().await } } => {}
    }
    let now = searchable(&world);
    assert_eq!((now.len(), now[0].as_str(), now[1_200].as_str()), (1_201, "row 0", "bad"));
}

#[tokio::test]
async fn shutdown_waits_for_abandoned_uploads() {
    let world = Arc::new(World::default());
    let ingestion = world.ingestion();
    let adding = tokio::spawn({
        let ingestion = ingestion.clone();
        async move { replace(&ingestion, "some text").await }
    });
    while world.noted_at.lock().unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    adding.abort();
    let long = Duration::from_secs(60);
    assert_eq!(ingestion.library.tasks.finish(long, long).await, 0);
    assert_eq!(searchable(&world), ["some text"]);
}
