use carrel_domain::document::Document;
use carrel_domain::document_list::{DocumentList, DocumentQuery, DocumentScope, DocumentSummary};
use carrel_domain::library::Documents;
use carrel_domain::pin::Pins;
use carrel_domain::{DocumentId, DocumentPath, Folder, Page, WorkspaceId};
use carrel_persistence::Database;

use crate::support::{Scratch, at, document, done, embedded, path, workspace};

on_both_databases! {
    documents_are_paged_newest_first,
    a_title_is_found_by_any_part_of_it_in_any_case,
    a_list_shows_the_workspaces_of_each_document,
    folders_are_listed_with_their_number_of_documents,
    titles_stored_by_earlier_versions_are_found,
}

async fn add(db: &Database, folder: &str, title: &str, second: i64, into: &[WorkspaceId]) {
    let made = Document {
        path: DocumentPath::new(folder, &format!("{}.json", DocumentId::random())).unwrap(),
        title: title.into(),
        created_at: at(second),
        ..document("x")
    };
    let places = into.iter().map(|workspace| embedded(*workspace, title, 1)).collect();
    Documents::create(db, made, places, done(second)).await.unwrap();
}

async fn list(
    db: &Database,
    scope: DocumentScope,
    title: &str,
    offset: u64,
    limit: u32,
) -> Page<DocumentSummary> {
    db.list(&DocumentQuery { scope, title: title.into() }, offset, limit).await.unwrap()
}

fn titles(page: &Page<DocumentSummary>) -> Vec<&str> {
    page.items.iter().map(|document| document.title.as_str()).collect()
}

fn folder(name: &str) -> DocumentScope {
    DocumentScope::Folder(Folder::parse(name).unwrap())
}

async fn documents_are_paged_newest_first(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    for (second, title) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let folder = if title == "b" { "other" } else { "some" };
        add(&db, folder, title, second as i64, &[here][..usize::from(title != "d")]).await;
    }
    let all = list(&db, DocumentScope::Everything, "", 0, 3).await;
    assert_eq!((all.total, titles(&all)), (4, vec!["d", "c", "b"]));
    let rest = list(&db, DocumentScope::Everything, "", 3, 3).await;
    assert_eq!((rest.total, titles(&rest)), (4, vec!["a"]));
    let some = list(&db, folder("some"), "", 1, 9).await;
    assert_eq!((some.total, titles(&some)), (3, vec!["c", "a"]));
    let placed = list(&db, DocumentScope::Workspace(here), "", 1, 1).await;
    assert_eq!((placed.total, titles(&placed)), (3, vec!["b"]));
    assert_eq!(list(&db, folder("never"), "", 0, 9).await, Page::default());
    assert_eq!(
        list(&db, DocumentScope::Workspace(WorkspaceId(77)), "", 0, 9).await,
        Page::default()
    );
}

async fn a_title_is_found_by_any_part_of_it_in_any_case(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    for (second, title) in
        ["Über Äpfel.pdf", "100% done", "a_b", "axb", "50\\50"].iter().enumerate()
    {
        add(&db, "some", title, second as i64, &[here]).await;
    }
    for among in [DocumentScope::Everything, folder("some"), DocumentScope::Workspace(here)] {
        for (query, found) in [
            ("ÜBER ä", vec!["Über Äpfel.pdf"]),
            ("PFEL", vec!["Über Äpfel.pdf"]),
            ("%", vec!["100% done"]),
            ("a_b", vec!["a_b"]),
            ("\\", vec!["50\\50"]),
            ("a\0b", vec![]),
        ] {
            let page = list(&db, among.clone(), query, 0, 9).await;
            assert_eq!(titles(&page), found, "{query}");
            assert_eq!(page.total, found.len() as u64);
        }
        let long = "x".repeat(100_000);
        assert_eq!(list(&db, among, &long, 0, 9).await, Page::default());
    }
}

async fn a_list_shows_the_workspaces_of_each_document(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (workspace(&db, "One").await.id, workspace(&db, "Two").await.id);
    let made = document("a");
    let places = vec![embedded(two, "a", 1), embedded(one, "a", 1)];
    Documents::create(&db, made.clone(), places, done(0)).await.unwrap();
    add(&db, "some", "b", 1, &[]).await;
    db.pin(two, &path("a"), true, done(2)).await.unwrap();
    let all = list(&db, DocumentScope::Everything, "", 0, 9).await;
    let places: Vec<_> = all.items.iter().map(|document| document.workspaces.clone()).collect();
    assert!(places.contains(&vec![one, two]) && places.contains(&Vec::new()), "{places:?}");
    assert_eq!(db.workspaces_of(made.id).await.unwrap(), [one, two]);
    assert_eq!(db.workspaces_of(DocumentId::random()).await.unwrap(), []);
    let in_two = list(&db, DocumentScope::Workspace(two), "", 0, 9).await;
    assert!(in_two.items[0].is_pinned && in_two.items[0].path == path("a"));
    assert!(!list(&db, DocumentScope::Workspace(one), "", 0, 9).await.items[0].is_pinned);
    let titles = db.titles(&[path("never"), path("a")]).await.unwrap();
    assert_eq!(titles.get(&path("a")), Some(&made.title));
    assert_eq!(titles.len(), 1);
}

async fn folders_are_listed_with_their_number_of_documents(scratch: Scratch) {
    let db = scratch.open();
    for (folder, title) in [("b", "1"), ("b", "2"), ("a", "3"), ("Z", "4")] {
        add(&db, folder, title, 0, &[]).await;
    }
    let counted = |found: Vec<(Folder, u64)>| -> Vec<String> {
        found.iter().map(|(folder, count)| format!("{folder} {count}")).collect()
    };
    let all = counted(db.counted_folders(0, 9).await.unwrap());
    assert_eq!(all, ["Z 1", "a 1", "b 2", "custom-documents 0"]);
    assert_eq!(counted(db.counted_folders(2, 1).await.unwrap()), ["b 2"]);
    assert_eq!(db.counted_folders(4, 9).await.unwrap(), []);
}

async fn titles_stored_by_earlier_versions_are_found(scratch: Scratch) {
    let db = scratch.open();
    add(&db, "some", "ÄRGER", 0, &[]).await;
    scratch.execute("UPDATE documents SET sought = NULL");
    assert_eq!(list(&db, DocumentScope::Everything, "ärger", 0, 9).await.total, 0);
    drop(db);
    let db = scratch.open();
    assert_eq!(list(&db, DocumentScope::Everything, "ärger", 0, 9).await.total, 1);
}
