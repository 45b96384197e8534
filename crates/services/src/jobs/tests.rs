use std::path::PathBuf;

use carrel_domain::document::IncomingFile;
use carrel_domain::job::JobState;

use super::*;
use crate::fakes::world::World;
use crate::fakes::{FakeSettings, by, workspace};
use crate::indexer::Indexer;
use crate::ingestion::{Details, Indexing};
use crate::meter::{Meter, Readings};

fn workers(world: &Arc<World>) -> Workers {
    Workers::new(world.library(), world, Arc::default())
}

/// Adds a document to the library but to no workspace.
async fn document(world: &Arc<World>, text: &str) -> DocumentPath {
    let file = IncomingFile { name: "a.txt".into(), content: PathBuf::from(text) };
    let details = Details::default();
    let ingestion = world.ingestion();
    let done = ingestion.add_file(file, details, Vec::new(), Indexing::Keep, &by()).await.unwrap();
    done.added[0].document.path.clone()
}

async fn documents(world: &Arc<World>, texts: &[&str]) -> Vec<DocumentPath> {
    let mut paths = Vec::new();
    for text in texts {
        paths.push(document(world, text).await);
    }
    paths
}

/// Runs due jobs until there are none, as [`Workers::work`] does.
async fn work(workers: &Workers) {
    while let Some(claimed) = workers.claim().await.unwrap() {
        Worker::new(workers.clone(), claimed).run(None).await.unwrap();
    }
}

fn job(world: &World) -> Job {
    world.jobs.lock().unwrap().last().unwrap().job.clone()
}

fn reasons(world: &World) -> Vec<Option<String>> {
    let jobs = world.jobs.lock().unwrap();
    jobs.last().unwrap().items.iter().map(|item| item.reason.clone()).collect()
}

#[tokio::test]
async fn waiting_reports_each_failed_path() {
    let world = Arc::new(World::default());
    let mut paths = documents(&world, &["one", "two", "one"]).await;
    let unknown = DocumentPath::parse("a/b.json").unwrap();
    paths.extend([unknown, paths[0].clone()]);
    let failures = workers(&world).embed(&workspace("Alpha"), paths, &by()).await.unwrap();
    assert_eq!(failures, [("a/b.json".to_owned(), "no document matches `a/b.json`".to_owned())]);
    assert_eq!(world.places.lock().unwrap().len(), 3);
    let texts = world.embedded.lock().unwrap().clone();
    assert_eq!(texts, ["one", "two"], "documents are embedded together, and each text once");
    let job = job(&world);
    assert_eq!((job.state, job.progress.total, job.progress.done), (JobState::Failed, 4, 3));
}

