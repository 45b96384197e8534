//! The text face: which pages load which of its files, and that text is drawn with it.
use anyhow::{Context, Result, ensure};
use e2e::browser::Browser;
use e2e::visitor::Visitor;
use serde_json::json;

use crate::browser_journey::{PASSWORD, base, fresh_with, set_up, well_behaved};
use crate::browser_rows::ask;

/// Returns the faces that a page has loaded because it shows their characters, by the first of them.
const LOADED: &str = "document.fonts.ready.then(() => [...document.fonts] \
    .filter((it) => it.status === 'loaded' && !it.family.includes('Local')) \
    .map((it) => ({ 'U+20': 'latin', 'U+104': 'latin-ext', 'U+401': 'cyrillic' })[it.unicodeRange.split(/[-,]/)[0]] \
      + (it.style === 'italic' ? '-italic' : '')).sort().join(' '))";

async fn loaded(browser: &mut Browser) -> Result<String> {
    let loaded = browser.run(LOADED).await?;
    loaded.as_str().map(str::to_owned).context("no list of faces")
}

/// Returns the fonts that draw the text of an element, separated by commas. Those of the server are
/// marked with `+`.
async fn drawn_with(browser: &mut Browser, selector: &str) -> Result<String> {
    browser.call("CSS.enable", json!({})).await?;
    let root = browser.call("DOM.getDocument", json!({})).await?["root"]["nodeId"].clone();
    let node = json!({ "nodeId": root, "selector": selector });
    let node = browser.call("DOM.querySelector", node).await?["nodeId"].clone();
    let used = browser.call("CSS.getPlatformFontsForNode", json!({ "nodeId": node })).await?;
    let name = |font: &serde_json::Value| {
        let mark = if font["isCustomFont"] == true { "+" } else { "" };
        format!("{mark}{}", font["familyName"].as_str().unwrap_or_default())
    };
    Ok(used["fonts"].as_array().into_iter().flatten().map(name).collect::<Vec<_>>().join(","))
}

/// Chooses the language of the interface.
async fn speak(browser: &mut Browser, language: &str) -> Result<()> {
    browser.run(&format!("document.cookie = 'carrel_language={language}; path=/'")).await.map(drop)
}

