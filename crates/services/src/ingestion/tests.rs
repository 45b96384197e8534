use std::path::PathBuf;

use carrel_domain::folder::DocumentMove;
use carrel_domain::{DocumentPath, Error};
use chrono::{TimeDelta, Utc};

use super::*;
use crate::fakes::world::{Web, World};
use crate::fakes::{by, workspace};
use crate::library::MovePolicy;

mod pieces;

async fn add(world: &Arc<World>, indexing: Indexing) -> Result<Vec<Added>> {
    add_into(world, "some text", indexing).await
}

async fn add_into(world: &Arc<World>, text: &str, indexing: Indexing) -> Result<Vec<Added>> {
    let file = IncomingFile { name: "a.txt".into(), content: PathBuf::from(text) };
    let into = vec![workspace("Alpha")];
    let ingestion = world.ingestion();
    Ok(ingestion.add_file(file, Details::default(), into, indexing, &by()).await?.added)
}

fn is_empty(world: &World) -> bool {
    world.files.lock().unwrap().is_empty()
        && world.documents.lock().unwrap().is_empty()
        && world.pending_files.lock().unwrap().is_empty()
        && world.passages.lock().unwrap().is_empty()
}

#[tokio::test]
async fn a_file_becomes_a_document_in_its_workspace() {
    let world = Arc::new(World::default());
    let added = add(&world, Indexing::Refuse).await.unwrap();
    assert_eq!((added[0].text.as_str(), &added[0].warning), ("some text", &None));
    assert_eq!(world.files.lock().unwrap()[&added[0].document.path], "some text");
    assert_eq!(world.passages.lock().unwrap().len(), 1);
    assert!(world.pending_files.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_partial_failure_leaves_nothing() {
    for part in ["put", "create", "embed"] {
        let world = Arc::new(World::default());
        world.fail(part);
        assert!(add(&world, Indexing::Refuse).await.is_err(), "{part}");
        assert!(is_empty(&world), "{part}");
    }
}

#[tokio::test]
async fn a_committed_document_keeps_its_text_after_a_lost_response() {
    let world = Arc::new(World::default());
    world.fail("told");
    assert!(add(&world, Indexing::Refuse).await.is_err());
    assert_eq!(world.documents.lock().unwrap().len(), 1);
    let files = world.files.lock().unwrap();
    assert_eq!(files.values().collect::<Vec<_>>(), ["some text"]);
}

#[tokio::test]
async fn a_pending_file_is_recorded_at_the_time_of_writing() {
    let world = Arc::new(World::default());
    let started = Utc::now();
    let by = By::operator(started - TimeDelta::hours(2));
    let raw = RawText { text: "some text".into(), title: "a".into(), ..RawText::default() };
    world.ingestion().add_text(raw, Vec::new(), Indexing::Refuse, &by).await.unwrap();
    assert!(world.noted_at.lock().unwrap().unwrap() >= started);
}

#[tokio::test]
async fn a_document_that_cannot_be_embedded_may_be_kept_with_a_warning() {
    let world = Arc::new(World::default());
    world.fail("embed");
    let added = add(&world, Indexing::Keep).await.unwrap();
    assert_eq!(added[0].warning.as_deref(), Some("the test is unavailable: embed"));
    assert!(world.passages.lock().unwrap().is_empty());
    assert_eq!(world.documents.lock().unwrap().len(), 1);
}

async fn add_with(world: &Arc<World>, text: &str, terms: Terms) -> Result<Vec<Added>> {
    let file = IncomingFile { name: "a.txt".into(), content: PathBuf::from(text) };
    let details = Details { terms, ..Details::default() };
    let ingestion = world.ingestion();
    Ok(ingestion.add_file(file, details, Vec::new(), Indexing::Refuse, &by()).await?.added)
}

fn keyed(key: &str) -> Terms {
    Terms { key: Some(key.into()), digest: Some([1; 32]), ..Terms::default() }
}

#[tokio::test]
async fn an_upload_with_a_key_replaces_the_previous_one() {
    let world = Arc::new(World::default());
    add_with(&world, "first", keyed("k")).await.unwrap();
    let second = add_with(&world, "second", keyed("k")).await.unwrap().remove(0);
    add_with(&world, "other", keyed("other")).await.unwrap();
    assert_eq!(world.documents.lock().unwrap().len(), 2);
    let files = world.files.lock().unwrap();
    assert_eq!((files.len(), files[&second.document.path].as_str()), (2, "second"));
    assert!(world.pending_files.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_failed_replacement_keeps_the_earlier_documents() {
    for part in ["put", "create"] {
        let world = Arc::new(World::default());
        let first = add_with(&world, "first", keyed("k")).await.unwrap().remove(0);
        world.fail(part);
        assert!(add_with(&world, "second", keyed("k")).await.is_err(), "{part}");
        let files = world.files.lock().unwrap();
        assert_eq!((files.len(), files[&first.document.path].as_str()), (1, "first"), "{part}");
        assert!(world.pending_files.lock().unwrap().is_empty(), "{part}");
    }
}

#[tokio::test]
async fn a_failure_after_a_replacement_keeps_the_new_text() {
    let world = Arc::new(World::default());
    add_with(&world, "first", keyed("k")).await.unwrap();
    world.fail("reconcile");
    assert!(add_with(&world, "second", keyed("k")).await.is_err());
    let documents = world.documents.lock().unwrap();
    let path = documents.keys().next().unwrap();
    assert_eq!((documents.len(), world.files.lock().unwrap()[path].as_str()), (1, "second"));
}

#[tokio::test]
async fn identical_content_is_stored_once_on_request() {
    let world = Arc::new(World::default());
    let same = || Terms { digest: Some([7; 32]), skip_identical: true, ..Terms::default() };
    let first = add_with(&world, "text", same()).await.unwrap().remove(0);
    let again = add_with(&world, "text", same()).await.unwrap().remove(0);
    assert_eq!((again.document.id, again.existed, first.existed), (first.document.id, true, false));
    let other_folder = Terms { folder: Some(folder("other")), ..same() };
    assert!(!add_with(&world, "text", other_folder).await.unwrap()[0].existed);
    let asked_for = Terms { skip_identical: false, ..same() };
    assert!(!add_with(&world, "text", asked_for).await.unwrap()[0].existed);
    assert_eq!(world.documents.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_lost_text_is_restored_by_uploading_its_content() {
    let world = Arc::new(World::default());
    let same = || Terms { digest: Some([7; 32]), skip_identical: true, ..Terms::default() };
    for text in ["text", "one\u{c}two"] {
        let digest = Some([text.len() as u8; 32]);
        let first = add_with(&world, text, Terms { digest, ..same() }).await.unwrap();
        world.files.lock().unwrap().clear();
        let again = add_with(&world, text, Terms { digest, ..same() }).await.unwrap();
        let ids =
            |added: &[Added]| -> Vec<_> { added.iter().map(|added| added.document.id).collect() };
        assert_eq!(ids(&again), ids(&first));
        let files = world.files.lock().unwrap();
        assert!(
            again.iter().all(|added| added.existed && files.contains_key(&added.document.path))
        );
        assert!(world.pending_files.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_upload_of_several_parts_is_stored_completely_or_not_at_all() {
    let world = Arc::new(World::default());
    world.fail("two");
    assert!(add_into(&world, "one\u{c}two\u{c}three", Indexing::Refuse).await.is_err());
    assert!(is_empty(&world));
    let added = add_into(&world, "one\u{c}two\u{c}three", Indexing::Keep).await.unwrap();
    let outcomes = added.iter().map(|added| (added.text.as_str(), added.warning.is_some()));
    assert_eq!(outcomes.collect::<Vec<_>>(), [("one", false), ("two", true), ("three", false)]);
}

#[tokio::test]
async fn moved_sheets_are_found_and_missing_ones_join_the_first() {
    let world = Arc::new(World::default());
    let same = || Terms { digest: Some([7; 32]), skip_identical: true, ..Terms::default() };
    world.folders.lock().unwrap().insert(folder("new"));
    let text = "one\u{c}two\u{c}three";
    let first = add_with(&world, text, same()).await.unwrap();
    let moves = vec![to(&first[1].document.path, "new")];
    world.library().move_documents(moves, MovePolicy::Move, &by()).await.unwrap();
    let again = add_with(&world, text, same()).await.unwrap();
    assert!(again.iter().all(|added| added.existed));
    assert_eq!(again[1].document.path.folder(), "new");
    world.library().remove(vec![first[2].document.path.clone()], &by()).await.unwrap();
    let again = add_with(&world, text, same()).await.unwrap();
    let existed: Vec<_> = again.iter().map(|added| added.existed).collect();
    assert_eq!(existed, [true, true, false]);
    assert!(
        first.iter().any(|each| each.document.path.folder() == again[2].document.path.folder())
    );
    assert_eq!(world.documents.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn identical_content_with_another_key_does_not_determine_the_folder() {
    let world = Arc::new(World::default());
    let of = |key: &str| Terms { skip_identical: true, ..keyed(key) };
    let private = Terms { folder: Some(folder("private")), ..of("a") };
    add_with(&world, "text", private).await.unwrap();
    let other = add_with(&world, "text", of("b")).await.unwrap().remove(0);
    assert_eq!((other.existed, other.document.path.folder()), (false, "custom-documents"));
    let again = add_with(&world, "text", of("a")).await.unwrap().remove(0);
    assert_eq!((again.existed, again.document.path.folder()), (true, "private"));
}

#[tokio::test]
async fn an_aborted_request_creates_no_duplicates() {
    let world = Arc::new(World::default());
    let named = || Terms { request: Some([9; 32]), ..Terms::default() };
    let first = add_with(&world, "text", named()).await.unwrap().remove(0);
    let again = add_with(&world, "text", named()).await.unwrap().remove(0);
    assert_eq!((again.document.id, again.existed), (first.document.id, true));
    assert_eq!(world.files.lock().unwrap().len(), 1);
}

fn folder(name: &str) -> Folder {
    Folder::parse(name).unwrap()
}

fn to(path: &DocumentPath, name: &str) -> DocumentMove {
    DocumentMove { from: path.clone(), to: path.moved_to(&folder(name)) }
}

async fn link(world: &Arc<World>, media_type: &'static str, link: &str) -> Result<Vec<Added>> {
    let ingestion = world.ingestion_from(Arc::new(Web(media_type)));
    let (link, headers, details) = (link.to_owned(), Vec::new(), Details::default());
    let request = LinkRequest { link, headers, take_errors: false, details };
    Ok(ingestion.add_link(request, Vec::new(), Indexing::Keep, &by()).await?.added)
}

#[tokio::test]
async fn a_page_becomes_a_document_with_its_source() {
    let world = Arc::new(World::default());
    let added = link(&world, "text/html", "example.com/a/b/").await.unwrap().remove(0);
    let document = &added.document;
    assert_eq!((&*document.title, &*document.url), ("A page", "file://example.com_a_b.html"));
    assert_eq!(document.chunk_source, "link://https://example.com/a/b");
    assert_eq!(document.author, "A. Author");
    assert!(document.path.name().starts_with("url-example.com_a_b-"), "{}", document.path);
    assert_eq!(document.source, "URL link uploaded by the user.");
    assert_eq!(added.text, "https://example.com/a/b/");
}

#[tokio::test]
async fn linked_files_are_read_by_type_or_refused() {
    let world = Arc::new(World::default());
    let added = link(&world, "application/fake", "example.com/report").await.unwrap().remove(0);
    assert_eq!(added.document.url, "file://example.com_report.fake");
    assert_eq!(added.document.chunk_source, "link://https://example.com/report");
    let by_name = link(&world, "application/octet-stream", "example.com/x.FAKE?y").await.unwrap();
    assert_eq!(by_name[0].document.url, "file://example.com_x.FAKE");
    // Hosts that send no media type or a generic one.
    for media_type in ["", "application/octet-stream"] {
        let page = link(&world, media_type, "example.com/a.html").await;
        let untyped = link(&world, media_type, "example.com/b.fake").await;
        let names = [page, untyped].map(|added| added.map(|added| added[0].document.url.clone()));
        let [page, untyped] = names.map(Result::ok);
        assert_eq!(untyped.as_deref(), Some("file://example.com_b.fake"), "{media_type}");
        assert_eq!(page.is_some(), media_type.is_empty(), "{media_type}");
    }
    assert!(link(&world, "text/markdown", "example.com").await.is_ok());
    for unreadable in ["image/gif", "application/octet-stream", "video/mp4"] {
        let refused = link(&world, unreadable, "example.com/x").await;
        assert!(matches!(refused, Err(Error::Unprocessable { .. })), "{unreadable}");
    }
}
