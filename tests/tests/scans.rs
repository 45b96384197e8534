//! Pictures and scans: read if a model is installed, otherwise refused with a reason.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use e2e::{Backend, Options, TestServer};
use serde_json::json;

fn scan(name: &str) -> Result<Vec<u8>> {
    let scans = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/scans");
    std::fs::read(scans.join(name)).with_context(|| format!("failed to read {name}"))
}

/// Whether the model is in the directory of the tests' models.
fn has_model() -> bool {
    let models = std::env::var_os("CARREL_MODEL_DIR").map(PathBuf::from);
    let is_there =
        models.is_some_and(|models| models.with_file_name("ocr").join("ppocrv6_dict.txt").exists());
    if !is_there {
        eprintln!("skipped: there is no model beside CARREL_MODEL_DIR (carrel model fetch ocr)");
    }
    is_there
}

#[tokio::test]
async fn a_scan_becomes_a_document_with_pages() -> Result<()> {
    if !has_model() {
        return Ok(());
    }
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Scans" })).await?.ok()?;
    let into = [("addToWorkspaces", "scans")];
    let added = admin.upload("fax.tif", &scan("scan.tiff")?, &into).await?.ok()?;
    assert!(added["documents"][0].get("warnings").is_none(), "{added}");
    let search = json!({ "query": "When is it payable?", "topN": 1, "scoreThreshold": 0 });
    let found = admin.post("/v1/workspace/scans/vector-search", search).await?.ok()?;
    let first = &found["results"][0];
    let text = first["text"].as_str().unwrap_or_default();
    assert!(text.contains("payable within 14 days"), "{found}");
    // Both pages fit into one passage.
    let pages = (&first["metadata"]["page"], &first["metadata"]["pageEnd"]);
    assert_eq!(pages, (&json!(1), &json!(2)), "{found}");
    Ok(())
}

#[tokio::test]
async fn types_are_listed_as_accepted_once_they_can_be_read() -> Result<()> {
    let nowhere = tempfile::tempdir()?;
    let models = nowhere.path().join("all-MiniLM-L6-v2");
    let models = models.to_str().context("no UTF-8")?;
    let options = Options::from(Backend::Sqlite).with("CARREL_MODEL_DIR", models);
    let server = TestServer::start(options).await?;
    let types = |mount: &str| format!("{mount}/document/accepted-file-types");
    let native = server.admin().get(&types("/v1")).await?.ok()?;
    let other = server.admin().get(&types("/api/v1")).await?.ok()?;
    for kind in ["image/png", "audio/mpeg"] {
        assert!(native["types"].get(kind).is_none() && other["types"].get(kind).is_some());
    }
    let refused = server.admin().upload("a.png", &scan("scan.png")?, &[]).await?;
    assert_eq!(refused.status, 422);
    let reason = refused.body.to_string();
    assert!(reason.contains("carrel model fetch ocr"), "{reason}");
    // A model installed later is used without a restart.
    if has_model() {
        let fetched = PathBuf::from(std::env::var_os("CARREL_MODEL_DIR").unwrap_or_default());
        let (from, into) = (fetched.with_file_name("ocr"), nowhere.path().join("ocr"));
        std::fs::create_dir(&into)?;
        for file in from.read_dir()? {
            let file = file?;
            std::fs::copy(file.path(), into.join(file.file_name()))?;
        }
        let native = server.admin().get(&types("/v1")).await?.ok()?;
        assert!(native["types"].get("image/png").is_some(), "{native}");
        let added = server.admin().upload("a.png", &scan("scan.png")?, &[]).await?.ok()?;
        let text = added["documents"][0]["pageContent"].as_str().unwrap_or_default();
        assert!(text.contains("Maintenance agreement no. 2026-0417"), "{text}");
    }
    Ok(())
}

/// Whether tesseract is installed with a language.
fn has_language(language: &str) -> bool {
    let listed = std::process::Command::new("tesseract").arg("--list-langs").output();
    let is_there = listed.is_ok_and(|listed| {
        String::from_utf8_lossy(&listed.stdout).lines().any(|line| line == language)
    });
    if !is_there {
        eprintln!("skipped: apt-get install tesseract-ocr tesseract-ocr-{language}");
    }
    is_there
}

#[tokio::test]
async fn tesseract_reads_the_scripts_that_the_model_does_not_know() -> Result<()> {
    if !has_language("ara") {
        return Ok(());
    }
    let options = Options::from(Backend::Sqlite).with("TARGET_OCR_LANG", "ara,eng");
    let server = TestServer::start(options).await?;
    let added = server.admin().upload("a.png", &scan("arabic.png")?, &[]).await?.ok()?;
    let text = added["documents"][0]["pageContent"].as_str().unwrap_or_default();
    assert!(text.contains("هذا عقد جديد بين الطرفين"), "{added}");
    assert!(added["documents"][0].get("warnings").is_none(), "{added}");
    // One process reads all pages of a file.
    let added = server.admin().upload("fax.tif", &scan("scan.tiff")?, &[]).await?.ok()?;
    let text = added["documents"][0]["pageContent"].as_str().unwrap_or_default();
    assert!(text.contains("Maintenance agreement"), "{added}");
    Ok(())
}

#[tokio::test]
async fn the_engine_is_configured_and_its_missing_languages_are_named() -> Result<()> {
    let options = Options::from(Backend::Sqlite).with("CARREL_OCR_ENGINE", "tesseract");
    let server = TestServer::start(options.with("TARGET_OCR_LANG", "xyz")).await?;
    let refused = server.admin().upload("a.png", &scan("scan.png")?, &[]).await?;
    assert_eq!(refused.status, 422);
    let reason = refused.body.to_string();
    assert!(reason.contains("apt-get install") && reason.contains("tesseract-ocr-xyz"), "{reason}");
    drop(server);
    if has_model() {
        let options = Options::from(Backend::Sqlite).with("CARREL_OCR_ENGINE", "native");
        let server = TestServer::start(options.with("TARGET_OCR_LANG", "eng,ara")).await?;
        let added = server.admin().upload("a.heic", &scan("scan.heic")?, &[]).await?.ok()?;
        let document = &added["documents"][0];
        let text = document["pageContent"].as_str().unwrap_or_default();
        assert!(text.contains("Maintenance agreement no. 2026-0417"), "{text}");
        let warnings = document["warnings"].to_string();
        assert!(warnings.contains("ara") && warnings.contains("tesseract"), "{added}");
    }
    Ok(())
}