#[tokio::test]
async fn text_is_drawn_with_the_face_of_the_server() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let base = base(&server);
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;
    let boats = b"boat,berth\nAnna,north\nBerta,south\nClara,north\n";
    admin.upload("boats.csv", boats, &[("addToWorkspaces", "harbour")]).await?.ok()?;
    ada.open(&format!("{base}/w/harbour")).await?;
    ask(&mut ada, "Where is the berth of the boat Berta?").await?;
    let mut visitor = Visitor::new(admin)?;
    visitor.post("/sign-in", &[("username", "ada"), ("password", PASSWORD)]).await?;
    let text = "# South\n\nBerta lies *south* [1].\n\n| boat | metres |\n|---|--:|\n| Anna | 1111 |\n| Berta | 8888 |\n";
    let fields = [("response", text), ("base", "/w/harbour")];
    visitor.post("/w/harbour/chats/1/correct", &fields).await?;
    ada.open(&format!("{base}/w/harbour")).await?;
    assert_eq!(loaded(&mut ada).await?, "latin latin-italic");
    for selector in
        [".prose p", ".prose h1", ".prose em", ".prose td", ".asked", ".nav a > span", "#message"]
    {
        assert_eq!(drawn_with(&mut ada, selector).await?, "+Noto Sans", "{selector}");
    }
    let others = "[...document.querySelectorAll('button, input:not([type=hidden]), textarea, select, h1, h2, .source-at')] \
        .filter((it) => !getComputedStyle(it).fontFamily.startsWith('\"Carrel Sans\"')).map((it) => it.outerHTML)";
    assert_eq!(ada.run(others).await?, json!([]));
    let set = "(() => { const style = getComputedStyle(document.querySelector('.prose')); \
        return [style.fontSize, style.lineHeight, getComputedStyle(document.querySelector('.prose table')).fontVariantNumeric]; })()";
    assert_eq!(ada.run(set).await?, json!(["16px", "26.4px", "tabular-nums"]));
    // Digits have one width, so the columns of a table are aligned.
    let widths = "[...document.querySelectorAll('.prose td:nth-child(2)')].map((it) => { \
        const range = document.createRange(); range.selectNodeContents(it); return range.getBoundingClientRect().width; })";
    let widths = ada.run(widths).await?;
    ensure!(widths[0].as_f64() > Some(20.0) && widths[0] == widths[1], "{widths}");
    // The rows of a source stand beside its number, in the middle.
    let middles = "['.source-title', '.source', '.source-at'].map((it) => { \
        const box = document.querySelector(it).getBoundingClientRect(); return box.top + box.height / 2; })";
    let middles = ada.run(middles).await?;
    let middles: Vec<_> =
        middles.as_array().into_iter().flatten().filter_map(|it| it.as_f64()).collect();
    ensure!(
        middles.len() == 3 && middles.iter().all(|it| (it - middles[0]).abs() < 1.0),
        "{middles:?}"
    );
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn names_of_pages_are_whole_in_every_language() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    let languages = [
        "en", "de", "fr", "es", "it", "pt-BR", "nl", "pl", "ru", "tr", "ar", "zh-Hans", "ja", "ko",
    ];
    let cut = "[...document.querySelectorAll('.nav a > span, .button, h1, h2, label')] \
        .filter((it) => it.scrollWidth > it.clientWidth + 1 && getComputedStyle(it).overflowX === 'hidden' && it.clientWidth > 1) \
        .map((it) => it.innerText)";
    for language in languages {
        speak(&mut ada, language).await?;
        ada.open(&format!("{}/admin/users", base(&server))).await?;
        assert_eq!(ada.run(cut).await?, json!([]), "{language}");
    }
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn a_page_loads_the_files_of_its_scripts_only() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let base = base(&server);
    let sign_in = format!("{base}/sign-in");
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    ada.forget_everything_seen().await?;
    let mut browser = Browser::start(1280, 900).await?;
    // A cached style sheet keeps the faces that an earlier page has loaded.
    browser.forget_everything_seen().await?;
    // Without scripts, too.
    browser.run_no_scripts(true).await?;
    browser.open(&sign_in).await?;
    assert_eq!(loaded(&mut browser).await?, "latin");
    for selector in ["h1", "label", "form button"] {
        assert_eq!(drawn_with(&mut browser, selector).await?, "+Noto Sans", "{selector}");
    }
    browser.run_no_scripts(false).await?;
    let announced = "performance.getEntriesByType('resource').filter((it) => it.name.endsWith('.woff2')) \
        .every((it) => it.initiatorType === 'link')";
    for (language, files) in [
        ("de", "latin"),
        ("fr", "latin"),
        ("pl", "latin latin-ext"),
        ("tr", "latin latin-ext"),
        ("ru", "cyrillic latin"),
    ] {
        speak(&mut browser, language).await?;
        browser.open(&sign_in).await?;
        assert_eq!(loaded(&mut browser).await?, files, "{language}");
        assert_eq!(drawn_with(&mut browser, "h1").await?, "+Noto Sans", "{language}");
        assert_eq!(browser.run(announced).await?, true, "{language}");
    }
    for language in ["ja", "zh-Hans", "ko", "ar"] {
        speak(&mut ada, language).await?;
        for page in ["/", "/documents", "/admin/users"] {
            ada.open(&format!("{base}{page}")).await?;
            assert_eq!(ada.run("document.documentElement.lang").await?, language);
            let files = loaded(&mut ada).await?;
            ensure!(files == "latin" || files.is_empty(), "{page} in {language}: {files}");
        }
    }
    well_behaved(&browser, &server);
    well_behaved(&ada, &server);
    Ok(())
}
