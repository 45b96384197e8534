//! Lists of documents, folders and replacements.
use carrel_domain::audit::By;
use carrel_domain::document_list::{DocumentList, DocumentQuery, DocumentScope};
use carrel_domain::folder::{DocumentMove, Folders, ListPosition};
use carrel_domain::job::queue::LeaseRequest;
use carrel_domain::library::{Documents, RelatedDocuments};
use carrel_domain::upload::{IndexTarget, Replacement, UploadId, Uploads};
use carrel_domain::{DocumentId, Folder, WorkspaceId};
use carrel_persistence::Database;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{document, embedded, path};

/// Calls every method of these ports, with arguments for each of its queries.
pub async fn use_all(db: &Database, here: WorkspaceId, now: DateTime<Utc>) {
    let done = || By::operator(now).event("test", "{}");
    let folder = Folder::parse("folder").unwrap();
    db.folders().await.unwrap();
    Folders::documents_in(db, &folder).await.unwrap();
    let after = Some("a".to_owned());
    for place in [
        ListPosition::In { folder: folder.clone(), after },
        ListPosition::Elsewhere { after: None },
        ListPosition::Elsewhere { after: Some(path("a")) },
    ] {
        Folders::list(db, &place, 1, 10).await.unwrap();
    }
    for among in [
        DocumentScope::Everything,
        DocumentScope::Folder(folder.clone()),
        DocumentScope::Workspace(here),
    ] {
        for title in ["", "t"] {
            let query = DocumentQuery { scope: among.clone(), title: title.into() };
            DocumentList::list(db, &query, 1, 10).await.unwrap();
        }
    }
    db.counted_folders(0, 10).await.unwrap();
    db.titles(&[path("a"), path("b")]).await.unwrap();
    DocumentList::workspaces_of(db, DocumentId::random()).await.unwrap();
    db.existing(&[path("a")]).await.unwrap();
    db.in_workspaces(&[path("a")]).await.unwrap();
    db.by_name("a.json").await.unwrap();
    Folders::by_id(db, DocumentId::random()).await.unwrap();
    let other = Folder::parse("other").unwrap();
    db.create_folder(&other, done()).await.unwrap();
    let moves = [DocumentMove { from: path("b"), to: path("b").moved_to(&other) }];
    db.relocate(&moves, done()).await.unwrap();
    for related in [
        RelatedDocuments::Key("k".into()),
        RelatedDocuments::Request([1; 32]),
        RelatedDocuments::Content([1; 32], Some(folder)),
        RelatedDocuments::Content([1; 32], None),
    ] {
        db.related(&related).await.unwrap();
    }
    let keyed = |name: &str| {
        let mut keyed = document(name, now);
        keyed.path = keyed.path.moved_to(&other);
        keyed.origin.key = Some("k".into());
        keyed
    };
    Documents::create(db, keyed("k1"), vec![embedded(here)], done()).await.unwrap();
    let replacement = Replacement {
        key: "k".into(),
        replaced: vec![path("k1").moved_to(&other)],
        documents: vec![keyed("k2")],
        targets: vec![IndexTarget { workspace: here, existing_job: None, event: done() }],
        lease: LeaseRequest { token: Uuid::new_v4(), until: now },
        obsolete: UploadId(Uuid::new_v4()),
        event: done(),
    };
    db.replace(replacement).await.unwrap().unwrap();
    let again = vec![embedded(here)];
    db.add_to_workspaces(&path("k2").moved_to(&other), again, done()).await.unwrap();
    db.remove_folder(&other, done()).await.unwrap().unwrap();
    Documents::create(db, document("b", now), vec![embedded(here)], done()).await.unwrap();
}
