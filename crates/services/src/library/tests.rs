use std::path::PathBuf;

use carrel_domain::document::IncomingFile;
use carrel_domain::folder::DocumentMove;
use chrono::Utc;
use futures_util::TryStreamExt;

use super::*;
use crate::fakes::by;
use crate::fakes::world::World;
use crate::ingestion::{Added, Details, Indexing, Terms};

async fn add_with(world: &Arc<World>, text: &str, terms: Terms) -> Result<Vec<Added>> {
    let file = IncomingFile { name: "a.txt".into(), content: PathBuf::from(text) };
    let details = Details { terms, ..Details::default() };
    let ingestion = world.ingestion();
    Ok(ingestion.add_file(file, details, Vec::new(), Indexing::Keep, &by()).await?.added)
}

async fn add(world: &Arc<World>) -> DocumentPath {
    let added = add_with(world, "some text", Terms::default()).await.unwrap();
    added[0].document.path.clone()
}

fn is_empty(world: &World) -> bool {
    world.files.lock().unwrap().is_empty()
        && world.documents.lock().unwrap().is_empty()
        && world.pending_files.lock().unwrap().is_empty()
}

#[tokio::test]
async fn removing_deletes_files_and_ignores_unknown_paths() {
    let world = Arc::new(World::default());
    let added = add(&world).await;
    let unknown = DocumentPath::parse("a/b.json").unwrap();
    let paths = vec![unknown, added];
    let removed = world.library().remove(paths, &by()).await.unwrap();
    assert_eq!(removed.len(), 1);
    assert!(is_empty(&world));
}

#[tokio::test]
async fn reconciling_deletes_files_without_a_document() {
    let world = Arc::new(World::default());
    let path = add(&world).await;
    let orphan = DocumentPath::parse("custom-documents/orphan.json").unwrap();
    world.files.lock().unwrap().insert(orphan.clone(), "half".into());
    world.pending_files.lock().unwrap().extend([path.clone(), orphan]);
    assert_eq!(world.library().reconcile(Utc::now()).await.unwrap(), 2);
    assert_eq!(world.files.lock().unwrap().keys().collect::<Vec<_>>(), [&path]);
    assert!(world.pending_files.lock().unwrap().is_empty());
}

fn folder(name: &str) -> Folder {
    Folder::parse(name).unwrap()
}

async fn two_documents(world: &Arc<World>) -> [DocumentPath; 2] {
    world.folders.lock().unwrap().insert(folder("new"));
    let first = add_with(world, "one", Terms::default()).await.unwrap().remove(0);
    let second = add_with(world, "two", Terms::default()).await.unwrap().remove(0);
    [first.document.path, second.document.path]
}

fn to(path: &DocumentPath, name: &str) -> DocumentMove {
    DocumentMove { from: path.clone(), to: path.moved_to(&folder(name)) }
}

#[tokio::test]
async fn moving_a_document_moves_its_file() {
    let world = Arc::new(World::default());
    let [first, second] = two_documents(&world).await;
    let moves = vec![to(&first, "new"), to(&second, "custom-documents")];
    assert_eq!(world.library().move_documents(moves, MovePolicy::Move, &by()).await.unwrap(), 0);
    let files = world.files.lock().unwrap();
    assert_eq!(files[&first.moved_to(&folder("new"))], "one");
    assert_eq!((files.len(), files[&second].as_str()), (2, "two"));
    assert!(world.pending_files.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_failed_move_changes_nothing() {
    for part in ["copy", "relocate", ""] {
        let world = Arc::new(World::default());
        let [first, second] = two_documents(&world).await;
        world.fail(part);
        let mut moves = vec![to(&first, "new")];
        if part.is_empty() {
            moves.push(to(&second.moved_to(&folder("never")), "new"));
        }
        let result = world.library().move_documents(moves, MovePolicy::Move, &by()).await;
        assert!(result.is_err(), "{part}");
        let paths: Vec<_> = world.files.lock().unwrap().keys().cloned().collect();
        assert!(paths.len() == 2 && paths.contains(&first) && paths.contains(&second), "{part}");
        // A partial copy is cleaned up later, because the existing file could belong to another
        // document.
        let pending = world.pending_files.lock().unwrap().clone();
        let copy = (part == "copy").then(|| first.moved_to(&folder("new")));
        assert_eq!(pending, Vec::from_iter(copy), "{part}");
    }
}

#[tokio::test]
async fn contradictory_moves_are_refused() {
    let world = Arc::new(World::default());
    let [first, second] = two_documents(&world).await;
    let to_path = |from: &DocumentPath, to: &DocumentPath| DocumentMove {
        from: from.clone(),
        to: to.clone(),
    };
    for moves in [
        vec![to_path(&first, &second)],
        vec![to(&first, "never")],
        vec![to(&first, "new"), to_path(&second, &first.moved_to(&folder("new")))],
        vec![to(&first, "new"), to_path(&first, &second.moved_to(&folder("new")))],
    ] {
        let result = world.library().move_documents(moves.clone(), MovePolicy::Move, &by()).await;
        assert!(result.is_err(), "{moves:?}");
    }
    assert_eq!(world.files.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn the_default_folder_cannot_be_removed() {
    let world = Arc::new(World::default());
    let result = world.library().remove_folder(Folder::default(), &by()).await;
    assert!(matches!(result, Err(Error::Invalid { .. })), "{result:?}");
}

#[tokio::test]
async fn a_list_contains_every_folder_and_document_once() {
    let world = Arc::new(World::default());
    world.folders.lock().unwrap().extend(["a", "custom-documents", "m", "z"].map(folder));
    let mut expected = Vec::new();
    for (name, count) in [("custom-documents", 5_500), ("b", 5_200), ("m", 3)] {
        for _ in 0..count {
            let terms = Terms { folder: Some(folder(name)), ..Terms::default() };
            let added = add_with(&world, "text", terms).await.unwrap();
            expected.push(added[0].document.path.to_string());
        }
    }
    let (mut folders, mut documents, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    let mut pages = std::pin::pin!(world.library().list_all().await.unwrap());
    while let Some(page) = pages.try_next().await.unwrap() {
        sizes.push(page.len());
        for entry in page {
            match entry {
                ListEntry::Folder(name) => folders.push(name),
                ListEntry::Document(listed) => {
                    let texts = listed.texts();
                    assert_eq!(folders.last().map(String::as_str), Some(texts.folder));
                    documents.push(format!("{}/{}", texts.folder, texts.name));
                }
            }
        }
    }
    assert_eq!(folders, ["custom-documents", "a", "b", "m", "z"]);
    // The first page also contains the folders that begin in it.
    assert!(sizes[0] <= FIRST_PAGE_LEN as usize + 5, "{sizes:?}");
    assert!(sizes.iter().all(|size| *size <= 5_005), "{sizes:?}");
    documents.sort();
    expected.sort();
    assert_eq!(documents, expected);
}

#[tokio::test]
async fn documents_with_large_metadata_are_listed_in_smaller_pages() {
    let world = Arc::new(World::default());
    let metadata = format!("{{\"note\":\"{}\"}}", "x".repeat(16_000));
    for _ in 0..1_400 {
        let terms = Terms { metadata: metadata.clone(), ..Terms::default() };
        add_with(&world, "text", terms).await.unwrap();
    }
    let pages = world.library().list_after(Folder::default(), None);
    let sizes: Vec<_> = pages.map_ok(|page| page.len()).try_collect().await.unwrap();
    assert_eq!((sizes[0], sizes.iter().sum::<usize>()), (1_000, 1_400));
    assert!(sizes[1] < 260, "{sizes:?}");
}
