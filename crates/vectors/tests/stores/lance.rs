//! What only LanceDB does: it has no server, so its directory is what may fail.
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use carrel_vectors::choose::{Services, store_in};
use carrel_vectors::store::is_refusal;

use super::*;

/// Opens the store in a directory, as a server that starts does.
fn open(directory: &Path, installation: &str) -> Option<Arc<dyn Store>> {
    let services = Services { lancedb: Some(directory.to_owned()), ..Services::default() };
    store_in(&services, &|_| None, || panic!("it needs no connections"), installation).unwrap()
}

fn directory() -> PathBuf {
    stores::lancedb().join(stores::installation())
}

fn bytes(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let sizes = entries.map(|entry| match entry.file_type().unwrap().is_dir() {
        true => bytes(&entry.path()),
        false => entry.metadata().unwrap().len(),
    });
    sizes.sum()
}

#[tokio::test]
async fn it_is_the_default_of_this_build_and_keeps_its_vectors() {
    let directory = directory();
    let rows = Arc::new(MemoryRows::default());
    rows.add(HERE, vec![vec![1.0, 0.0]; 3]);
    let store = open(&directory, "one").unwrap();
    assert_eq!(store.name(), "LanceDB");
    World::over(rows.clone(), store, PLENTY).assert_agrees().await;
    let again = open(&directory, "one").unwrap();
    assert_eq!(again.watermark(HERE).await.unwrap().unwrap().vectors, 3);
    assert_eq!(again.count(HERE, &Dimensions::from([2])).await.unwrap(), 3);
    // Without a room for the embedded index, only the store can answer.
    let world = World::over(rows, again, 0);
    assert_eq!(world.found(query(&[1.0, 0.0], 9)).await, [1, 2, 3]);
    // Without a directory it is the embedded index.
    let none = store_in(&Services::default(), &|_| None, || panic!("not needed"), "one").unwrap();
    assert!(none.is_none());
}

#[tokio::test]
async fn a_workspace_that_is_gone_leaves_no_files() {
    let directory = directory();
    let store = open(&directory, "one").unwrap();
    let world = World::over(Arc::default(), store.clone(), PLENTY);
    world.rows.add(HERE, vec![vec![1.0; 8]; 5_000]);
    world.rows.add(WorkspaceId(10), vec![vec![1.0; 8]; 3]);
    world.synced().reconcile_all().await.unwrap();
    let before = bytes(&directory);
    store.clear(HERE, &Dimensions::new()).await.unwrap();
    assert!(bytes(&directory) + 5_000 * 8 * 4 < before);
    assert_eq!(store.watermark(HERE).await.unwrap(), None);
    // Its name begins like the other's.
    assert_eq!(store.count(WorkspaceId(10), &Dimensions::from([8])).await.unwrap(), 3);
}

#[tokio::test]
async fn many_changes_leave_few_files() {
    let directory = directory();
    let store = open(&directory, "one").unwrap();
    let row = |chunk: i64| carrel_domain::vector::VectorRow {
        chunk: ChunkId(chunk),
        document: WorkspaceDocumentId(1),
        vector: vec![1.0, chunk as f32],
    };
    for chunk in 1..=64 {
        store.put(HERE, 2, &[row(chunk)]).await.unwrap();
    }
    let of = Dimensions::from([2]);
    assert_eq!(store.count(HERE, &of).await.unwrap(), 64);
    let table = ::lancedb::connect(directory.join("one").to_str().unwrap());
    let table = table.execute().await.unwrap().open_table("workspace_1_2").execute().await.unwrap();
    let files = table.as_native().unwrap().count_fragments().await.unwrap();
    assert_eq!(files, 1, "the files were merged");
    let found = store.nearest(HERE, &[0.0, 1.0], 1, DocumentSelection::All).await.unwrap();
    assert_eq!(found, [ChunkId(64)]);
}

#[tokio::test]
async fn a_directory_that_cannot_be_used_is_told_with_what_to_look_at() {
    let directory = directory();
    std::fs::create_dir_all(directory.parent().unwrap()).unwrap();
    std::fs::write(&directory, "a file").unwrap();
    let error = open(&directory, "one").unwrap().watermarks().await.unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("LanceDB is unavailable: /"), "{message}");
    assert!(message.contains(directory.to_str().unwrap()), "{message}");
    assert!(message.contains("is the directory writable, and is there space?"), "{message}");
    assert!(!message.contains('\n') && !message.contains(".rs:"), "{message}");
}

#[tokio::test]
async fn a_damaged_table_concerns_its_workspace_only() {
    let directory = directory();
    let store = open(&directory, "one").unwrap();
    let world = World::over(Arc::default(), store, PLENTY);
    for within in [HERE, THERE] {
        world.rows.add(within, vec![vec![1.0, 0.0]; 3]);
    }
    world.assert_agrees().await;
    let manifests = directory.join("one/workspace_1_2.lance/_versions");
    for manifest in std::fs::read_dir(&manifests).unwrap() {
        std::fs::write(manifest.unwrap().path(), "nonsense").unwrap();
    }
    let again = open(&directory, "one").unwrap();
    let error = again.count(HERE, &Dimensions::from([2])).await.unwrap_err();
    assert!(is_refusal(&error), "{error:?}");
    let message = error.to_string();
    assert!(
        message.contains("workspace_1_2") && message.contains("delete the directory"),
        "{message}"
    );
    assert!(!message.contains('\n') && !message.contains(".rs:"), "{message}");
    assert_eq!(again.count(THERE, &Dimensions::from([2])).await.unwrap(), 3);
    // The embedded index answers.
    let world = World::over(world.rows.clone(), again, PLENTY);
    assert_eq!(world.found(query(&[1.0, 0.0], 9)).await, [1, 2, 3]);
    // Once it is deleted, it is filled again.
    std::fs::remove_dir_all(&directory).unwrap();
    let world = World::over(world.rows.clone(), open(&directory, "one").unwrap(), PLENTY);
    world.assert_agrees().await;
}

#[tokio::test]
async fn a_full_or_locked_directory_blocks_no_search() {
    let directory = directory();
    let store = open(&directory, "one").unwrap();
    let world = World::over(Arc::default(), store, PLENTY);
    world.rows.add(HERE, vec![vec![1.0, 0.0]; 3]);
    world.assert_agrees().await;
    let locked = directory.join("one");
    std::fs::remove_dir_all(&locked).unwrap();
    std::fs::write(&locked, "a file instead of a directory").unwrap();
    std::fs::set_permissions(&locked, Permissions::from_mode(0o400)).unwrap();
    world.rows.add(HERE, vec![vec![0.9, 0.1]]);
    assert_eq!(world.found(query(&[1.0, 0.0], 9)).await, [1, 2, 3, 4]);
    std::fs::remove_file(&locked).unwrap();
    world.assert_agrees().await;
}
