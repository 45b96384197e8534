use carrel_domain::library::{Documents, WorkspaceDocuments};
use carrel_domain::vector::VectorRows;
use carrel_domain::workspace::{ChatMode, SearchMode, WorkspaceSettings, Workspaces};
use carrel_domain::{Error, WorkspaceId};

use crate::indexing_together::Place;
use crate::support::{Scratch, at, document, done, embedded, new_workspace, path, workspace};

on_both_databases! {
    a_workspace_is_read_back_as_created,
    a_slug_is_unique,
    one_of_many_concurrent_creations_gets_the_slug,
    settings_are_replaced_as_a_whole,
    deleting_a_workspace_leaves_its_documents,
    ids_of_deleted_workspaces_are_not_reused,
    texts_that_one_database_refuses_are_handled_alike_by_both,
}

fn elaborate() -> WorkspaceSettings {
    WorkspaceSettings {
        name: "Akten & Überblick 資料 📚".into(),
        temperature: Some(0.7),
        history: 3,
        prompt: Some("Be brief.".into()),
        least_similarity: 0.5,
        passages: 8,
        chat_mode: ChatMode::Query,
        search_mode: SearchMode::Rerank,
        chat_provider: Some("openai".into()),
        chat_model: Some("m".into()),
        agent_provider: Some("a".into()),
        agent_model: Some("b".into()),
        refusal: Some("Nothing on that.".into()),
        router: Some(4),
    }
}

async fn a_workspace_is_read_back_as_created(scratch: Scratch) {
    let db = scratch.open();
    let mut new = new_workspace("First");
    new.settings = elaborate();
    let first = Workspaces::create(&db, new, done(0)).await.unwrap();
    assert_eq!(first.settings, elaborate());
    assert_eq!((first.slug.as_str(), first.created_at), ("first", at(0)));
    let second = workspace(&db, "Second").await;
    assert_eq!(second.settings, WorkspaceSettings::named("Second"));
    assert_eq!(db.by_slug("first").await.unwrap(), Some(first.clone()));
    assert_eq!(db.by_slug("third").await.unwrap(), None);
    assert_eq!(Workspaces::list(&db).await.unwrap(), [first, second]);
}

async fn a_slug_is_unique(scratch: Scratch) {
    let db = scratch.open();
    workspace(&db, "One").await;
    let again = Workspaces::create(&db, new_workspace("one"), done(0)).await;
    assert!(
        matches!(&again, Err(Error::AlreadyExists { kind: "workspace", key }) if key == "one"),
        "{again:?}"
    );
    assert_eq!(Workspaces::list(&db).await.unwrap().len(), 1);
}

async fn one_of_many_concurrent_creations_gets_the_slug(scratch: Scratch) {
    let db = scratch.open();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(
                async move { Workspaces::create(&db, new_workspace("same"), done(0)).await },
            )
        })
        .collect();
    let mut winners = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => winners += 1,
            Err(error) => assert!(matches!(error, Error::AlreadyExists { .. }), "{error:?}"),
        }
    }
    assert_eq!(winners, 1);
}

async fn settings_are_replaced_as_a_whole(scratch: Scratch) {
    let db = scratch.open();
    let made = workspace(&db, "One").await;
    let other = workspace(&db, "Other").await;
    let full = db.update(made.id, elaborate(), done(5)).await.unwrap();
    assert_eq!((&full.settings, full.updated_at), (&elaborate(), at(5)));
    assert_eq!((full.slug.as_str(), full.created_at), ("one", at(0)));
    let bare = WorkspaceSettings::named("Bare");
    db.update(made.id, bare.clone(), done(6)).await.unwrap();
    assert_eq!(db.by_slug("one").await.unwrap().unwrap().settings, bare);
    assert_eq!(db.by_slug("other").await.unwrap(), Some(other));
    let missing = db.update(WorkspaceId(99), bare, done(7)).await;
    assert!(matches!(missing, Err(Error::NotFound { kind: "workspace", .. })), "{missing:?}");
}

async fn deleting_a_workspace_leaves_its_documents(scratch: Scratch) {
    let db = scratch.open();
    let (gone, kept) = (workspace(&db, "Gone").await.id, workspace(&db, "Kept").await.id);
    let places = vec![embedded(gone, "a", 3), embedded(kept, "a", 3)];
    Documents::create(&db, document("a"), places, done(0)).await.unwrap();
    assert!(Workspaces::delete(&db, gone, done(0)).await.unwrap());
    assert!(!Workspaces::delete(&db, gone, done(0)).await.unwrap());
    assert!(db.by_path(&path("a")).await.unwrap().is_some());
    assert_eq!(db.in_workspace(gone).await.unwrap(), []);
    assert_eq!(db.in_workspace(kept).await.unwrap().len(), 1);
    assert_eq!(db.count(None).await.unwrap(), 3);
    assert!(db.codes(gone, None, 10).await.unwrap().1.is_empty());
}

async fn ids_of_deleted_workspaces_are_not_reused(scratch: Scratch) {
    let db = scratch.open();
    let first = workspace(&db, "One").await.id;
    let placed = Documents::create(&db, document("a"), vec![embedded(first, "a", 1)], done(0))
        .await
        .unwrap();
    let chunk = db.codes(first, None, 1).await.unwrap().1[0].chunk;
    Workspaces::delete(&db, first, done(0)).await.unwrap();
    let second = workspace(&db, "One").await.id;
    assert!(second > first);
    let (place, _) = db.place(&path("a"), embedded(second, "a", 1), done(2)).await.unwrap();
    assert!(place.id > placed[0].id);
    assert!(db.codes(second, None, 1).await.unwrap().1[0].chunk > chunk);
}

async fn texts_that_one_database_refuses_are_handled_alike_by_both(scratch: Scratch) {
    let db = scratch.open();
    let made = workspace(&db, "nul\0nul").await;
    assert_eq!(made.settings.name, "nul\u{FFFD}nul");
    assert_eq!(db.by_slug("nul\0nul").await.unwrap(), None);
    let long = "x".repeat(1_000_000);
    assert_eq!(db.by_slug(&long).await.unwrap(), None);
    assert_eq!(db.by_slug("' OR 1 = 1 --").await.unwrap(), None);
}
