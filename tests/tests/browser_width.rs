//! Nothing is wider than the window: every page, and a conversation with everything that answers
//! and names may contain.
use anyhow::Result;
use e2e::browser::Browser;
use e2e::visitor::Visitor;
use serde_json::json;

use crate::browser_journey::{PAGES, PASSWORD, base, fresh_with, furnish, well_behaved};

const WIDTHS: [u32; 4] = [320, 390, 768, 1440];
/// Returns the elements that are wider than the window.
pub const WIDER: &str = "(() => { const root = document.documentElement; \
    if (root.scrollWidth <= root.clientWidth) return ''; \
    const out = [...document.body.querySelectorAll('*')].filter((it) => \
      it.getBoundingClientRect().right > root.clientWidth + 1 || it.getBoundingClientRect().left < -1).slice(-3); \
    return root.scrollWidth + ' of ' + root.clientWidth + ': ' + \
      out.map((it) => it.outerHTML.slice(0, 120)).join(' | '); })()";

/// Returns an answer with a wide table, long code, long words, and several scripts.
fn everything() -> String {
    let row = |cell: &str| format!("|{}\n", format!(" {cell} |").repeat(14));
    let table = format!("{}{}{}", row("A heading"), row("---"), row("a cell with words"));
    let code = format!("let lamp = \"{}\";", "x".repeat(400));
    let word = "Donaudampfschifffahrtsgesellschaft".repeat(8);
    let (japanese, arabic) =
        ("予備の灯は八秒で点きます".repeat(20), "المنارة تعمل ليلا ونهارا ".repeat(20));
    format!(
        "# {word}\n\n{word} `{word}` [1]\n\n{table}\n```rust\n{code}\n```\n\n{japanese}\n\n{arabic}\n\n\
         {}\n\n$$a = \\frac{{{}}}{{2}}$$\n\n> > > quoted https://example.com/{word}\n\n- [ ] {word}\n",
        "🙂👨‍👩‍👧‍👦🏳️‍🌈".repeat(60),
        "b + ".repeat(60) + "c",
    )
}

#[tokio::test]
async fn nothing_is_wider_than_the_window() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let base = base(&server);
    let mut browser = Browser::start(1440, 900).await?;
    furnish(&mut browser, &server, &link).await?;
    let mut ada = Visitor::new(server.admin())?;
    ada.post("/sign-in", &[("username", "ada"), ("password", PASSWORD)]).await?;
    let long = "Verylongnamewithoutanyspaceinit".repeat(6);
    ada.post("/workspaces/new", &[("name", &long)]).await?;
    ada.post("/workspaces/new", &[("name", "日本語の灯台についての長い名前の作業場所です")])
        .await?;
    let title = format!("{long}.txt");
    let raw = json!({ "textContent": everything(), "metadata": { "title": title }, "addToWorkspaces": "sample-library" });
    server.admin().post("/v1/document/raw-text", raw).await?.ok()?;
    let everything = everything();
    let fields = [("response", everything.as_str()), ("base", "/w/sample-library")];
    assert_eq!(ada.post("/w/sample-library/chats/1/correct", &fields).await?.status, 303);
    let thread = ada.post("/w/sample-library/threads", &[]).await?.leads_to().to_owned();
    ada.post(&format!("{thread}/ask"), &[("message", &long)]).await?;
    ada.post(&format!("{thread}/rename"), &[("name", &long)]).await?;
    let source = "[...document.querySelectorAll('a.source')].pop().getAttribute('href')";
    browser.open(&format!("{base}/w/sample-library")).await?;
    let source = browser.run(source).await?.as_str().unwrap_or_default().to_owned();
    let find = format!("/find?q={}", &long[..31]);
    let more = [thread.as_str(), &source, &find, "/account/bin", "/documents?q=Verylong"];
    let mut found = Vec::new();
    for page in PAGES.into_iter().chain(more) {
        browser.open(&format!("{base}{page}")).await?;
        for width in WIDTHS {
            browser.resize(width, 900, width < 700).await?;
            let wider = browser.run(WIDER).await?;
            if wider != "" {
                found.push(format!("{page} at {width}: {wider}"));
            }
        }
        browser.resize(1440, 900, false).await?;
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    well_behaved(&browser, &server);
    Ok(())
}
