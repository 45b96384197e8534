use std::path::PathBuf;

use carrel_domain::audit::By;
use carrel_domain::document::IncomingFile;
use chrono::{TimeDelta, Utc};

use super::*;
use crate::fakes::world::World;
use crate::fakes::{by, workspace};

mod taking_in;

async fn add(world: &Arc<World>, unembedded: Unembedded) -> Result<Vec<Added>> {
    add_into(world, "some text", unembedded).await
}

async fn add_into(world: &Arc<World>, text: &str, unembedded: Unembedded) -> Result<Vec<Added>> {
    let file = IncomingFile { name: "a.txt".into(), content: PathBuf::from(text) };
    let into = vec![workspace("Alpha")];
    world.library().add_file(file, Details::default(), into, unembedded, &by()).await
}

fn is_empty(world: &World) -> bool {
    world.files.lock().unwrap().is_empty()
        && world.documents.lock().unwrap().is_empty()
        && world.pending_files.lock().unwrap().is_empty()
        && world.passages.lock().unwrap().is_empty()
}

#[tokio::test]
async fn a_file_becomes_a_document_with_its_place() {
    let world = Arc::new(World::default());
    let added = add(&world, Unembedded::Refuse).await.unwrap();
    assert_eq!((added[0].text.as_str(), &added[0].warning), ("some text", &None));
    assert_eq!(world.files.lock().unwrap()[&added[0].document.path], "some text");
    assert_eq!(world.passages.lock().unwrap().len(), 1);
    assert!(world.pending_files.lock().unwrap().is_empty());
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
async fn what_was_committed_keeps_its_text_although_nobody_was_told() {
    let world = Arc::new(World::default());
    world.fail("told");
    assert!(add(&world, Unembedded::Refuse).await.is_err());
    assert_eq!(world.documents.lock().unwrap().len(), 1);
    let files = world.files.lock().unwrap();
    assert_eq!(files.values().collect::<Vec<_>>(), ["some text"]);
}

#[tokio::test]
async fn a_file_counts_as_expected_from_when_it_is_written() {
    let world = Arc::new(World::default());
    let begun = Utc::now();
    let by = By::operator(begun - TimeDelta::hours(2));
    let raw = RawText { text: "some text".into(), title: "a".into(), ..RawText::default() };
    world.library().add_text(raw, Vec::new(), Unembedded::Refuse, &by).await.unwrap();
    assert!(world.noted_at.lock().unwrap().unwrap() >= begun);
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
    world.pending_files.lock().unwrap().extend([known.clone(), orphan]);
    assert_eq!(world.library().reconcile(Utc::now()).await.unwrap(), 2);
    assert_eq!(world.files.lock().unwrap().keys().collect::<Vec<_>>(), [&known]);
    assert!(world.pending_files.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_was_embedded_before_is_not_embedded_again() {
    let world = Arc::new(World::default());
    for _ in 0..2 {
        add(&world, Unembedded::Refuse).await.unwrap();
    }
    assert_eq!(*world.embedded.lock().unwrap(), ["some text"]);
    let without = Library { cache_limit: 0, ..world.library() };
    let texts = ["some text", "more", "more"].map(str::to_owned);
    let method = without.method().await.unwrap();
    assert_eq!(without.vectors(&method, &texts).await.unwrap().len(), 3);
    assert_eq!(world.embedded.lock().unwrap()[1..], ["some text", "more"]);
}

#[tokio::test]
async fn vectors_of_another_length_are_not_mixed_with_those_of_now() {
    let world = Arc::new(World::default());
    add(&world, Unembedded::Refuse).await.unwrap();
    for vector in world.cache.lock().unwrap().values_mut() {
        *vector = vec![1.0, 0.0];
    }
    let library = world.library();
    let method = library.method().await.unwrap();
    let texts = ["some text", "more"].map(str::to_owned);
    assert_eq!(library.vectors(&method, &texts).await.unwrap(), [[1.0], [1.0]]);
}
