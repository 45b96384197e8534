//! Benchmark of searches in vector databases and in the embedded index, in the same run and in
//! wall-clock time. Prints one JSON line per figure. The database with the rows is in memory.
//! `CARREL_TEST_PGVECTOR` and `CARREL_TEST_CHROMA` are the addresses of the stores; `cargo xtask
//! bench stores` starts both.
#![expect(clippy::unwrap_used, reason = "a program that prints its results")]
#![expect(dead_code, reason = "tests use the rest of the support module")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::Instant;

use carrel_domain::vector::{VectorIndex, VectorQuery};
use carrel_domain::{DocumentSelection, WorkspaceId};
use carrel_vectors::store::Dimensions;
use carrel_vectors::{EmbeddedIndex, SyncedIndex};

use support::stores::{Kind, installation};
use support::{Clusters, MemoryRows};

const DIMENSIONS: usize = 384;
const VECTORS: usize = 10_000;
const QUERIES: usize = 200;
const LIMIT: usize = 10;
const HERE: WorkspaceId = WorkspaceId(1);

#[tokio::main]
async fn main() {
    let mut clusters = Clusters::new(DIMENSIONS, 42);
    let rows = Arc::new(MemoryRows::default());
    for _ in 0..VECTORS / 20 {
        rows.add(HERE, clusters.vectors(20));
    }
    let queries = clusters.vectors(QUERIES);
    let embedded = Arc::new(EmbeddedIndex::new(rows.clone(), usize::MAX));
    let (right, usual) = search(&*embedded, &queries).await;
    figure("embedded index", "searches a second", usual, "/s");
    for (name, kind) in [("pgvector", Kind::PgVector), ("Chroma", Kind::Chroma)] {
        let Some(store) = kind.open(&installation()).await else { continue };
        // The embedded index gets no memory, so that it cannot answer instead.
        let synced = SyncedIndex::new(store.clone(), rows.clone(), embedded.clone(), 0);
        let start = Instant::now();
        synced.reconcile(HERE).await.unwrap();
        figure(name, "vectors stored a second", VECTORS as f64 / seconds_since(start), "/s");
        let (found, rate) = search(&synced, &queries).await;
        store.clear(HERE, &Dimensions::from([DIMENSIONS])).await.unwrap();
        figure(name, "searches a second", rate, "/s");
        figure(name, "time of a search beside the embedded index", usual / rate, "x");
        let pairs = right.iter().zip(&found);
        let common = pairs.map(|(right, found)| found.iter().filter(|c| right.contains(c)).count());
        let common = common.sum::<usize>() as f64;
        figure(name, "recall@10 against the embedded index", common / (LIMIT * QUERIES) as f64, "");
    }
}

/// Returns the chunks found by each query, and the queries answered per second.
async fn search(index: &dyn VectorIndex, queries: &[Vec<f32>]) -> (Vec<Vec<i64>>, f64) {
    let nearest = async |to: &[f32]| {
        let query = VectorQuery {
            within: HERE,
            to,
            limit: LIMIT,
            least_similarity: 0.0,
            among: DocumentSelection::All,
        };
        let hits = index.nearest(query).await.unwrap();
        hits.iter().map(|hit| hit.chunk.0).collect()
    };
    // The first query warms the caches.
    let _: Vec<i64> = nearest(&queries[0]).await;
    let start = Instant::now();
    let mut found = Vec::new();
    for to in queries {
        found.push(nearest(to).await);
    }
    (found, queries.len() as f64 / seconds_since(start))
}

fn seconds_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64()
}

fn figure(of: &str, name: &str, value: f64, unit: &str) {
    println!(
        "{{\"figure\": \"{VECTORS} x {DIMENSIONS}, {of}: {name}\", \"value\": {value:.4}, \
         \"unit\": \"{unit}\", \"at_most\": null}}"
    );
}
