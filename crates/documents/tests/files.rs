//! The files of documents in a directory: format, names, and refusals.
#![expect(clippy::unwrap_used, reason = "tests say what they expect with `unwrap`, helpers too")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use carrel_documents::DocumentStore;
use carrel_domain::document::{self, Document, DocumentFiles, NO_METADATA, Published};
use carrel_domain::{DocumentId, DocumentPath, Error};
use chrono::{TimeZone, Utc};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use object_store::memory::InMemory;
use object_store::path::Path as Location;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use tempfile::TempDir;

fn document(path: &str) -> Document {
    let time = Utc.with_ymd_and_hms(2026, 2, 3, 10, 11, 12).unwrap();
    Document {
        id: DocumentId::random(),
        path: DocumentPath::parse(path).unwrap(),
        title: "日本語 \"handbook\".txt".to_owned(),
        url: "file:///handbook.txt".to_owned(),
        author: "Unknown".to_owned(),
        description: "Unknown".to_owned(),
        source: "a text file uploaded by the user.".to_owned(),
        chunk_source: String::new(),
        warnings: carrel_domain::Warnings::default(),
        published: Published(Some(time)),
        words: 4,
        tokens: 7,
        digest: [0; 32],
        created_at: time,
        metadata: NO_METADATA.into(),
        origin: document::DocumentOrigin::default(),
    }
}

fn path(text: &str) -> DocumentPath {
    DocumentPath::parse(text).unwrap()
}

fn open() -> (TempDir, DocumentStore) {
    let root = TempDir::new().unwrap();
    let store = DocumentStore::local(root.path()).unwrap();
    (root, store)
}

fn entries(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| name(e).into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_file_has_the_format_that_other_servers_read() {
    let (root, store) = open();
    let document = document("custom-documents/a.json");
    store.put(&document, "Grüße\n\"x\" \u{1}").await.unwrap();
    let expected = format!(
        r#"{{
    "id": "{}",
    "url": "file:///handbook.txt",
    "title": "日本語 \"handbook\".txt",
    "docAuthor": "Unknown",
    "description": "Unknown",
    "docSource": "a text file uploaded by the user.",
    "chunkSource": "",
    "published": "2/3/2026, 10:11:12 AM",
    "wordCount": 4,
    "pageContent": "Grüße\n\"x\" \u0001",
    "token_count_estimate": 7
}}"#,
        document.id
    );
    let file = root.path().join("custom-documents/a.json");
    assert_eq!(fs::read_to_string(file).unwrap(), expected);
    let text = store.text(&document.path).await.unwrap();
    assert_eq!(text.as_deref(), Some("Grüße\n\"x\" \u{1}"));
}

#[tokio::test]
async fn a_new_store_has_the_folder_for_uploads() {
    let (root, store) = open();
    assert_eq!(entries(root.path()), ["custom-documents"]);
    DocumentStore::local(root.path()).unwrap();
    assert_eq!(store.text(&path("custom-documents/no.json")).await.unwrap(), None);
    assert_eq!(store.text(&path("nowhere/no.json")).await.unwrap(), None);
    store.delete(&path("nowhere/no.json")).await.unwrap();
    store.put(&document("new folder/a.json"), "a").await.unwrap();
    assert_eq!(entries(&root.path().join("new folder")), ["a.json"]);
}

#[tokio::test]
async fn every_name_is_unchanged_on_disk() {
    let (root, store) = open();
    let longest = format!("{}.json", "x".repeat(245));
    let names = [
        "100%.txt-3f0c.json",
        "a%2F..%2fb.json",
        "%.json",
        "%00.json",
        "a#b.json",
        "a#1.json",
        "日本語.json",
        "e\u{301}.json",
        "\u{e9}.json",
        "a b.json",
        "a?b=c&d.json",
        "C:.json",
        "~[x]{y}^|<>\"'*;+=,@!$`().json",
        "a\u{a0}😀.json",
        "con.json",
        longest.as_str(),
    ];
    for folder in ["custom-documents", "100% 日本#1"] {
        for name in names {
            let at = path(&format!("{folder}/{name}"));
            store.put(&document(&at.to_string()), name).await.unwrap();
        }
        let mut expected = names.to_vec();
        expected.sort_unstable();
        assert_eq!(entries(&root.path().join(folder)), expected);
        for name in names {
            let at = path(&format!("{folder}/{name}"));
            assert_eq!(store.text(&at).await.unwrap().as_deref(), Some(name));
            store.delete(&at).await.unwrap();
            assert_eq!(store.text(&at).await.unwrap(), None);
        }
        assert!(entries(&root.path().join(folder)).is_empty());
    }
    let too_long = document(&format!("a/{}.json", "x".repeat(250)));
    assert!(matches!(store.put(&too_long, "x").await, Err(Error::Invalid { .. })));
}

