//! Growing answers, and files beside questions, in a real browser: choices and open parts are kept,
//! and a lost server is noticed.
use std::path::Path;

use anyhow::{Result, ensure};
use e2e::browser::Browser;
use serde_json::json;

use crate::browser_documents::forget_refusals;
use crate::browser_journey::{base, fresh_with, set_up, well_behaved};

async fn asking(browser: &mut Browser, question: &str) -> Result<()> {
    browser.fill("#message", question).await?;
    browser.click("button.send").await?;
    browser.wait("!!document.querySelector('[data-answer]')").await
}

#[tokio::test]
async fn a_selection_stays_and_a_lost_server_is_reported() -> Result<()> {
    let (mut server, _model, link) = fresh_with("slow").await?;
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;
    ada.open(&format!("{}/w/harbour", base(&server))).await?;
    asking(&mut ada, &"one two three four five six seven eight nine ten ".repeat(6)).await?;
    let grown = "document.querySelector('[data-answer] [data-growing=\"\"]').innerText.length";
    ada.wait(&format!("{grown} > 12")).await?;
    let chosen = ada
        .run(
            "(() => { const range = document.createRange(); \
             const walker = document.createTreeWalker(document.querySelector('[data-growing=\"\"]'), NodeFilter.SHOW_TEXT); \
             let text; while ((text = walker.nextNode()) && text.data.trim().length < 6); \
             range.setStart(text, 0); range.setEnd(text, 6); \
             getSelection().removeAllRanges(); getSelection().addRange(range); return String(getSelection()); })()",
        )
        .await?;
    let before = ada.run(grown).await?.as_u64().unwrap_or_default();
    ada.wait(&format!("{grown} > {}", before + 20)).await?;
    assert_eq!(ada.run("String(getSelection())").await?, chosen);
    ensure!(chosen.as_str().is_some_and(|chosen| chosen.len() == 6));
    server.kill()?;
    ada.wait("document.querySelector('[data-lost]').checkVisibility()").await?;
    Ok(())
}

#[tokio::test]
async fn a_broken_file_is_marked_and_the_others_stay() -> Result<()> {
    let (server, model, link) = fresh_with("echo").await?;
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;
    ada.open(&format!("{}/w/harbour", base(&server))).await?;
    let directory = tempfile::tempdir()?;
    let mut files = Vec::new();
    for (name, text) in [
        ("one.txt", "The ferry leaves at nine."),
        ("broken.pdf", "%PDF-1.7 no"),
        ("two.txt", "It is blue."),
    ] {
        let file = directory.path().join(name);
        std::fs::write(&file, text)?;
        files.push(file);
    }
    let files: Vec<&Path> = files.iter().map(|file| file.as_path()).collect();
    ada.choose_files("#attach", &files).await?;
    ada.fill("#message", "When does the ferry leave?").await?;
    ada.click("button.send").await?;
    ada.wait("document.querySelectorAll('#chips .chip[data-bad]').length === 1").await?;
    assert_eq!(ada.run("document.querySelectorAll('#chips .chip').length").await?, 3);
    assert_eq!(ada.run("document.querySelector('#attach').files.length").await?, 3);
    ada.click("#chips .chip[data-bad] button").await?;
    asking(&mut ada, "When does the ferry leave?").await?;
    ada.wait("!!document.querySelector('.turn[id^=turn-] .turn-actions')").await?;
    let sent = model.requests().last().map(ToString::to_string).unwrap_or_default();
    ensure!(sent.contains("leaves at nine") && sent.contains("It is blue"), "{sent}");
    // A quotation from an attached file is shown below the answer.
    ada.run("document.querySelector('.turn details.menu').open = true").await?;
    ada.click(".turn .menu a").await?;
    ada.wait("document.activeElement.name === 'response'").await?;
    ada.fill("[name=response]", "At nine [1].").await?;
    ada.click(".turn form .button-main").await?;
    ada.wait("!!document.querySelector('.turn a.cite')").await?;
    ada.click(".turn a.cite").await?;
    ada.wait(
        "document.querySelector('.source-note[open] .source-text')?.innerText.includes('ferry')",
    )
    .await?;
    forget_refusals(&mut ada);
    ada.complaints.retain(|said| !said.contains("Response Status Error"));
    well_behaved(&ada, &server);
    Ok(())
}
