//! The embedder with the real model.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carrel_domain::Error;
use carrel_domain::model::{Embedder as _, Purpose};
use carrel_embedder::catalog::MINILM;
use carrel_embedder::testing::model_dir;
use carrel_embedder::{ModelDirectory, NativeEmbedder, Options};

fn open(directory: PathBuf, threads: usize) -> NativeEmbedder {
    let threads = NonZeroUsize::new(threads).unwrap();
    let directory = ModelDirectory { path: directory, model: Some(&MINILM) };
    NativeEmbedder::new(Options { directory, threads, release_after: None })
}

async fn embed(model: &NativeEmbedder, texts: &[String]) -> Vec<Vec<f32>> {
    model.embed(texts, Purpose::Passage).await.unwrap()
}

fn sentences() -> Vec<String> {
    serde_json::from_str(include_str!("fixtures/sentences.json")).unwrap()
}

fn reference() -> Vec<Vec<f32>> {
    let (values, _) = include_bytes!("fixtures/vectors.bin").as_chunks();
    let values: Vec<f32> = values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    values.chunks(384).map(<[f32]>::to_vec).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// Requires a cosine above 0.999999 and bounds the largest difference of a value to the level of
/// rounding errors, which also finds smaller mistakes.
fn assert_same(vectors: &[Vec<f32>], expected: &[Vec<f32>], what: &str) {
    assert_eq!(vectors.len(), expected.len());
    for (index, (vector, expected)) in vectors.iter().zip(expected).enumerate() {
        assert_eq!(vector.len(), 384);
        let cosine = dot(vector, expected) / (dot(vector, vector) * dot(expected, expected)).sqrt();
        assert!(cosine > 0.999_999, "{what}: text {index} has cosine {cosine}");
        let furthest = vector.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(furthest < 1e-5, "{what}: text {index} is off by {furthest}");
    }
}

#[tokio::test]
async fn every_sentence_has_the_vector_of_the_reference() {
    let model = open(model_dir(), 2);
    let vectors = embed(&model, &sentences()).await;
    assert!(vectors.len() >= 30);
    assert_same(&vectors, &reference(), "batch");
    for vector in vectors {
        assert!((dot(&vector, &vector) - 1.0).abs() < 1e-5);
    }
}

#[tokio::test]
async fn a_text_has_the_same_vector_alone_and_in_any_batch() {
    let model = open(model_dir(), 3);
    let texts = sentences();
    let mut single = Vec::new();
    for text in &texts {
        single.extend(embed(&model, std::slice::from_ref(text)).await);
    }
    let backwards: Vec<String> = texts.iter().rev().cloned().collect();
    let mut batched = embed(&model, &backwards).await;
    batched.reverse();
    assert_same(&batched, &single, "backwards");
    let doubled: Vec<String> = texts.iter().flat_map(|text| [text.clone(), "x".into()]).collect();
    let every_other: Vec<_> = embed(&model, &doubled).await.into_iter().step_by(2).collect();
    assert_same(&every_other, &single, "interleaved");
}

#[tokio::test]
async fn the_number_of_threads_does_not_change_a_vector() {
    let texts = sentences();
    for threads in [1, 2, 5, 16] {
        let vectors = embed(&open(model_dir(), threads), &texts).await;
        assert_same(&vectors, &reference(), &format!("{threads} threads"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_callers_get_their_own_vectors() {
    let model = Arc::new(open(model_dir(), 2));
    let (texts, expected) = (sentences(), reference());
    let calls: Vec<_> = (0..24)
        .map(|start| {
            let (model, mut texts, mut expected) = (model.clone(), texts.clone(), expected.clone());
            texts.rotate_left(start);
            expected.rotate_left(start);
            tokio::spawn(async move {
                assert_same(&embed(&model, &texts[..8]).await, &expected[..8], "concurrent");
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn no_texts_need_no_model() {
    let model = open("/nonexistent".into(), 1);
    assert!(embed(&model, &[]).await.is_empty());
    assert!(!model.is_loaded());
}

#[tokio::test]
async fn the_model_has_the_name_that_existing_clients_use() {
    let model = open(model_dir(), 1).model();
    assert_eq!((model.name.as_str(), model.longest_text), ("Xenova/all-MiniLM-L6-v2", 1000));
}

#[tokio::test]
async fn a_dropped_call_leaves_the_model_usable() {
    let model = Arc::new(open(model_dir(), 2));
    let calling = model.clone();
    let call = tokio::spawn(async move {
        embed(&calling, &vec!["some words ".repeat(200); 2000]).await;
    });
    while !model.is_loaded() {
        tokio::task::yield_now().await;
    }
    call.abort();
    assert_same(&embed(&model, &sentences()[..3]).await, &reference()[..3], "after");
}

#[tokio::test]
async fn huge_texts_are_embedded_by_their_beginning() {
    let model = open(model_dir(), 2);
    let start = "word ".repeat(300);
    let texts = [start.clone(), start.repeat(7000), "\u{301}".repeat(5_000_000), String::new()];
    let vectors = embed(&model, &texts).await;
    assert_eq!(vectors[0], vectors[1]);
    assert_eq!(vectors[2], vectors[3]);
}

fn link_model(into: &Path) {
    for file in MINILM.files {
        std::fs::copy(model_dir().join(file.name), into.join(file.name)).unwrap();
    }
}

#[tokio::test]
async fn a_missing_model_is_reported_with_a_remedy_and_works_once_fetched() {
    let directory = tempfile::tempdir().unwrap();
    let model = open(directory.path().into(), 2);
    let error = model.embed(&["a".into()], Purpose::Query).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { service: "the embedding model", .. }));
    assert_eq!(
        error.to_string(),
        "the embedding model is unavailable: its files are missing; run `carrel model fetch`"
    );
    link_model(directory.path());
    assert_same(&embed(&model, &sentences()[1..3]).await, &reference()[1..3], "recovered");
}

#[tokio::test]
async fn a_damaged_model_is_refused_with_the_same_advice() {
    let directory = tempfile::tempdir().unwrap();
    link_model(directory.path());
    let weights = directory.path().join("model.safetensors");
    let whole = std::fs::read(&weights).unwrap();
    let mut wrong_header = whole.clone();
    wrong_header[20] ^= 1;
    for damaged in [&whole[..whole.len() / 2], &whole[..4], &[], &[b'x'; 100], &wrong_header] {
        std::fs::write(&weights, damaged).unwrap();
        let model = open(directory.path().into(), 1);
        let error = model.embed(&["a".into()], Purpose::Query).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("its files are damaged or belong to another model"), "{text}");
        assert!(text.contains("`carrel model fetch`"), "{text}");
    }
}
