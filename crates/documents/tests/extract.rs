//! Extraction: reads files of every supported type and refuses others.
#![expect(clippy::unwrap_used, reason = "tests say what they expect with `unwrap`, helpers too")]

use std::fs;
use std::time::Duration;

use carrel_documents::worker::{Program, Readers, ResourceLimits};
use carrel_documents::{FileExtractor, Limits, extract_file, file_types};
use carrel_domain::document::{Extracted, Extractor, IncomingFile, ReadRequest};
use carrel_domain::{Error, Result};
use rand::{RngExt, SeedableRng};
use tempfile::NamedTempFile;

const LIMITS: Limits = Limits { file: 8 << 20, text: 1 << 20, inflated: 16 << 20 };

/// Returns readers whose program does not exist.
fn workers() -> Readers {
    let resources = ResourceLimits { workers: 1, time: Duration::from_secs(10), memory: 1 << 30 };
    let path = "/no/such/program".into();
    Readers::new(Program { path, arguments: Vec::new(), environment: Vec::new() }, resources)
}

fn extract(name: &str, content: &[u8]) -> Result<Vec<Extracted>> {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    extract_file(name, file.path(), LIMITS)
}

fn text(name: &str, content: &[u8]) -> String {
    let documents = extract(name, content).unwrap();
    assert_eq!(documents.len(), 1);
    documents[0].text.clone()
}

fn refusal(name: &str, content: &[u8]) -> String {
    match extract(name, content) {
        Err(error @ Error::Unprocessable { .. }) => error.to_string(),
        other => panic!("{name}: {other:?}"),
    }
}

#[tokio::test]
async fn a_text_file_is_one_document_without_a_title() {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), "Grüße\r\n  aus 東京\n").unwrap();
    let incoming = IncomingFile { name: "notes.TXT".to_owned(), content: file.path().to_owned() };
    let documents = FileExtractor::new(LIMITS, workers())
        .extract(&incoming, &ReadRequest::default())
        .await
        .unwrap();
    let expected = Extracted {
        part: None,
        title: None,
        author: "Unknown".to_owned(),
        description: "Unknown".to_owned(),
        source: "a text file uploaded by the user.".to_owned(),
        text: "Grüße\r\n  aus 東京\n".to_owned(),
        warnings: Vec::new(),
    };
    assert_eq!(documents, [expected]);
}

#[test]
fn text_types_are_kept_unchanged() {
    for name in
        ["a.md", "a.org", "a.adoc", "a.rst", "a.csv", "a.json", "a.rs", "a.b.weird", "日本.x"]
    {
        assert_eq!(text(name, b"# a, \"b\"\n"), "# a, \"b\"\n", "{name}");
    }
}

#[test]
fn every_extension_in_the_table_is_read_or_refused_with_a_reason() {
    for file_type in file_types(false, false) {
        for extension in file_type.extensions.iter().chain(file_type.aliases) {
            let name = format!("name{extension}");
            match file_type.is_read {
                true => match extract(&name, b"words") {
                    Ok(documents) => assert_eq!(documents[0].text.trim(), "words"),
                    Err(error) => assert!(error.to_string().contains("damaged"), "{error}"),
                },
                false => {
                    let refusal = refusal(&name, b"words");
                    let reasons = ["`carrel model fetch ocr`", "`carrel model fetch whisper-base`"];
                    assert!(reasons.iter().any(|why| refusal.contains(why)), "{refusal}");
                }
            }
        }
    }
}

#[test]
fn a_page_is_read_as_its_title_and_text() {
    let html = "<title>Opening hours</title><h1>Hours</h1><p>Daily <a href=/>9 to 5</a>.";
    let documents = extract("hours.html", html.as_bytes()).unwrap();
    assert_eq!(documents[0].title.as_deref(), Some("Opening hours"));
    assert_eq!(documents[0].text, "Hours\n\nDaily 9 to 5.");
}

#[test]
fn a_page_of_deeply_nested_elements_is_read() {
    let html = format!("{}deep{}", "<div>".repeat(100_000), "</div>".repeat(100_000));
    assert_eq!(text("deep.htm", html.as_bytes()), "deep");
}

#[test]
fn encodings_are_recognised() {
    let utf16 = |text: &str, little: bool| -> Vec<u8> {
        let unit = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(unit).collect()
    };
    assert_eq!(text("a.txt", "\u{feff}é".as_bytes()), "é");
    assert_eq!(text("a.txt", &utf16("é 日本 😀", true)), "é 日本 😀");
    assert_eq!(text("a.unknown", &utf16("é 日本 😀", false)), "é 日本 😀");
    assert_eq!(text("a.json", &utf16("{\"a\": \"é\"}", true)), "{\"a\": \"é\"}");
    assert_eq!(text("a.txt", b"Caf\xe9 cr\xe8me \x96 d\xe9j\xe0 vu"), "Café crème – déjà vu");
    let (cyrillic, ..) = encoding_rs::WINDOWS_1251.encode("Тихая комната для чтения, много книг");
    assert_eq!(text("a.txt", &cyrillic), "Тихая комната для чтения, много книг");
    let (japanese, ..) = encoding_rs::SHIFT_JIS.encode("静かな閲覧室で本を読むことができます。");
    assert_eq!(text("a.txt", &japanese), "静かな閲覧室で本を読むことができます。");
    let page = b"<meta charset=windows-1252><p>\xe9";
    assert_eq!(text("a.html", page), "é");
}

