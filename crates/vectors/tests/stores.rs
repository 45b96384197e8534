//! The common behavior of all indexes, and how an index in a vector database catches up with the
//! database after failures.
#![expect(clippy::unwrap_used, reason = "tests and their helpers fail by panicking")]

#[path = "stores/failures.rs"]
mod failures;
#[cfg(feature = "lancedb")]
#[path = "stores/lance.rs"]
mod lance;
#[path = "stores/selection.rs"]
mod selection;
#[expect(dead_code, reason = "others use the rest")]
mod support;
#[path = "stores/turns.rs"]
mod turns;
#[path = "stores/words.rs"]
mod words;

use std::collections::BTreeSet;
use std::sync::Arc;

use carrel_domain::vector::{VectorIndex, VectorQuery};
use carrel_domain::{ChunkId, DocumentSelection, Error, WorkspaceDocumentId, WorkspaceId};
use carrel_vectors::store::{Dimensions, Store};
use carrel_vectors::{EmbeddedIndex, SyncedIndex};

use failures::interrupted_syncs_are_resumed;
use selection::{
    excluded_documents_do_not_use_up_the_candidates, only_the_listed_documents_are_searched,
    too_many_exclusions_for_a_store_fall_back_to_the_embedded_index,
};
use support::MemoryRows;
use support::stores::{self, Failing, Kind};

const HERE: WorkspaceId = WorkspaceId(1);
const THERE: WorkspaceId = WorkspaceId(2);
const PLENTY: usize = 1 << 30;

/// A database with an index over it.
struct World {
    rows: Arc<MemoryRows>,
    index: Arc<dyn VectorIndex>,
    /// The index in a vector database, unless it is the embedded one.
    synced: Option<(SyncedIndex, Arc<Failing>)>,
    /// The kind of the vector database, if it is a new one.
    kind: Option<Kind>,
}

impl World {
    fn embedded() -> Self {
        let rows = Arc::new(MemoryRows::default());
        let index = Arc::new(EmbeddedIndex::new(rows.clone(), PLENTY));
        Self { rows, index, synced: None, kind: None }
    }

    async fn stored(kind: Kind) -> Option<Self> {
        let store = kind.open(&stores::installation()).await?;
        Some(Self { kind: Some(kind), ..Self::over(Arc::default(), store, PLENTY) })
    }

    fn over(rows: Arc<MemoryRows>, store: Arc<dyn Store>, room: usize) -> Self {
        let store = Failing::new(store);
        let embedded = Arc::new(EmbeddedIndex::new(rows.clone(), PLENTY));
        let synced = SyncedIndex::new(store.clone(), rows.clone(), embedded, room);
        Self { rows, index: Arc::new(synced.clone()), synced: Some((synced, store)), kind: None }
    }

    /// Simulates a restart: only the database and the store keep their data.
    fn again(&self) -> Self {
        Self::over(self.rows.clone(), self.store().whole(), PLENTY)
    }

    fn synced(&self) -> &SyncedIndex {
        &self.synced.as_ref().unwrap().0
    }

    fn store(&self) -> &Arc<Failing> {
        &self.synced.as_ref().unwrap().1
    }

    async fn found(&self, query: VectorQuery<'_>) -> Vec<i64> {
        self.index.nearest(query).await.unwrap().iter().map(|hit| hit.chunk.0).collect()
    }

    /// Returns the chunks of a workspace in the store, in order.
    async fn stored_chunks(&self, within: WorkspaceId) -> Vec<i64> {
        let dimensions = Dimensions::from([2, 3, 8]);
        let chunks = self.store().chunks(within, &dimensions).await.unwrap();
        assert_eq!(self.store().count(within, &dimensions).await.unwrap(), chunks.len() as u64);
        let distinct: BTreeSet<_> = chunks.iter().map(|chunk| chunk.0).collect();
        assert_eq!(distinct.len(), chunks.len(), "a chunk is held twice");
        distinct.into_iter().collect()
    }

    /// Brings the store up to date and compares it with the database.
    async fn assert_agrees(&self) {
        self.synced().reconcile_all().await.unwrap();
        for within in [HERE, THERE] {
            assert_eq!(self.stored_chunks(within).await, self.rows.ids(within));
        }
        let all = self.rows.ids(HERE).len() + self.rows.ids(THERE).len();
        assert_eq!(self.index.stored_count().await.unwrap(), all as u64);
    }
}

fn query(to: &[f32], limit: usize) -> VectorQuery<'_> {
    VectorQuery { within: HERE, to, limit, least_similarity: 0.0, among: DocumentSelection::All }
}

