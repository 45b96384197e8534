//! Documents of every format: made by real programs, damaged, and made to do harm.
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

/// A document of each format, how many documents it becomes, and a question that its text answers.
const FORMATS: &[(&str, usize, &str)] = &[
    ("handbook.md", 1, "reserve lamp batteries"),
    ("pandoc.txt", 1, "reserve lamp batteries"),
    ("pandoc.rst", 1, "reserve lamp batteries"),
    ("pandoc.org", 1, "reserve lamp batteries"),
    ("pandoc.adoc", 1, "reserve lamp batteries"),
    ("pandoc.html", 1, "reserve lamp batteries"),
    ("pandoc.json", 1, "lighthouse"),
    ("stores.csv", 1, "paraffin in the cellar"),
    ("pandoc.docx", 1, "reserve lamp batteries"),
    ("office.docx", 1, "reserve lamp batteries"),
    ("pandoc.odt", 1, "reserve lamp batteries"),
    ("office.odt", 1, "reserve lamp batteries"),
    ("pandoc.epub", 1, "reserve lamp batteries"),
    ("pandoc.pptx", 1, "reserve lamp batteries"),
    ("office.pptx", 1, "reserve lamp batteries"),
    ("office.odp", 1, "reserve lamp batteries"),
    ("office.pdf", 1, "reserve lamp batteries"),
    ("columns.pdf", 1, "schoolteacher and the tide tables"),
    ("scripts.pdf", 1, "quick brown fox"),
    ("openpyxl.xlsx", 2, "paraffin in the cellar"),
    ("office.xlsx", 2, "paraffin in the cellar"),
    ("office.ods", 2, "paraffin in the cellar"),
    ("python.mbox", 4, "supply boat from the mainland"),
    ("python.eml", 1, "灯台の修理"),
];

async fn every_format_is_uploaded_and_found(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    for (name, documents, question) in FORMATS {
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
        let search = json!({ "query": question, "topN": 1, "scoreThreshold": 0 });
        let path = format!("/v1/workspace/{workspace}/vector-search");
        let found = admin.post(&path, search).await?.ok()?;
        let text = found["results"][0]["text"].as_str().unwrap_or_default();
        let text = text.rsplit("</document_metadata>").next().unwrap_or_default().to_owned();
        let is_there = |document: &Value| {
            document["pageContent"].as_str().is_some_and(|whole| whole.contains(text.trim()))
        };
        ensure!(!text.is_empty() && added.iter().any(is_there), "{name}: {found}");
    }
    assert_eq!(leftovers(&server)?, 0);
    Ok(())
}

/// Files that are still on their way in.
fn leftovers(server: &TestServer) -> Result<usize> {
    Ok(fs::read_dir(server.storage().join("tmp"))?.count())
}

#[tokio::test]
async fn sheets_and_mails_are_named_after_what_they_are() -> Result<()> {
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

    // One that has gone is made again, beside the other.
    let skip = [("skipIdentical", "true")];
    for made in [&added, &again] {
        let gone = made["documents"][1]["id"].as_str().context("no id")?;
        admin.delete(&format!("/v1/document/id/{gone}"), json!(null)).await?.ok()?;
    }
    for existed in [Value::Null, json!(true)] {
        let made = admin.upload("my book.xlsx", &fixture("openpyxl.xlsx")?, &skip).await?.ok()?;
        let made = made["documents"].as_array().context("no documents")?;
        let told: Vec<_> = made.iter().map(|document| &document["existed"]).collect();
        assert_eq!(told, [&json!(true), &existed]);
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
