use carrel_domain::document::{Document, DocumentOrigin};
use carrel_domain::library::{Documents, RelatedDocuments, WorkspaceDocuments};
use carrel_domain::vector::VectorRows;
use carrel_domain::{DocumentPath, Error, Folder};

use crate::support::{Scratch, at, document, done, embedded, path, workspace};

on_both_databases! {
    documents_are_found_by_what_they_have_in_common,
    of_one_content_the_first_of_each_part_is_found,
    a_replacement_keeps_id_marks_and_places,
    parts_come_and_go_with_a_replacement,
    a_replacement_of_what_has_changed_changes_nothing,
    a_key_has_one_document_of_each_part,
}

fn of_key(name: &str, key: &str, part: &str) -> Document {
    let origin =
        DocumentOrigin { key: Some(key.into()), part: part.into(), ..DocumentOrigin::default() };
    Document { origin, ..document(name) }
}

fn kin(key: &str) -> RelatedDocuments {
    RelatedDocuments::Key(key.to_owned())
}

async fn documents_are_found_by_what_they_have_in_common(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let origin = DocumentOrigin {
        key: Some("日本 key".into()),
        part: "one".into(),
        digest: Some([7; 32]),
        request: Some([8; 32]),
    };
    let made = Document { origin, ..document("a") };
    Documents::create(&db, made.clone(), vec![embedded(here, "a", 1)], done(0)).await.unwrap();
    Documents::create(&db, document("b"), Vec::new(), done(0)).await.unwrap();
    let expected = vec![(made, vec![here])];
    let default = || Some(Folder::default());
    for kin in [
        kin("日本 key"),
        RelatedDocuments::Request([8; 32]),
        RelatedDocuments::Content([7; 32], default()),
        RelatedDocuments::Content([7; 32], None),
    ] {
        assert_eq!(db.related(&kin).await.unwrap(), expected, "{kin:?}");
    }
    let elsewhere = RelatedDocuments::Content([7; 32], Some(Folder::parse("other").unwrap()));
    for kin in [
        kin("other"),
        RelatedDocuments::Request([7; 32]),
        RelatedDocuments::Content([8; 32], default()),
        elsewhere,
    ] {
        assert_eq!(db.related(&kin).await.unwrap(), [], "{kin:?}");
    }
}

async fn of_one_content_the_first_of_each_part_is_found(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let other = Folder::parse("other").unwrap();
    let of_content = |name: &str, part: &str, made: i64| {
        let origin = DocumentOrigin {
            part: part.into(),
            digest: Some([7; 32]),
            ..DocumentOrigin::default()
        };
        Document { origin, created_at: at(made), ..document(name) }
    };
    let mut elsewhere = of_content("e", "one", 1);
    elsewhere.path = elsewhere.path.moved_to(&other);
    let first = of_content("z", "one", 2);
    let second = of_content("b", "two", 3);
    for later in [of_content("a", "one", 4), of_content("c", "two", 5)] {
        Documents::create(&db, later, Vec::new(), done(0)).await.unwrap();
    }
    for document in [&elsewhere, &first, &second] {
        let place = embedded(here, "x", 1);
        Documents::create(&db, document.clone(), vec![place], done(0)).await.unwrap();
    }
    let found =
        db.related(&RelatedDocuments::Content([7; 32], Some(Folder::default()))).await.unwrap();
    assert_eq!(found, [(second.clone(), vec![here]), (first, vec![here])]);
    let found = db.related(&RelatedDocuments::Content([7; 32], None)).await.unwrap();
    assert_eq!(found, [(second, vec![here]), (elsewhere, vec![here])]);
}

