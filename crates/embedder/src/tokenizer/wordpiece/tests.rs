//! The tokenizer, compared with the reference implementation and on overlong texts.
use super::*;

const LIMIT: usize = 256;

fn tokenizer() -> WordPiece {
    let path = crate::testing::model_dir().join("vocab.txt");
    WordPiece::parse(&std::fs::read_to_string(path).unwrap(), Letters::UNCASED).unwrap()
}

#[test]
fn every_text_has_the_ids_of_the_reference() {
    let tokenizer = tokenizer();
    let fixture = include_str!("../../../tests/fixtures/tokens.json");
    let pairs: Vec<(String, Vec<u32>)> = serde_json::from_str(fixture).unwrap();
    assert!(pairs.len() > 500);
    for (text, ids) in pairs {
        assert_eq!(tokenizer.encode(&text, LIMIT), ids, "{text:?}");
    }
}

#[test]
fn text_beyond_the_last_token_changes_nothing() {
    let tokenizer = tokenizer();
    let start = "a few words, ".repeat(100);
    let whole = format!("{start}{}", "[SEP] é \u{0} 字".repeat(10_000));
    assert_eq!(tokenizer.encode(&whole, LIMIT), tokenizer.encode(&start, LIMIT));
    assert_eq!(tokenizer.encode(&whole, LIMIT).len(), LIMIT);
}

#[test]
fn ten_megabytes_of_any_text_give_two_to_256_tokens() {
    let tokenizer = tokenizer();
    for unit in ["a", " \0", "\u{301}", "\u{1d165}", "[[MASK", "字"] {
        let ids = tokenizer.encode(&unit.repeat(10_000_000 / unit.len()), LIMIT);
        assert!((2..=LIMIT).contains(&ids.len()), "{unit:?}");
    }
}

#[test]
fn a_vocabulary_without_the_special_tokens_is_refused() {
    assert!(WordPiece::parse("the\nof\n##s\n", Letters::UNCASED).is_none());
    assert!(WordPiece::parse("", Letters::UNCASED).is_none());
}
