//! Faults found on a walk through the pages, each reproduced in a real browser.

use anyhow::{Result, ensure};
use e2e::browser::Browser;
use e2e::visitor::Visitor;
use e2e::{Backend, Mode, TestServer};
use reqwest::Method;
use serde_json::json;

use crate::browser_journey::{base, fresh_with, set_up, well_behaved};
use crate::browser_lasting::asked;

#[tokio::test]
async fn reasoning_that_is_collapsed_while_it_streams_stays_collapsed() -> Result<()> {
    let (server, _model, link) = fresh_with("pondering").await?;
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;
    ada.open(&format!("{}/w/harbour", base(&server))).await?;
    ada.fill("#message", "one two three four five six seven eight nine ten eleven twelve").await?;
    ada.click("button.send").await?;
    let thinking = "document.querySelector('[data-answer] .thinking')";
    ada.wait(&format!("{thinking}?.checkVisibility() && {thinking}.open")).await?;
    ada.click("[data-answer] .thinking summary").await?;
    ada.wait("document.querySelector('[data-answer] [data-growing=\"\"]').innerText.length > 20")
        .await?;
    assert_eq!(ada.run(&format!("{thinking}.open")).await?, false);
    ada.wait("!!document.querySelector('.turn[id^=turn-] .turn-actions')").await?;
    assert_eq!(ada.run("document.querySelector('.thinking').open").await?, false);
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn a_long_answer_costs_little_more_than_its_own_length() -> Result<()> {
    let (server, _model, _) = fresh_with("lengthy").await?;
    let mut ada = Visitor::first(&server, Mode::Owner).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;
    let path = asked(&mut ada, "/w/harbour").await?;
    let mut told = ada.request(Method::GET, &path).send().await?;
    let (mut bytes, mut text) = (0, String::new());
    while !(text.contains("event: end\n") && text.ends_with("\n\n")) {
        let Some(part) = told.chunk().await? else { break };
        bytes += part.len();
        text.push_str(&String::from_utf8_lossy(&part));
    }
    ensure!(bytes > 16_000, "{text}");
    ensure!(bytes <= 40_000, "{bytes} bytes for an answer of 16 kB");
    Ok(())
}

#[tokio::test]
async fn a_long_answer_never_holds_the_page_up_and_has_one_button_to_stop_it() -> Result<()> {
    let (server, _model, link) = fresh_with("lengthy").await?;
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;
    let text = "The crane in the old harbour is called Berta.";
    server
        .admin()
        .upload("crane.txt", text.as_bytes(), &[("addToWorkspaces", "harbour")])
        .await?
        .ok()?;
    ada.open(&format!("{}/w/harbour", base(&server))).await?;
    ada.run(
        "window.longest = 0; window.heard = []; \
         new PerformanceObserver((list) => { for (const one of list.getEntries()) window.longest = Math.max(window.longest, one.duration); }) \
           .observe({ type: 'longtask', buffered: true }); \
         new MutationObserver(() => { const said = document.querySelector('.answered-by')?.textContent; \
           if (said && !window.heard.includes(said)) window.heard.push(said); \
           window.early ||= document.querySelector('[data-answer] .source')?.getAttribute('href'); \
           const stops = [...document.querySelectorAll('button')].filter((it) => /^(Stop)$/.test(it.ariaLabel || it.innerText) && it.checkVisibility() && it.getBoundingClientRect().width > 2); \
           if (document.querySelector('[data-answer]')) window.stops = Math.max(window.stops || 0, stops.length); }) \
           .observe(document.body, { childList: true, subtree: true, characterData: true })",
    )
    .await?;
    ada.fill("#message", "What is the crane in the old harbour called?").await?;
    ada.click("button.send").await?;
    ada.wait("!!document.querySelector('.turn[id^=turn-] .turn-actions')").await?;
    // Before there are words, the line above says what is searched and what was found.
    let heard = json!(["Searching 1 document…", "Found 1 passage", "Answering…"]);
    assert_eq!(ada.run("window.heard").await?, heard);
    let early = ada.run("window.early").await?;
    ensure!(early.as_str().is_some_and(|at| at.starts_with("/w/harbour/source?in=")), "{early}");
    assert_eq!(ada.run("window.stops").await?, 1);
    let longest = ada.run("window.longest").await?.as_f64().unwrap_or(f64::MAX);
    ensure!(longest < 1_000.0, "the page stood still for {longest} ms");
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn a_file_added_twice_is_reported_and_stored_once() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let (base, admin) = (base(&server), server.admin());
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    admin.post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;
    let directory = tempfile::tempdir()?;
    let (first, second) = (directory.path().join("ferry.txt"), directory.path().join("copy.txt"));
    for file in [&first, &second] {
        std::fs::write(file, "The ferry leaves at nine.")?;
    }
    ada.open(&format!("{base}/w/harbour/documents")).await?;
    ada.choose_files("#file", &[first.as_path()]).await?;
    ada.wait("document.querySelectorAll('.job-row[data-state=done]').length === 1").await?;
    admin.jobs_end().await?;
    for file in [&first, &second] {
        ada.open(&format!("{base}/w/harbour/documents")).await?;
        ada.choose_files("#file", &[file.as_path()]).await?;
        let said = "document.querySelector('.upload[data-state=done] .upload-state')?.innerText";
        ada.wait(&format!("{said} === 'Already here as “ferry.txt”'")).await?;
    }
    ada.open(&format!("{base}/w/harbour/documents")).await?;
    assert_eq!(ada.run("document.querySelectorAll('#shelf tbody tr').length").await?, 1);
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn lengths_directions_and_line_ends_are_right_in_every_script() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let (base, admin) = (base(&server), server.admin());
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    admin.post("/v1/workspace/new", json!({ "name": "Harbour" })).await?.ok()?;
    let japanese = "灯台の記録です。灯は日没にともされます。".repeat(20);
    let arabic = "يُضاء المصباح عند الغروب. ".repeat(20);
    for (name, text) in [("japanese.txt", &japanese), ("arabic.txt", &arabic)] {
        admin.upload(name, text.as_bytes(), &[("addToWorkspaces", "harbour")]).await?.ok()?;
    }
    ada.open(&format!("{base}/documents")).await?;
    let words = "[...document.querySelectorAll('#shelf tbody tr')].find((row) => row.innerText.includes('japanese')).innerText";
    let words = ada.run(words).await?.to_string();
    ensure!(!words.contains("\\t1 word") && !words.contains(" 1 word"), "{words}");
    ada.open(&format!("{base}/documents")).await?;
    let address = "[...document.querySelectorAll('#shelf .table-name')].find((it) => it.innerText.includes('arabic')).href";
    let address = ada.run(address).await?;
    ada.open(address.as_str().unwrap_or_default()).await?;
    let direction = "getComputedStyle(document.querySelector('.paper')).direction";
    assert_eq!(ada.run(direction).await?, "rtl");

    // A full stop stays on the line of the citation before it, at any width.
    admin
        .upload("ferry.txt", b"The ferry leaves at nine.", &[("addToWorkspaces", "harbour")])
        .await?
        .ok()?;
    ada.open(&format!("{base}/w/harbour")).await?;
    ada.fill(
        "#message",
        "When does the ferry leave in the morning, as far as anybody here knows [1].",
    )
    .await?;
    ada.click("button.send").await?;
    ada.wait("!!document.querySelector('.turn[id^=turn-] .prose .cite')").await?;
    let apart = "(() => { const cite = document.querySelector('.turn .prose .cite'); const range = document.createRange(); \
                 range.setStart(cite.nextSibling, 0); range.setEnd(cite.nextSibling, 1); \
                 return [String(range), Math.abs(range.getBoundingClientRect().bottom - cite.getBoundingClientRect().bottom) > 12]; })()";
    for width in (320..900).step_by(12) {
        ada.resize(width, 800, false).await?;
        assert_eq!(ada.run(apart).await?, json!([".", false]), "at {width}");
    }
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn a_printed_conversation_contains_only_questions_and_answers() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    ada.follow("form[action='/welcome/sample'] button").await?;
    ada.fill("#message", "Which lamp is on the railing?").await?;
    ada.click("button.send").await?;
    ada.wait("!!document.querySelector('#turn-1 .turn-actions')").await?;
    let shown = "['.side', '.ask', '.turn-actions', '.tabs', '#turn-1 .asked', '#turn-1 .prose', '#turn-1 .sources'] \
                 .map((it) => document.querySelector(it).checkVisibility())";
    ada.print_sheet(true).await?;
    assert_eq!(ada.run(shown).await?, json!([false, false, false, false, true, true, true]));
    ada.print_sheet(false).await?;
    assert_eq!(ada.run(shown).await?, json!([true, true, true, true, true, true, true]));
    well_behaved(&ada, &server);
    Ok(())
}

#[tokio::test]
async fn a_first_start_logs_no_warning_before_the_setup_link() -> Result<()> {
    let server = TestServer::start(e2e::Options::from(Backend::Sqlite).without_key()).await?;
    server.wait_for_log("/setup?token=").await?;
    let log = server.log()?;
    let before = log.split("/setup?token=").next().unwrap_or_default();
    ensure!(!before.contains("WARN") && !before.contains("ERROR"), "{before}");
    Ok(())
}

#[tokio::test]
async fn chips_below_the_question_wrap_instead_of_truncating() -> Result<()> {
    let (server, _model, link) = fresh_with("echo").await?;
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    ada.follow("form[action='/welcome/sample'] button").await?;
    let cut = "[...document.querySelectorAll('.pill, .pill span:not(.unseen)')].filter((it) => it.scrollWidth > it.clientWidth + 1 && getComputedStyle(it).display !== 'inline').length \
               + [...document.querySelectorAll('.pill')].filter((it) => { const box = it.closest('.ask-box').getBoundingClientRect(); const own = it.getBoundingClientRect(); return own.right > box.right || own.left < box.left; }).length";
    for language in ["de", "ru", "ar", "ja"] {
        ada.live_in("Europe/Berlin", language).await?;
        for width in [320, 390, 768, 1440] {
            ada.resize(width, 800, width < 600).await?;
            ada.open(&format!("{}/w/sample-library", base(&server))).await?;
            assert_eq!(ada.run(cut).await?, 0, "{language} at {width}");
            let ellipsis = ada
                .run("getComputedStyle(document.querySelector('.pill span')).textOverflow")
                .await?;
            assert_eq!(ellipsis, "clip");
        }
    }
    well_behaved(&ada, &server);
    Ok(())
}