#[tokio::test]
async fn concurrent_clients_are_all_served() {
    let world = Arc::new(World::default());
    let paths = documents(&world, &["one", "two"]).await;
    let workers = workers(&world);
    let clients: Vec<_> = (0..50)
        .map(|_| {
            let (workers, paths) = (workers.clone(), paths.clone());
            tokio::spawn(async move { workers.embed(&workspace("Alpha"), paths, &by()).await })
        })
        .collect();
    for client in clients {
        assert_eq!(client.await.unwrap().unwrap(), []);
    }
    assert_eq!(world.places.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn nothing_is_postponed_while_a_client_waits() {
    let world = Arc::new(World::default());
    let paths = documents(&world, &["one", "two"]).await;
    world.fail("embed");
    let failures = workers(&world).embed(&workspace("Alpha"), paths, &by()).await.unwrap();
    assert_eq!(failures.len(), 2);
    assert!(failures.iter().all(|(_, why)| why == "the test is unavailable: embed"));
    assert_eq!(job(&world).state, JobState::Failed);
}

#[tokio::test]
async fn a_job_is_postponed_while_the_embedder_is_down_and_finally_fails() {
    let world = Arc::new(World::default());
    let paths = documents(&world, &["one"]).await;
    world.fail("embed");
    let workers = workers(&world);
    workers.embed_later(&workspace("Alpha"), paths, &by()).await.unwrap();
    for attempt in 1..=8 {
        work(&workers).await;
        let waiting = job(&world);
        assert_eq!((waiting.state, waiting.attempts), (JobState::Queued, attempt));
        let pause = waiting.due_at.unwrap() - Utc::now();
        assert!(pause > TimeDelta::seconds((1 << attempt) - 1).min(TimeDelta::seconds(298)));
        assert_eq!(waiting.error.as_deref(), Some("the test is unavailable: embed"));
        world.jobs.lock().unwrap()[0].job.due_at = Some(Utc::now());
    }
    work(&workers).await;
    assert_eq!(job(&world).state, JobState::Failed);
    assert_eq!(reasons(&world), [Some("the test is unavailable: embed".to_owned())]);
    world.failing.lock().unwrap().clear();
    workers.retry(&job(&world), &by()).await.unwrap();
    work(&workers).await;
    assert_eq!(job(&world).state, JobState::Done);
}

#[tokio::test]
async fn a_refused_text_does_not_affect_others() {
    let world = Arc::new(World::default());
    let paths = documents(&world, &["one", "bad two", "three"]).await;
    world.fail("bad");
    let workers = workers(&world);
    workers.embed_later(&workspace("Alpha"), paths, &by()).await.unwrap();
    work(&workers).await;
    let ended = job(&world);
    assert_eq!((ended.state, ended.progress.done, ended.progress.failed), (JobState::Failed, 2, 1));
    assert_eq!(world.jobs.lock().unwrap()[0].items[1].attempts, 3);
    assert_eq!(reasons(&world)[1].as_deref(), Some("the test is unavailable: bad"));
    let refused = workers.cancel(&ended, &by()).await.unwrap_err();
    assert_eq!(refused.to_string(), "job: has ended already");
}

#[tokio::test]
async fn documents_sent_one_by_one_share_a_job_per_workspace() {
    let world = Arc::new(World::default());
    let paths = documents(&world, &["one", "two", "three"]).await;
    let workers = workers(&world);
    let alpha = workspace("Alpha");
    let first = workers.embed_later(&alpha, vec![paths[0].clone()], &by()).await.unwrap();
    work(&workers).await;
    let same =
        workers.embed_along(Some(first.id), &alpha, vec![paths[1].clone()], &by()).await.unwrap();
    assert_eq!((same.id, same.progress.total, same.state), (first.id, 2, JobState::Queued));
    work(&workers).await;
    assert_eq!((job(&world).progress.done, job(&world).state), (2, JobState::Done));
    let beta = Workspace { id: carrel_domain::WorkspaceId(77), ..workspace("Beta") };
    let other =
        workers.embed_along(Some(first.id), &beta, vec![paths[2].clone()], &by()).await.unwrap();
    assert_ne!(other.id, first.id);
    let unknown = workers.embed_along(Some(JobId(99)), &alpha, paths, &by()).await.unwrap();
    assert!(unknown.id != first.id && unknown.progress.total == 3);
}

#[tokio::test]
async fn a_cancelled_job_ends_and_keeps_completed_items() {
    let world = Arc::new(World::default());
    let paths = documents(&world, &["one", "two"]).await;
    let workers = workers(&world);
    let queued = workers.embed_later(&workspace("Alpha"), paths.clone(), &by()).await.unwrap();
    let cancelled = workers.cancel(&queued, &by()).await.unwrap();
    assert_eq!((cancelled.state, cancelled.progress.cancelled), (JobState::Cancelled, 2));
    let refused = workers.retry(&cancelled, &by()).await.unwrap_err();
    assert_eq!(refused.to_string(), "job: has no failed documents");

    workers.embed_later(&workspace("Alpha"), paths, &by()).await.unwrap();
    let claimed = workers.claim().await.unwrap().unwrap();
    workers.cancel(&claimed.job, &by()).await.unwrap();
    let claimed = ClaimedJob { job: job(&world), ..claimed };
    Worker::new(workers.clone(), claimed).run(None).await.unwrap();
    assert_eq!(job(&world).state, JobState::Cancelled);
    assert!(world.places.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_document_that_crashes_the_process_is_isolated_and_skipped() {
    let world = Arc::new(World::default());
    let paths = documents(&world, &["deadly", "two"]).await;
    let workers = workers(&world);
    workers.embed_later(&workspace("Alpha"), paths, &by()).await.unwrap();
    for _ in 0..4 {
        let claimed = workers.claim().await.unwrap().unwrap();
        assert_ne!(claimed.job.state, JobState::Failed);
        // Simulates a dead process by letting its lease expire.
        world.jobs.lock().unwrap()[0].job.due_at = Some(Utc::now());
    }
    work(&workers).await;
    let ended = job(&world);
    assert_eq!((ended.progress.done, ended.progress.failed), (1, 1));
    assert!(reasons(&world)[0].as_deref().unwrap().contains("several times"));
}

#[tokio::test]
async fn a_worker_without_a_lease_changes_nothing() {
    let world = Arc::new(World::default());
    let paths = documents(&world, &["one"]).await;
    let workers = workers(&world);
    workers.embed_later(&workspace("Alpha"), paths, &by()).await.unwrap();
    let first = workers.claim().await.unwrap().unwrap();
    world.jobs.lock().unwrap()[0].job.due_at = Some(Utc::now());
    let second = workers.claim().await.unwrap().unwrap();
    assert!(second.resumed && !first.resumed);
    Worker::new(workers.clone(), first).run(None).await.unwrap();
    assert_eq!(job(&world).state, JobState::Running);
    Worker::new(workers, second).run(None).await.unwrap();
    assert_eq!(job(&world).state, JobState::Done);
    assert_eq!(world.places.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn running_jobs_return_to_the_queue_at_shutdown() {
    let world = Arc::new(World::default());
    let paths = documents(&world, &["one"]).await;
    let workers = workers(&world);
    workers.embed_later(&workspace("Alpha"), paths.clone(), &by()).await.unwrap();
    let claimed = workers.claim().await.unwrap().unwrap();
    workers.wind_down();
    Worker::new(workers.clone(), claimed).run(None).await.unwrap();
    assert_eq!((job(&world).state, job(&world).attempts), (JobState::Queued, 0));
    let alpha = workspace("Alpha");
    assert_eq!(workers.embed(&alpha, paths.clone(), &by()).await.unwrap(), []);
    workers.stop().await;
    let refused = workers.embed(&alpha, paths, &by()).await.unwrap_err();
    assert!(refused.to_string().contains("stopping"), "{refused}");
}

#[tokio::test]
async fn a_new_recipe_reindexes_every_document_once_and_keeps_its_key() {
    let world = Arc::new(World::default());
    let texts: Vec<_> = (0..120).map(|number| format!("text {number}")).collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    let paths = documents(&world, &texts).await;
    let before = workers(&world);
    before.embed(&workspace("Alpha"), paths, &by()).await.unwrap();
    let places = world.places.lock().unwrap().clone();
    assert_eq!(before.queue_refreshes(&by()).await.unwrap(), QueuedRefreshes::default());

    let settings = FakeSettings::default();
    let size = carrel_domain::settings::names::CHUNK_SIZE.to_owned();
    settings.0.lock().unwrap().insert(size, "500".into());
    let library = world.library();
    let indexer = Indexer { settings: Arc::new(settings), ..library.indexer.clone() };
    let library = Library { indexer, ..library };
    let after = Workers::new(library, &world, Arc::default());
    let queued = QueuedRefreshes { queued: 1, under_way: 0 };
    assert_eq!(after.queue_refreshes(&by()).await.unwrap(), queued);
    let under_way = QueuedRefreshes { queued: 0, under_way: 1 };
    assert_eq!(after.queue_refreshes(&by()).await.unwrap(), under_way);
    work(&after).await;
    assert_eq!((job(&world).state, job(&world).progress.done), (JobState::Done, 120));
    let renewed = world.places.lock().unwrap().clone();
    assert!(renewed.iter().all(|place| place.recipe == "fake 500+20"));
    let keys = |places: &[carrel_domain::library::WorkspaceDocument]| -> HashSet<_> {
        places.iter().map(|place| place.key).collect()
    };
    assert_eq!(keys(&renewed), keys(&places));
    assert_eq!(after.queue_refreshes(&by()).await.unwrap(), QueuedRefreshes::default());
    assert_eq!(world.embedded.lock().unwrap().len(), 120, "the chunks are the same as before");
}

#[tokio::test]
async fn watchers_receive_each_change_once_including_missed_ones() {
    let world = Arc::new(World::default());
    let mut paths = documents(&world, &["one", "two"]).await;
    paths.push(DocumentPath::parse("a/b.json").unwrap());
    let workers = workers(&world);
    let created = workers.embed_later(&workspace("Alpha"), paths, &by()).await.unwrap();
    let mut watcher = workers.watch(created.id, Cursor::NEW);
    let Some(JobUpdate::Changed { items, job }) = watcher.next().await else { panic!("no update") };
    assert_eq!((items.len(), job.unwrap().state), (0, JobState::Queued));
    work(&workers).await;
    let Some(JobUpdate::Changed { items, job }) = watcher.next().await else { panic!("no update") };
    let job = job.unwrap();
    assert_eq!((items.len(), job.state), (3, JobState::Failed));
    assert!(watcher.next().await.is_none());

    let mut again = workers.watch(created.id, Cursor { changes: items[0].changed, number: 0 });
    let Some(JobUpdate::Changed { items, .. }) = again.next().await else { panic!("no update") };
    assert_eq!(items.iter().map(|item| item.number).collect::<Vec<_>>(), [1, 2]);
    assert!(workers.watch(JobId(77), Cursor::NEW).next().await.is_none());
}

#[tokio::test]
async fn only_ended_jobs_are_counted_as_ended() {
    let world = Arc::new(World::default());
    let meter = Arc::new(Meter::default());
    let workers = Workers::new(world.library(), &world, meter.clone());
    let ended = |state: &str| {
        let figures = meter.render(&Readings::default());
        let line = figures.lines().find(|line| line.starts_with("carrel_jobs_ended_total{"));
        line.is_some_and(|line| line.contains(state) && line.ends_with("} 1"))
    };
    let paths = documents(&world, &["one"]).await;
    workers.embed_later(&workspace("Alpha"), paths, &by()).await.unwrap();
    // Simulates a document that is added after the last step.
    let claimed = workers.claim().await.unwrap().unwrap();
    Worker::new(workers.clone(), claimed).end(None).await.unwrap();
    assert_eq!(job(&world).state, JobState::Queued);
    assert!(!ended("queued") && !ended("done"));
    work(&workers).await;
    assert_eq!(job(&world).state, JobState::Done);
    assert!(ended("done"));
}
