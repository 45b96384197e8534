use std::sync::atomic::Ordering;

use super::*;
use crate::fakes::world::World;

fn sizes(lengths: &[usize]) -> Vec<usize> {
    let texts: Vec<_> = lengths.iter().map(|length| "x".repeat(*length)).collect();
    let indexes: Vec<_> = (0..texts.len()).collect();
    let batches = batches(&indexes, &texts);
    assert_eq!(batches.concat(), indexes);
    batches.into_iter().map(<[usize]>::len).collect()
}

#[test]
fn batches_are_bounded_by_texts_and_by_bytes() {
    assert!(sizes(&[]).is_empty());
    assert_eq!(sizes(&[1; 600]), [256, 256, 88]);
    assert_eq!(
        sizes(&[
            MAX_BATCH_BYTES,
            1,
            MAX_BATCH_BYTES + 1,
            MAX_BATCH_BYTES / 2,
            MAX_BATCH_BYTES / 2,
            1
        ]),
        [1, 1, 1, 2, 1]
    );
}

/// Returns the lengths of the vectors of texts.
async fn lengths(indexer: &Indexer, texts: &[String]) -> Vec<usize> {
    let method = indexer.method().await.unwrap();
    let vectors = indexer.vectors(&method, texts).await.unwrap();
    vectors.iter().map(Vec::len).collect()
}

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("text-{number}")).collect()
}

#[tokio::test]
async fn cached_texts_are_not_embedded_again() {
    let world = Arc::new(World::default());
    for _ in 0..2 {
        lengths(&world.library().indexer, &texts(1)).await;
    }
    assert_eq!(*world.embedded.lock().unwrap(), texts(1));
    let uncached = Indexer { cache_limit: 0, ..world.library().indexer };
    let duplicates = ["text-0", "more", "more"].map(str::to_owned);
    assert_eq!(lengths(&uncached, &duplicates).await, [1, 1, 1]);
    assert_eq!(world.embedded.lock().unwrap()[1..], ["text-0", "more"]);
}

#[tokio::test]
async fn vectors_of_another_length_are_replaced_in_the_cache() {
    let world = Arc::new(World::default());
    lengths(&world.library().indexer, &texts(3)).await;
    // After a restart, another model has the same name, and no text is new.
    world.more_numbers.store(1, Ordering::Relaxed);
    let restart = || Indexer { lengths: Arc::default(), ..world.library().indexer };
    assert_eq!(lengths(&restart(), &texts(3)).await, [2, 2, 2]);
    assert!(world.cache.lock().unwrap().values().all(|vector| vector.len() == 2));
    let embedded = world.embedded.lock().unwrap().len();
    assert_eq!(lengths(&restart(), &texts(3)).await, [2, 2, 2]);
    let texts = world.embedded.lock().unwrap().split_off(embedded);
    assert_eq!(texts, ["text"], "one vector tells that those in the cache are of use");
}

#[tokio::test]
async fn a_change_of_length_during_embedding_is_corrected_in_bounded_batches() {
    let world = Arc::new(World::default());
    let indexer = world.library().indexer;
    lengths(&indexer, &texts(600)).await;
    world.more_numbers.store(1, Ordering::Relaxed);
    world.batches.lock().unwrap().clear();
    assert_eq!(lengths(&indexer, &texts(601)).await, [2; 601]);
    assert_eq!(*world.batches.lock().unwrap(), [1, 256, 256, 88]);
    let method = indexer.method().await.unwrap();
    assert_eq!(indexer.length_to_compare().await.unwrap(), Some((method.identity, 2)));
}

#[tokio::test]
async fn the_cache_is_used_while_the_embedder_is_down() {
    let world = Arc::new(World::default());
    lengths(&world.library().indexer, &texts(2)).await;
    world.fail("embed");
    let restart = Indexer { lengths: Arc::default(), ..world.library().indexer };
    assert_eq!(lengths(&restart, &texts(2)).await, [1, 1]);
}

#[tokio::test]
async fn adopted_vectors_are_used() {
    let world = Arc::new(World::default());
    let indexer = world.library().indexer;
    lengths(&indexer, &texts(1)).await;
    world.embedded.lock().unwrap().clear();
    let added = vec![("text-7".to_owned(), vec![-3.0]), ("text-8".to_owned(), vec![0.0])];
    indexer.cache_vectors(added).await.unwrap();
    let method = indexer.method().await.unwrap();
    let both = ["text-7", "text-8"].map(str::to_owned);
    let vectors = indexer.vectors(&method, &both).await.unwrap();
    assert_eq!(vectors[0], [-1.0], "it has length one");
    assert_eq!(
        *world.embedded.lock().unwrap(),
        ["text-8"],
        "a vector without direction is of no use"
    );
    let uncached = Indexer { cache_limit: 0, ..indexer };
    assert!(uncached.cache_vectors(Vec::new()).await.is_err());
}
