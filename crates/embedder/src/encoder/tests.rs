//! The encoder with the real model, on every instruction set and with arbitrary strip boundaries.
use super::*;
use crate::catalog::MINILM;
use crate::testing::model_dir;
use carrel_kernels::kernel::testing::all_instructions;

fn ids(length: usize) -> Vec<u32> {
    (0..length as u32).map(|index| 1000 + index * 37 % 20_000).collect()
}

fn weights() -> Weights {
    let path = model_dir().join("model.safetensors");
    Weights::open(&path, MINILM.architecture.clone()).unwrap()
}

fn furthest(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn every_instruction_set_gives_the_same_vectors() {
    let texts: Vec<_> = [1, 2, 7, 12, 13, 32, 33, 100, 255, 256].map(ids).into();
    let mut first: Option<Vec<Vec<f32>>> = None;
    for instructions in all_instructions() {
        // Without vector instructions, encoding takes a hundred times as long.
        let slow = matches!(instructions, Instructions::Baseline);
        let texts = if slow { &texts[..6] } else { &texts };
        let weights = weights();
        let vectors = Encoder::new(weights, instructions).encode(texts);
        let expected = first.get_or_insert_with(|| vectors.clone());
        for (vector, expected) in vectors.iter().zip(expected) {
            assert!(furthest(vector, expected) < 1e-5, "{instructions:?}");
        }
    }
}

#[test]
fn strip_boundaries_do_not_change_vectors() {
    let weights = weights();
    let encoder = Encoder::new(weights, Instructions::detect());
    let single = encoder.encode(&[ids(256)]).remove(0);
    for before in [1, 5, 11, 12, 13, 100, 255] {
        let vectors = encoder.encode(&[ids(before), ids(256), ids(3)]);
        assert_eq!(vectors[1], single);
    }
}

#[test]
fn strips_are_whole_tiles_and_equally_high() {
    assert_eq!(strip_height(1, 2), 4);
    assert_eq!(strip_height(10, 2), 5);
    assert_eq!(strip_height(40, 2), 20);
    assert_eq!(strip_height(256, 2), 132);
    assert_eq!(strip_height(512, 2), 264);
    assert_eq!(strip_height(600, 2), 156);
    assert_eq!(strip_height(256, 1), 264);
}

/// Fixtures made by `make_tiny.py`: a model of each architecture, with token ids and reference
/// vectors.
#[test]
fn every_architecture_matches_the_reference() {
    for name in ["bert-cls", "xlm-roberta", "nomic-bert"] {
        let path = std::path::Path::new("tests/fixtures/tiny").join(name);
        let directory = crate::ModelDirectory { path: path.clone(), model: None };
        let (_, _, weights) = directory.open().unwrap();
        let fixture = std::fs::read_to_string(path.join("vectors.json")).unwrap();
        let expected: Vec<(Vec<u32>, Vec<f32>)> = serde_json::from_str(&fixture).unwrap();
        let texts: Vec<_> = expected.iter().map(|(ids, _)| ids.clone()).collect();
        let vectors = Encoder::new(weights, Instructions::detect()).encode(&texts);
        for (vector, (ids, expected)) in vectors.iter().zip(&expected) {
            assert!(furthest(vector, expected) < 1e-5, "{name}, {} tokens", ids.len());
        }
    }
}
