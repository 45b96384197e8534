//! The embedded index, compared with exact results and over databases that change at the same time.
#![expect(clippy::unwrap_used, reason = "tests and their helpers fail by panicking")]
pub mod support;

use std::sync::Arc;

use carrel_domain::vector::{Neighbour, VectorIndex, VectorQuery};
use carrel_domain::{ChunkId, DocumentSelection, Error, WorkspaceDocumentId, WorkspaceId};
use carrel_vectors::EmbeddedIndex;
use support::{Clusters, MemoryRows};

const HERE: WorkspaceId = WorkspaceId(1);
const THERE: WorkspaceId = WorkspaceId(2);
const PLENTY: usize = 1 << 30;

fn open() -> (Arc<MemoryRows>, EmbeddedIndex) {
    let rows = Arc::new(MemoryRows::default());
    (Arc::clone(&rows), over(rows, PLENTY))
}

/// Creates the index under test. In `embedded_bits`, full segments use two-bit codes.
fn over(rows: Arc<MemoryRows>, cache_bytes: usize) -> EmbeddedIndex {
    let most_bytes = if module_path!().starts_with("embedded_bits") { 0 } else { usize::MAX };
    EmbeddedIndex::compacting_above(most_bytes, rows, cache_bytes)
}

fn query(to: &[f32], limit: usize) -> VectorQuery<'_> {
    VectorQuery { within: HERE, to, limit, least_similarity: 0.0, among: DocumentSelection::All }
}

async fn chunks(index: &EmbeddedIndex, query: VectorQuery<'_>) -> Vec<i64> {
    index.nearest(query).await.unwrap().iter().map(|hit| hit.chunk.0).collect()
}

/// Returns the exact result: the vectors, numbered from 1, by their cosine to `to`.
fn exactly(vectors: &[Vec<f32>], to: &[f32], limit: usize) -> Vec<Neighbour> {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
    };
    let mut all: Vec<_> = vectors
        .iter()
        .zip(1..)
        .map(|(vector, number)| {
            let lengths = (dot(vector, vector) * dot(to, to)).sqrt();
            let similarity = (dot(vector, to) / lengths).clamp(0.0, 1.0) as f32;
            Neighbour { chunk: ChunkId(number), similarity }
        })
        .collect();
    all.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then(a.chunk.cmp(&b.chunk)));
    all.truncate(limit);
    all
}

#[tokio::test]
async fn almost_all_hits_match_the_exact_scan() {
    let mut clusters = Clusters::new(384, 3);
    let vectors = clusters.vectors(20_000);
    let (rows, index) = open();
    for document in vectors.chunks(37) {
        rows.add(HERE, document.to_vec());
    }
    let (mut found, mut expected) = (0, 0);
    for to in clusters.vectors(50) {
        let hits = index.nearest(query(&to, 10)).await.unwrap();
        let exact = exactly(&vectors, &to, 10);
        assert!(hits.is_sorted_by(|a, b| (a.similarity, b.chunk) >= (b.similarity, a.chunk)));
        found += exact.iter().filter(|hit| hits.contains(hit)).count();
        expected += exact.len();
    }
    assert!(found * 100 >= expected * 99, "{found} of {expected}");
}

#[tokio::test]
async fn similarity_is_the_cosine_and_negative_ones_are_zero() {
    let (rows, index) = open();
    rows.add(HERE, vec![vec![-3.0, 0.0], vec![0.0, 0.0], vec![50.0, 50.0], vec![0.02, 0.0]]);
    let hits = index.nearest(query(&[2.0, 0.0], 10)).await.unwrap();
    let expected = [(4, 1.0), (3, 0.5f32.sqrt()), (1, 0.0), (2, 0.0)];
    assert_eq!(hits.len(), 4);
    for (hit, (chunk, similarity)) in hits.iter().zip(expected) {
        assert_eq!(hit.chunk, ChunkId(chunk));
        assert!((hit.similarity - similarity).abs() < 1e-6, "{hit:?}");
    }
}

