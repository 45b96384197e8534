//! Documents made by common programs: nearly all of their text is found, and little else.
#![expect(clippy::unwrap_used, reason = "tests say what they expect with `unwrap`, helpers too")]

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use carrel_documents::{Limits, extract_file};
use carrel_domain::document::{DocumentPart, Extracted};
use unicode_normalization::UnicodeNormalization;

const LIMITS: Limits = Limits { file: 8 << 20, text: 1 << 20, inflated: 64 << 20 };

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(name)
}

fn documents(name: &str) -> Vec<Extracted> {
    extract_file(name, &fixture("made").join(name), LIMITS).unwrap()
}

fn source(name: &str) -> String {
    fs::read_to_string(fixture("source").join(name)).unwrap()
}

/// Counts the words. Each ideograph and kana is a word, and Arabic presentation forms are
/// normalised to letters.
fn words(text: &str) -> HashMap<String, usize> {
    let mut words = HashMap::new();
    let mut word = String::new();
    for c in text.nfkc().chain([' ']) {
        let is_ideograph = matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}');
        if (is_ideograph || !c.is_alphanumeric()) && !word.is_empty() {
            *words.entry(std::mem::take(&mut word)).or_default() += 1;
        }
        if is_ideograph && c.is_alphanumeric() {
            *words.entry(c.to_string()).or_default() += 1;
        } else if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
    }
    words
}

/// Returns the recall and precision of the words found, and the missing words.
fn compare(expected: &str, found: &str) -> (f64, f64, Vec<String>) {
    let (expected, found) = (words(expected), words(found));
    let (mut both, mut missing) = (0, Vec::new());
    for (word, times) in &expected {
        let there = found.get(word).copied().unwrap_or(0).min(*times);
        both += there;
        if there < *times {
            missing.push(word.clone());
        }
    }
    let share = |of: &HashMap<_, usize>| both as f64 / of.values().sum::<usize>().max(1) as f64;
    (share(&expected), share(&found), missing)
}

fn assert_found(name: &str, expected: &str, found: &str, precision: f64) {
    let (recall, precise, missing) = compare(expected, found);
    println!("{name}: recall {recall:.3}, precision {precise:.3}, missing {missing:?}");
    assert!(recall >= 0.98, "{name}: {recall:.3}, without {missing:?} in\n{found}");
    assert!(precise >= precision, "{name}: only {precise:.3} is expected in\n{found}");
}

#[test]
fn the_text_of_a_document_is_found_whichever_program_wrote_it() {
    let handbook = source("lighthouse.md");
    // Markup is text in some formats, slides repeat their titles, and books have contents.
    for (name, precision) in [
        ("handbook.md", 0.99),
        ("pandoc.txt", 0.95),
        ("pandoc.rst", 0.95),
        ("pandoc.org", 0.85),
        ("pandoc.adoc", 0.95),
        ("pandoc.html", 0.95),
        ("pandoc.json", 0.15),
        ("pandoc.docx", 0.95),
        ("office.docx", 0.95),
        ("pandoc.odt", 0.95),
        ("office.odt", 0.95),
        ("pandoc.epub", 0.9),
        ("pandoc.pptx", 0.9),
        ("office.pptx", 0.9),
        ("office.odp", 0.9),
        ("office.pdf", 0.95),
    ] {
        let documents = documents(name);
        assert_eq!(documents.len(), 1, "{name}");
        assert_found(name, &handbook, &documents[0].text, precision);
    }
}

#[test]
fn a_page_set_in_columns_is_read_column_by_column() {
    let document = &documents("columns.pdf")[0];
    assert_found("columns.pdf", &source("columns.txt"), &document.text, 0.98);
    let text = document.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let places =
        ["The tide tables", "Her method", "The first edition", "Today the gauge", "The last"]
            .map(|start| text.find(start).unwrap());
    assert!(places.is_sorted(), "{text}");
    assert_eq!((&*document.author, &*document.description), ("Ann Lee", "The tide tables"));
}