#[test]
fn a_little_damage_does_not_change_the_encoding() {
    let mut bytes = "図書館の閲覧室は静かです。".repeat(20).into_bytes();
    bytes[300] = 0xff;
    let text = text("a.txt", &bytes);
    assert!(text.contains("図書館の閲覧室は静かです。") && text.contains('\u{fffd}'));
}

#[test]
fn characters_that_cannot_be_stored_are_removed() {
    let content = format!("{}a\0b", "x".repeat(50));
    assert_eq!(text("a.txt", content.as_bytes()), format!("{}ab", "x".repeat(50)));
}

#[test]
fn soft_hyphens_are_removed_and_lines_that_end_with_one_are_joined() {
    let read = |content: &str| text("a.txt", content.as_bytes());
    assert_eq!(read("Do\u{ad}nau\u{ad}\r\n  dampfer\n"), "Donaudampfer\n");
    assert_eq!(read("an end\u{ad}\n\nNew\u{ad}\n- item"), "an end\n\nNew\n- item");
    assert_eq!(text("a.html", "<p>Do&shy;nau".as_bytes()), "Donau");
}

#[test]
fn refusals_have_the_texts_that_clients_know() {
    assert_eq!(
        refusal("picture.ICO", b"words"),
        "File extension .ico not supported for parsing and cannot be assumed as text file type."
    );
    assert_eq!(
        refusal("thing.dat", b"\x00\x01\x02\x03 words and more words, yet not text"),
        "File extension .dat not supported for parsing and cannot be assumed as text file type."
    );
    for name in ["README", ".txt", "a.", "dir.d/README"] {
        let expected = "No file extension found. This file cannot be processed.";
        assert_eq!(refusal(name, b"words"), expected, "{name}");
    }
    for (name, content) in [
        ("a.txt", &b""[..]),
        ("dir/a.txt", b" \n\t "),
        ("a.txt", b"\xef\xbb\xbf"),
        ("a.txt", b"\0\0\0\0\0\0"),
        ("a.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01"),
    ] {
        assert_eq!(refusal(name, content), "No text content found in a.txt.");
    }
    let page = b"<title>only a title</title><script>x</script>";
    assert_eq!(
        refusal("a.html", page),
        "No text content found in a.html. Scripts write what the page shows. Save it from a browser as \
         PDF and send that."
    );
    let page = b"<title>only a title</title>";
    assert_eq!(refusal("a.html", page), "No text content found in a.html.");
    assert_eq!(
        refusal("a.json", b"{\"a\": \"\xe9\"}"),
        "a.json is not valid JSON: it is not in UTF-8."
    );
}

#[test]
fn files_and_texts_that_are_too_large_are_refused() {
    let limits = Limits::text(1_000);
    assert_eq!(limits, Limits { file: 4_000, text: 1_000, inflated: 16_000 });
    let file = NamedTempFile::new().unwrap();
    let extract = |bytes: usize| {
        fs::write(file.path(), "x".repeat(bytes)).unwrap();
        extract_file("a.txt", file.path(), limits)
    };
    assert!(extract(1_000).is_ok());
    assert!(matches!(extract(1_001), Err(Error::TooLarge { what: "the text of the file", .. })));
    assert!(matches!(extract(4_001), Err(Error::TooLarge { what: "the file", limit: 4_000 })));
}

#[test]
fn no_content_of_a_file_makes_a_reader_panic() {
    let mut random = rand::rngs::StdRng::seed_from_u64(11);
    let names = ["a.txt", "a.md", "a.json", "a.csv", "a.html", "a.xyz", "a.pdf", "a"];
    let tags: &[&[u8]] = &[
        b"<p>",
        b"</p>",
        b"<li>",
        b"</ul>",
        b"<ul>",
        b"<ol>",
        b"<td>",
        b"<tr>",
        b"</tr>",
        b"<pre>",
        b"</pre>",
        b"<br>",
        b"<title>",
        b"</title>",
        b"<script",
        b"</script>",
        b"<template>",
        b"</template>",
        b"<!--",
        b"-->",
        b"&amp",
        b"&#x",
        b"\n",
        b" ",
        b"text",
        b"\xe6\x97",
        b"\xa5",
        b"<![CDATA[",
        b"<svg/>",
        b"=\"",
        b"\0",
        b"<meta charset=",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
    ];
    for round in 0..2_000 {
        let mut content = Vec::new();
        for _ in 0..random.random_range(0..60) {
            if round % 2 == 0 {
                content.extend_from_slice(tags[random.random_range(0..tags.len())]);
            } else {
                content.push(random.random());
            }
        }
        let name =
            if round % 2 == 0 { "a.html" } else { names[random.random_range(0..names.len())] };
        for document in extract(name, &content).unwrap_or_default() {
            assert!(!document.text.trim().is_empty() && !document.text.contains('\0'));
        }
    }
}
