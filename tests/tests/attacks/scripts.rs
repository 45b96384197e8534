//! Scripts planted wherever the server stores a text, and a check of every page that shows one.
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use e2e::browser::Browser;
use e2e::visitor::{PASSWORD, Visitor};
use e2e::{Options, TestServer, model_server, send};
use reqwest::Method;
use serde_json::json;

use super::backend;

/// Closes an attribute, an element and a script, and opens others.
const EVIL: &str = "x\"'></title></script><script>window.planted=1</script>\
    <img src=/x onerror=window.planted=1><svg/onload=window.planted=1>";

/// The script as an address.
const ADDRESS: &str = "javascript:window.planted=1";

/// Starts a server with the script in every stored text, and signs in an administrator.
async fn planted() -> Result<(TestServer, model_server::ModelServer, Visitor)> {
    let model = model_server::start().await?;
    let options = Options::from(backend()).answered_by(model.base_url(), "echo", "4096");
    let server = TestServer::start(options).await?;
    let admin = server.admin();
    let post = async |path: &str, body| admin.post(path, body).await?.ok();
    post("/v1/admin/enable-multi-user", json!({ "username": "ada", "password": PASSWORD })).await?;
    post("/v1/workspace/new", json!({ "name": EVIL, "openAiPrompt": EVIL })).await?;
    let found = admin.get("/v1/workspaces").await?.ok()?;
    let slug = found["workspaces"][0]["slug"].as_str().context("no workspace")?.to_owned();
    let document = json!({ "textContent": format!("The lamp. {EVIL} [a]({ADDRESS})"),
        "addToWorkspaces": slug,
        "metadata": { "title": EVIL, "docAuthor": EVIL, "description": EVIL, "docSource": ADDRESS,
            "chunkSource": format!("link://{ADDRESS}"), "url": ADDRESS, "published": EVIL } });
    post("/v1/document/raw-text", document).await?;
    let fields = [("addToWorkspaces", slug.as_str())];
    admin.upload("<script>window.planted=1<!--.html", EVIL.as_bytes(), &fields).await?;
    let key = json!({ "name": EVIL, "scopes": ["read"] });
    admin.post("/v1/admin/api-keys", key).await?;
    for name in ["custom_app_name", "meta_page_title", "support_email"] {
        admin.post("/v1/admin/preferences", json!({ name: EVIL })).await?;
    }
    for (name, value) in [
        ("meta_page_favicon", json!(ADDRESS)),
        ("footer_data", json!([{ "icon": EVIL, "url": ADDRESS }])),
        ("footer_data", json!([{ "icon": EVIL, "url": format!("https://a.test/{EVIL}") }])),
        ("welcome_messages", json!([EVIL])),
        ("default_system_prompt", json!(EVIL)),
    ] {
        admin.post("/v1/admin/preferences", json!({ name: value })).await?;
    }
    let mut ada = Visitor::new(admin)?;
    let fields = [("username", "ada"), ("password", PASSWORD)];
    assert_eq!(ada.post("/sign-in", &fields).await?.status, 303);
    let question = format!("What is the lamp? {EVIL} [a]({ADDRESS}) ![b]({ADDRESS})");
    let base = format!("/w/{slug}");
    let thread = ada.post(&format!("{base}/threads"), &[]).await?.leads_to().to_owned();
    for place in [&base, &thread] {
        let answer = ada.post(&format!("{place}/ask"), &[("message", &question)]).await?;
        assert_eq!(answer.status, 303, "{}", answer.text);
    }
    ada.post(&format!("{thread}/rename"), &[("name", EVIL)]).await?;
    ada.post("/admin/keys", &[("name", EVIL), ("scope", "read")]).await?;
    ada.post("/account", &[("username", "ada"), ("bio", EVIL)]).await?;
    Ok((server, model, ada))
}

