//! Lists of documents, folders and replacements.
use carrel_domain::audit::By;
use carrel_domain::catalogue::{Catalogue, Move, Place};
use carrel_domain::library::{Documents, Kin};
use carrel_domain::shelf::{Among, Shelves, Sought};
use carrel_domain::{DocumentId, Folder, WorkspaceId};
use carrel_persistence::Database;
use chrono::{DateTime, Utc};

use super::{document, embedded, path};

/// Calls every method of them, in every way that makes another query of it.
pub async fn use_all(db: &Database, here: WorkspaceId, now: DateTime<Utc>) {
    let done = || By::operator(now).event("test", "{}");
    let folder = Folder::parse("folder").unwrap();
    db.folders().await.unwrap();
    Catalogue::documents_in(db, &folder).await.unwrap();
    let after = Some("a".to_owned());
    for place in [
        Place::In { folder: folder.clone(), after },
        Place::Elsewhere { after: None },
        Place::Elsewhere { after: Some(path("a")) },
    ] {
        db.list(&place, 1, 10).await.unwrap();
    }
    for among in [Among::Everything, Among::Folder(folder.clone()), Among::Workspace(here)] {
        for title in ["", "t"] {
            let sought = Sought { among: among.clone(), title: title.into() };
            db.seek(&sought, 1, 10).await.unwrap();
        }
    }
    db.counted_folders(0, 10).await.unwrap();
    db.titles(&[path("a"), path("b")]).await.unwrap();
    Shelves::places(db, DocumentId::random()).await.unwrap();
    db.known(&[path("a")]).await.unwrap();
    db.placed(&[path("a")]).await.unwrap();
    db.by_name("a.json").await.unwrap();
    Catalogue::by_id(db, DocumentId::random()).await.unwrap();
    let other = Folder::parse("other").unwrap();
    db.create_folder(&other, done()).await.unwrap();
    let moves = [Move { from: path("b"), to: path("b").moved_to(&other) }];
    db.relocate(&moves, done()).await.unwrap();
    for kin in [
        Kin::Key("k".into()),
        Kin::Request([1; 32]),
        Kin::Content([1; 32], Some(folder)),
        Kin::Content([1; 32], None),
    ] {
        db.of(&kin).await.unwrap();
    }
    let keyed = |name: &str| {
        let mut keyed = document(name, now);
        keyed.path = keyed.path.moved_to(&other);
        keyed.origin.key = Some("k".into());
        vec![(keyed, vec![embedded(here)])]
    };
    for (old, new) in [(Vec::new(), "k1"), (vec![path("k1").moved_to(&other)], "k2")] {
        db.replace("k", &old, keyed(new), done()).await.unwrap().unwrap();
    }
    let again = vec![embedded(here)];
    db.place_also(&path("k2").moved_to(&other), again, done()).await.unwrap();
    db.remove_folder(&other, done()).await.unwrap().unwrap();
    Documents::create(db, document("b", now), vec![embedded(here)], done()).await.unwrap();
}
