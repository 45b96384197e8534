//! Uploads that repeat, replace or skip, links, folders and lists.
use carrel_domain::Folder;
use carrel_domain::folder::DocumentMove;
use carrel_domain::link::{FetchedPage, Link, LinkFetcher, PageReader, WebPage};
use futures_util::TryStreamExt;

use super::*;

async fn add_with(world: &Arc<World>, text: &str, terms: Terms) -> Result<Vec<Added>> {
    let file = IncomingFile { name: "a.txt".into(), content: PathBuf::from(text) };
    let details = Details { terms, ..Details::default() };
    world.library().add_file(file, details, Vec::new(), Unembedded::Refuse, &by()).await
}

fn keyed(key: &str) -> Terms {
    Terms { key: Some(key.into()), digest: Some([1; 32]), ..Terms::default() }
}

#[tokio::test]
async fn an_upload_with_a_key_takes_the_place_of_the_one_before() {
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
async fn a_replacement_that_fails_leaves_what_was_there() {
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
async fn what_fails_after_a_replacement_does_not_take_the_new_text() {
    let world = Arc::new(World::default());
    add_with(&world, "first", keyed("k")).await.unwrap();
    world.fail("reconcile");
    assert!(add_with(&world, "second", keyed("k")).await.is_err());
    let documents = world.documents.lock().unwrap();
    let path = documents.keys().next().unwrap();
    assert_eq!((documents.len(), world.files.lock().unwrap()[path].as_str()), (1, "second"));
}

#[tokio::test]
async fn identical_content_is_kept_once_where_that_is_asked_for() {
    let world = Arc::new(World::default());
    let same = || Terms { digest: Some([7; 32]), skip_identical: true, ..Terms::default() };
    let first = add_with(&world, "text", same()).await.unwrap().remove(0);
    let again = add_with(&world, "text", same()).await.unwrap().remove(0);
    assert_eq!((again.document.id, again.existed, first.existed), (first.document.id, true, false));
    let elsewhere = Terms { folder: Some(folder("other")), ..same() };
    assert!(!add_with(&world, "text", elsewhere).await.unwrap()[0].existed);
    let asked_for = Terms { skip_identical: false, ..same() };
    assert!(!add_with(&world, "text", asked_for).await.unwrap()[0].existed);
    assert_eq!(world.documents.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_text_that_was_lost_comes_back_with_its_content() {
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
async fn an_upload_of_several_parts_is_kept_whole_or_not_at_all() {
    let world = Arc::new(World::default());
    world.fail("two");
    assert!(add_into(&world, "one\u{c}two\u{c}three", Unembedded::Refuse).await.is_err());
    assert!(is_empty(&world));
    let added = add_into(&world, "one\u{c}two\u{c}three", Unembedded::Keep).await.unwrap();
    let told = added.iter().map(|added| (added.text.as_str(), added.warning.is_some()));
    assert_eq!(told.collect::<Vec<_>>(), [("one", false), ("two", true), ("three", false)]);
}

#[tokio::test]
async fn sheets_that_were_moved_apart_are_found_and_missing_ones_come_beside_the_first() {
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
async fn equal_content_of_another_key_has_no_say_in_the_folder() {
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
async fn a_request_that_was_broken_off_makes_no_document_twice() {
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

async fn two_documents(world: &Arc<World>) -> [DocumentPath; 2] {
    world.folders.lock().unwrap().insert(folder("new"));
    let one = add_with(world, "one", Terms::default()).await.unwrap().remove(0);
    let two = add_with(world, "two", Terms::default()).await.unwrap().remove(0);
    [one.document.path, two.document.path]
}

fn to(path: &DocumentPath, name: &str) -> DocumentMove {
    DocumentMove { from: path.clone(), to: path.moved_to(&folder(name)) }
}

#[tokio::test]
async fn moving_takes_the_file_along() {
    let world = Arc::new(World::default());
    let [one, two] = two_documents(&world).await;
    let moves = vec![to(&one, "new"), to(&two, "custom-documents")];
    assert_eq!(world.library().move_documents(moves, MovePolicy::Move, &by()).await.unwrap(), 0);
    let files = world.files.lock().unwrap();
    assert_eq!(files[&one.moved_to(&folder("new"))], "one");
    assert_eq!((files.len(), files[&two].as_str()), (2, "two"));
    assert!(world.pending_files.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_move_that_fails_moves_nothing() {
    for part in ["copy", "relocate", ""] {
        let world = Arc::new(World::default());
        let [one, two] = two_documents(&world).await;
        world.fail(part);
        let mut moves = vec![to(&one, "new")];
        if part.is_empty() {
            moves.push(to(&two.moved_to(&folder("never")), "new"));
        }
        let moved = world.library().move_documents(moves, MovePolicy::Move, &by()).await;
        assert!(moved.is_err(), "{part}");
        let paths: Vec<_> = world.files.lock().unwrap().keys().cloned().collect();
        assert!(paths.len() == 2 && paths.contains(&one) && paths.contains(&two), "{part}");
        // Whether there is half a copy is looked into later: what is there may be somebody else's.
        let noted = world.pending_files.lock().unwrap().clone();
        let half = (part == "copy").then(|| one.moved_to(&folder("new")));
        assert_eq!(noted, Vec::from_iter(half), "{part}");
    }
}

#[tokio::test]
async fn moves_that_cannot_all_be_right_are_refused() {
    let world = Arc::new(World::default());
    let [one, two] = two_documents(&world).await;
    let onto = |from: &DocumentPath, to: &DocumentPath| DocumentMove {
        from: from.clone(),
        to: to.clone(),
    };
    for moves in [
        vec![onto(&one, &two)],
        vec![to(&one, "never")],
        vec![to(&one, "new"), onto(&two, &one.moved_to(&folder("new")))],
        vec![to(&one, "new"), onto(&one, &two.moved_to(&folder("new")))],
    ] {
        let refused = world.library().move_documents(moves.clone(), MovePolicy::Move, &by()).await;
        assert!(refused.is_err(), "{moves:?}");
    }
    assert_eq!(world.files.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn the_default_folder_cannot_be_removed() {
    let world = Arc::new(World::default());
    let refused = world.library().remove_folder(Folder::default(), &by()).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_list_has_every_folder_and_every_document_once() {
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
    let mut pieces = std::pin::pin!(world.library().everything().await.unwrap());
    while let Some(piece) = pieces.try_next().await.unwrap() {
        sizes.push(piece.len());
        for entry in piece {
            match entry {
                ListEntry::Folder(name) => folders.push(name),
                ListEntry::Document(listed) => {
                    let of = listed.texts();
                    assert_eq!(folders.last().map(String::as_str), Some(of.folder));
                    documents.push(format!("{}/{}", of.folder, of.name));
                }
            }
        }
    }
    assert_eq!(folders, ["custom-documents", "a", "b", "m", "z"]);
    // With the folders that begin in it.
    assert!(sizes[0] <= LISTED_FIRST as usize + 5, "{sizes:?}");
    assert!(sizes.iter().all(|size| *size <= 5_005), "{sizes:?}");
    documents.sort();
    expected.sort();
    assert_eq!(documents, expected);
}

#[tokio::test]
async fn documents_with_much_metadata_are_listed_in_smaller_pieces() {
    let world = Arc::new(World::default());
    let metadata = format!("{{\"note\":\"{}\"}}", "x".repeat(16_000));
    for _ in 0..1_400 {
        let terms = Terms { metadata: metadata.clone(), ..Terms::default() };
        add_with(&world, "text", terms).await.unwrap();
    }
    let pieces = world.library().rest_of(Folder::default(), None);
    let sizes: Vec<_> = pieces.map_ok(|piece| piece.len()).try_collect().await.unwrap();
    assert_eq!((sizes[0], sizes.iter().sum::<usize>()), (1_000, 1_400));
    assert!(sizes[1] < 260, "{sizes:?}");
}

/// The web as the links of a test see it: every page says what it was asked for.
struct Web(&'static str);

#[async_trait::async_trait]
impl LinkFetcher for Web {
    async fn fetch(&self, link: &Link) -> Result<FetchedPage> {
        let content = link.url.clone().into_bytes();
        Ok(FetchedPage { url: link.url.clone(), media_type: self.0.into(), charset: None, content })
    }
}

#[async_trait::async_trait]
impl PageReader for Web {
    async fn read(&self, page: FetchedPage) -> Result<WebPage> {
        let text = String::from_utf8(page.content).unwrap();
        Ok(WebPage { title: Some("A page".into()), text })
    }
}

async fn link(world: &Arc<World>, media_type: &'static str, link: &str) -> Result<Vec<Added>> {
    let web = Arc::new(Web(media_type));
    let directory = std::env::temp_dir();
    let links = Links { library: world.library(), fetcher: web.clone(), reader: web, directory };
    let (link, headers, details) = (link.to_owned(), Vec::new(), Details::default());
    let request = LinkRequest { link, headers, take_errors: false, details };
    links.add(request, Vec::new(), Unembedded::Keep, &by()).await
}

#[tokio::test]
async fn a_page_becomes_a_document_that_says_where_it_is_from() {
    let world = Arc::new(World::default());
    let added = link(&world, "text/html", "example.com/a/b/").await.unwrap().remove(0);
    let document = &added.document;
    assert_eq!((&*document.title, &*document.url), ("A page", "file://example.com_a_b.html"));
    assert_eq!(document.chunk_source, "link://https://example.com/a/b");
    assert!(document.path.name().starts_with("url-example.com_a_b-"), "{}", document.path);
    assert_eq!(document.source, "URL link uploaded by the user.");
    assert_eq!(added.text, "https://example.com/a/b/");
}

#[tokio::test]
async fn other_files_are_read_by_their_type_or_refused() {
    let world = Arc::new(World::default());
    let added = link(&world, "application/fake", "example.com/report").await.unwrap().remove(0);
    assert_eq!(added.document.url, "file://example.com_report.fake");
    assert_eq!(added.document.chunk_source, "link://https://example.com/report");
    let by_name = link(&world, "application/octet-stream", "example.com/x.FAKE?y").await.unwrap();
    assert_eq!(by_name[0].document.url, "file://example.com_x.FAKE");
    // Hosts that do not say, or say that it is bytes.
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
