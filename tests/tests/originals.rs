//! Originals: the uploaded file, opened by users who may see its document and deleted with it;
//! pages of PDF files as pictures.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use e2e::browser::Browser;
use e2e::visitor::Visitor;
use e2e::{Backend, Client, Mode, TestServer, on_both_databases, send};
use reqwest::Method;
use serde_json::{Value, json};

use crate::browser_journey::{base, fresh_with, furnish, violations, well_behaved};

on_both_databases!(an_original_has_the_access_and_lifetime_of_its_document);

const PAGE: &str = "<script>alert(1)</script><p>The heron stands in the reeds.";

async fn server(backend: Backend) -> Result<TestServer> {
    let server = TestServer::start_for(backend, Mode::Team).await?;
    keep(&server, "on").await?;
    for name in ["Alpha", "Beta"] {
        server.admin().post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
    }
    Ok(server)
}

async fn keep(server: &TestServer, whether: &str) -> Result<()> {
    let body = json!({ "keep_originals": whether });
    server.admin().post("/v1/admin/preferences", body).await?.ok().map(drop)
}

fn text(of: &Value) -> Result<String> {
    of.as_str().map(str::to_owned).context("no text")
}

/// Uploads a file to the workspace Alpha. Returns the id and location of its document.
async fn add(admin: &Client, name: &str, content: &[u8]) -> Result<(String, String)> {
    let into = [("addToWorkspaces", "alpha")];
    let added = admin.upload(name, content, &into).await?.ok()?["documents"][0].take();
    Ok((text(&added["id"])?, text(&added["location"])?))
}

async fn remove(admin: &Client, location: &str) -> Result<()> {
    let names = json!({ "names": [location] });
    admin.delete("/v1/system/remove-documents", names).await?.ok().map(drop)
}

/// Creates a key for a single workspace.
async fn key_of_workspace(admin: &Client, slug: &str) -> Result<Client> {
    let found = admin.get(&format!("/v1/workspace/{slug}")).await?.ok()?;
    let body = json!({ "workspace_ids": [found["workspace"][0]["id"]] });
    let key = admin.post("/v1/admin/api-keys", body).await?.ok()?["api_key"]["secret"].take();
    Ok(admin.with_key(&text(&key)?))
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => files.extend(files_in(&path)?),
            false => files.push(path),
        }
    }
    Ok(files)
}

async fn an_original_has_the_access_and_lifetime_of_its_document(backend: Backend) -> Result<()> {
    let server = server(backend).await?;
    let admin = server.admin();
    let (id, location) = add(admin, "Grün.html", PAGE.as_bytes()).await?;
    let (other, second) = add(admin, "copy.html", PAGE.as_bytes()).await?;
    let folder = server.storage().join("originals");
    assert_eq!(files_in(&folder)?.len(), 1);
    for mount in ["/v1", "/api/v1"] {
        let path = format!("{mount}/document/id/{id}/original");
        let whole = admin.get(&path).await?;
        assert_eq!((whole.status, &whole.body), (200, &json!(PAGE)));
        assert_eq!(whole.header("content-type"), "text/html");
        assert_eq!(whole.header("x-content-type-options"), "nosniff");
        assert!(whole.header("content-security-policy").starts_with("sandbox;"), "{whole:?}");
        assert!(whole.header("content-disposition").contains("filename*=UTF-8''Gr%C3%BCn.html"));
        let part = send(admin.request(Method::GET, &path).header("range", "bytes=0-6")).await?;
        assert_eq!((part.status, &part.body), (206, &json!("<script")));
        assert_eq!(key_of_workspace(admin, "alpha").await?.get(&path).await?.status, 200);
        // An unknown document is a bad request to existing clients.
        let missing = if mount == "/v1" { 404 } else { 400 };
        assert_eq!(key_of_workspace(admin, "beta").await?.get(&path).await?.status, missing);
        assert_eq!(admin.anonymous().get(&path).await?.status, 403);
    }
    let verified = server.carrel().run(&["verify"])?;
    assert!(verified.stdout.contains("1 originals"), "{verified:?}");
    remove(admin, &location).await?;
    let path = format!("/v1/document/id/{other}/original");
    assert_eq!(admin.get(&path).await?.status, 200);
    remove(admin, &second).await?;
    assert_eq!(admin.get(&path).await?.status, 404);
    assert!(files_in(&folder)?.is_empty());

    keep(&server, "off").await?;
    let (id, _) = add(admin, "later.html", b"<p>The bittern hides.").await?;
    assert_eq!(admin.get(&format!("/v1/document/id/{id}/original")).await?.status, 404);
    assert!(files_in(&folder)?.is_empty());
    Ok(())
}

fn fixture(name: &str) -> Result<Vec<u8>> {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/made");
    std::fs::read(made.join(name)).with_context(|| format!("failed to read {name}"))
}

