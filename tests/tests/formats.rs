//! Documents of every format: from real programs, damaged, and hostile.
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use e2e::{Backend, TestServer, on_both_databases};
use serde_json::{Value, json};

on_both_databases!(every_format_is_uploaded_and_found);

fn made() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/made")
}

fn fixture(name: &str) -> Result<Vec<u8>> {
    fs::read(made().join(name)).with_context(|| format!("failed to read {name}"))
}

/// The number of a document, and a question that its text answers.
type Question = (usize, &'static str);

/// A file of each format, its number of documents, and questions about them.
const FORMATS: &[(&str, usize, &[Question])] = &[
    ("handbook.md", 1, &[(0, BATTERIES)]),
    ("pandoc.txt", 1, &[(0, BATTERIES)]),
    ("pandoc.rst", 1, &[(0, BATTERIES)]),
    ("pandoc.org", 1, &[(0, BATTERIES)]),
    ("pandoc.adoc", 1, &[(0, BATTERIES)]),
    ("pandoc.html", 1, &[(0, BATTERIES)]),
    ("pandoc.json", 1, &[(0, "lighthouse")]),
    ("stores.csv", 1, &[(0, PARAFFIN)]),
    ("pandoc.docx", 1, &[(0, BATTERIES)]),
    ("office.docx", 1, &[(0, BATTERIES)]),
    ("pandoc.odt", 1, &[(0, BATTERIES)]),
    ("office.odt", 1, &[(0, BATTERIES)]),
    ("pandoc.epub", 1, &[(0, BATTERIES)]),
    ("pandoc.pptx", 1, &[(0, BATTERIES)]),
    ("office.pptx", 1, &[(0, BATTERIES)]),
    ("office.odp", 1, &[(0, BATTERIES)]),
    ("office.pdf", 1, &[(0, BATTERIES)]),
    ("columns.pdf", 1, &[(0, "schoolteacher and the tide tables")]),
    ("scripts.pdf", 1, &[(0, "quick brown fox")]),
    ("openpyxl.xlsx", 2, SHEETS),
    ("office.xlsx", 2, SHEETS),
    ("office.ods", 2, SHEETS),
    ("python.mbox", 4, MAILS),
    ("python.eml", 1, &[(0, "灯台の修理")]),
];

const BATTERIES: &str = "reserve lamp batteries";
const PARAFFIN: &str = "paraffin in the cellar";
const SHEETS: &[Question] = &[(0, PARAFFIN), (1, "cellar key behind the barometer")];
const MAILS: &[Question] = &[
    (0, "supply boat from the mainland"),
    (1, "Die Klasse aus Zürich"),
    (2, "灯台の修理"),
    (3, "сорок литров керосина"),
];

async fn every_format_is_uploaded_and_found(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    for (name, documents, questions) in FORMATS {
        let workspace = name.replace('.', "-");
        admin.post("/v1/workspace/new", json!({ "name": workspace })).await?.ok()?;
        let into = [("addToWorkspaces", &*workspace)];
        let added = admin.upload(name, &fixture(name)?, &into).await?.ok()?;
        let added = added["documents"].as_array().context("no documents")?;
        assert_eq!(added.len(), *documents, "{name}");
        for document in added {
            let location = document["location"].as_str().unwrap_or_default();
            assert!(server.storage().join("documents").join(location).is_file(), "{location}");
        }
        for (number, question) in *questions {
            let search = json!({ "query": question, "topN": 1, "scoreThreshold": 0 });
            let path = format!("/v1/workspace/{workspace}/vector-search");
            let found = admin.post(&path, search).await?.ok()?;
            let text = found["results"][0]["text"].as_str().unwrap_or_default();
            let text = text.rsplit("</document_metadata>").next().unwrap_or_default().trim();
            let whole = added[*number]["pageContent"].as_str().unwrap_or_default();
            ensure!(!text.is_empty() && whole.contains(text), "{name}, {question}: {found}");
        }
    }
    assert_eq!(leftovers(&server)?, 0);
    Ok(())
}

/// Returns the number of unfinished uploads.
fn leftovers(server: &TestServer) -> Result<usize> {
    Ok(fs::read_dir(server.storage().join("tmp"))?.count())
}

#[tokio::test]
async fn sheets_and_mails_are_named_after_their_kind() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    let added = admin.upload("my book.xlsx", &fixture("openpyxl.xlsx")?, &[]).await?.ok()?;
    let again = admin.upload("my book.xlsx", &fixture("openpyxl.xlsx")?, &[]).await?.ok()?;
    let place = |added: &Value, document: usize| -> Result<(String, String)> {
        let location = added["documents"][document]["location"].as_str();
        let (folder, file) = location.and_then(|l| l.split_once('/')).context("no location")?;
        Ok((folder.to_owned(), file.to_owned()))
    };
    let ((folder, stores), (same, notes)) = (place(&added, 0)?, place(&added, 1)?);
    assert!(folder.starts_with("my-book.xlsx-") && folder == same, "{folder} {same}");
    assert!(stores.starts_with("sheet-Stores-") && notes.starts_with("sheet-Notes-2026-"));
    assert_ne!(folder, place(&again, 0)?.0);
    assert_eq!(added["documents"][1]["title"], "my book.xlsx - Sheet:Notes 2026");
    let description = "Spreadsheet data from sheet: Notes 2026";
    assert_eq!(added["documents"][1]["description"], description);

    // A deleted document is created again, next to the other one.
    let skip = [("skipIdentical", "true")];
    for made in [&added, &again] {
        let gone = made["documents"][1]["id"].as_str().context("no id")?;
        admin.delete(&format!("/v1/document/id/{gone}"), json!(null)).await?.ok()?;
    }
    for existed in [Value::Null, json!(true)] {
        let made = admin.upload("my book.xlsx", &fixture("openpyxl.xlsx")?, &skip).await?.ok()?;
        let made = made["documents"].as_array().context("no documents")?;
        let existed_before: Vec<_> = made.iter().map(|document| &document["existed"]).collect();
        assert_eq!(existed_before, [&json!(true), &existed]);
        let mut titles = made.iter().rev().filter_map(|document| document["title"].as_str());
        assert!(titles.next().is_some_and(|title| title.ends_with("Notes 2026")));
    }

    let added = admin.upload("post.mbox", &fixture("python.mbox")?, &[]).await?.ok()?;
    let (folder, mail) = place(&added, 3)?;
    assert_eq!(folder, "custom-documents");
    assert!(mail.starts_with("post.mbox-") && mail.ends_with("-msg-4.json"), "{mail}");
    assert_eq!(added["documents"][3]["title"], "Отчёт за февраль");
    assert_eq!(added["documents"][3]["docAuthor"], "André Dupont <andre@example.com>");
    Ok(())
}
