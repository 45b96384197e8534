//! The tokenizer of multilingual-e5-small, compared with the reference implementation and on
//! overlong texts.
use crate::catalog::E5;
use crate::testing::directory_of;
use crate::tokenizer::{SubwordTokenizer, parse_sentencepiece};

/// More tokens than any text of the fixture has.
const ALL: usize = 4096;

fn tokenizer() -> SubwordTokenizer {
    let path = directory_of(&E5).join("sentencepiece.bpe.model");
    SubwordTokenizer::Unigram(parse_sentencepiece(&std::fs::read(path).unwrap()).unwrap())
}

#[test]
fn every_text_has_the_ids_of_the_reference() {
    let tokenizer = tokenizer();
    let fixture = match std::env::var_os("CARREL_UNIGRAM_TOKENS") {
        Some(path) => std::fs::read_to_string(path).unwrap(),
        None => include_str!("../../../tests/fixtures/unigram_tokens.json").to_owned(),
    };
    let pairs: Vec<(String, Vec<u32>)> = serde_json::from_str(&fixture).unwrap();
    assert!(pairs.len() >= 600);
    let different: Vec<_> =
        pairs.iter().filter(|(text, ids)| tokenizer.encode(text, ALL) != *ids).collect();
    let first = different.first().map(|(text, ids)| (text, ids, tokenizer.encode(text, ALL)));
    assert!(different.is_empty(), "{} of {}, first {first:?}", different.len(), pairs.len());
}

#[test]
fn text_beyond_the_last_token_changes_nothing() {
    let tokenizer = tokenizer();
    let start = "a few words, ".repeat(300);
    let whole = format!("{start}{}", "</s> é \u{0} 字".repeat(10_000));
    assert_eq!(tokenizer.encode(&whole, 512), tokenizer.encode(&start, 512));
    assert_eq!(tokenizer.encode(&whole, 512).len(), 512);
}

#[test]
fn ten_megabytes_of_any_text_give_two_to_512_tokens() {
    let tokenizer = tokenizer();
    for unit in [
        "a",
        " \0",
        "\u{301}",
        "\u{1d165}",
        "<<mask",
        "字",
        "👨\u{200d}👩\u{200d}",
        "🇩",
        "ก",
        "\u{2581}",
    ] {
        let ids = tokenizer.encode(&unit.repeat(10_000_000 / unit.len()), 512);
        assert!((2..=512).contains(&ids.len()), "{unit:?}");
    }
}
