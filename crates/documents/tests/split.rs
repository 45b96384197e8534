//! The splitter: comparison with LangChain's chunks, and difficult texts.
#![expect(clippy::unwrap_used, reason = "tests say what they expect with `unwrap`, helpers too")]

use std::fs;
use std::path::Path;

use carrel_documents::RecursiveSplitter;
use carrel_domain::document::{Chunk, Splitter, Splitting};
use carrel_domain::{Error, TextKind};
use rand::{RngExt, SeedableRng};
use serde_json::Value;

/// Returns the texts of the chunks of source code or data, after checking their spans.
fn split(text: &str, how: Splitting) -> Result<Vec<String>, Error> {
    let chunks = carrel_documents::split::split(text, TextKind::Code, how)?;
    let checked_text = |Chunk { text: found, span, .. }: Chunk| {
        assert_eq!(span.byte_range(text).map(|at| &text[at]), Some(found.as_str()), "{span:?}");
        found
    };
    Ok(chunks.into_iter().map(checked_text).collect())
}

#[test]
fn the_span_of_a_chunk_is_correct_even_if_its_text_repeats() {
    let text = "\u{feff}  日本 é\n\n日本 é\n\n😀 日本 é  ";
    let how = Splitting { size: 5, overlap: 0 };
    let chunks = carrel_documents::split::split(text, TextKind::Code, how).unwrap();
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
fn impossible_sizes_are_corrected() {
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
    let chunks = RecursiveSplitter.split(text, TextKind::Prose, how).await.unwrap();
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

/// Splits `text` into chunks of 200 code units without overlap.
fn chunks(text: &str, kind: TextKind) -> Vec<Chunk> {
    let how = Splitting { size: 200, overlap: 0 };
    let chunks = carrel_documents::split::split(text, kind, how).unwrap();
    for chunk in &chunks {
        let source = &text[chunk.span.byte_range(text).unwrap()];
        assert!(chunk.text.ends_with(source), "{chunk:?}");
        assert!(chunk.text.encode_utf16().count() <= 200, "{chunk:?}");
    }
    chunks
}

fn locators(chunks: &[Chunk]) -> Vec<Option<String>> {
    let locator = |chunk: &Chunk| chunk.provenance.locator.map(|locator| locator.to_string());
    chunks.iter().map(locator).collect()
}

#[test]
fn every_chunk_of_a_table_has_its_header() {
    let rows: String = (1..=30).map(|n| format!("C-{n:04};Firma {n} GmbH;Berlin\n")).collect();
    let table = format!("Nr;Name;Ort\n{rows}");
    let found = chunks(&table, TextKind::Table);
    assert!(found.len() > 3);
    assert!(found.iter().all(|chunk| chunk.text.starts_with("Nr;Name;Ort\nC-")), "{found:?}");
    let whole: Vec<_> = found.iter().flat_map(|chunk| chunk.text.lines().skip(1)).collect();
    assert_eq!(whole, rows.lines().collect::<Vec<_>>());
    assert_eq!(locators(&found)[0].as_deref(), Some("row 1 7"));
    assert_eq!(locators(&found)[1].as_deref(), Some("row 8 13"));

    let markdown: String = (1..=30).map(|n| format!("| {n} | Firma {n} GmbH |\n")).collect();
    let markdown =
        format!("# Customers\n\nAll of them:\n\n| Nr | Name |\n| --- | --- |\n{markdown}\nEnd.");
    let found = chunks(&markdown, TextKind::Prose);
    let head = "| Nr | Name |\n| --- | --- |\n| ";
    assert!(
        found[0].text.starts_with(&format!("# Customers\n\nAll of them:\n\n{head}")),
        "{found:?}"
    );
    let last = found.len() - 1;
    assert!(found[1..last].iter().all(|chunk| chunk.text.starts_with(head)), "{found:?}");
    assert!(found.iter().all(|chunk| chunk.provenance.headings == ["Customers"]));
    assert_eq!(found[last].text, "End.");
}

#[test]
fn a_row_or_header_longer_than_a_chunk_is_cut_without_loss() {
    let long = "word ".repeat(100);
    let found = chunks(&format!("a,b\n1,{long}\n2,x\n"), TextKind::Table);
    assert!(found.len() > 3 && found[1..].iter().all(|chunk| chunk.text.starts_with("a,b\n")));
    assert_eq!(found.iter().flat_map(|chunk| chunk.text.matches("word")).count(), 100);
    let header = "column, ".repeat(60);
    let found = chunks(&format!("{header}\n{}", "1,2\n".repeat(80)), TextKind::Table);
    let text: String = found.iter().map(|chunk| format!("{}\n", chunk.text)).collect();
    assert_eq!((text.matches("column").count(), text.matches("1,2").count()), (60, 80));
}

#[test]
fn sentences_code_and_rows_stay_whole() {
    let prose: String =
        (1..=12).map(|n| format!("This is sentence number {n} of Dr. Smith. ")).collect();
    let found = chunks(&prose, TextKind::Prose);
    assert!(found.iter().all(|chunk| chunk.text.ends_with("Smith.")), "{found:?}");
    let code = format!("{}\n\n```py\nif a:\n\n    b()\n\nc()\n```\n\nEnd.", "x".repeat(180));
    let found = chunks(&code, TextKind::Prose);
    assert!(found.iter().any(|chunk| chunk.text.contains("```py\nif a:\n\n    b()\n\nc()\n```")));
}

#[test]
fn a_heading_stays_with_its_text_and_names_the_chunks_below_it() {
    let long = "One sentence after another. ".repeat(20);
    let text =
        format!("# Handbook\n\nIntro.\n\n## Travel\n\n### Hotels\n\n{long}\n\n## Pay\n\nMonthly.");
    let found = chunks(&text, TextKind::Prose);
    let paths: Vec<_> = found.iter().map(|chunk| chunk.provenance.headings.join("/")).collect();
    assert_eq!(paths[0], "Handbook");
    assert!(found[1].text.starts_with("## Travel\n\n### Hotels\n\nOne sentence"), "{found:?}");
    assert!(paths[1..4].iter().all(|path| path == "Handbook/Travel/Hotels"), "{paths:?}");
    assert_eq!(paths.last().unwrap(), "Handbook/Pay");
}

#[test]
fn pages_slides_and_seconds_are_known() {
    let page = "A sentence of the page. ".repeat(6);
    let text = format!("{page}\n\n\u{c}\n\n{page}\n\n\u{c}\n\n\u{c}\n\nEnd.\n\n\u{c}\n");
    let found = locators(&chunks(&text, TextKind::Prose));
    let found: Vec<_> = found.iter().map(|locator| locator.as_deref().unwrap()).collect();
    assert_eq!(found, ["page 1 1", "page 2 4"]);
    assert_eq!(locators(&chunks("No pages.", TextKind::Prose)), [None]);

    let deck = "# One\n\na\n\n\u{c}\n\nb\n\n\u{c}\n";
    let found = chunks(deck, TextKind::Slides);
    assert_eq!(locators(&found), [Some("slide 1 1".into()), Some("slide 2 2".into())]);
    assert_eq!(found[1].provenance.headings, Vec::<String>::new());

    let lines: String = (0..20).map(|n| format!("[00:01:{n:02}] Something is said.\n")).collect();
    let found = locators(&chunks(&lines, TextKind::Transcript));
    assert_eq!(found[0].as_deref(), Some("second 60 65"));
    assert_eq!(found[1].as_deref(), Some("second 66 71"));
}
