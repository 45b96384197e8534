use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use carrel_domain::DocumentPath;
use carrel_domain::document::IncomingFile;

use super::*;
use crate::fakes::originals::{State, keeping};
use crate::fakes::world::World;
use crate::fakes::{FakeSettings, by};
use crate::ingestion::{Added, Details, Indexing, Terms};

/// Creates files whose content the test extractor reads as text.
struct IncomingFiles(tempfile::TempDir);

impl IncomingFiles {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, content: &str) -> PathBuf {
        let path = self.0.path().join(content);
        std::fs::write(&path, content).unwrap();
        path
    }

    async fn add(&self, world: &Arc<World>, content: &str, terms: Terms) -> Result<Vec<Added>> {
        let file = IncomingFile { name: "a.txt".into(), content: self.file(content) };
        let details = Details { terms, ..Details::default() };
        let ingestion = world.ingestion();
        Ok(ingestion.add_file(file, details, Vec::new(), Indexing::Refuse, &by()).await?.added)
    }
}

fn contents(world: &World) -> Vec<String> {
    let files = world.originals.files.lock().unwrap();
    files.values().map(|content| String::from_utf8(content.clone()).unwrap()).collect()
}

fn path(added: &[Added]) -> DocumentPath {
    added[0].document.path.clone()
}

#[tokio::test]
async fn identical_files_are_stored_once_until_their_last_document_is_removed() {
    let (world, files) = (keeping(1 << 20), IncomingFiles::new());
    let first = files.add(&world, "text", Terms::default()).await.unwrap();
    let second = files.add(&world, "text", Terms::default()).await.unwrap();
    assert_eq!(contents(&world), ["text"]);
    let original = world.originals().of(&first[0].document).await.unwrap().unwrap();
    assert_eq!((original.bytes, world.originals.rows.lock().unwrap().len()), (4, 1));
    assert_eq!(world.originals().of(&second[0].document).await.unwrap(), Some(original));
    world.library().remove(vec![path(&first)], &by()).await.unwrap();
    assert_eq!(contents(&world), ["text"]);
    world.library().remove(vec![path(&second)], &by()).await.unwrap();
    assert!(contents(&world).is_empty() && world.originals.rows.lock().unwrap().is_empty());
}

#[tokio::test]
async fn storing_originals_depends_on_free_space_by_default() {
    for (free_bytes, is_stored) in
        [(None, false), (Some(AUTO_ENABLE_BYTES - 1), false), (Some(AUTO_ENABLE_BYTES), true)]
    {
        let (world, files) = (Arc::new(World::default()), IncomingFiles::new());
        *world.originals.room.lock().unwrap() = free_bytes;
        let originals = Originals { quota: 1 << 20, ..world.originals() };
        assert_eq!(originals.is_enabled().await.unwrap(), is_stored);
        let staged = originals.stage(&files.file("text"), Some([1; 32])).await;
        assert_eq!((staged.is_some(), contents(&world).len()), (is_stored, usize::from(is_stored)));
    }
}

#[tokio::test]
async fn nothing_is_stored_when_disabled() {
    let (world, files) = (keeping(1 << 20), IncomingFiles::new());
    *world.originals.room.lock().unwrap() = Some(u64::MAX);
    let disabled = BTreeMap::from([(names::KEEP_ORIGINALS.to_owned(), "off".to_owned())]);
    let settings = Arc::new(FakeSettings(Mutex::new(disabled)));
    let originals = Originals { settings, ..world.originals() };
    assert!(originals.stage(&files.file("text"), Some([1; 32])).await.is_none());
    assert!(contents(&world).is_empty());
}

#[tokio::test]
async fn a_file_without_documents_is_not_stored() {
    let (world, files) = (keeping(1 << 20), IncomingFiles::new());
    world.fail("create");
    assert!(files.add(&world, "text", Terms::default()).await.is_err());
    assert!(contents(&world).is_empty() && world.originals.rows.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_document_is_stored_even_if_its_original_cannot_be() {
    let files = IncomingFiles::new();
    for fault in ["disk", "quota", "room"] {
        let world = keeping(if fault == "quota" { 3 } else { 1 << 20 });
        match fault {
            "disk" => world.fail("original"),
            "room" => *world.originals.room.lock().unwrap() = Some(MIN_FREE_BYTES),
            _ => {}
        }
        assert_eq!(files.add(&world, "text", Terms::default()).await.unwrap().len(), 1, "{fault}");
        assert!(contents(&world).is_empty(), "{fault}");
        assert!(world.originals.rows.lock().unwrap().is_empty(), "{fault}");
    }
}

#[tokio::test]
async fn a_replacement_removes_the_earlier_original() {
    let (world, files) = (keeping(1 << 20), IncomingFiles::new());
    let keyed = || Terms { key: Some("k".into()), ..Terms::default() };
    files.add(&world, "first", keyed()).await.unwrap();
    files.add(&world, "second", keyed()).await.unwrap();
    assert_eq!(contents(&world), ["second"]);
}

#[tokio::test]
async fn uploading_an_old_document_again_stores_its_original() {
    let (world, files) = (Arc::new(World::default()), IncomingFiles::new());
    let digest: [u8; 32] = sha2::Digest::finalize(sha2::Sha256::default()).into();
    let terms = || Terms { digest: Some(digest), skip_identical: true, ..Terms::default() };
    let first = files.add(&world, "text", terms()).await.unwrap();
    *world.originals_quota.lock().unwrap() = Some(1 << 20);
    let second = files.add(&world, "text", terms()).await.unwrap();
    assert_eq!((path(&second), second[0].existed), (path(&first), true));
    assert_eq!(contents(&world), ["text"]);
}

#[tokio::test]
async fn originals_left_by_a_crash_are_reconciled() {
    let (world, files) = (keeping(1 << 20), IncomingFiles::new());
    let originals = world.originals();
    let orphan = originals.stage(&files.file("orphan"), Some([1; 32])).await.unwrap();
    assert_eq!(originals.reconcile(Utc::now() - chrono::TimeDelta::hours(1)).await.unwrap(), 0);
    assert_eq!(contents(&world), ["orphan"]);
    let added = files.add(&world, "text", Terms::default()).await.unwrap();
    // Simulates a process that died before committing the original.
    for (_, state) in world.originals.rows.lock().unwrap().values_mut() {
        *state = State::Reserved(DateTime::UNIX_EPOCH);
    }
    assert_eq!(originals.reconcile(Utc::now()).await.unwrap(), 2);
    assert_eq!(contents(&world), ["text"]);
    assert!(!world.originals.rows.lock().unwrap().contains_key(&orphan));
    assert!(originals.open(&added[0].document).await.unwrap().is_some());
}