async fn a_replacement_keeps_id_marks_and_places(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (workspace(&db, "One").await.id, workspace(&db, "Two").await.id);
    let first = of_key("first", "k", "");
    let created = Documents::create(&db, first.clone(), vec![embedded(one, "old", 3)], done(0))
        .await
        .unwrap();
    scratch.execute("UPDATE workspace_documents SET pinned = TRUE");
    let second = of_key("second", "k", "");
    db.record_intent(std::slice::from_ref(&second.path), at(1)).await.unwrap();
    let places = vec![embedded(one, "new", 2), embedded(two, "new", 2)];
    let new = vec![(second.clone(), places)];
    let replaced = db.replace("k", &[path("first")], new, done(2)).await.unwrap().unwrap();
    let expected = Document { id: first.id, ..second };
    assert_eq!(replaced.documents, std::slice::from_ref(&expected));
    assert_eq!(replaced.gone, [(one, created[0].id)]);
    assert_eq!(db.by_path(&path("first")).await.unwrap(), None);
    assert_eq!(db.by_path(&path("second")).await.unwrap(), Some(expected));
    let place = db.in_workspace(one).await.unwrap().remove(0);
    assert_eq!((place.key, place.pinned), (created[0].key, true));
    assert!(!db.in_workspace(two).await.unwrap()[0].pinned);
    let count = |workspace| VectorRows::count(&db, Some(workspace));
    assert_eq!((count(one).await.unwrap(), count(two).await.unwrap()), (2, 2));
    assert_eq!(db.pending_files(at(9)).await.unwrap(), [(path("first"), false)]);
}

async fn parts_come_and_go_with_a_replacement(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let sheet = |name: &str, part: &str| (of_key(name, "k", part), vec![embedded(here, part, 1)]);
    let first = vec![sheet("a1", "A"), sheet("b1", "B")];
    let ids: Vec<_> = first.iter().map(|(document, _)| document.id).collect();
    db.replace("k", &[], first, done(0)).await.unwrap().unwrap();
    let second = vec![sheet("c2", "C"), sheet("b2", "B")];
    let old = [path("a1"), path("b1")];
    let replaced = db.replace("k", &old, second, done(1)).await.unwrap().unwrap();
    assert_eq!(replaced.documents[1].id, ids[1]);
    assert!(!ids.contains(&replaced.documents[0].id));
    let now: Vec<_> = db.related(&kin("k")).await.unwrap();
    let parts: Vec<_> = now.iter().map(|(document, _)| document.origin.part.as_str()).collect();
    assert_eq!(parts, ["B", "C"]);
    assert_eq!(VectorRows::count(&db, Some(here)).await.unwrap(), 2);
    assert_eq!(scratch.rows_in("documents"), 2);
}

async fn a_replacement_of_what_has_changed_changes_nothing(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (workspace(&db, "One").await.id, workspace(&db, "Two").await.id);
    let places = vec![embedded(one, "x", 1)];
    Documents::create(&db, of_key("a", "k", ""), places, done(0)).await.unwrap();
    let new = |places| vec![(of_key("b", "k", ""), places)];
    let here = || vec![embedded(one, "y", 1)];
    let other: DocumentPath = path("other");
    assert_eq!(db.replace("k", &[other], new(here()), done(1)).await.unwrap(), None);
    assert_eq!(db.replace("k", &[], new(here()), done(1)).await.unwrap(), None);
    // Embedded for another workspace than the one it is in by now.
    let there = vec![embedded(two, "y", 1)];
    assert_eq!(db.replace("k", &[path("a")], new(there), done(1)).await.unwrap(), None);
    assert!(db.by_path(&path("a")).await.unwrap().is_some());
    assert_eq!(db.by_path(&path("b")).await.unwrap(), None);
    assert_eq!(VectorRows::count(&db, None).await.unwrap(), 1);
}

async fn a_key_has_one_document_of_each_part(scratch: Scratch) {
    let db = scratch.open();
    Documents::create(&db, of_key("a", "k", ""), Vec::new(), done(0)).await.unwrap();
    let again = Documents::create(&db, of_key("b", "k", ""), Vec::new(), done(0)).await;
    assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");
    Documents::create(&db, of_key("b", "k", "part"), Vec::new(), done(0)).await.unwrap();
    let first = (0..8).map(|number| {
        let (db, name) = (db.clone(), format!("n{number}"));
        let new = vec![(of_key(&name, "new", ""), Vec::new())];
        tokio::spawn(async move { db.replace("new", &[], new, done(0)).await })
    });
    let first: Vec<_> = first.collect();
    let mut made = 0;
    for each in first {
        match each.await.unwrap() {
            Ok(Some(_)) => made += 1,
            Ok(None) | Err(Error::AlreadyExists { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((made, db.related(&kin("new")).await.unwrap().len()), (1, 1));
}
