//! The splitter against LangChain's own chunks, and with text that tries its patience.
#![expect(clippy::unwrap_used, reason = "tests say what they expect with `unwrap`, helpers too")]

use std::fs;
use std::path::Path;

use carrel_documents::RecursiveSplitter;
use carrel_domain::Error;
use carrel_domain::document::{Chunk, Splitter, Splitting};
use rand::{RngExt, SeedableRng};
use serde_json::Value;

/// The texts of the chunks, each of which stands where it says.
fn split(text: &str, how: Splitting) -> Result<Vec<String>, Error> {
    let chunks = carrel_documents::split::split(text, how)?;
    let said = |Chunk { text: said, span }: Chunk| {
        assert_eq!(span.within(text).map(|at| &text[at]), Some(said.as_str()), "{span:?}");
        said
    };
    Ok(chunks.into_iter().map(said).collect())
}

#[test]
fn a_chunk_stands_where_it_says_also_when_it_repeats() {
    let text = "\u{feff}  日本 é\n\n日本 é\n\n😀 日本 é  ";
    let how = Splitting { size: 5, overlap: 0 };
    let chunks = carrel_documents::split::split(text, how).unwrap();
    let spans: Vec<_> = chunks.iter().map(|chunk| (chunk.span.start, chunk.span.end)).collect();
    assert_eq!(spans, [(3, 5), (6, 7), (9, 13), (15, 16), (17, 21)], "{chunks:?}");
    split(text, how).unwrap();
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

#[test]
fn chunks_are_those_of_langchain() {
    let here = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    let folder = Path::new(&here).join("tests/fixtures/splitter");
    let mut texts = 0;
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let fixture: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let whole = fixture["text"].as_str().unwrap();
        for case in fixture["cases"].as_array().unwrap() {
            let how = Splitting { size: number(&case["size"]), overlap: number(&case["overlap"]) };
            // The script cuts only the beginning into the smallest chunks.
            let beginning: String = whole.chars().take(400).collect();
            let text = if how.size < 30 { &beginning } else { whole };
            let expected: Vec<_> =
                case["chunks"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
            assert_eq!(split(text, how).unwrap(), expected, "{how:?} of {}", file.display());
        }
        texts += 1;
    }
    assert_eq!(texts, 11);
}

#[test]
fn sizes_that_make_no_sense_are_put_right() {
    let split = |size, overlap| split("ab cd", Splitting { size, overlap }).unwrap();
    assert_eq!(split(0, 0), split(1, 0));
    assert_eq!(split(4, 4), split(4, 3));
    assert_eq!(split(4, usize::MAX), split(4, 3));
    assert_eq!(split(usize::MAX, usize::MAX), ["ab cd"]);
}

#[test]
fn no_character_is_lost_or_cut() {
    let mut random = rand::rngs::StdRng::seed_from_u64(7);
    let alphabet: Vec<char> = "ab \n\n日é😀𝔘\u{feff}\t".chars().collect();
    for _ in 0..500 {
        let length = random.random_range(0..200);
        let text: String =
            (0..length).map(|_| alphabet[random.random_range(0..alphabet.len())]).collect();
        let size = random.random_range(1..30);
        let how = Splitting { size, overlap: 0 };
        let chunks = split(&text, how).unwrap();
        let without_space = |text: &str| {
            text.chars().filter(|c| !c.is_whitespace() && *c != '\u{feff}').collect::<String>()
        };
        assert_eq!(without_space(&chunks.concat()), without_space(&text));
        for chunk in split(&text, Splitting { size, overlap: size / 2 }).unwrap() {
            assert!(chunk.encode_utf16().count() <= size.max(2));
            assert!(text.contains(&chunk));
        }
    }
}

#[tokio::test]
async fn ten_megabytes_without_a_separator_are_split() {
    let text = "x日".repeat(2_500_000);
    let how = Splitting { size: 1000, overlap: 200 };
    let chunks = RecursiveSplitter.split(text, how).await.unwrap();
    assert_eq!(chunks.len(), 6_250);
    assert!(chunks.iter().all(|chunk| chunk.text.chars().count() <= 1000));
}

#[test]
fn ten_megabytes_of_separators_are_split() {
    let how = Splitting { size: 1000, overlap: 999 };
    assert!(split(&"\n".repeat(10 << 20), how).unwrap().is_empty());
    assert!(split(&" \n".repeat(1 << 20), how).unwrap().is_empty());
}

#[test]
fn an_overlap_that_would_fill_the_memory_is_refused() {
    let how = Splitting { size: 1000, overlap: 999 };
    let refusal = split(&"x".repeat(1 << 20), how).unwrap_err();
    assert!(
        matches!(&refusal, Error::Invalid { field, .. } if field == "chunk overlap"),
        "{refusal}"
    );
    assert_eq!(split(&"x".repeat(2_000), how).unwrap().len(), 1_001);
}