#[tokio::test]
async fn a_second_write_replaces_the_first_and_leaves_nothing_else() {
    let (root, store) = open();
    let document = document("custom-documents/a.json");
    store.put(&document, &"long ".repeat(10_000)).await.unwrap();
    store.put(&document, "short").await.unwrap();
    assert_eq!(store.text(&document.path).await.unwrap().as_deref(), Some("short"));
    assert_eq!(entries(&root.path().join("custom-documents")), ["a.json"]);
}

#[tokio::test]
async fn a_failed_write_leaves_the_old_file() {
    let (root, store) = open();
    let document = document("custom-documents/a.json");
    store.put(&document, "old").await.unwrap();
    let store = store.with_largest_text(10);
    let refusal = store.put(&document, "eleven char").await.unwrap_err();
    assert!(matches!(refusal, Error::TooLarge { limit: 10, .. }), "{refusal}");
    assert_eq!(store.text(&document.path).await.unwrap().as_deref(), Some("old"));
    // A folder in place of the file can be neither replaced, read nor deleted.
    fs::create_dir(root.path().join("custom-documents/b.json")).unwrap();
    let at = path("custom-documents/b.json");
    assert!(store.text(&at).await.is_err());
    assert!(store.delete(&at).await.is_err());
    assert_eq!(entries(&root.path().join("custom-documents")), ["a.json", "b.json"]);
}

