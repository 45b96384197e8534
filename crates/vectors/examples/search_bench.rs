//! Benchmark of the embedded index. Prints one JSON line per size: CPU milliseconds per search,
//! recall of the ten nearest passages, and memory of the codes, and the same for a linear scan of
//! the full vectors in the same run.
//!
//! `cargo run --release -p carrel-vectors --example search_bench [-- --million]`
#![expect(clippy::unwrap_used, reason = "a program that prints its results")]
#![expect(dead_code, reason = "tests use the rest of the support module")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::cmp::Reverse;
use std::sync::Arc;

use carrel_domain::vector::{VectorIndex, VectorQuery};
use carrel_domain::{DocumentSelection, WorkspaceId};
use carrel_vectors::EmbeddedIndex;
use rustix::time::{ClockId, clock_gettime};

use support::{Clusters, MemoryRows};

const DIMENSIONS: usize = 384;
const QUERIES: usize = 1_000;
const HERE: WorkspaceId = WorkspaceId(1);

#[tokio::main]
async fn main() {
    let million = std::env::args().any(|argument| argument == "--million");
    for count in [1_000, 20_000, 100_000].into_iter().chain(million.then_some(1_000_000)) {
        measure(count).await;
    }
}

async fn measure(count: usize) {
    let mut clusters = Clusters::new(DIMENSIONS, 42);
    let rows = Arc::new(MemoryRows::default());
    let mut flat = Vec::with_capacity(count * DIMENSIONS);
    let mut documents = Vec::new();
    while flat.len() < count * DIMENSIONS {
        let document = clusters.vectors(20);
        flat.extend(document.iter().flatten());
        documents.push(rows.add(HERE, document));
    }
    let queries = clusters.vectors(QUERIES);
    let index = EmbeddedIndex::new(rows, usize::MAX);
    let search = async |to: &[f32], limit, among| {
        let query = VectorQuery { within: HERE, to, limit, least_similarity: 0.0, among };
        index.nearest(query).await.unwrap()
    };
    let start = cpu_milliseconds();
    search(&queries[0], 10, DocumentSelection::All).await;
    let first = cpu_milliseconds() - start;

    let (mut searches, mut filtered, mut exact) = (Vec::new(), Vec::new(), Vec::new());
    let mut found = 0;
    for to in &queries {
        let start = cpu_milliseconds();
        let hits = search(to, 10, DocumentSelection::All).await;
        searches.push(cpu_milliseconds() - start);
        let start = cpu_milliseconds();
        search(to, 10, DocumentSelection::Only(&documents[documents.len() - 10..])).await;
        filtered.push(cpu_milliseconds() - start);
        let start = cpu_milliseconds();
        let right = nearest_exactly(&flat, to, 10);
        exact.push(cpu_milliseconds() - start);
        found += hits.iter().filter(|hit| right.contains(&(hit.chunk.0 as usize - 1))).count();
    }
    let figure = |name: &str, value: f64, unit: &str, limit: Option<f64>| {
        let limit = limit.map_or("null".to_owned(), |limit| limit.to_string());
        println!(
            "{{\"figure\": \"{count} x {DIMENSIONS}: {name}\", \"value\": {value:.4}, \
             \"unit\": \"{unit}\", \"at_most\": {limit}}}"
        );
    };
    let target = match count {
        100_000 => Some(3.0),
        1_000_000 => Some(5.0),
        _ => None,
    };
    figure("one search", median(&mut searches), "CPU ms", target);
    figure("recall@10 against the exact scan", found as f64 / (10 * QUERIES) as f64, "", None);
    figure("one search in ten documents", median(&mut filtered), "CPU ms", None);
    figure("exact scan in f32", median(&mut exact), "CPU ms", None);
    figure("first search, which loads the codes", first, "CPU ms", None);
    let memory = (count == 1_000_000).then_some(120.0);
    figure("memory of the codes", index.cached_bytes() as f64 / 1e6, "MB", memory);
}

fn nearest_exactly(flat: &[f32], to: &[f32], limit: usize) -> Vec<usize> {
    let arch = pulp::Arch::new();
    let mut scored: Vec<(Reverse<i64>, usize)> = Vec::with_capacity(flat.len() / DIMENSIONS);
    arch.dispatch(|| {
        for (number, vector) in flat.chunks_exact(DIMENSIONS).enumerate() {
            // Sums in sixteen lanes, because the order of a single sum would prevent vectorization.
            let mut lanes = [0f32; 16];
            for (a, b) in vector.chunks_exact(16).zip(to.chunks_exact(16)) {
                for lane in 0..16 {
                    lanes[lane] += a[lane] * b[lane];
                }
            }
            let score = f64::from(lanes.iter().sum::<f32>());
            scored.push((Reverse((score * 1e12) as i64), number));
        }
    });
    let limit = limit.min(scored.len());
    if limit < scored.len() {
        scored.select_nth_unstable(limit);
    }
    scored[..limit].iter().map(|(_, number)| *number).collect()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns the CPU time of all threads of this process so far.
fn cpu_milliseconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}
