//! The chat widget in a real browser, on pages of another origin with a strict policy.
use std::io::Write as _;

use anyhow::{Result, ensure};
use e2e::browser::Browser;
use e2e::{Options, TestServer, model_server};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::browser_journey::{base, violations};

/// The most bytes of the script, with gzip, that every page with a widget loads.
const LARGEST_SCRIPT: usize = 40_000;

/// The widget's shadow root, where the test's script looks for elements.
const FIND: &str = "document.querySelector('[data-carrel-widget]').shadowRoot";

/// A third-party site with one page, which runs until this value is dropped.
struct OtherSite {
    address: String,
    task: JoinHandle<()>,
}

impl Drop for OtherSite {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts a page that only allows the widget's script and its requests, and loads it with
/// `attributes`.
async fn site(server: &TestServer, script: &str, attributes: &str) -> Result<OtherSite> {
    let base = base(server);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}/", listener.local_addr()?);
    let page = format!(
        "<!doctype html><html lang=\"en\"><title>Shop</title><main><h1>Shop</h1></main>\
         <script src=\"{base}/embed/{script}\" {attributes}></script></html>"
    );
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n\
         content-security-policy: default-src 'none'; script-src {base}; connect-src {base}; \
         img-src data:; require-trusted-types-for 'script'; trusted-types 'none'\r\n\
         connection: close\r\n\r\n{page}",
        page.len()
    );
    let task = tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let _ = socket.read(&mut head).await;
                let _ = socket.write_all(answer.as_bytes()).await;
            });
        }
    });
    Ok(OtherSite { address, task })
}

/// Starts a server with a workspace about bees, and a widget with `fields`.
async fn bees(
    behaviour: &str,
    fields: Value,
) -> Result<(TestServer, model_server::ModelServer, String)> {
    let model = model_server::start().await?;
    let options = Options::with_model(model.base_url(), behaviour, "4096");
    let server = TestServer::start(options.with("CARREL_EMBED_RATE", "0")).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    admin.upload("bees.md", b"Bees make honey.", &[("addToWorkspaces", "alpha")]).await?.ok()?;
    let mut body = json!({ "workspace_slug": "alpha", "chat_mode": "chat" });
    for (name, value) in fields.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let made = admin.post("/v1/embed/new", body).await?.ok()?;
    let uuid = made["embed"]["uuid"].as_str().unwrap_or_default().to_owned();
    Ok((server, model, uuid))
}

fn find(selector: &str) -> String {
    format!("{FIND}.querySelector({})", json!(selector))
}

/// Returns the text of an element of the widget.
async fn text(browser: &mut Browser, selector: &str) -> Result<String> {
    let said = browser.run(&format!("{}?.innerText ?? ''", find(selector))).await?;
    Ok(said.as_str().unwrap_or_default().to_owned())
}

async fn type_and_send(browser: &mut Browser, question: &str) -> Result<()> {
    let question = json!(question);
    let field = find("textarea");
    browser.run(&format!("{field}.focus(); {field}.value = {question}")).await?;
    browser.press("Enter").await
}

async fn answered(browser: &mut Browser) -> Result<()> {
    browser.wait(&format!("{}.getAttribute('aria-busy') === 'false'", find(".log"))).await
}

