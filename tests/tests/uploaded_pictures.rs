//! The logo of the server and the pictures of workspaces: uploaded, re-encoded, shown, removed.
use anyhow::{Context, Result};
use e2e::visitor::Visitor;
use e2e::{Backend, Client, Mode, TestServer, on_both_databases};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

on_both_databases!(pictures_are_uploaded_shown_and_removed);

/// A scan of an A4 page, larger than stored pictures.
const SCAN: &[u8] = include_bytes!("../fixtures/scans/scan.jpg");

fn form(name: &str, content: &[u8]) -> Form {
    Form::new().part("file", Part::bytes(content.to_vec()).file_name(name.to_owned()))
}

async fn upload(client: &Client, path: &str, content: &[u8]) -> Result<(u16, Value)> {
    let sent = client.request(Method::POST, path).multipart(form("picture.jpg", content));
    let answer = e2e::send(sent).await?;
    Ok((answer.status, answer.body))
}

/// The width and height of a PNG file.
fn size(png: &[u8]) -> Result<(u32, u32)> {
    anyhow::ensure!(png.starts_with(b"\x89PNG\r\n\x1a\n"), "no PNG");
    let number = |at: usize| -> Result<u32> { Ok(u32::from_be_bytes(png[at..at + 4].try_into()?)) };
    Ok((number(16)?, number(20)?))
}

async fn pictures_are_uploaded_shown_and_removed(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let mut owner = Visitor::first(&server, Mode::Owner).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    for path in ["/v1/system/logo", "/v1/workspace/alpha/picture"] {
        assert_eq!(admin.get(path).await?.status, 404, "{path}");
        let (status, made) = upload(admin, path, SCAN).await?;
        assert_eq!(status, 200, "{path}: {made}");
        let name = made["picture"].as_str().context("no name")?.to_owned();
        let (width, height) = size(&admin.download(path).await?)?;
        assert!(width.max(height) == 256 && width.min(height) > 100, "{width} x {height}");
        let page = owner.get("/").await?;
        assert!(page.text.contains(&name), "{path}: {name} is not on the page");
        for wrong in [
            &b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..],
            b"",
            b"\x89PNG\r\n\x1a\n",
            b"GIF89a",
        ] {
            let (status, refused) = upload(admin, path, wrong).await?;
            assert!((400..500).contains(&status), "{path}: {status} {refused}");
        }
        let (status, refused) = upload(admin, path, &vec![0; (5 << 20) + 1]).await?;
        assert!((400..500).contains(&status), "{path}: {status} {refused}");
        assert_eq!(
            size(&admin.download(path).await?)?,
            (width, height),
            "a refusal changes nothing"
        );
    }
    // Visitors who are not signed in see the logo on the sign-in page, but no workspace pictures.
    let mut stranger = Visitor::new(admin)?;
    let logo = address(&stranger.get("/sign-in").await?.text, "/logo/")?;
    assert_eq!(stranger.get(&logo).await?.status, 200);
    assert_eq!(stranger.get("/logo/other.png").await?.status, 404);
    let picture = address(&owner.get("/").await?.text, "/w/alpha/picture/")?;
    assert_eq!(owner.get(&picture).await?.status, 200);
    assert_ne!(stranger.get(&picture).await?.status, 200);

    let settings = owner.get("/w/alpha/settings").await?;
    assert!(settings.text.contains("action=\"/w/alpha/picture\""), "{}", settings.text);
    let sent = owner.request(Method::POST, "/w/alpha/picture").multipart(form("a.jpg", SCAN));
    let saved = owner.send(sent).await?;
    assert_eq!(saved.status, 303, "{}", saved.text);
    assert_ne!(address(&owner.get("/").await?.text, "/w/alpha/picture/")?, picture);
    let sent = owner.request(Method::POST, "/w/alpha/picture");
    let removed = owner.send(sent.multipart(Form::new().text("remove", "1"))).await?;
    assert_eq!(removed.status, 303, "{}", removed.text);
    assert!(!owner.get("/").await?.text.contains("/w/alpha/picture/"));
    admin.delete("/v1/system/logo", json!({})).await?.ok()?;
    assert!(!owner.get("/").await?.text.contains("/logo/"));
    let events = admin.get("/v1/admin/event-logs?limit=20").await?.ok()?.to_string();
    for event in ["logo_changed", "workspace_picture_changed"] {
        assert!(events.contains(event), "{event} is not in the log: {events}");
    }
    Ok(())
}

/// Returns the first address on a page with this beginning.
fn address(page: &str, beginning: &str) -> Result<String> {
    let at = page.find(beginning).with_context(|| format!("no {beginning} on the page"))?;
    Ok(page[at..].chars().take_while(|c| *c != '"').collect())
}
