use carrel_domain::document::{Document, DocumentOrigin};
use carrel_domain::job::queue::{ItemOutcome, Lease};
use carrel_domain::library::{Documents, RelatedDocuments, WorkspaceDocuments};
use carrel_domain::upload::{IndexTarget, Replacement, UploadId, Uploads};
use carrel_domain::vector::VectorRows;
use carrel_domain::{Error, Folder, WorkspaceId};
use uuid::Uuid;

use crate::jobs::{finish, lease_request, paths};
use crate::support::{Scratch, at, document, done, embedded, path, workspace};

on_both_databases! {
    related_documents_are_found_by_key_or_content,
    the_oldest_document_of_each_part_is_found_by_content,
    a_replacement_keeps_id_flags_and_workspaces,
    a_replacement_adds_and_removes_parts,
    a_replacement_of_outdated_documents_changes_nothing,
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

async fn related_documents_are_found_by_key_or_content(scratch: Scratch) {
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

async fn the_oldest_document_of_each_part_is_found_by_content(scratch: Scratch) {
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

/// An upload that replaces the documents with the key `k` and is indexed in some workspaces.
fn replacement(earlier: &[&str], documents: Vec<Document>, targets: &[WorkspaceId]) -> Replacement {
    let target = |workspace: &WorkspaceId| IndexTarget {
        workspace: *workspace,
        existing_job: None,
        event: done(2),
    };
    Replacement {
        key: "k".into(),
        replaced: paths(earlier),
        documents,
        targets: targets.iter().map(target).collect(),
        lease: lease_request(20),
        obsolete: UploadId(Uuid::new_v4()),
        event: done(2),
    }
}

async fn a_replacement_keeps_id_flags_and_workspaces(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (workspace(&db, "One").await.id, workspace(&db, "Two").await.id);
    let first = of_key("first", "k", "");
    let created = Documents::create(&db, first.clone(), vec![embedded(one, "old", 3)], done(0))
        .await
        .unwrap();
    scratch.execute("UPDATE workspace_documents SET pinned = TRUE");
    let second = of_key("second", "k", "");
    db.record_intent(std::slice::from_ref(&second.path), at(1)).await.unwrap();
    let new = replacement(&["first"], vec![second.clone()], &[one, two]);
    let token = new.lease.token;
    let replaced = db.replace(new).await.unwrap().unwrap();
    let expected = Document { id: first.id, ..second };
    assert_eq!(replaced.documents, std::slice::from_ref(&expected));
    assert_eq!(db.by_path(&path("first")).await.unwrap(), None);
    assert_eq!(db.by_path(&path("second")).await.unwrap(), Some(expected));
    assert_eq!(db.pending_files(at(9)).await.unwrap(), [(path("first"), false)]);

    // The old passages stay searchable, without offsets into the new text, and count as stale.
    let count = |workspace| VectorRows::count(&db, Some(workspace));
    assert_eq!((count(one).await.unwrap(), count(two).await.unwrap()), (3, 0));
    let place = db.in_workspace(one).await.unwrap().remove(0);
    assert_eq!((place.id, &*place.recipe), (created[0].id, "replaced"));
    let chunks = VectorRows::chunks(&db, one, None, 9).await.unwrap();
    let passages = db.passages(one, &chunks).await.unwrap();
    assert_eq!(passages.len(), 3);
    assert!(passages.iter().all(|passage| passage.span.is_none() && passage.text.contains("old")));

    // Jobs held by the request embed the new passages. To clients the workspace document stays the
    // same.
    for job in &replaced.jobs {
        let lease = Lease { job: job.id, token };
        finish(&db, &lease, |_| ItemOutcome::Indexed(embedded(job.workspace.id, "new", 2))).await;
    }
    let place = db.in_workspace(one).await.unwrap().remove(0);
    assert_eq!((place.key, place.pinned), (created[0].key, true));
    assert!(!db.in_workspace(two).await.unwrap()[0].pinned);
    assert_eq!((count(one).await.unwrap(), count(two).await.unwrap()), (2, 2));
}

async fn a_replacement_adds_and_removes_parts(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let first = [of_key("a1", "k", "A"), of_key("b1", "k", "B")];
    for document in &first {
        let place = vec![embedded(here, "old", 1)];
        Documents::create(&db, document.clone(), place, done(0)).await.unwrap();
    }
    let second = vec![of_key("c2", "k", "C"), of_key("b2", "k", "B")];
    let new = replacement(&["a1", "b1"], second, &[here]);
    let obsolete = new.obsolete;
    let replaced = db.replace(new).await.unwrap().unwrap();
    assert_eq!(replaced.documents[1].id, first[1].id);
    assert_ne!(replaced.documents[0].id, first[0].id);
    let parts = async || {
        let now = db.related(&kin("k")).await.unwrap();
        now.into_iter().map(|(document, _)| document.origin.part).collect::<Vec<_>>()
    };
    // Documents without a successor stay until they are rolled back, even if the process is killed.
    assert_eq!(parts().await, ["A", "B", "C"]);
    assert_eq!(db.unfinished(at(9)).await.unwrap(), [obsolete]);
    assert_eq!(VectorRows::count(&db, Some(here)).await.unwrap(), 2);
    let removed = db.roll_back(obsolete, 64, done(3)).await.unwrap().unwrap();
    assert_eq!(removed.iter().map(|each| &each.path).collect::<Vec<_>>(), [&path("a1")]);
    assert_eq!(parts().await, ["B", "C"]);
    assert_eq!(db.roll_back(obsolete, 64, done(3)).await.unwrap(), None);
}

async fn a_replacement_of_outdated_documents_changes_nothing(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (workspace(&db, "One").await.id, workspace(&db, "Two").await.id);
    let places = vec![embedded(one, "x", 1)];
    Documents::create(&db, of_key("a", "k", ""), places, done(0)).await.unwrap();
    let new = |earlier: &[&str], target| {
        replacement(earlier, vec![of_key("b", "k", "")], std::slice::from_ref(target))
    };
    assert_eq!(db.replace(new(&["other"], &one)).await.unwrap(), None);
    assert_eq!(db.replace(new(&[], &one)).await.unwrap(), None);
    // The document is in another workspace by now.
    assert_eq!(db.replace(new(&["a"], &two)).await.unwrap(), None);
    assert!(db.by_path(&path("a")).await.unwrap().is_some());
    assert_eq!(db.by_path(&path("b")).await.unwrap(), None);
    assert_eq!((VectorRows::count(&db, None).await.unwrap(), scratch.rows_in("jobs")), (1, 0));
}

async fn a_key_has_one_document_of_each_part(scratch: Scratch) {
    let db = scratch.open();
    Documents::create(&db, of_key("a", "k", ""), Vec::new(), done(0)).await.unwrap();
    let again = Documents::create(&db, of_key("b", "k", ""), Vec::new(), done(0)).await;
    assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");
    Documents::create(&db, of_key("b", "k", "part"), Vec::new(), done(0)).await.unwrap();
    // Of several concurrent replacements, one succeeds.
    let at_once = (0..8).map(|number| {
        let (db, name) = (db.clone(), format!("n{number}"));
        let new = replacement(&["a", "b"], vec![of_key(&name, "k", "")], &[]);
        tokio::spawn(async move { db.replace(new).await })
    });
    let at_once: Vec<_> = at_once.collect();
    let mut made = 0;
    for each in at_once {
        made += usize::from(each.await.unwrap().unwrap().is_some());
    }
    assert_eq!((made, db.related(&kin("k")).await.unwrap().len()), (1, 2));
}