#[tokio::test]
async fn files_of_other_servers_are_read() {
    let (root, store) = open();
    let read = async |content: &[u8]| {
        fs::write(root.path().join("custom-documents/a.json"), content).unwrap();
        store.text(&path("custom-documents/a.json")).await
    };
    let text = async |content: &str| read(content.as_bytes()).await.unwrap().unwrap();
    assert_eq!(text(r#"{"pageContent":"x"}"#).await, "x");
    assert_eq!(text("\u{feff}{\"pageContent\":\"x\"}").await, "x");
    let foreign =
        r#"{"more":{"pageContent":[1,{}]},"wordCount":"many","pageContent":"x","id":null}"#;
    assert_eq!(text(foreign).await, "x");
    assert_eq!(text(r#"{"pageContent":"a\ud83d\ude00 \u00e9"}"#).await, "a😀 é");
    assert!(text(r#"{"pageContent":"half \ud83d!"}"#).await.ends_with("\u{fffd}!"));
    let nested =
        format!(r#"{{"deep":{}{},"pageContent":"x"}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(text(&nested).await, "x");
    for damaged in [
        &b""[..],
        b"{",
        b"{}",
        b"[]",
        b"null",
        b"x",
        b"{\"pageContent\":7}",
        b"\xff\xfe",
        b"{\"pageContent\":\"x\"} y",
    ] {
        let refusal = read(damaged).await.unwrap_err();
        assert!(matches!(refusal, Error::Unprocessable { .. }), "{refusal:?}");
        assert!(refusal.to_string().contains("custom-documents/a.json"), "{refusal}");
    }
}

#[tokio::test]
async fn a_file_far_larger_than_any_document_is_not_read() {
    let (root, store) = open();
    let store = store.with_largest_text(1_000);
    let file = fs::File::create(root.path().join("custom-documents/a.json")).unwrap();
    file.set_len(1 << 40).unwrap();
    let refusal = store.text(&path("custom-documents/a.json")).await.unwrap_err();
    assert!(matches!(refusal, Error::TooLarge { .. }), "{refusal}");
}

#[tokio::test]
async fn symbolic_links_beneath_the_root_are_refused() {
    let (root, store) = open();
    let outside = TempDir::new().unwrap();
    let secret = outside.path().join("secret.json");
    let content = r#"{"pageContent":"secret"}"#;
    fs::write(&secret, content).unwrap();
    symlink(outside.path(), root.path().join("linked")).unwrap();
    symlink(&secret, root.path().join("custom-documents/file.json")).unwrap();
    symlink(outside.path().join("none"), root.path().join("custom-documents/broken.json")).unwrap();
    for text in [
        "linked/secret.json",
        "linked/new.json",
        "custom-documents/file.json",
        "custom-documents/broken.json",
    ] {
        let refused = |result: carrel_domain::Result<()>| {
            assert!(matches!(result, Err(Error::Unprocessable { .. })), "{text}");
        };
        refused(store.text(&path(text)).await.map(drop));
        refused(store.put(&document(text), "mine").await);
        refused(store.delete(&path(text)).await);
    }
    assert_eq!(entries(outside.path()), ["secret.json"]);
    assert_eq!(fs::read_to_string(secret).unwrap(), content);
    assert_eq!(entries(&root.path().join("custom-documents")), ["broken.json", "file.json"]);
}

#[tokio::test]
async fn the_root_itself_may_be_a_link_but_not_the_folder_for_uploads() {
    let (root, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let link = other.path().join("documents");
    symlink(root.path(), &link).unwrap();
    let store = DocumentStore::local(&link).unwrap();
    store.put(&document("custom-documents/a.json"), "x").await.unwrap();
    assert_eq!(entries(&root.path().join("custom-documents")), ["a.json"]);
    let second = TempDir::new().unwrap();
    symlink(root.path(), second.path().join("custom-documents")).unwrap();
    assert!(DocumentStore::local(second.path()).is_err());
}

#[tokio::test]
async fn unfinished_files_are_not_documents_and_are_removed_when_old() {
    let (root, store) = open();
    let folder = root.path().join("custom-documents");
    store.put(&document("custom-documents/a#1.json"), "x").await.unwrap();
    for name in ["a.json#1", "日本.json#23", "notes#1", "a.json#b"] {
        fs::write(folder.join(name), "{").unwrap();
    }
    let now = SystemTime::now();
    let hour = Duration::from_secs(3600);
    assert_eq!(store.remove_unfinished(now - hour).await.unwrap(), 0);
    assert_eq!(store.remove_unfinished(now + hour).await.unwrap(), 2);
    assert_eq!(entries(&folder), ["a#1.json", "a.json#b", "notes#1"]);
}

#[tokio::test]
async fn deleting_a_file_deletes_its_unfinished_copies() {
    let (root, store) = open();
    let folder = root.path().join("custom-documents");
    store.put(&document("custom-documents/b.json"), "x").await.unwrap();
    for name in ["a.json#1", "a.json#2", "b.json#1", "c.json#1"] {
        fs::write(folder.join(name), "{").unwrap();
    }
    // The write of the first file was never finished.
    store.delete(&path("custom-documents/a.json")).await.unwrap();
    store.delete(&path("custom-documents/b.json")).await.unwrap();
    assert_eq!(entries(&folder), ["c.json#1"]);
}

#[tokio::test]
async fn concurrent_writes_of_a_document_leave_one_complete_file() {
    let (root, store) = open();
    let texts: Vec<String> = (0..8).map(|n| n.to_string().repeat(200_000)).collect();
    let writes = texts.iter().cloned().map(|text| {
        let (store, document) = (store.clone(), document("custom-documents/a.json"));
        tokio::spawn(async move { store.put(&document, &text).await })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap().unwrap();
    }
    let text = store.text(&path("custom-documents/a.json")).await.unwrap().unwrap();
    assert!(texts.contains(&text));
    assert_eq!(entries(&root.path().join("custom-documents")), ["a.json"]);
}

#[tokio::test]
async fn any_object_store_can_be_used() {
    let store = DocumentStore::new(Arc::new(InMemory::new()));
    let document = document("custom-documents/100% 日本#1.json");
    assert_eq!(store.text(&document.path).await.unwrap(), None);
    store.put(&document, "text").await.unwrap();
    assert_eq!(store.text(&document.path).await.unwrap().as_deref(), Some("text"));
    store.delete(&document.path).await.unwrap();
    store.delete(&document.path).await.unwrap();
    assert_eq!(store.text(&document.path).await.unwrap(), None);
    assert_eq!(store.remove_unfinished(SystemTime::now()).await.unwrap(), 0);
}

/// A store without free space.
#[derive(Debug)]
struct Full;

impl std::fmt::Display for Full {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("full")
    }
}

fn full<T>() -> object_store::Result<T> {
    let source = std::io::Error::from(std::io::ErrorKind::StorageFull).into();
    Err(object_store::Error::Generic { store: "full", source })
}

#[async_trait::async_trait]
impl ObjectStore for Full {
    async fn put_opts(
        &self,
        _: &Location,
        _: PutPayload,
        _: PutOptions,
    ) -> object_store::Result<PutResult> {
        full()
    }

    async fn put_multipart_opts(
        &self,
        _: &Location,
        _: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        full()
    }

    async fn get_opts(&self, _: &Location, _: GetOptions) -> object_store::Result<GetResult> {
        full()
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, object_store::Result<Location>>,
    ) -> BoxStream<'static, object_store::Result<Location>> {
        stream::once(async { full() }).boxed()
    }

    fn list(&self, _: Option<&Location>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        stream::once(async { full() }).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Location>) -> object_store::Result<ListResult> {
        full()
    }

    async fn copy_opts(
        &self,
        _: &Location,
        _: &Location,
        _: CopyOptions,
    ) -> object_store::Result<()> {
        full()
    }
}

#[tokio::test]
async fn a_full_disk_is_reported_by_every_operation() {
    let store = DocumentStore::new(Arc::new(Full));
    let document = document("custom-documents/a.json");
    for failed in [
        store.put(&document, "text").await,
        store.text(&document.path).await.map(drop),
        store.copy(&document.path, &path("custom-documents/b.json")).await,
        store.delete(&document.path).await,
    ] {
        let Err(Error::Unavailable { reason, .. }) = failed else { panic!("{failed:?}") };
        assert!(reason.contains("its disk is full"), "{reason}");
    }
}
