use carrel_domain::library::{Documents, WorkspaceDocuments};
use carrel_domain::provenance::Provenance;
use carrel_domain::vector::VectorRows;
use carrel_domain::{ChunkId, Error, WorkspaceId};

use crate::indexing_together::Place;
use crate::support::{
    Scratch, at, document, done, embedded, path, provenance, span, vector, workspace,
};

on_both_databases! {
    placing_again_replaces_the_earlier_place,
    a_pin_survives_indexing_again,
    indexing_needs_an_existing_document_and_workspace,
    a_document_is_withdrawn_from_one_workspace,
    documents_are_listed_in_the_order_they_were_indexed,
    passages_are_returned_in_the_requested_order,
    passages_and_vectors_of_a_long_document_belong_together,
    a_document_may_have_no_passages,
}

async fn placing_again_replaces_the_earlier_place(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    Documents::create(&db, document("a"), Vec::new(), done(0)).await.unwrap();
    let (first, replaced) = db.place(&path("a"), embedded(here, "old", 5), done(2)).await.unwrap();
    assert_eq!(replaced, None);
    assert_eq!(db.in_workspace(here).await.unwrap(), std::slice::from_ref(&first));
    let old = db.codes(here, None, 10).await.unwrap().1;
    let (second, replaced) = db.place(&path("a"), embedded(here, "new", 2), done(3)).await.unwrap();
    assert_eq!(replaced, Some(first.id));
    assert_ne!(second.key, first.key);
    assert_eq!(second.created_at, at(3));
    assert_eq!(db.in_workspace(here).await.unwrap(), std::slice::from_ref(&second));

    let (version, new) = db.codes(here, None, 10).await.unwrap();
    assert_eq!((version.additions, version.removals), (2, 1));
    assert_eq!(new.len(), 2);
    assert!(new.iter().all(|row| row.document == second.id && row.chunk > old[4].chunk));
    assert_eq!(db.count(Some(here)).await.unwrap(), 2);
    let gone: Vec<ChunkId> = old.iter().map(|row| row.chunk).collect();
    assert_eq!(db.vectors(&gone).await.unwrap(), []);
    assert_eq!(db.passages(here, &gone).await.unwrap(), []);
}

async fn a_pin_survives_indexing_again(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    Documents::create(&db, document("a"), vec![embedded(here, "a", 1)], done(0)).await.unwrap();
    scratch.execute("UPDATE workspace_documents SET pinned = TRUE");
    let (place, _) = db.place(&path("a"), embedded(here, "a", 1), done(2)).await.unwrap();
    assert_eq!((place.pinned, place.watched), (true, false));
    assert_eq!(db.in_workspace(here).await.unwrap(), [place]);
}

async fn indexing_needs_an_existing_document_and_workspace(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let unknown = db.place(&path("a"), embedded(here, "a", 1), done(2)).await;
    assert!(matches!(unknown, Err(Error::NotFound { kind: "document", .. })), "{unknown:?}");
    Documents::create(&db, document("a"), Vec::new(), done(0)).await.unwrap();
    let nowhere = db.place(&path("a"), embedded(WorkspaceId(77), "a", 1), done(2)).await;
    assert!(matches!(nowhere, Err(Error::NotFound { kind: "workspace", .. })), "{nowhere:?}");
    assert_eq!(db.count(None).await.unwrap(), 0);
}

async fn a_document_is_withdrawn_from_one_workspace(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (workspace(&db, "One").await.id, workspace(&db, "Two").await.id);
    let places = vec![embedded(one, "a", 2), embedded(two, "a", 2)];
    let placed = Documents::create(&db, document("a"), places, done(0)).await.unwrap();
    Documents::create(&db, document("b"), vec![embedded(two, "b", 3)], done(0)).await.unwrap();
    let paths = [path("a"), path("b"), path("missing"), path("a")];
    assert_eq!(db.withdraw(one, &paths, done(0)).await.unwrap(), [placed[0].id]);
    assert_eq!(db.withdraw(one, &paths, done(0)).await.unwrap(), []);
    assert_eq!(db.withdraw(WorkspaceId(77), &paths, done(0)).await.unwrap(), []);
    assert_eq!((db.count(Some(one)).await.unwrap(), db.count(Some(two)).await.unwrap()), (0, 5));
    let version = db.version(one).await.unwrap();
    assert_eq!((version.additions, version.removals), (1, 1));
    assert!(db.by_path(&path("a")).await.unwrap().is_some());
}

