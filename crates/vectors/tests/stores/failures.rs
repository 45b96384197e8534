//! Searches while a store fails, in simulated time.
use std::time::Duration;

use support::Clusters;
use support::memory::MemoryStore;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::*;

/// Longer than the longest pause before a retry.
const LATER: Duration = Duration::from_secs(90);

fn over(store: &Arc<MemoryStore>) -> World {
    World::over(Arc::default(), store.clone(), PLENTY)
}

fn tended(world: &World) -> JoinHandle<()> {
    let synced = world.synced().clone();
    tokio::spawn(async move { synced.sync_loop().await })
}

fn of(within: WorkspaceId) -> VectorQuery<'static> {
    VectorQuery { within, ..query(&[1.0, 0.0], 9) }
}

#[tokio::test(start_paused = true)]
async fn searches_do_not_wait_for_a_store_that_hangs() {
    let store = Arc::new(MemoryStore::default());
    let world = over(&store);
    world.rows.add(HERE, vec![vec![1.0, 0.0]; 3]);
    assert_eq!(world.found(of(HERE)).await, [1, 2, 3]);
    store.fall_silent(true);
    assert_eq!(world.found(of(HERE)).await, [1, 2, 3], "the embedded index answers");
    assert_eq!(store.searches(), 2);
    assert_eq!(world.found(of(HERE)).await, [1, 2, 3]);
    assert_eq!(store.searches(), 2, "it is known to hang");
    assert!(
        world
            .index
            .stored_count()
            .await
            .unwrap_err()
            .to_string()
            .contains("did not answer for 10s")
    );

    // The sync loop probes the store, so that searches need not wait for it.
    let tending = tended(&world);
    sleep(LATER).await;
    assert_eq!(world.found(of(HERE)).await, [1, 2, 3]);
    assert_eq!(store.searches(), 2);
    store.fall_silent(false);
    sleep(LATER).await;
    assert_eq!(world.found(of(HERE)).await, [1, 2, 3]);
    assert_eq!(store.searches(), 3);
    tending.abort();
}

#[tokio::test(start_paused = true)]
async fn a_refused_workspace_does_not_affect_the_others() {
    let store = Arc::new(MemoryStore::default());
    let world = over(&store);
    for within in [WorkspaceId(0), HERE, THERE] {
        world.rows.add(within, vec![vec![1.0, 0.0]; 3]);
    }
    store.refuse(HERE);
    let refused = world.synced().reconcile_all().await.unwrap_err();
    assert!(carrel_vectors::store::is_refusal(&refused), "{refused:?}");
    for within in [WorkspaceId(0), THERE] {
        assert_eq!(world.stored_chunks(within).await, world.rows.ids(within));
    }
    assert_eq!(world.found(of(THERE)).await, [7, 8, 9]);
    assert_eq!(store.searches(), 1, "the store answers for the others");
    assert_eq!(world.found(of(HERE)).await, [4, 5, 6]);
    assert_eq!(store.searches(), 1, "the embedded index answers for this one");

    // The store is retried after pauses.
    let tending = tended(&world);
    let before = store.refusals();
    sleep(LATER * 10).await;
    let tries = store.refusals() - before;
    assert!((10..=30).contains(&tries), "{tries} tries");
    world.rows.leave(HERE);
    world.index.drop_workspace(HERE).await.unwrap();
    sleep(LATER).await;
    store.refuse_nothing();
    sleep(LATER).await;
    assert_eq!(world.stored_chunks(HERE).await, world.rows.ids(HERE));
    world.rows.add(HERE, vec![vec![1.0, 0.0]]);
    assert_eq!(world.found(of(HERE)).await, [10]);
    assert_eq!(store.searches(), 2);
    tending.abort();
}

#[tokio::test(start_paused = true)]
async fn a_refused_search_falls_back_and_is_retried_later() {
    let store = Arc::new(MemoryStore::default());
    let world = over(&store);
    world.rows.add(HERE, vec![vec![1.0, 0.0]; 3]);
    world.assert_agrees().await;
    store.refuse(HERE);
    for _ in 0..3 {
        assert_eq!(world.found(of(HERE)).await, [1, 2, 3]);
    }
    assert_eq!(store.searches(), 1);
    assert_eq!(world.index.stored_count().await.unwrap(), 3, "the store answers");
    store.refuse_nothing();
    sleep(LATER).await;
    for _ in 0..3 {
        assert_eq!(world.found(of(HERE)).await, [1, 2, 3]);
    }
    assert_eq!(store.searches(), 4);
}

/// Runs random actions while the store fails after a random number of requests.
pub(super) async fn interrupted_syncs_are_resumed(mut world: World) {
    let mut clusters = Clusters::new(8, 11);
    let mut chance = 7_u64;
    let mut dice = move |sides: u64| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (chance >> 33) % sides
    };
    let mut placed = Vec::new();
    for round in 0..12 {
        world.store().answer(dice(9) as i64);
        for _ in 0..dice(6) {
            if dice(3) == 0 && !placed.is_empty() {
                let document = placed.swap_remove(dice(placed.len() as u64) as usize);
                world.rows.remove(HERE, &[document]);
                if dice(2) == 0 {
                    world.index.remove(HERE, &[document]).await.unwrap();
                }
            } else {
                let passages = 1 + dice(300) as usize;
                placed.push(world.rows.add(HERE, clusters.vectors(passages)));
            }
            let _ = world.synced().reconcile(HERE).await;
        }
        if round % 3 == 0 {
            world = world.again();
        }
        world.store().answer(i64::MAX);
        let to = clusters.vector();
        let exact = EmbeddedIndex::new(world.rows.clone(), PLENTY);
        let (found, exact) = (world.found(query(&to, 5)).await, exact.nearest(query(&to, 5)).await);
        let exact: Vec<_> = exact.unwrap().iter().map(|hit| hit.chunk.0).collect();
        assert_eq!(found.first(), exact.first());
        assert_eq!(found.len(), exact.len());
    }
    world.again().assert_agrees().await;
}
