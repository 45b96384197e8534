use carrel_domain::backup::Copies;
use carrel_domain::library::{Documents, WorkspaceDocuments};
use carrel_domain::vector::{Code, NamespaceVersion, Tally, VectorRows};
use carrel_domain::{ChunkId, WorkspaceId};

use crate::support::{Scratch, document, done, embedded, path, vector, workspace};

on_both_databases! {
    codes_are_read_page_by_page,
    vectors_come_back_bit_for_bit,
    equal_versions_hold_equal_vectors,
    vectors_are_read_page_by_page_with_their_tally,
    a_page_of_vectors_is_bounded_in_bytes,
    each_database_has_a_unique_name,
}

async fn codes_are_read_page_by_page(scratch: Scratch) {
    let db = scratch.open();
    let (here, other) = (workspace(&db, "Here").await.id, workspace(&db, "Other").await.id);
    for name in ["a", "b"] {
        let places = vec![embedded(here, name, 4), embedded(other, name, 2)];
        Documents::create(&db, document(name), places, done(0)).await.unwrap();
    }
    let (version, all) = db.codes(here, None, usize::MAX).await.unwrap();
    assert_eq!(version, NamespaceVersion { additions: 2, removals: 0 });
    assert_eq!(all.len(), 8);
    assert!(all.is_sorted_by(|one, next| one.chunk < next.chunk));
    for (number, row) in all.iter().enumerate() {
        assert_eq!(row.code, Code::of(&vector(number % 4)));
    }
    assert_eq!((all[3].document, all[4].document), {
        let places = db.in_workspace(here).await.unwrap();
        (places[0].id, places[1].id)
    });
    let (_, page) = db.codes(here, Some(all[2].chunk), 3).await.unwrap();
    let chunks = |rows: &[carrel_domain::vector::CodeRow]| -> Vec<ChunkId> {
        rows.iter().map(|row| row.chunk).collect()
    };
    assert_eq!(chunks(&page), chunks(&all[3..6]));
    assert!(db.codes(here, Some(all[7].chunk), 3).await.unwrap().1.is_empty());
    assert!(db.codes(here, None, 0).await.unwrap().1.is_empty());
    assert_eq!((db.count(None).await.unwrap(), db.count(Some(other)).await.unwrap()), (12, 4));
}

async fn vectors_come_back_bit_for_bit(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let mut place = embedded(here, "a", 1);
    let values = vec![f32::MIN_POSITIVE, -0.0, f32::MAX, 1.0 / 3.0];
    place.passages[0].vector.clone_from(&values);
    Documents::create(&db, document("a"), vec![place], done(0)).await.unwrap();
    let chunk = db.codes(here, None, 1).await.unwrap().1[0].chunk;
    let found = db.vectors(&[ChunkId(i64::MAX), chunk, ChunkId(0)]).await.unwrap();
    assert_eq!(found, [(chunk, values)]);
    assert_eq!(db.vectors(&[]).await.unwrap(), []);
}

async fn equal_versions_hold_equal_vectors(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let nothing = NamespaceVersion::default();
    assert_eq!(db.version(here).await.unwrap(), nothing);
    assert_eq!(db.version(WorkspaceId(77)).await.unwrap(), nothing);
    assert_eq!(db.count(Some(WorkspaceId(77))).await.unwrap(), 0);
    Documents::create(&db, document("a"), vec![embedded(here, "a", 1)], done(0)).await.unwrap();
    let full = db.version(here).await.unwrap();
    assert_eq!(full, NamespaceVersion { additions: 1, removals: 0 });
    db.withdraw(here, &[path("a")], done(0)).await.unwrap();
    let empty = db.version(here).await.unwrap();
    assert_eq!(empty, NamespaceVersion { additions: 1, removals: 1 });
}

async fn vectors_are_read_page_by_page_with_their_tally(scratch: Scratch) {
    let db = scratch.open();
    let (here, other) = (workspace(&db, "Here").await.id, workspace(&db, "Other").await.id);
    for name in ["a", "b"] {
        let places = vec![embedded(here, name, 4), embedded(other, name, 2)];
        Documents::create(&db, document(name), places, done(0)).await.unwrap();
    }
    let codes = db.codes(here, None, usize::MAX).await.unwrap().1;
    let (tally, all) = db.rows(here, None, usize::MAX).await.unwrap();
    let version = NamespaceVersion { additions: 2, removals: 0 };
    assert_eq!(tally, Tally { version, vectors: 8 });
    for (number, (row, code)) in all.iter().zip(&codes).enumerate() {
        assert_eq!((row.chunk, row.document), (code.chunk, code.document));
        assert_eq!(row.vector, vector(number % 4));
    }
    let (_, page) = db.rows(here, Some(all[2].chunk), 3).await.unwrap();
    assert_eq!(page, all[3..6]);
    let ids: Vec<_> = all.iter().map(|row| row.chunk).collect();
    assert_eq!(db.chunks(here, None, usize::MAX).await.unwrap(), ids);
    assert_eq!(db.chunks(here, Some(ids[5]), 1).await.unwrap(), ids[6..7]);
    let (tally, none) = db.rows(WorkspaceId(77), None, 5).await.unwrap();
    assert!(tally == Tally::default() && none.is_empty());
    let all = db.vector_versions().await.unwrap();
    let vectors: Vec<_> = all.iter().map(|(id, tally)| (*id, tally.vectors)).collect();
    assert_eq!(vectors, [(here, 8), (other, 4)]);
}

async fn a_page_of_vectors_is_bounded_in_bytes(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let mut place = embedded(here, "a", 3);
    for passage in &mut place.passages {
        passage.vector = vec![0.5; 600_000];
    }
    Documents::create(&db, document("a"), vec![place], done(0)).await.unwrap();
    let (tally, first) = db.rows(here, None, 100).await.unwrap();
    assert_eq!((tally.vectors, first.len()), (3, 1));
    let (_, rest) = db.rows(here, Some(first[0].chunk), 100).await.unwrap();
    assert_eq!(rest.len(), 1, "each is more than half of what fits");
}

async fn each_database_has_a_unique_name(scratch: Scratch) {
    let db = scratch.open();
    let mut name = db.name().await.unwrap();
    assert!(name.len() == 16 && name.chars().all(|c| c.is_ascii_alphanumeric()), "{name}");
    assert_eq!(scratch.open().name().await.unwrap(), name);
    if scratch.is_sqlite() {
        db.change_installation_id().await.unwrap();
        let other = std::mem::replace(&mut name, db.name().await.unwrap());
        assert!(name != other && name.len() == 16, "{name}");
    }
    // A database restored from a copy must have another name.
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("copy.db");
    if db.copy_to(&copy).await.unwrap().is_some() {
        let copy = carrel_persistence::Database::open(&format!("sqlite://{}", copy.display()));
        assert_ne!(copy.unwrap().name().await.unwrap(), name);
    }
}