#[tokio::test]
async fn equally_near_passages_are_ordered_by_id() {
    let (rows, index) = open();
    rows.add(HERE, vec![vec![1.0, 2.0, 3.0]; 1_000]);
    let nearest = chunks(&index, query(&[3.0, 2.0, 1.0], 50)).await;
    assert_eq!(nearest, (1..=50).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_threshold_comes_before_the_limit_and_loses_nothing() {
    let mut clusters = Clusters::new(64, 5);
    let vectors = clusters.vectors(3_000);
    let (rows, index) = open();
    rows.add(HERE, vectors.clone());
    let to = clusters.vector();
    let all = exactly(&vectors, &to, 3_000);
    for (place, limit) in [(0, 5), (4, 5), (4, 500), (200, 3_000), (200, 10), (2_999, 3_000)] {
        let least_similarity = all[place].similarity;
        let hits =
            index.nearest(VectorQuery { least_similarity, ..query(&to, limit) }).await.unwrap();
        let passing = all.iter().filter(|hit| hit.similarity >= least_similarity);
        let expected: Vec<_> = passing.take(limit).collect();
        assert_eq!(hits.len(), expected.len());
        for (hit, expected) in hits.iter().zip(expected) {
            assert!((hit.similarity - expected.similarity).abs() < 1e-6);
        }
    }
    for least_similarity in [1.1, f32::INFINITY, f32::NAN] {
        let none = index.nearest(VectorQuery { least_similarity, ..query(&to, 5) }).await.unwrap();
        assert!(none.is_empty());
    }
}

#[tokio::test]
async fn any_limit_is_respected() {
    let mut clusters = Clusters::new(16, 7);
    let (rows, index) = open();
    rows.add(HERE, clusters.vectors(2_500));
    let to = clusters.vector();
    for (limit, expected) in [(0, 0), (1, 1), (2_499, 2_499), (2_501, 2_500), (usize::MAX, 2_500)] {
        assert_eq!(chunks(&index, query(&to, limit)).await.len(), expected);
    }
}

#[tokio::test]
async fn only_the_selected_documents_are_searched() {
    let mut clusters = Clusters::new(32, 9);
    let (rows, index) = open();
    let mut documents = Vec::new();
    for _ in 0..1_000 {
        documents.push(rows.add(HERE, clusters.vectors(12)));
    }
    let to = clusters.vector();
    let find = async |only: &[WorkspaceDocumentId]| {
        let among = DocumentSelection::Only(only);
        let mut found = chunks(&index, VectorQuery { among, ..query(&to, 10_000) }).await;
        found.sort_unstable();
        found
    };
    let chunks_of = |number: i64| (number * 12 + 1)..=(number * 12 + 12);
    assert_eq!(find(&[documents[0]]).await, chunks_of(0).collect::<Vec<_>>());
    // Around the boundary of two segments, unordered, with a repeated and an unknown one.
    let some = [documents[999], documents[682], documents[682], WorkspaceDocumentId(-7)];
    assert_eq!(find(&some).await, chunks_of(682).chain(chunks_of(999)).collect::<Vec<_>>());
    assert!(find(&[]).await.is_empty());
    assert!(find(&[WorkspaceDocumentId(i64::MAX)]).await.is_empty());
    assert_eq!(find(&documents).await.len(), 10_000);
    let neighbours = index
        .nearest(VectorQuery { among: DocumentSelection::Only(&some), ..query(&to, 3) })
        .await
        .unwrap();
    assert_eq!(neighbours.len(), 3);
}

#[tokio::test]
async fn excluded_documents_are_not_searched() {
    let mut clusters = Clusters::new(32, 9);
    let (rows, index) = open();
    let documents: Vec<_> = (0..1_000).map(|_| rows.add(HERE, clusters.vectors(12))).collect();
    let to = clusters.vector();
    let find = async |left_out: &[WorkspaceDocumentId]| {
        let among = DocumentSelection::Except(left_out);
        let mut found = chunks(&index, VectorQuery { among, ..query(&to, 20_000) }).await;
        found.sort_unstable();
        found
    };
    let all_but = |left_out: &[i64]| {
        (1..=12_000).filter(|chunk| !left_out.contains(&((chunk - 1) / 12))).collect::<Vec<_>>()
    };
    // First, last, around a segment boundary, and repeated documents; each time with an unknown one.
    for numbers in [&[0][..], &[999], &[683, 682, 682], &[5, 500, 0, 999], &[]] {
        let mut some: Vec<_> = numbers.iter().map(|number| documents[*number as usize]).collect();
        some.push(WorkspaceDocumentId(-7));
        assert_eq!(find(&some).await, all_but(numbers), "{numbers:?}");
    }
    assert_eq!(find(&[]).await, all_but(&[]));
    assert!(find(&documents).await.is_empty());
    assert_eq!(find(&documents[1..]).await, (1..=12).collect::<Vec<_>>());
}

#[tokio::test]
async fn zero_queries_find_nothing_and_infinite_ones_are_refused() {
    let (rows, index) = open();
    assert!(chunks(&index, query(&[1.0, 0.0], 5)).await.is_empty(), "unknown workspace");
    rows.add(HERE, vec![vec![1.0, 0.0]]);
    for to in [&[][..], &[0.0, 0.0], &[1.0], &[1.0, 0.0, 0.0], &[1.0; 100_000]] {
        assert!(chunks(&index, query(to, 5)).await.is_empty());
    }
    for to in [[f32::NAN, 1.0], [1.0, f32::INFINITY]] {
        let refusal = index.nearest(query(&to, 5)).await.unwrap_err();
        assert!(matches!(refusal, Error::Invalid { .. }), "{refusal}");
    }
    // The smallest and largest finite numbers are valid.
    for to in [[f32::MIN_POSITIVE / 4.0, 0.0], [f32::MAX, f32::MAX]] {
        assert_eq!(chunks(&index, query(&to, 5)).await, [1]);
    }
}

#[tokio::test]
async fn vectors_of_other_dimensions_are_ignored() {
    let (rows, index) = open();
    let mixed = vec![vec![1.0, 0.0], vec![1.0, 0.0, 0.0], vec![], vec![0.0, 1.0], vec![1.0; 7]];
    for _ in 0..3_000 {
        rows.add(HERE, mixed.clone());
    }
    assert_eq!(chunks(&index, query(&[1.0, 0.0], 2)).await, [1, 6]);
    assert_eq!(chunks(&index, query(&[1.0, 0.0, 0.0], 2)).await, [2, 7]);
    assert_eq!(chunks(&index, query(&[1.0, 1.0], usize::MAX)).await.len(), 6_000);
    rows.add(HERE, vec![vec![f32::NAN, 1.0], vec![f32::INFINITY, 1.0], vec![1.0; 70_000]]);
    assert!(chunks(&index, query(&[1.0; 70_000], 1)).await.is_empty());
    assert_eq!(chunks(&index, query(&[1.0, 0.0], usize::MAX)).await.len(), 6_000);
}

#[tokio::test]
async fn only_added_codes_are_read() {
    let (rows, index) = open();
    rows.add(HERE, vec![vec![1.0, 0.0]; 9_000]);
    assert_eq!(chunks(&index, query(&[1.0, 0.0], 1)).await, [1]);
    assert_eq!(rows.codes_read(), 9_000);
    assert_eq!(chunks(&index, query(&[1.0, 0.1], 1)).await, [1]);
    let document = rows.add(HERE, vec![vec![0.0, 1.0]; 3]);
    index.upsert(HERE, document).await.unwrap();
    rows.add(THERE, vec![vec![0.0, 1.0]; 3]);
    rows.add(HERE, vec![vec![0.0, 1.0]; 2]);
    assert_eq!(chunks(&index, query(&[0.0, 1.0], 5)).await, [9001, 9002, 9003, 9007, 9008]);
    assert_eq!(rows.codes_read(), 9_005);
    index.upsert(HERE, document).await.unwrap();
    assert_eq!(chunks(&index, query(&[0.0, 1.0], 1)).await, [9001]);
    assert_eq!(rows.codes_read(), 9_005);
}

#[tokio::test]
async fn own_removals_need_no_reading() {
    let (rows, index) = open();
    let first = rows.add(HERE, vec![vec![1.0, 0.0]; 9_000]);
    let second = rows.add(HERE, vec![vec![0.9, 0.1]; 5]);
    let third = rows.add(HERE, vec![vec![0.8, 0.2]; 5]);
    assert_eq!(chunks(&index, query(&[1.0, 0.0], 1)).await, [1]);
    let bytes = index.cached_bytes();
    rows.remove(HERE, &[first, second]);
    index.remove(HERE, &[first, second]).await.unwrap();
    assert!(index.cached_bytes() < bytes / 100);
    index.remove(HERE, &[first, second]).await.unwrap();
    index.remove(HERE, &[WorkspaceDocumentId(99)]).await.unwrap();
    index.remove(THERE, &[third]).await.unwrap();
    assert_eq!(chunks(&index, query(&[1.0, 0.0], 1)).await, [9006]);
    assert_eq!(rows.codes_read(), 9_010);
    // Indexing a document again replaces its workspace document.
    rows.remove(HERE, &[third]);
    let placed = rows.add(HERE, vec![vec![0.7, 0.3]; 2]);
    index.remove(HERE, &[third]).await.unwrap();
    index.upsert(HERE, placed).await.unwrap();
    assert_eq!(chunks(&index, query(&[1.0, 0.0], 9)).await, [9011, 9012]);
    assert_eq!(rows.codes_read(), 9_012);
}

#[tokio::test]
async fn documents_removed_by_another_process_are_not_found() {
    let (rows, index) = open();
    let first = rows.add(HERE, vec![vec![1.0, 0.0]; 3]);
    let second = rows.add(HERE, vec![vec![0.9, 0.1]; 3]);
    let third = rows.add(HERE, vec![vec![0.8, 0.2]; 3]);
    assert_eq!(chunks(&index, query(&[1.0, 0.0], 1)).await, [1]);
    rows.remove(HERE, &[first]);
    assert_eq!(chunks(&index, query(&[1.0, 0.0], 2)).await, [4, 5]);
    // Both processes have removed documents, so this process's own removal is not the only one.
    rows.remove(HERE, &[second]);
    rows.remove(HERE, &[third]);
    let fourth = rows.add(HERE, vec![vec![0.5, 0.5]]);
    index.remove(HERE, &[second]).await.unwrap();
    assert_eq!(chunks(&index, query(&[1.0, 0.0], 9)).await, [10]);
    let third = VectorQuery { among: DocumentSelection::Only(&[third]), ..query(&[1.0, 0.0], 9) };
    assert!(chunks(&index, third).await.is_empty());
    rows.remove(HERE, &[fourth]);
    assert!(chunks(&index, query(&[1.0, 0.0], 9)).await.is_empty());
}

#[tokio::test]
async fn changes_during_a_load_are_not_lost() {
    let (rows, index) = open();
    let first = rows.add(HERE, vec![vec![1.0, 0.0]; 5_000]);
    let second = rows.add(HERE, vec![vec![0.9, 0.1]; 5_000]);
    rows.after_next_page(move |rows| {
        rows.remove(HERE, &[first, second]);
        rows.add(HERE, vec![vec![0.8, 0.2]; 2]);
    });
    // The rows of the first page are deleted before their vectors are read. A second search finds
    // all.
    assert_eq!(chunks(&index, query(&[1.0, 0.0], 5)).await, [10_001, 10_002]);
    index.remove(HERE, &[first, second]).await.unwrap();
    assert_eq!(chunks(&index, query(&[1.0, 0.0], 5)).await, [10_001, 10_002]);
}

#[tokio::test]
async fn a_dropped_workspace_is_removed_from_memory() {
    let (rows, index) = open();
    let document = rows.add(HERE, vec![vec![1.0, 0.0]; 100]);
    rows.add(THERE, vec![vec![1.0, 0.0]; 10]);
    assert_eq!(index.count(Some(HERE)).await.unwrap(), 100);
    assert_eq!(index.count(None).await.unwrap(), 110);
    chunks(&index, query(&[1.0, 0.0], 1)).await;
    rows.remove(HERE, &[document]);
    index.drop_workspace(HERE).await.unwrap();
    index.drop_workspace(HERE).await.unwrap();
    assert_eq!(index.cached_bytes(), 0);
    assert!(chunks(&index, query(&[1.0, 0.0], 1)).await.is_empty());
}

#[tokio::test]
async fn the_least_recently_used_workspaces_are_evicted() {
    let rows = Arc::new(MemoryRows::default());
    for workspace in 1..=3 {
        rows.add(WorkspaceId(workspace), vec![vec![1.0; 100]; 1_000]);
    }
    let index = over(Arc::clone(&rows), 250_000);
    let visit = async |workspace| {
        let within = WorkspaceId(workspace);
        let before = rows.codes_read();
        let hits = index.nearest(VectorQuery { within, ..query(&[1.0; 100], 2) }).await.unwrap();
        assert_eq!(hits.len(), 2);
        rows.codes_read() > before
    };
    assert!(visit(1).await && visit(2).await);
    assert!(!visit(1).await && !visit(2).await && !visit(1).await);
    assert!(visit(3).await, "is loaded, and 2 is evicted");
    assert!(!visit(1).await && visit(2).await && visit(3).await);
    assert!(index.cached_bytes() <= 250_000);
    // A workspace larger than the cache is kept while it is in use.
    rows.add(WorkspaceId(4), vec![vec![1.0; 100]; 5_000]);
    assert!(visit(4).await && !visit(4).await);
    assert!(visit(1).await && visit(4).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_first_searches_read_the_codes_once() {
    let (rows, index) = open();
    rows.add(HERE, vec![vec![1.0; 64]; 20_000]);
    let index = Arc::new(index);
    let searches: Vec<_> = (0..32)
        .map(|_| {
            let index = Arc::clone(&index);
            tokio::spawn(async move { chunks(&index, query(&[1.0; 64], 3)).await })
        })
        .collect();
    for search in searches {
        assert_eq!(search.await.unwrap(), [1, 2, 3]);
    }
    assert_eq!(rows.codes_read(), 20_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn searches_during_changes_see_complete_existing_documents() {
    let (rows, index) = open();
    let stays = rows.add(HERE, vec![vec![1.0; 256]; 6_000]);
    let index = Arc::new(index);
    let searches: Vec<_> = (0..4)
        .map(|_| {
            let index = Arc::clone(&index);
            tokio::spawn(async move {
                for _ in 0..200 {
                    let among = DocumentSelection::Only(&[stays][..]);
                    let query = VectorQuery { among, ..query(&[1.0; 256], 5) };
                    assert_eq!(chunks(&index, query).await, [1, 2, 3, 4, 5]);
                }
            })
        })
        .collect();
    for round in 0..200 {
        let document = rows.add(HERE, vec![vec![1.0; 256]; 10]);
        index.upsert(HERE, document).await.unwrap();
        let found =
            VectorQuery { among: DocumentSelection::Only(&[document]), ..query(&[1.0; 256], 20) };
        assert_eq!(chunks(&index, found.clone()).await.len(), 10);
        rows.remove(HERE, &[document]);
        if round % 3 > 0 {
            index.remove(HERE, &[document]).await.unwrap();
        }
        assert!(chunks(&index, found).await.is_empty());
    }
    for search in searches {
        search.await.unwrap();
    }
}

#[tokio::test]
async fn given_passages_are_compared_exactly() {
    let (rows, index) = open();
    rows.add(HERE, vec![vec![1.0, 0.0], vec![0.0, 2.0], vec![-3.0, 0.0], vec![1.0; 3]]);
    let chunks: Vec<_> = [4, 9, 2, 1, 3].into_iter().map(ChunkId).collect();
    let mut found = index.similarity(&[1.0, 0.0], &chunks).await.unwrap();
    found.sort_unstable_by_key(|hit| hit.chunk);
    let found: Vec<_> = found.iter().map(|hit| (hit.chunk.0, hit.similarity)).collect();
    assert_eq!(found, [(1, 1.0), (2, 0.0), (3, 0.0)]);
    assert_eq!(index.similarity(&[1.0, 0.0], &[]).await.unwrap(), []);
}