/// Runs the tests in `all` on every index and the tests in `stored` on those in vector databases.
macro_rules! on_every_index {
    (all: $($all:ident),+; stored: $($stored:ident),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test] async fn $all() { super::$all(super::World::embedded()).await })+
        }
        on_every_index!(@ pgvector, PgVector, $($all,)+ $($stored),+);
        on_every_index!(@ chroma, Chroma, $($all,)+ $($stored),+);
        on_every_index!(@ qdrant_stub, QdrantStub, $($all,)+ $($stored),+);
        on_every_index!(@ milvus_stub, MilvusStub, $($all,)+ $($stored),+);
        on_every_index!(@ milvus_lite, MilvusLite, $($all,)+ $($stored),+);
        on_every_index!(@ zilliz_stub, ZillizStub, $($all,)+ $($stored),+);
        on_every_index!(@ pinecone_stub, PineconeStub, $($all,)+ $($stored),+);
        on_every_index!(@ weaviate_stub, WeaviateStub, $($all,)+ $($stored),+);
        on_every_index!(@ astra_stub, AstraStub, $($all,)+ $($stored),+);
        on_every_index!(@ chroma_cloud, ChromaCloud, $($all,)+ $($stored),+);
        #[cfg(feature = "lancedb")]
        on_every_index!(@ lancedb, LanceDb, $($all,)+ $($stored),+);
    };
    (@ $name:ident, $kind:ident, $($test:ident),+) => {
        mod $name {
            $(#[tokio::test] async fn $test() {
                let world = super::World::stored(super::Kind::$kind).await;
                if let Some(world) = world { super::$test(world).await }
            })+
        }
    };
}

on_every_index! {
    all: the_nearest_passages_above_the_threshold_come_first,
        only_the_listed_documents_are_searched,
        excluded_documents_do_not_use_up_the_candidates,
        removed_documents_are_not_found,
        workspaces_do_not_see_each_other,
        vectors_of_other_lengths_are_ignored;
    stored: repeated_notifications_store_vectors_once,
        too_many_exclusions_for_a_store_fall_back_to_the_embedded_index,
        a_deleted_workspace_is_removed_from_the_store,
        vectors_that_no_store_accepts_are_skipped,
        changes_during_an_outage_of_the_store_are_synced,
        changes_without_notification_are_synced_at_the_next_start,
        an_emptied_store_is_filled_again,
        losses_found_by_a_search_are_repaired_despite_the_watermark,
        vectors_of_another_length_do_not_count_as_lost,
        a_store_follows_a_restored_older_database,
        databases_that_share_a_store_do_not_see_each_other,
        interrupted_syncs_are_resumed,
}

async fn the_nearest_passages_above_the_threshold_come_first(world: World) {
    let World { rows, index, .. } = &world;
    let (near, nearer, far) = (vec![1.0, 1.0], vec![2.0, 1.0], vec![-1.0, 0.0]);
    let document = rows.add(HERE, vec![far, near, nearer, vec![0.0, 3.0]]);
    index.upsert(HERE, document).await.unwrap();
    assert_eq!(world.found(query(&[1.0, 0.0], 2)).await, [3, 2]);
    let hits = index.nearest(query(&[1.0, 0.0], 9)).await.unwrap();
    let found: Vec<_> = hits.iter().map(|hit| (hit.chunk.0, hit.similarity)).collect();
    let exact = |a: f32, b: f32| a / (a * a + b * b).sqrt();
    assert_eq!(found, [(3, exact(2.0, 1.0)), (2, exact(1.0, 1.0)), (1, 0.0), (4, 0.0)]);
    let enough = VectorQuery { least_similarity: 0.8, ..query(&[1.0, 0.0], 9) };
    assert_eq!(world.found(enough).await, [3]);
    assert!(world.found(query(&[0.0, 0.0], 9)).await.is_empty());
    assert!(world.found(query(&[1.0, 0.0], 0)).await.is_empty());
    let unheard_of = index.nearest(query(&[f32::NAN, 0.0], 9)).await;
    assert!(matches!(unheard_of, Err(Error::Invalid { .. })));
    let similar = index.similarity(&[1.0, 0.0], &[ChunkId(2), ChunkId(99)]).await.unwrap();
    assert_eq!(similar.len(), 1);
    assert_eq!(index.count(Some(HERE)).await.unwrap(), 4);
}

async fn removed_documents_are_not_found(world: World) {
    let World { rows, index, .. } = &world;
    let first = rows.add(HERE, vec![vec![1.0, 0.0]; 3]);
    let second = rows.add(HERE, vec![vec![0.9, 0.1]; 2]);
    assert_eq!(world.found(query(&[1.0, 0.0], 9)).await, [1, 2, 3, 4, 5]);
    rows.remove(HERE, &[first]);
    // Before the index is notified.
    assert_eq!(world.found(query(&[1.0, 0.0], 9)).await, [4, 5]);
    index.remove(HERE, &[first]).await.unwrap();
    index.remove(HERE, &[first, WorkspaceDocumentId(99)]).await.unwrap();
    rows.remove(HERE, &[second]);
    index.remove(HERE, &[second]).await.unwrap();
    let third = rows.add(HERE, vec![vec![0.0, 1.0]]);
    index.upsert(HERE, third).await.unwrap();
    assert_eq!(world.found(query(&[1.0, 0.0], 9)).await, [6]);
}