#[tokio::test]
async fn a_visitor_asks_comes_back_and_clears_the_conversation() -> Result<()> {
    let (server, _model, uuid) = bees("slow", json!({})).await?;
    let attributes = format!(
        "data-embed-id=\"{uuid}\" data-base-api-url=\"{}/api/embed\" data-greeting=\"Ask **me**!\" \
         data-assistant-name=\"Maja\" data-default-messages=\"Who makes honey?, And wax?\" \
         data-button-color=\"#ffee00\" data-user-bg-color=\"nonsense;\" data-position=\"top-left\" \
         data-window-width=\"360\" data-text-size=\"17\" data-support-email=\"help@shop.test\" \
         data-sponsor-text=\"Made by Shop\" data-sponsor-link=\"javascript:alert(1)\"",
        base(&server)
    );
    let shop = site(&server, "anythingllm-chat-widget.min.js", &attributes).await?;
    let mut visitor = Browser::start(1000, 800).await?;
    visitor.prefer("light").await?;
    visitor.open(&shop.address).await?;
    visitor.wait(&format!("{}.checkVisibility()", find(".launcher"))).await?;
    assert_eq!(visitor.run(&format!("{}.checkVisibility()", find(".window"))).await?, false);
    let color = format!("getComputedStyle({}).", find(".launcher"));
    assert_eq!(visitor.run(&format!("{color}backgroundColor")).await?, "rgb(255, 238, 0)");
    assert_eq!(visitor.run(&format!("{color}color")).await?, "rgb(0, 0, 0)");

    visitor.run(&format!("{}.click()", find(".launcher"))).await?;
    visitor.wait(&format!("!!{}", find(".suggestions"))).await?;
    assert_eq!(visitor.run(&format!("{FIND}.activeElement.tagName")).await?, "TEXTAREA");
    assert_eq!(
        visitor.run(&format!("{}.innerHTML", find(".greeting p"))).await?,
        "Ask <strong>me</strong>!"
    );
    assert_eq!(visitor.run(&format!("{}.offsetWidth", find(".window"))).await?, 360);
    assert_eq!(
        visitor.run(&format!("{}.getBoundingClientRect().left", find(".window"))).await?,
        20
    );
    assert_eq!(
        visitor.run(&format!("getComputedStyle({}).fontSize", find(".window"))).await?,
        "17px"
    );
    assert_eq!(text(&mut visitor, ".sponsor").await?, "Made by Shop");
    assert_eq!(visitor.run(&format!("!!{}", find(".sponsor a"))).await?, false);
    assert_eq!(violations(&mut visitor).await?, [""; 0]);
    visitor.prefer("dark").await?;
    assert_eq!(violations(&mut visitor).await?, [""; 0]);

    // Escape closes the window and returns the focus.
    visitor.press("Escape").await?;
    visitor.wait(&format!("!{}.checkVisibility()", find(".window"))).await?;
    assert_eq!(visitor.run(&format!("{FIND}.activeElement.className")).await?, "launcher");
    visitor.run(&format!("{}.click()", find(".launcher"))).await?;

    visitor.run(&format!("{}.click()", find(".suggestions button"))).await?;
    // The answer grows before it is complete.
    visitor
        .wait(&format!(
            "{}?.innerText.length > 8 && {}.getAttribute('aria-busy') === 'true'",
            find(".assistant:last-child:not(.waiting) .words"),
            find(".log")
        ))
        .await?;
    answered(&mut visitor).await?;
    let said = text(&mut visitor, ".assistant:last-child .words").await?;
    ensure!(said.contains("honey"), "{said}");
    assert_eq!(violations(&mut visitor).await?, [""; 0]);

    visitor.open(&shop.address).await?;
    visitor.run(&format!("{}.click()", find(".launcher"))).await?;
    visitor.wait(&format!("{}?.innerText === 'Who makes honey?'", find(".user .words"))).await?;
    assert_eq!(text(&mut visitor, ".message:last-child .words").await?, said);

    // Clearing asks for confirmation.
    visitor.run(&format!("{}.click()", find(".clear"))).await?;
    visitor.press("Escape").await?;
    visitor
        .wait(&format!("{}.hidden && {}.checkVisibility()", find(".sure"), find(".window")))
        .await?;
    visitor.run(&format!("{}.click(); {}.click()", find(".clear"), find(".yes"))).await?;
    visitor.wait(&format!("!{} && !!{}", find(".user"), find(".suggestions"))).await?;
    visitor.open(&shop.address).await?;
    visitor.run(&format!("{}.click()", find(".launcher"))).await?;
    visitor.wait(&format!("!!{}", find(".suggestions"))).await?;
    let kept = server.admin().get(&format!("/v1/embed/{uuid}/chats")).await?.ok()?;
    assert_eq!(kept["chats"][0]["include"], false);
    assert_eq!(visitor.complaints, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn output_of_a_model_is_shown_as_text_only() -> Result<()> {
    let (server, _model, uuid) = bees("reasoning", json!({})).await?;
    let shop = site(
        &server,
        "carrel-widget.js",
        &format!("data-embed-id=\"{uuid}\" data-open-on-load=\"on\""),
    )
    .await?;
    let mut visitor = Browser::start(1000, 800).await?;
    visitor.open(&shop.address).await?;
    visitor.wait(&format!("{}.checkVisibility()", find(".window"))).await?;
    // A widget that opens automatically leaves the focus on the page.
    assert_eq!(visitor.run("document.activeElement === document.body").await?, true);
    type_and_send(
        &mut visitor,
        "<img src=x onerror=\"document.title='hit'\"> ![spy](https://evil.test/a.png) \
         [run](javascript:document.title='hit') [ok](https://good.test/a_b) <script>1</script> **bold** `a<b`",
    )
    .await?;
    visitor.wait(&format!("!!{}", find(".assistant:not(.waiting) strong"))).await?;
    answered(&mut visitor).await?;
    let words = ".assistant .words";
    for element in ["img", "script", "iframe", "style"] {
        assert_eq!(
            visitor.run(&format!("!!{}", find(&format!("{words} {element}")))).await?,
            false
        );
    }
    let links =
        format!("[...{FIND}.querySelectorAll('.words a')].map((a) => a.href + ' ' + a.rel)");
    let rel = "noopener noreferrer nofollow";
    assert_eq!(
        visitor.run(&links).await?,
        json!([format!("https://evil.test/a.png {rel}"), format!("https://good.test/a_b {rel}")])
    );
    let said = text(&mut visitor, words).await?;
    ensure!(said.contains("<script>1</script>") && said.contains("a<b"), "{said}");
    // Visitors see no reasoning, and no references to sources that are hidden from them.
    ensure!(!said.contains("The first passage may tell") && !said.contains("think>"), "{said}");
    assert_eq!(visitor.run("document.title").await?, "Shop");
    assert_eq!(visitor.complaints, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn a_refused_visitor_sees_the_reason() -> Result<()> {
    let (server, _model, uuid) = bees("echo", json!({ "max_chats_per_session": 1 })).await?;
    let attributes = format!("data-embed-id=\"{uuid}\"");
    let shop = site(&server, "carrel-widget.js", &attributes).await?;
    let mut visitor = Browser::start(390, 800).await?;
    visitor.open(&shop.address).await?;
    visitor.run(&format!("{}.click()", find(".launcher"))).await?;
    type_and_send(&mut visitor, "Who makes honey?").await?;
    visitor
        .wait(&format!("{}?.innerText.includes('honey')", find(".assistant:not(.waiting)")))
        .await?;
    answered(&mut visitor).await?;
    type_and_send(&mut visitor, "And who makes wax?").await?;
    visitor.wait(&format!("{}.checkVisibility()", find(".notice"))).await?;
    ensure!(
        text(&mut visitor, ".notice")
            .await?
            .starts_with("You have asked this chat as many questions")
    );
    // The question is kept in the box, and not shown as asked.
    assert_eq!(visitor.run(&format!("{}.value", find("textarea"))).await?, "And who makes wax?");
    assert_eq!(visitor.run(&format!("{FIND}.querySelectorAll('.user').length")).await?, 1);

    let path = format!("/v1/embed/{uuid}");
    for (change, language, words) in [
        (json!({ "enabled": false }), "en-GB", "This chat has been disabled"),
        (json!({ "enabled": false }), "de-CH", "Dieser Chat ist zurzeit abgeschaltet."),
        (
            json!({ "enabled": true, "allowlist_domains": ["https://elsewhere.test"] }),
            "en-GB",
            "This page is not allowed to use this chat.",
        ),
    ] {
        server.admin().post(&path, change).await?.ok()?;
        let attributes = format!("{attributes} data-language=\"{language}\"");
        let shop = site(&server, "carrel-widget.js", &attributes).await?;
        visitor.open(&shop.address).await?;
        visitor.run(&format!("{}.click()", find(".launcher"))).await?;
        visitor.wait(&format!("{}.checkVisibility()", find(".notice"))).await?;
        let told = text(&mut visitor, ".notice").await?;
        ensure!(told.starts_with(words), "{told}");
    }
    visitor
        .complaints
        .retain(|said| !said.contains("status of 4") && !said.contains("status of 503"));
    assert_eq!(visitor.complaints, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn the_script_can_be_loaded_by_every_site_and_is_cached() -> Result<()> {
    let server = TestServer::start(e2e::Backend::Sqlite).await?;
    let stranger = server.admin().anonymous();
    for (name, kind) in [
        ("carrel-widget.js", "text/javascript; charset=utf-8"),
        ("anythingllm-chat-widget.min.js", "text/javascript; charset=utf-8"),
        ("carrel-widget.css", "text/css; charset=utf-8"),
        ("anythingllm-chat-widget.min.css", "text/css; charset=utf-8"),
    ] {
        let path = format!("/embed/{name}");
        let there = stranger.get(&path).await?;
        assert_eq!((there.status, there.header("content-type")), (200, kind), "{name}");
        assert_eq!(there.header("access-control-allow-origin"), "*");
        assert_eq!(there.header("cross-origin-resource-policy"), "cross-origin");
        assert_eq!(there.header("x-content-type-options"), "nosniff");
        let known = stranger.request(reqwest::Method::GET, &path);
        let known = known.header("if-none-match", there.header("etag"));
        assert_eq!(e2e::send(known).await?.status, 304);
    }
    let script = stranger.download("/embed/anythingllm-chat-widget.min.js").await?;
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&script)?;
    let size = packed.finish()?.len();
    assert!((2_000..=LARGEST_SCRIPT).contains(&size), "{size} bytes with gzip");
    // Its text has the fonts of the visitor's system.
    let script = String::from_utf8(script)?;
    assert!(!script.contains("@font-face") && !script.contains("Carrel Sans"), "{script}");
    assert_eq!(stranger.get("/embed/nope.js").await?.status, 404);
    Ok(())
}
