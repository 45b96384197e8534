use std::path::PathBuf;

use carrel_domain::library::WorkspaceDocument;
use chrono::Utc;

use super::*;
use crate::fakes::world::World;
use crate::fakes::{by, workspace};

async fn add(world: &Arc<World>, unembedded: Unembedded) -> Result<Vec<Added>> {
    let file = IncomingFile { name: "a.txt".into(), content: PathBuf::from("some text") };
    let into = vec![workspace("Alpha")];
    world.library().add_file(file, Details::default(), into, unembedded, &by()).await
}

fn is_empty(world: &World) -> bool {
    world.files.lock().unwrap().is_empty()
        && world.documents.lock().unwrap().is_empty()
        && world.unsettled.lock().unwrap().is_empty()
        && world.passages.lock().unwrap().is_empty()
}

#[tokio::test]
async fn a_file_becomes_a_document_with_its_place() {
    let world = Arc::new(World::default());
    let added = add(&world, Unembedded::Refuse).await.unwrap();
    assert_eq!((added[0].text.as_str(), &added[0].warning), ("some text", &None));
    assert_eq!(world.files.lock().unwrap()[&added[0].document.path], "some text");
    assert_eq!(world.passages.lock().unwrap().len(), 1);
    assert!(world.unsettled.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_fails_half_way_leaves_nothing() {
    for part in ["put", "create", "embed"] {
        let world = Arc::new(World::default());
        world.fail(part);
        assert!(add(&world, Unembedded::Refuse).await.is_err(), "{part}");
        assert!(is_empty(&world), "{part}");
    }
}

#[tokio::test]
async fn a_document_that_cannot_be_embedded_may_be_kept_with_a_warning() {
    let world = Arc::new(World::default());
    world.fail("embed");
    let added = add(&world, Unembedded::Keep).await.unwrap();
    assert_eq!(added[0].warning.as_deref(), Some("the test is unavailable: embed"));
    assert!(world.passages.lock().unwrap().is_empty());
    assert_eq!(world.documents.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn removing_takes_the_file_along_and_passes_over_unknown_paths() {
    let world = Arc::new(World::default());
    let added = add(&world, Unembedded::Keep).await.unwrap();
    let unknown = DocumentPath::parse("a/b.json").unwrap();
    let paths = vec![unknown, added[0].document.path.clone()];
    let removed = world.library().remove(paths, &by()).await.unwrap();
    assert_eq!(removed.len(), 1);
    world.passages.lock().unwrap().clear();
    assert!(is_empty(&world));
}

#[tokio::test]
async fn settling_deletes_files_that_no_document_owns() {
    let world = Arc::new(World::default());
    let added = add(&world, Unembedded::Keep).await.unwrap();
    let known = added[0].document.path.clone();
    let orphan = DocumentPath::parse("custom-documents/orphan.json").unwrap();
    world.files.lock().unwrap().insert(orphan.clone(), "half".into());
    world.unsettled.lock().unwrap().extend([known.clone(), orphan]);
    assert_eq!(world.library().settle(Utc::now()).await.unwrap(), 2);
    assert_eq!(world.files.lock().unwrap().keys().collect::<Vec<_>>(), [&known]);
    assert!(world.unsettled.lock().unwrap().is_empty());
}

#[tokio::test]
async fn placing_reports_each_path_that_fails() {
    let world = Arc::new(World::default());
    let paths = vec![DocumentPath::parse("a/b.json").unwrap()];
    let failures = world.library().place(&workspace("Alpha"), paths, &by()).await;
    assert_eq!(failures, [("a/b.json".to_owned(), "no document matches `a/b.json`".to_owned())]);
}

/// A library whose settings cut text in another way than it was cut before.
fn with_other_chunks(world: &Arc<World>) -> Library {
    let settings = crate::fakes::FakeSettings::default();
    let size = carrel_domain::settings::names::CHUNK_SIZE.to_owned();
    settings.0.lock().unwrap().insert(size, "500".into());
    Library { settings: Arc::new(settings), ..world.library() }
}

#[tokio::test]
async fn a_change_of_recipe_renews_every_place_once_and_keeps_its_key() {
    let world = Arc::new(World::default());
    for _ in 0..120 {
        add(&world, Unembedded::Refuse).await.unwrap();
    }
    let before = world.places.lock().unwrap().clone();
    assert_eq!(world.library().refresh(&by()).await.unwrap(), Refreshed::default());
    assert_eq!(*world.places.lock().unwrap(), before);
    let library = with_other_chunks(&world);
    let all = Refreshed { done: 120, failed: 0 };
    assert_eq!(library.refresh(&by()).await.unwrap(), all);
    let after = world.places.lock().unwrap().clone();
    assert!(after.iter().all(|place| place.recipe == "fake 500+20"), "{after:?}");
    let keys =
        |places: &[WorkspaceDocument]| -> Vec<_> { places.iter().map(|place| place.key).collect() };
    assert_eq!(keys(&after), keys(&before));
    assert_eq!(library.refresh(&by()).await.unwrap(), Refreshed::default());
}

#[tokio::test]
async fn a_place_that_cannot_be_renewed_is_passed_over_until_the_next_round() {
    let world = Arc::new(World::default());
    let mut paths = Vec::new();
    for _ in 0..3 {
        paths.extend(add(&world, Unembedded::Refuse).await.unwrap());
    }
    let text = world.files.lock().unwrap().remove(&paths[0].document.path).unwrap();
    let library = with_other_chunks(&world);
    let most = Refreshed { done: 2, failed: 1 };
    assert_eq!(library.refresh(&by()).await.unwrap(), most);
    world.files.lock().unwrap().insert(paths[0].document.path.clone(), text);
    let rest = Refreshed { done: 1, failed: 0 };
    assert_eq!(library.refresh(&by()).await.unwrap(), rest);
}

#[tokio::test]
async fn a_round_ends_when_the_embedder_answers_nothing() {
    let world = Arc::new(World::default());
    for _ in 0..3 {
        add(&world, Unembedded::Refuse).await.unwrap();
    }
    world.fail("embed");
    let ended = Refreshed { done: 0, failed: 1 };
    assert_eq!(with_other_chunks(&world).refresh(&by()).await.unwrap(), ended);
    world.failing.lock().unwrap().clear();
    let all = Refreshed { done: 3, failed: 0 };
    assert_eq!(with_other_chunks(&world).refresh(&by()).await.unwrap(), all);
}

#[tokio::test]
async fn what_others_made_during_a_round_is_left_to_the_next() {
    let world = Arc::new(World::default());
    let round = by();
    add(&world, Unembedded::Refuse).await.unwrap();
    let library = with_other_chunks(&world);
    assert_eq!(library.refresh(&round).await.unwrap(), Refreshed::default());
    assert_eq!(library.refresh(&by()).await.unwrap().done, 1);
}