/// Returns every page reachable by links.
async fn crawl(visitor: &mut Visitor) -> Result<BTreeMap<String, String>> {
    let search = "/search?q=lamp%22%3E%3Cscript%3Ewindow.planted%3D1%3C/script%3E";
    let mut waiting: BTreeSet<String> = ["/", search].map(str::to_owned).into();
    let mut pages = BTreeMap::new();
    while let Some(path) = waiting.pop_first() {
        let page = visitor.get(&path).await?;
        // An HTML original is opened in a sandbox, where no script runs.
        let is_sandboxed = page.header("content-security-policy").contains("sandbox");
        let is_page = page.header("content-type").starts_with("text/html") && !is_sandboxed;
        if is_page {
            for part in page.text.split("href=\"").skip(1) {
                let to = part.split('"').next().unwrap_or_default();
                let to = to.replace("&amp;", "&").replace("&#38;", "&");
                let to = to.split('#').next().unwrap_or_default().to_owned();
                let is_own =
                    to.starts_with('/') && !to.starts_with("//") && !to.contains("/assets/");
                if is_own && !pages.contains_key(&to) && to != path {
                    waiting.insert(to);
                }
            }
        } else {
            let kind = page.header("content-type");
            let harmless = page.header("x-content-type-options") == "nosniff";
            assert!(harmless || page.status == 303, "{path}: {kind}");
        }
        pages.insert(path, if is_page { page.text } else { String::new() });
        anyhow::ensure!(pages.len() < 300, "there is no end of pages");
    }
    Ok(pages)
}

#[tokio::test]
async fn no_page_contains_a_stored_script() -> Result<()> {
    let (server, _model, mut ada) = planted().await?;
    let pages = crawl(&mut ada).await?;
    let (mut occurrences, mut looked_at) = (0, 0);
    for (path, text) in pages.iter().filter(|(_, text)| !text.is_empty()) {
        let lower = text.to_lowercase();
        for bad in ["<script>", "<img src=/x", "<svg/onload", "onerror=\"", "onload=\""] {
            assert!(!lower.contains(bad), "{path} holds {bad}:\n{text}");
        }
        for attribute in ["href", "src", "action", "formaction", "hx-get", "hx-post"] {
            for quote in ["\"", "'", ""] {
                let bad = format!("{attribute}={quote}javascript:");
                assert!(!lower.contains(&bad), "{path} leads to a script:\n{text}");
            }
        }
        looked_at += 1;
        occurrences += usize::from(lower.contains("window.planted"));
    }
    assert!(
        looked_at > 25 && occurrences > 12,
        "{occurrences} of {looked_at} show it: {:?}",
        pages.keys()
    );

    let mut browser = Browser::start(1280, 900).await?;
    let base = format!("http://{}", server.admin().address());
    browser.open(&format!("{base}/sign-in")).await?;
    browser.fill("#username", "ada").await?;
    browser.fill("#password", PASSWORD).await?;
    browser.follow("form button").await?;
    for (path, _) in pages.iter().filter(|(_, text)| !text.is_empty()) {
        browser.open(&format!("{base}{path}")).await?;
        let ran = browser.run("window.planted === undefined").await?;
        assert_eq!(ran, true, "{path} has run a script");
    }
    // A script blocked by the page's policy would be reported.
    assert_eq!(browser.complaints, [""; 0]);
    assert_eq!(browser.strays(&base), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn no_response_of_the_api_is_rendered_as_a_page() -> Result<()> {
    let (server, _model, _ada) = planted().await?;
    let admin = server.admin();
    let operations = e2e::openapi::Document::of(admin).await?.operations()?;
    for operation in operations.iter().filter(|operation| operation.method == Method::GET) {
        let path = operation.path_with(|name| match name {
            name if name.contains("id") => "1".to_owned(),
            _ => EVIL.to_owned(),
        });
        for client in [admin.clone(), admin.anonymous()] {
            let answer = send(client.request(Method::GET, &path)).await?;
            let kind = answer.header("content-type");
            // The API documentation contains no stored text.
            let is_page = kind.starts_with("text/html") && path != "/v1/docs";
            assert!(!is_page, "{path}: {kind}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        }
    }
    Ok(())
}