#[test]
fn text_in_fonts_that_are_not_embedded_is_read() {
    let document = &documents("scripts.pdf")[0];
    assert_found("scripts.pdf", &source("scripts.txt"), &document.text, 0.98);
    assert_eq!((&*document.author, &*document.description), ("anonymous", "Four scripts"));
}

#[test]
fn each_sheet_is_a_document() {
    let stores = source("stores.csv");
    for name in ["openpyxl.xlsx", "office.xlsx", "office.ods"] {
        let sheets = documents(name);
        let names: Vec<_> = sheets.iter().map(|sheet| sheet.part.clone().unwrap()).collect();
        assert_eq!(
            names,
            ["Stores", "Notes 2026"].map(|name| DocumentPart::Sheet(name.into())),
            "{name}"
        );
        assert_found(name, &stores, &sheets[0].text, 0.98);
        assert_eq!(sheets[0].description, "Spreadsheet data from sheet: Stores");
        let notes = "\n,The cellar key hangs behind the barometer.\n";
        assert!(sheets[1].text.starts_with(notes), "{name}: {}", sheets[1].text);
    }
    // Values and dates do not depend on the locale of a computer.
    assert_eq!(documents("openpyxl.xlsx")[0].text, stores.replace("3.50", "3.5"));
    assert_found("stores.csv", &stores, &documents("stores.csv")[0].text, 1.0);
}

#[test]
fn each_mail_is_a_document() {
    let mails = documents("python.mbox");
    let source = source("mails.txt");
    let expected: Vec<_> = source.split("\n===\n").collect();
    assert_eq!(mails.len(), expected.len());
    for ((mail, expected), number) in mails.iter().zip(&expected).zip(1..) {
        assert_eq!(mail.part, Some(DocumentPart::Mail(number)));
        assert_eq!(mail.author, "André Dupont <andre@example.com>");
        assert_eq!(mail.title.as_deref(), expected.lines().next());
        assert_found("python.mbox", expected, &mail.text, 0.3);
    }
    let mail = &documents("python.eml")[0];
    assert_eq!((&mail.part, &mail.text), (&None, &mails[2].text));
}

#[test]
fn missing_metadata_is_replaced_by_placeholders() {
    let about = |name| {
        let document = documents(name).swap_remove(0);
        (document.author, document.description, document.source)
    };
    let placeholders = |source: &str| {
        ("no author found".to_owned(), "No description found.".to_owned(), source.to_owned())
    };
    let titled = |(author, _, source): (String, String, String)| {
        (author, "The keeper's handbook".to_owned(), source)
    };
    assert_eq!(about("pandoc.docx"), titled(placeholders("docx file uploaded by the user.")));
    assert_eq!(about("pandoc.odt"), titled(placeholders("Office file uploaded by the user.")));
    for name in ["office.odp", "pandoc.pptx"] {
        assert_eq!(about(name), placeholders("Office file uploaded by the user."), "{name}");
    }
    let [unknown, source] = ["Unknown", "epub file uploaded by the user."].map(str::to_owned);
    assert_eq!(about("pandoc.epub"), titled((unknown.clone(), unknown, source)));
    assert_eq!(about("office.pdf").2, "pdf file uploaded by the user.");
    assert_eq!(about("office.xlsx").2, "an xlsx file uploaded by the user.");
    assert_eq!(about("python.mbox").2, "Mbox message file uploaded by the user.");
}

#[test]
fn a_file_protected_by_a_password_is_refused_with_that_reason() {
    for name in ["password.pdf", "password.docx", "password.xlsx"] {
        let refusal = extract_file(name, &fixture("made").join(name), LIMITS).unwrap_err();
        let expected = "is protected by a password. Remove the password and send it again.";
        assert_eq!(refusal.to_string(), format!("{name} {expected}"));
    }
    // A password for printing does not concern readers.
    let open = &documents("no-printing.pdf")[0];
    assert_found("no-printing.pdf", &source("columns.txt"), &open.text, 0.98);
}
