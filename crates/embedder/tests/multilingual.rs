//! multilingual-e5-small with real weights, compared with the Python package that contains them.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
use std::num::NonZeroUsize;

use carrel_domain::model::{Embedder as _, Purpose};
use carrel_embedder::catalog::E5;
use carrel_embedder::testing::directory_of;
use carrel_embedder::{ModelDirectory, NativeEmbedder, Options};

fn open() -> NativeEmbedder {
    let directory = ModelDirectory { path: directory_of(&E5), model: Some(&E5) };
    let threads = NonZeroUsize::new(2).unwrap();
    NativeEmbedder::new(Options { directory, threads, release_after: None })
}

/// The reference vectors come from transformers with a dequantized copy of the weights. The package
/// rounds activations to 8 bits, so its vectors are only similar.
#[tokio::test]
async fn vectors_match_the_reference_and_resemble_those_of_the_package() {
    let fixture = include_str!("fixtures/e5_vectors.json");
    let expected: Vec<(String, Vec<f32>, Vec<f32>)> = serde_json::from_str(fixture).unwrap();
    let texts: Vec<_> = expected.iter().map(|(text, ..)| text.clone()).collect();
    let vectors = open().embed(&texts, Purpose::Passage).await.unwrap();
    let dot = |a: &[f32], b: &[f32]| {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>()
    };
    for (vector, (text, reference, package)) in vectors.iter().zip(&expected) {
        let (exact, approximate) = (dot(vector, reference), dot(vector, package));
        assert!(exact > 0.99999, "{text:?}: {exact}");
        assert!(approximate > 0.99, "{text:?}: {approximate}");
    }
}

#[tokio::test]
async fn a_question_finds_its_answer_in_another_language() {
    let model = open();
    let passages = [
        "Die Kündigungsfrist beträgt drei Monate.",
        "Музей закрыт по понедельникам.",
        "仓库早上九点开门。",
    ];
    let queries = [
        "When is the museum closed?",
        "When does the warehouse open?",
        "How long is the notice period?",
    ];
    let passages = passages.map(str::to_owned);
    let queries = queries.map(str::to_owned);
    let passages = model.embed(&passages, Purpose::Passage).await.unwrap();
    let queries = model.embed(&queries, Purpose::Query).await.unwrap();
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    for (query, expected) in queries.iter().zip([1, 2, 0]) {
        let best =
            (0..3).max_by(|&a, &b| dot(query, &passages[a]).total_cmp(&dot(query, &passages[b])));
        assert_eq!(best, Some(expected));
    }
}
