use carrel_domain::embedding::{EmbeddingCache, TextKey};
use chrono::{DateTime, Utc};

use crate::support::{Scratch, at};

on_both_databases! {
    cached_vectors_are_read_back_unchanged,
    a_vector_of_another_length_replaces_the_old_one,
    the_least_recently_used_vectors_are_dropped,
    concurrent_writers_agree_on_the_size,
}

const DAY: i64 = 86_400;

fn keys(numbers: std::ops::Range<u8>) -> Vec<TextKey> {
    numbers.map(|number| TextKey([number; 32])).collect()
}

/// Vectors of 100 dimensions, which take 464 bytes each.
fn vectors(numbers: std::ops::Range<u8>) -> Vec<(TextKey, Vec<f32>)> {
    keys(numbers).into_iter().map(|key| (key, vec![f32::from(key.0[0]); 100])).collect()
}

async fn cached_vectors_are_read_back_unchanged(scratch: Scratch) {
    let db = scratch.open();
    assert!(db.find(&keys(0..3), at(0)).await.unwrap().is_empty());
    db.store_vectors(vectors(0..2), u64::MAX, at(0)).await.unwrap();
    db.store_vectors(vectors(0..3), u64::MAX, at(0)).await.unwrap();
    let found = db.find(&keys(1..9), at(0)).await.unwrap();
    assert_eq!(found, vectors(1..3).into_iter().collect());
    db.store_vectors(Vec::new(), 0, at(0)).await.unwrap();
    assert_eq!(scratch.rows_in("embeddings"), 3);
}

async fn a_vector_of_another_length_replaces_the_old_one(scratch: Scratch) {
    let db = scratch.open();
    db.store_vectors(vectors(0..4), u64::MAX, at(0)).await.unwrap();
    let longer: Vec<_> = keys(2..5).into_iter().map(|key| (key, vec![7.0; 200])).collect();
    db.store_vectors(longer.clone(), u64::MAX, at(0)).await.unwrap();
    let found = db.find(&keys(0..9), at(0)).await.unwrap();
    let expected: Vec<_> = vectors(0..2).into_iter().chain(longer).collect();
    assert_eq!(found, expected.into_iter().collect());
    let bytes = scratch.number("SELECT bytes AS n FROM embeddings_size");
    assert_eq!(bytes, 2 * 464 + 3 * 864);
}

async fn the_least_recently_used_vectors_are_dropped(scratch: Scratch) {
    let db = scratch.open();
    let most = 10 * 464;
    let keep = async |numbers, now: DateTime<Utc>| {
        EmbeddingCache::store_vectors(&db, vectors(numbers), most, now).await.unwrap();
    };
    keep(0..5, at(0)).await;
    keep(5..10, at(DAY)).await;
    assert_eq!(scratch.rows_in("embeddings"), 10);
    // A use within a day of the last recorded one is not recorded.
    db.find(&keys(5..6), at(DAY + 3600)).await.unwrap();
    db.find(&keys(0..2), at(3 * DAY)).await.unwrap();
    keep(10..14, at(3 * DAY)).await;
    let left = db.find(&keys(0..14), at(3 * DAY)).await.unwrap();
    let mut left: Vec<u8> = left.into_keys().map(|key| key.0[0]).collect();
    left.sort_unstable();
    assert_eq!((left.len(), &left[..2], &left[6..]), (10, &[0, 1][..], &[10, 11, 12, 13][..]));
    // After the limit is lowered, the cache shrinks over several writes.
    EmbeddingCache::store_vectors(&db, vectors(14..15), 464, at(4 * DAY)).await.unwrap();
    assert_eq!(scratch.rows_in("embeddings"), 7);
    for _ in 0..2 {
        EmbeddingCache::store_vectors(&db, vectors(15..16), 464, at(5 * DAY)).await.unwrap();
    }
    assert_eq!(scratch.rows_in("embeddings"), 1);
}

async fn concurrent_writers_agree_on_the_size(scratch: Scratch) {
    let db = scratch.open();
    let keepers: Vec<_> = (0..8u8)
        .map(|number| {
            let db = db.clone();
            tokio::spawn(async move {
                let some = number * 4..number * 4 + 8;
                EmbeddingCache::store_vectors(&db, vectors(some), u64::MAX, at(0)).await
            })
        })
        .collect();
    for writer in keepers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(scratch.rows_in("embeddings"), 36);
    EmbeddingCache::store_vectors(&db, vectors(40..41), 36 * 464, at(0)).await.unwrap();
    assert_eq!(scratch.rows_in("embeddings"), 36);
}