async fn workspaces_do_not_see_each_other(world: World) {
    let World { rows, index, .. } = &world;
    rows.add(HERE, vec![vec![0.5, 0.5]; 2]);
    let there = rows.add(THERE, vec![vec![1.0, 0.0]; 200]);
    assert_eq!(world.found(query(&[1.0, 0.0], 9)).await, [1, 2]);
    let named = VectorQuery { among: DocumentSelection::Only(&[there]), ..query(&[1.0, 0.0], 9) };
    assert!(world.found(named).await.is_empty());
    assert_eq!(index.count(None).await.unwrap(), 202);
    rows.leave(THERE);
    index.drop_workspace(THERE).await.unwrap();
    index.drop_workspace(THERE).await.unwrap();
    assert_eq!(world.found(query(&[1.0, 0.0], 9)).await, [1, 2]);
}

async fn vectors_of_other_lengths_are_ignored(world: World) {
    let rows = &world.rows;
    rows.add(HERE, vec![vec![1.0, 0.0], vec![1.0, 0.0, 0.0], vec![0.0, 1.0]]);
    assert_eq!(world.found(query(&[1.0, 0.0], 9)).await, [1, 3]);
    assert_eq!(world.found(query(&[1.0, 0.0, 0.0], 9)).await, [2]);
    assert!(world.found(query(&[1.0; 8], 9)).await.is_empty());
    if world.synced.is_some() {
        world.assert_agrees().await;
    }
}

async fn repeated_notifications_store_vectors_once(world: World) {
    let World { rows, index, .. } = &world;
    let document = rows.add(HERE, vec![vec![1.0, 0.0]; 600]);
    for _ in 0..2 {
        index.upsert(HERE, document).await.unwrap();
        world.synced().reconcile(HERE).await.unwrap();
    }
    assert_eq!(world.stored_chunks(HERE).await, rows.ids(HERE));
    world.again().synced().reconcile(HERE).await.unwrap();
    world.assert_agrees().await;
}

async fn a_deleted_workspace_is_removed_from_the_store(world: World) {
    let World { rows, index, .. } = &world;
    rows.add(HERE, vec![vec![1.0, 0.0]; 3]);
    rows.add(THERE, vec![vec![1.0, 0.0]; 3]);
    world.assert_agrees().await;
    rows.leave(THERE);
    index.drop_workspace(THERE).await.unwrap();
    world.assert_agrees().await;
    assert_eq!(world.store().watermarks().await.unwrap().len(), 1);
}

async fn vectors_that_no_store_accepts_are_skipped(world: World) {
    let rows = &world.rows;
    let invalid = rows.add(HERE, vec![vec![], vec![1.0, 0.0], vec![f32::NAN, 0.0], vec![0.0, 0.0]]);
    let more = rows.add(HERE, vec![vec![0.5, 0.5]]);
    assert_eq!(world.found(query(&[1.0, 0.0], 9)).await, [2, 5, 4]);
    // The search does not wait for a slow store to be filled.
    world.synced().reconcile(HERE).await.unwrap();
    assert_eq!(world.stored_chunks(HERE).await, [2, 4, 5]);
    rows.remove(HERE, &[more]);
    world.synced().reconcile_all().await.unwrap();
    assert_eq!(world.stored_chunks(HERE).await, [2, 4]);
    rows.remove(HERE, &[invalid]);
    world.assert_agrees().await;
}

async fn changes_during_an_outage_of_the_store_are_synced(world: World) {
    let World { rows, index, .. } = &world;
    let first = rows.add(HERE, vec![vec![1.0, 0.0]; 3]);
    assert_eq!(world.found(query(&[1.0, 0.0], 9)).await, [1, 2, 3]);
    world.store().answer(0);
    rows.remove(HERE, &[first]);
    index.remove(HERE, &[first]).await.unwrap();
    let second = rows.add(HERE, vec![vec![0.0, 1.0]; 2]);
    index.upsert(HERE, second).await.unwrap();
    assert_eq!(world.found(query(&[0.0, 1.0], 9)).await, [4, 5], "the embedded index answers");
    assert!(index.stored_count().await.unwrap_err().to_string().contains("away"));
    let cramped = World::over(rows.clone(), world.store().clone(), 3);
    let error = cramped.index.nearest(query(&[0.0, 1.0], 9)).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    world.store().answer(i64::MAX);
    world.assert_agrees().await;
    assert_eq!(world.again().found(query(&[0.0, 1.0], 9)).await, [4, 5]);
}

