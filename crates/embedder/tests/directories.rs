//! Model directories that are incomplete, contain another model, or are quantized.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
use std::path::Path;

use carrel_embedder::ModelDirectory;
use carrel_embedder::quantize::{Bits, quantize};

const FILES: [&str; 4] = ["config.json", "model.safetensors", "vocab.txt", "1_Pooling/config.json"];

fn copy(name: &str, into: &Path) {
    std::fs::create_dir_all(into.join("1_Pooling")).unwrap();
    for file in FILES {
        let from = Path::new("tests/fixtures/tiny").join(name).join(file);
        std::fs::copy(from, into.join(file)).unwrap();
    }
}

fn problem(path: &Path) -> String {
    let directory = ModelDirectory { path: path.to_owned(), model: None };
    directory.check().unwrap_err().to_string()
}

#[test]
fn a_complete_directory_is_accepted() {
    for name in ["bert-cls", "xlm-roberta", "nomic-bert"] {
        let path = Path::new("tests/fixtures/tiny").join(name);
        ModelDirectory { path, model: None }.check().unwrap();
    }
}

#[test]
fn each_missing_file_is_named() {
    for (file, message) in [
        ("config.json", "lacks the file config.json"),
        ("model.safetensors", "lacks the file model.safetensors"),
        ("vocab.txt", "lacks the file tokenizer.json, vocab.txt or sentencepiece.bpe.model"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        copy("bert-cls", directory.path());
        std::fs::remove_file(directory.path().join(file)).unwrap();
        let problem = problem(directory.path());
        assert!(problem.ends_with(message), "{problem}");
    }
}

#[test]
fn problems_are_described_in_one_sentence() {
    let edit = |file: &str, from: &str, to: &str| {
        let directory = tempfile::tempdir().unwrap();
        copy("bert-cls", directory.path());
        let path = directory.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(path, text.replace(from, to)).unwrap();
        problem(directory.path())
    };
    let config = |from: &str, to: &str| edit("config.json", from, to);
    for (problem, message) in [
        (config("\"hidden_size\": 64", "\"hidden_size\": 128"), "of shape [96, 64], not 96 by 128"),
        (config("\"hidden_size\": 64", "\"hidden_size\": 70"), "multiple of 32"),
        (
            config("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"),
            "lacks the tensor encoder.layer.2",
        ),
        (config("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 999999"), "out of range"),
        (
            config("\"model_type\": \"bert\"", "\"model_type\": \"llama\""),
            "describes a llama model",
        ),
        (config("\"hidden_act\": \"gelu\"", "\"hidden_act\": \"relu\""), "the activation relu"),
        (config("{", "["), "cannot be read"),
        (edit("vocab.txt", "[CLS]", "<s>"), "special tokens"),
        (
            edit("vocab.txt", "[MASK]", "[MASK]\nmore"),
            "has 96 word vectors, but the vocabulary has 97",
        ),
        (edit("1_Pooling/config.json", "cls_token", "max_tokens"), "carrel knows mean and CLS"),
    ] {
        assert!(problem.contains(message), "{problem}");
        assert!(!problem.contains('\n'), "{problem}");
    }
}

#[test]
fn damaged_weights_are_told_from_missing_ones() {
    let directory = tempfile::tempdir().unwrap();
    copy("bert-cls", directory.path());
    let path = directory.path().join("model.safetensors");
    let whole = std::fs::read(&path).unwrap();
    for damaged in [&whole[..whole.len() / 2], &whole[..4], &[], &[b'x'; 100]] {
        std::fs::write(&path, damaged).unwrap();
        let problem = problem(directory.path());
        assert!(
            problem.contains("model.safetensors is damaged or not a safetensors file"),
            "{problem}"
        );
    }
}

#[test]
fn a_quantized_model_reports_its_cosine_and_a_newer_format_is_refused() {
    let from = ModelDirectory { path: "tests/fixtures/tiny/bert-cls".into(), model: None };
    let (eight, four) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let eight_bit = quantize(&from, eight.path(), Bits::Eight).unwrap();
    let four_bit = quantize(&from, four.path(), Bits::Four).unwrap();
    assert!(eight_bit.least > 0.999 && eight_bit.mean <= 1.000_001, "{eight_bit:?}");
    assert!(four_bit.least > 0.9 && four_bit.least < eight_bit.least, "{four_bit:?}");
    let quantized = ModelDirectory { path: four.path().to_owned(), model: None };
    quantized.check().unwrap();
    assert!(quantized.edition().starts_with("q4 "), "{}", quantized.edition());
    assert_ne!(quantized.edition(), from.edition());
    let again = quantize(&quantized, eight.path(), Bits::Eight).unwrap_err();
    assert!(again.to_string().contains("quantized already"), "{again}");
    let path = four.path().join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let text = String::from_utf8_lossy(&bytes[8..400]).into_owned();
    let (old, new) = (r#""carrel.format":"1""#, r#""carrel.format":"9""#);
    assert!(text.contains(old), "{text}");
    let at = bytes.windows(old.len()).position(|part| part == old.as_bytes()).unwrap();
    let newer = [&bytes[..at], new.as_bytes(), &bytes[at + old.len()..]].concat();
    std::fs::write(&path, newer).unwrap();
    let problem = problem(four.path());
    assert!(
        problem.contains("has format 9, and this version of carrel reads up to 1"),
        "{problem}"
    );
}