async fn documents_are_listed_in_the_order_they_were_indexed(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    for name in ["c", "a", "b"] {
        Documents::create(&db, document(name), vec![embedded(here, name, 1)], done(0))
            .await
            .unwrap();
    }
    db.place(&path("c"), embedded(here, "c", 1), done(2)).await.unwrap();
    let places = db.in_workspace(here).await.unwrap();
    let order: Vec<_> = places.into_iter().map(|place| place.document.path).collect();
    assert_eq!(order, [path("a"), path("b"), path("c")]);
}

async fn passages_are_returned_in_the_requested_order(scratch: Scratch) {
    let db = scratch.open();
    let (here, other) = (workspace(&db, "Here").await.id, workspace(&db, "Other").await.id);
    let made = document("a");
    let places = vec![embedded(here, "a", 1200), embedded(other, "o", 1)];
    let placed = Documents::create(&db, made.clone(), places, done(0)).await.unwrap();
    let ids = |rows: Vec<carrel_domain::vector::CodeRow>| -> Vec<ChunkId> {
        rows.into_iter().map(|row| row.chunk).collect()
    };
    let mut chunks = ids(db.codes(here, None, 2000).await.unwrap().1);
    chunks.reverse();
    let foreign = ids(db.codes(other, None, 10).await.unwrap().1);
    let found = db.passages(here, &chunks).await.unwrap();
    assert_eq!(found.iter().map(|passage| passage.chunk).collect::<Vec<_>>(), chunks);
    assert_eq!((found[0].ordinal, found[0].text.as_str()), (1199, "a 1199"));
    assert_eq!((&found[0].document, found[0].place), (&made, placed[0].id));
    assert_eq!(db.passages(here, &foreign).await.unwrap(), []);
    assert_eq!(db.passages(here, &[]).await.unwrap(), []);
    let repeated = db.passages(here, &[chunks[3], ChunkId(-1), chunks[3]]).await.unwrap();
    assert_eq!(repeated, [found[3].clone(), found[3].clone()]);
}

async fn passages_and_vectors_of_a_long_document_belong_together(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    Documents::create(&db, document("a"), vec![embedded(here, "a", 1111)], done(0)).await.unwrap();
    let (_, codes) = db.codes(here, None, 5000).await.unwrap();
    let chunks: Vec<ChunkId> = codes.iter().map(|row| row.chunk).collect();
    let mut vectors = db.vectors(&chunks).await.unwrap();
    vectors.sort_by_key(|(chunk, _)| *chunk);
    let passages = db.passages(here, &chunks).await.unwrap();
    assert_eq!((passages.len(), vectors.len()), (1111, 1111));
    for (number, (passage, (chunk, whole))) in passages.iter().zip(&vectors).enumerate() {
        assert_eq!((passage.chunk, passage.ordinal as usize), (*chunk, number));
        assert_eq!(passage.text, format!("a {number}"));
        assert_eq!(passage.span, (number > 0).then(|| span(number)));
        let at = if number > 0 { provenance(number) } else { Provenance::default() };
        assert_eq!(passage.provenance, at);
        assert_eq!(whole, &vector(number));
    }
}

async fn a_document_may_have_no_passages(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    Documents::create(&db, document("a"), vec![embedded(here, "a", 0)], done(0)).await.unwrap();
    assert_eq!(db.in_workspace(here).await.unwrap().len(), 1);
    assert_eq!(db.count(Some(here)).await.unwrap(), 0);
}
