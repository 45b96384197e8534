use std::collections::BTreeSet;

use carrel_domain::document::Document;
use carrel_domain::folder::{DocumentMove, Folders, ListPosition, ListedDocument, Texts};
use carrel_domain::library::{Documents, WorkspaceDocuments};
use carrel_domain::vector::VectorRows;
use carrel_domain::{DocumentId, DocumentPath, Error, Folder};
use carrel_persistence::Database;

use crate::support::{Scratch, at, document, done, embedded, path, workspace};

on_both_databases! {
    lists_are_sorted_by_bytes,
    a_folder_may_be_empty_and_is_created_once,
    lists_show_where_documents_are_pinned,
    a_document_is_found_by_its_id_and_by_its_name,
    removing_a_folder_removes_its_documents,
    a_moved_document_keeps_its_places,
    moves_are_all_or_nothing,
    uploads_into_a_folder_during_its_removal_are_all_or_nothing,
}

fn folder(name: &str) -> Folder {
    Folder::parse(name).unwrap()
}

fn at_path(text: &str) -> Document {
    Document { path: DocumentPath::parse(text).unwrap(), ..document("x") }
}

async fn create(db: &Database, paths: &[&str]) {
    for text in paths {
        Documents::create(db, at_path(text), Vec::new(), done(0)).await.unwrap();
    }
}

fn names(listed: &[ListedDocument]) -> Vec<String> {
    let path = |of: Texts<'_>| format!("{}/{}", of.folder, of.name);
    listed.iter().map(|each| path(each.texts())).collect()
}