async fn changes_without_notification_are_synced_at_the_next_start(world: World) {
    let rows = &world.rows;
    let first = rows.add(HERE, vec![vec![1.0, 0.0]; 3]);
    let second = rows.add(HERE, vec![vec![0.9, 0.1]; 3]);
    rows.add(THERE, vec![vec![1.0, 0.0]; 3]);
    world.assert_agrees().await;
    rows.remove(HERE, &[first]);
    rows.leave(THERE);
    rows.add(HERE, vec![vec![0.8, 0.2]; 3]);
    let next = world.again();
    assert_eq!(next.found(query(&[1.0, 0.0], 9)).await, [4, 5, 6, 10, 11, 12]);
    next.assert_agrees().await;
    rows.remove(HERE, &[second]);
    world.again().assert_agrees().await;
}

async fn an_emptied_store_is_filled_again(world: World) {
    let rows = &world.rows;
    rows.add(HERE, vec![vec![1.0, 0.0]; 3]);
    world.assert_agrees().await;
    world.store().clear(HERE, &Dimensions::from([2])).await.unwrap();
    assert_eq!(world.found(query(&[1.0, 0.0], 9)).await, [1, 2, 3]);
    world.assert_agrees().await;
    // One chunk is missing, although the watermark says that the store is complete.
    let tombstones = carrel_vectors::store::Tombstones::Chunks(&[ChunkId(2)]);
    world.store().remove(HERE, &Dimensions::from([2]), tombstones).await.unwrap();
    world.again().assert_agrees().await;
}

async fn losses_found_by_a_search_are_repaired_despite_the_watermark(world: World) {
    let rows = &world.rows;
    rows.add(HERE, vec![vec![1.0, 0.0]; 3]);
    world.assert_agrees().await;
    let tombstones =
        carrel_vectors::store::Tombstones::Chunks(&[ChunkId(1), ChunkId(2), ChunkId(3)]);
    let of = Dimensions::from([2]);
    world.store().remove(HERE, &of, tombstones).await.unwrap();
    world.store().wait_until_visible(HERE, &of).await.unwrap();
    assert_eq!(world.found(query(&[1.0, 0.0], 9)).await, [1, 2, 3], "the embedded index answers");
    // The flag also survives a failure of the store in the middle of the repair.
    world.store().answer(2);
    assert!(world.synced().reconcile(HERE).await.is_err());
    world.store().answer(i64::MAX);
    world.synced().reconcile(HERE).await.unwrap();
    assert_eq!(world.stored_chunks(HERE).await, rows.ids(HERE));
}

async fn vectors_of_another_length_do_not_count_as_lost(world: World) {
    // The embedded index gets no memory, so that the store answers.
    let world = World::over(world.rows.clone(), world.store().whole(), 0);
    let rows = &world.rows;
    let old = rows.add(HERE, vec![vec![1.0, 0.0]; 2]);
    rows.add(HERE, vec![vec![1.0, 0.0, 0.0]; 2]);
    world.assert_agrees().await;
    rows.remove(HERE, &[old]);
    world.index.remove(HERE, &[old]).await.unwrap();
    world.assert_agrees().await;
    assert!(world.found(query(&[1.0, 0.0], 9)).await.is_empty());
    assert_eq!(world.found(query(&[1.0, 0.0, 0.0], 9)).await, [3, 4]);
    world.store().clear(HERE, &Dimensions::from([2, 3])).await.unwrap();
    let error = world.index.nearest(query(&[1.0, 0.0], 9)).await.unwrap_err().to_string();
    assert!(error.contains("it has lost vectors of this workspace"), "{error}");
}

async fn a_store_follows_a_restored_older_database(world: World) {
    let rows = &world.rows;
    rows.add(HERE, vec![vec![1.0, 0.0]; 3]);
    let later = rows.add(HERE, vec![vec![0.9, 0.1]; 3]);
    world.assert_agrees().await;
    rows.set_back(HERE, later);
    let next = world.again();
    next.assert_agrees().await;
    rows.add(HERE, vec![vec![0.0, 1.0]; 2]);
    assert_eq!(next.found(query(&[0.0, 1.0], 2)).await, [4, 5]);
    next.assert_agrees().await;
}

async fn databases_that_share_a_store_do_not_see_each_other(world: World) {
    // The same kind of store with the name of another installation.
    let other = World::stored(world.kind.unwrap()).await.unwrap();
    world.rows.add(HERE, vec![vec![1.0, 0.0]; 3]);
    other.rows.add(HERE, vec![vec![0.0, 1.0]; 5]);
    world.assert_agrees().await;
    other.assert_agrees().await;
    world.rows.leave(HERE);
    world.assert_agrees().await;
    other.assert_agrees().await;
}