#[tokio::test]
async fn a_page_of_a_pdf_file_is_shown_in_the_reader() -> Result<()> {
    let server = server(Backend::Sqlite).await?;
    let admin = server.admin();
    let (id, location) = add(admin, "office.pdf", &fixture("office.pdf")?).await?;
    let page = |number: &str| format!("/v1/document/id/{id}/page/{number}");
    let image = admin.request(Method::GET, &page("1")).send().await?;
    assert_eq!(image.status(), 200);
    assert_eq!(image.headers()["content-type"], "image/png");
    let pages: u32 = image.headers()["x-page-count"].to_str()?.parse()?;
    assert!(pages >= 1);
    let png = image.bytes().await?;
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.len() > 5_000, "{} bytes", png.len());
    for wrong in ["0", "x", "-1", &(pages + 1).to_string(), "99999999999999999999"] {
        assert_eq!(admin.get(&page(wrong)).await?.status, 404, "{wrong}");
    }
    assert_eq!(key_of_workspace(admin, "beta").await?.get(&page("1")).await?.status, 404);
    assert_eq!(files_in(&server.storage().join("page-images"))?.len(), 1);

    let mut owner = Visitor::signed_in(&server, "ada").await?;
    let at = location.replace('/', "%2F");
    let reader = owner.get(&format!("/w/alpha/source?in={at}")).await?;
    assert!(reader.says(&format!("Page 1 of {pages}")), "{}", reader.text);
    assert!(reader.says("/w/alpha/page?in=") && reader.says("/w/alpha/original?in="));
    let image = owner.get(&format!("/w/alpha/page?in={at}&page=1")).await?;
    assert_eq!((image.status, image.header("content-type")), (200, "image/png"));
    let original = owner.get(&format!("/w/alpha/original?in={at}")).await?;
    assert_eq!((original.status, original.header("content-type")), (200, "application/pdf"));
    assert!(original.header("content-disposition").starts_with("inline"));
    assert!(original.header("content-security-policy").contains("default-src 'none'"));
    assert_eq!(owner.get(&format!("/w/beta/original?in={at}")).await?.status, 404);
    assert_eq!(owner.get(&format!("/w/beta/page?in={at}&page=1")).await?.status, 404);
    assert_eq!(owner.get(&format!("/documents/original?in={at}")).await?.status, 200);
    remove(admin, &location).await?;
    assert!(files_in(&server.storage().join("page-images"))?.is_empty());
    Ok(())
}

#[tokio::test]
async fn originals_are_in_backups_and_a_lost_one_is_reported() -> Result<()> {
    let mut server = server(Backend::Sqlite).await?;
    let (id, _) = add(server.admin(), "page.html", PAGE.as_bytes()).await?;
    // An original stored during the backup does not belong to a document yet.
    std::fs::write(server.storage().join("originals/stray"), "x")?;
    let scratch = tempfile::tempdir()?;
    let archive = scratch.path().join("carrel.tar").display().to_string();
    let made = server.carrel().run(&["backup", &archive])?;
    assert_eq!(made.code, Some(0), "{made:?}");
    server.kill()?;
    std::fs::remove_dir_all(server.storage())?;
    let restored = server.carrel().run(&["restore", &archive])?;
    assert_eq!(restored.code, Some(0), "{restored:?}");
    server.run().await?;
    let original = server.admin().get(&format!("/v1/document/id/{id}/original")).await?;
    assert_eq!((original.status, &original.body), (200, &json!(PAGE)));
    let files = files_in(&server.storage().join("originals"))?;
    assert_eq!(files.len(), 1);
    std::fs::write(&files[0], "changed")?;
    let verified = server.carrel().run(&["verify"])?;
    assert_eq!(verified.code, Some(1));
    assert!(verified.stdout.contains("was changed"), "{verified:?}");
    std::fs::remove_file(&files[0])?;
    let verified = server.carrel().run(&["verify"])?;
    assert!(verified.stdout.contains("is missing"), "{verified:?}");
    assert_eq!(server.admin().get(&format!("/v1/document/id/{id}/original")).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn a_citation_opens_its_page_next_to_the_answer() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let admin = server.admin();
    let mut ada = Browser::start(1280, 900).await?;
    furnish(&mut ada, &server, &link).await?;
    keep(&server, "on").await?;
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    add(admin, "office.pdf", &fixture("office.pdf")?).await?;
    ada.open(&format!("{}/w/alpha", base(&server))).await?;
    ada.fill("#message", "How long do the batteries of the reserve lamp last?").await?;
    ada.click("button.send").await?;
    ada.wait("!!document.querySelector('.turn[id^=turn-] a.source')").await?;
    let here = ada.run("location.pathname").await?;
    ada.click("a.source").await?;
    ada.wait("document.querySelector('.reader-panel #passage')?.innerText.length > 5").await?;
    ada.run("document.querySelector('.reader-panel img').scrollIntoView()").await?;
    ada.wait("document.querySelector('.reader-panel img').naturalWidth > 500").await?;
    assert_eq!(ada.run("location.pathname").await?, here);
    let violations = violations(&mut ada).await?;
    assert!(violations.is_empty(), "{violations:#?}");
    ada.press("Escape").await?;
    ada.wait("document.querySelector('.reader-panel').hidden").await?;
    well_behaved(&ada, &server);
    Ok(())
}