async fn lists_are_sorted_by_bytes(scratch: Scratch) {
    let db = scratch.open();
    create(&db, &["b/é.json", "b/Z.json", "b/a.json", "B/x.json", "custom-documents/q.json"]).await;
    create(&db, &["b/_.json", "ä/x.json", "custom-documents/p.json"]).await;
    let all: Vec<_> = db.folders().await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(all, ["B", "b", "custom-documents", "ä"]);
    let of_b = ListPosition::In { folder: folder("b"), after: None };
    let listed = db.list(&of_b, 0, 10).await.unwrap();
    assert_eq!(names(&listed), ["b/Z.json", "b/_.json", "b/a.json", "b/é.json"]);
    assert_eq!(db.list(&of_b, 1, 2).await.unwrap(), listed[1..3]);
    assert_eq!(db.list(&of_b, 9, 2).await.unwrap(), []);
    let after = ListPosition::In { folder: folder("b"), after: Some("_.json".into()) };
    assert_eq!(db.list(&after, 0, 10).await.unwrap(), listed[2..]);
    assert_eq!(db.documents_in(&folder("b")).await.unwrap(), Some(4));
    let mut elsewhere = Vec::new();
    let mut after = None;
    loop {
        let page = db.list(&ListPosition::Elsewhere { after: after.clone() }, 0, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(DocumentPath::new(last.texts().folder, last.texts().name).unwrap());
        elsewhere.extend(names(&page));
    }
    let expected = ["B/x.json", "b/Z.json", "b/_.json", "b/a.json", "b/é.json", "ä/x.json"];
    assert_eq!(elsewhere, expected);
}

async fn a_folder_may_be_empty_and_is_created_once(scratch: Scratch) {
    let db = scratch.open();
    assert_eq!(db.folders().await.unwrap(), [Folder::default()]);
    assert_eq!(db.documents_in(&Folder::default()).await.unwrap(), Some(0));
    db.create_folder(&folder("new"), done(0)).await.unwrap();
    assert_eq!(db.documents_in(&folder("new")).await.unwrap(), Some(0));
    assert_eq!(db.documents_in(&folder("never")).await.unwrap(), None);
    let again = db.create_folder(&folder("new"), done(0)).await;
    assert!(matches!(again, Err(Error::AlreadyExists { kind: "folder", .. })), "{again:?}");
    assert_eq!(db.remove_folder(&folder("never"), done(0)).await.unwrap(), None);
    assert_eq!(db.remove_folder(&folder("new"), done(0)).await.unwrap(), Some(Vec::new()));
    assert_eq!(db.documents_in(&folder("new")).await.unwrap(), None);
}

async fn lists_show_where_documents_are_pinned(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (workspace(&db, "One").await.id, workspace(&db, "Two").await.id);
    let made = Document { metadata: "{\"a\":1}".into(), ..document("a") };
    let places = vec![embedded(two, "a", 1), embedded(one, "a", 1)];
    Documents::create(&db, made.clone(), places, done(0)).await.unwrap();
    create(&db, &["custom-documents/b.json"]).await;
    scratch.execute("UPDATE workspace_documents SET pinned = TRUE");
    let all = ListPosition::In { folder: Folder::default(), after: None };
    let listed = db.list(&all, 0, 10).await.unwrap();
    assert_eq!((listed[0].is_placed, &listed[0].pinned_in), (true, &vec![one, two]));
    assert_eq!((listed[0].id, listed[0].published), (made.id, made.published));
    assert_eq!(listed[0].texts().metadata, made.metadata);
    assert!(!listed[1].is_placed && listed[1].pinned_in.is_empty() && !listed[1].is_watched);
    // More paths than one statement takes, and one that differs only in its folder.
    let elsewhere = path("a").moved_to(&folder("elsewhere"));
    let mut paths = vec![path("b"), elsewhere];
    paths.extend((0..1_100).map(|number| path(&format!("never-{number}"))));
    paths.push(path("a"));
    assert_eq!(db.in_workspaces(&paths).await.unwrap(), [path("a")]);
    assert_eq!(db.existing(&paths).await.unwrap(), [path("b"), path("a")]);
    assert_eq!(db.existing(&[]).await.unwrap(), []);
}

async fn a_document_is_found_by_its_id_and_by_its_name(scratch: Scratch) {
    let db = scratch.open();
    create(&db, &["z/same.json", "y/same.json", "y/other.json"]).await;
    let found = db.by_name("same.json").await.unwrap().unwrap();
    assert_eq!(found.texts().folder, "y");
    assert_eq!(db.by_id(found.id).await.unwrap(), Some(found));
    assert_eq!(db.by_id(DocumentId::random()).await.unwrap(), None);
    for name in ["", "same", "../y/same.json", "y/same.json", "%"] {
        assert_eq!(db.by_name(name).await.unwrap(), None, "{name}");
    }
}

async fn removing_a_folder_removes_its_documents(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let mut placed = Vec::new();
    for name in ["gone/b.json", "gone/a.json"] {
        let places = vec![embedded(here, name, 2)];
        placed.extend(Documents::create(&db, at_path(name), places, done(0)).await.unwrap());
    }
    create(&db, &["kept/c.json"]).await;
    let removed = db.remove_folder(&folder("gone"), done(5)).await.unwrap().unwrap();
    let paths: Vec<_> = removed.iter().map(|each| each.path.to_string()).collect();
    assert_eq!(paths, ["gone/a.json", "gone/b.json"]);
    assert_eq!(removed[1].places, [(here, placed[0].id)]);
    assert_eq!(
        (db.documents_in(&folder("gone")).await.unwrap(), scratch.rows_in("documents")),
        (None, 1)
    );
    assert_eq!(VectorRows::count(&db, Some(here)).await.unwrap(), 0);
    let unsettled = db.pending_files(at(6)).await.unwrap();
    assert_eq!(unsettled.len(), 2);
    assert!(unsettled.iter().all(|(path, is_known)| path.folder() == "gone" && !is_known));
}

async fn a_moved_document_keeps_its_places(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let made = document("a");
    let placed = Documents::create(&db, made.clone(), vec![embedded(here, "a", 2)], done(0)).await;
    db.create_folder(&folder("new"), done(0)).await.unwrap();
    let to = path("a").moved_to(&folder("new"));
    db.record_intent(std::slice::from_ref(&to), at(1)).await.unwrap();
    let moves = [DocumentMove { from: path("a"), to: to.clone() }];
    db.relocate(&moves, done(2)).await.unwrap();
    assert_eq!(db.by_path(&path("a")).await.unwrap(), None);
    assert_eq!(db.by_path(&to).await.unwrap().unwrap().id, made.id);
    let places = db.in_workspace(here).await.unwrap();
    assert_eq!((places[0].id, &places[0].document.path), (placed.unwrap()[0].id, &to));
    assert_eq!(db.pending_files(at(3)).await.unwrap(), [(path("a"), false)]);
}

async fn moves_are_all_or_nothing(scratch: Scratch) {
    let db = scratch.open();
    create(&db, &["custom-documents/a.json", "custom-documents/b.json", "new/b.json"]).await;
    let to = |name: &str, folder_name: &str| DocumentMove {
        from: path(name),
        to: path(name).moved_to(&folder(folder_name)),
    };
    for (moves, missing) in [
        (vec![to("a", "new"), to("b", "new")], false),
        (vec![to("a", "new"), to("never", "new")], true),
        (vec![to("a", "never")], true),
    ] {
        let refused = db.relocate(&moves, done(0)).await;
        match missing {
            true => assert!(matches!(refused, Err(Error::NotFound { .. })), "{refused:?}"),
            false => assert!(matches!(refused, Err(Error::AlreadyExists { .. })), "{refused:?}"),
        }
        assert!(db.by_path(&path("a")).await.unwrap().is_some());
    }
    assert_eq!(db.pending_files(at(9)).await.unwrap(), []);
}

async fn uploads_into_a_folder_during_its_removal_are_all_or_nothing(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    db.create_folder(&folder("busy"), done(0)).await.unwrap();
    let uploads = (0..20).map(|number| {
        let db = db.clone();
        tokio::spawn(async move {
            let made = at_path(&format!("busy/{number}.json"));
            Documents::create(&db, made, vec![embedded(here, "x", 1)], done(0)).await
        })
    });
    let uploads: Vec<_> = uploads.collect();
    let removals: Vec<_> = (0..3)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.remove_folder(&folder("busy"), done(1)).await })
        })
        .collect();
    let mut removed_paths = BTreeSet::new();
    for removal in removals {
        let removed = removal.await.unwrap().unwrap().unwrap_or_default();
        removed_paths.extend(removed.into_iter().map(|each| each.path.to_string()));
    }
    for upload in uploads {
        upload.await.unwrap().unwrap();
    }
    let left = scratch.rows_in("documents");
    assert_eq!(removed_paths.len() as i64 + left, 20);
    assert_eq!(scratch.rows_in("workspace_documents"), left);
    assert_eq!(VectorRows::count(&db, Some(here)).await.unwrap(), left as u64);
    let unowned =
        "SELECT COUNT(*) AS n FROM documents WHERE folder NOT IN (SELECT name FROM folders)";
    assert_eq!(scratch.number(unowned), 0);
}
