//! One journey through the browser interface in a real browser, from the first start to a revoked
//! key. The console stays empty, and no request leaves the server.
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::browser::Browser;
use e2e::{Options, TestServer, hostile, model_server};

use crate::jobs::{documents, place_later};

pub use e2e::visitor::PASSWORD;
const AXE: &str = include_str!("../vendor/axe.min.js");

/// The lines of a document. The last one answers a question.
const HANDBOOK: &[&str] = &[
    "Harbour handbook",
    "Ships announce themselves on channel twelve.",
    "The crane in the old harbour lifts forty tonnes and is called Berta.",
];

/// Starts a server with a language model that answers word by word. Returns its setup link too.
pub async fn fresh() -> Result<(TestServer, model_server::ModelServer, String)> {
    fresh_with("slow").await
}

/// Works like [`fresh`], with another of [`model_server::MODELS`].
pub async fn fresh_with(
    behaviour: &str,
) -> Result<(TestServer, model_server::ModelServer, String)> {
    let model = model_server::start().await?;
    let options = Options::with_model(model.base_url(), behaviour, "4096")
        .with("GENERIC_OPEN_AI_API_KEY", "a-secret-for-the-model");
    let server = TestServer::start(options).await?;
    server.wait_for_log("/setup?token=").await?;
    let log = server.log()?;
    let link = log.split_whitespace().rfind(|word| word.contains("/setup?token="));
    Ok((server, model, link.context("no link")?.to_owned()))
}

pub fn base(server: &TestServer) -> String {
    format!("http://{}", server.admin().address())
}

pub async fn set_up(browser: &mut Browser, link: &str) -> Result<()> {
    browser.open(link).await?;
    browser.fill("#username", "ada").await?;
    browser.fill("#password", PASSWORD).await?;
    browser.follow("form button").await?;
    browser.wait_for("Welcome").await
}

/// Checks that the console is empty and that no request left the server.
pub fn well_behaved(browser: &Browser, server: &TestServer) {
    assert_eq!(faults(&browser.complaints), [""; 0]);
    assert_eq!(browser.strays(&base(server)), [""; 0]);
}

/// Returns the messages except htmx's two lines about a request that Chromium cancelled because the
/// page was left.
fn faults(complaints: &[String]) -> Vec<&String> {
    let is_dropped = |at: usize| complaints[at].contains("htmx:sendAbort");
    let precedes_dropped = |at: usize| {
        complaints[at].contains("htmx:afterRequest")
            && complaints.get(at + 1).is_some_and(|next| next.contains("htmx:sendAbort"))
    };
    let all = (0..complaints.len()).filter(|at| !is_dropped(*at) && !precedes_dropped(*at));
    all.map(|at| &complaints[at]).collect()
}

#[tokio::test]
async fn from_the_first_start_to_a_revoked_key() -> Result<()> {
    let (server, _model, link) = fresh().await?;
    let base = base(&server);
    let mut ada = Browser::start(1280, 900).await?;
    set_up(&mut ada, &link).await?;
    create_a_workspace(&mut ada, &base).await?;
    upload_a_document(&mut ada, &base).await?;
    ask_and_open_the_source(&mut ada, &base).await?;

    let mut grace = Browser::start(1280, 900).await?;
    join_by_an_invite(&mut ada, &mut grace, &base).await?;
    export_the_conversations(&mut ada, &base).await?;
    make_and_revoke_a_key(&mut ada, &server, &base).await?;
    well_behaved(&ada, &server);
    well_behaved(&grace, &server);
    Ok(())
}

async fn create_a_workspace(ada: &mut Browser, base: &str) -> Result<()> {
    ada.open(&format!("{base}/workspaces/new")).await?;
    ada.fill("#name", "Harbour").await?;
    ada.follow("main form button").await?;
    ada.wait("location.pathname === '/w/harbour'").await?;
    ada.wait_for("There are no documents here yet").await
}

async fn upload_a_document(ada: &mut Browser, base: &str) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (good, empty) = (directory.path().join("handbook.pdf"), directory.path().join("empty.txt"));
    std::fs::write(&good, hostile::printed_pdf(HANDBOOK))?;
    std::fs::write(&empty, "")?;
    ada.open(&format!("{base}/w/harbour/documents")).await?;
    let files: [&Path; 2] = [&good, &empty];
    ada.choose_files("#file", &files).await?;
    ada.wait("document.querySelectorAll('.job-row[data-state=done]').length === 1").await?;
    // A failed upload shows the reason and can be retried.
    ada.wait("document.querySelectorAll('.upload[data-state=failed]').length === 1").await?;
    ada.wait("!!document.querySelector('.upload[data-state=failed] button')").await?;
    let reason = ada.run("document.querySelector('[data-state=failed] .upload-state').innerText");
    ensure!(reason.await?.as_str().is_some_and(|reason| reason.len() > 10), "no reason");
    ada.wait("document.querySelector('#shelf').innerText.includes('handbook')").await?;
    // The browser's message about the refused empty file is expected.
    ada.complaints.retain(|complaint| !complaint.contains("status of 4"));
    Ok(())
}

async fn ask_and_open_the_source(ada: &mut Browser, base: &str) -> Result<()> {
    ada.open(&format!("{base}/w/harbour")).await?;
    ada.fill("#message", "What is the crane in the old harbour called?").await?;
    ada.press("Enter").await?;
    // The answer grows before it is complete.
    ada.wait("document.querySelector('[data-answer] [data-growing=\"\"]')?.innerText.length > 10")
        .await?;
    ada.wait("!document.querySelector('[data-answer]')").await?;
    ada.wait("document.querySelector('.answered .prose').innerText.includes('Berta')").await?;
    assert_eq!(ada.run("document.querySelector('#message').value").await?, "");
    ada.click(".sources a").await?;
    ada.wait("document.querySelector('#passage')?.innerText.includes('called Berta')").await?;

    // A loaded page shows an answer in progress; stopping keeps the partial answer.
    ada.open(&format!("{base}/w/harbour")).await?;
    ada.fill("#message", "And how much does it lift, in as many words as you can?").await?;
    ada.press("Enter").await?;
    ada.wait("!!document.querySelector('[data-answer] [data-blocks] > *, [data-answer] [data-tail] > *')").await?;
    ada.open(&format!("{base}/w/harbour")).await?;
    ada.wait("!!document.querySelector('[data-answer] [data-blocks] > *, [data-answer] [data-tail] > *')").await?;
    ada.click("[data-stop-running]").await?;
    ada.wait_for("Stopped.").await?;
    let started = std::time::Instant::now();
    loop {
        ada.open(&format!("{base}/w/harbour")).await?;
        let turns = ada.run("document.querySelectorAll('.turn').length").await?;
        if turns == 2 {
            break;
        }
        ensure!(started.elapsed() < Duration::from_secs(30), "what was said is not kept");
    }
    Ok(())
}

async fn join_by_an_invite(ada: &mut Browser, grace: &mut Browser, base: &str) -> Result<()> {
    ada.open(&format!("{base}/admin/invites")).await?;
    ada.click("[name=workspace]").await?;
    ada.follow("main form button").await?;
    ada.wait_for("Send this link to one person.").await?;
    let invite = ada.run("document.querySelector('code[id^=invite]').innerText").await?;
    grace.open(invite.as_str().unwrap_or_default()).await?;
    grace.fill("#username", "grace").await?;
    // A mistake is reported on the page, which keeps the input.
    grace.fill("#password", "short").await?;
    grace.click("form button").await?;
    grace.wait("!!document.querySelector('#password-fault')").await?;
    assert_eq!(grace.run("document.querySelector('#username').value").await?, "grace");
    assert_eq!(grace.run("document.activeElement.id").await?, "password");
    grace.complaints.retain(|complaint| {
        !complaint.contains("status of 4") && !complaint.contains("Response Status Error Code 400")
    });
    grace.fill("#password", PASSWORD).await?;
    grace.follow("form button").await?;
    grace.wait_for("Harbour").await?;
    grace.open(&format!("{base}/admin")).await?;
    grace.wait_for("You don’t have access").await?;
    grace.complaints.retain(|complaint| !complaint.contains("status of 403"));
    // Conversations are private.
    grace.open(&format!("{base}/w/harbour")).await?;
    let turns = grace.run("document.querySelectorAll('.turn').length").await?;
    assert_eq!(turns, 0);
    Ok(())
}

async fn export_the_conversations(ada: &mut Browser, base: &str) -> Result<()> {
    ada.open(&format!("{base}/admin/chats")).await?;
    ada.wait_for("What is the crane in the old harbour called?").await?;
    ada.run("document.querySelector('details.fold').open = true").await?;
    ada.fill("#type", "csv").await?;
    ada.click("details.fold form button").await?;
    let started = std::time::Instant::now();
    loop {
        let files = std::fs::read_dir(ada.downloads()).into_iter().flatten().flatten();
        let found = files
            .map(|file| file.path())
            .find(|path| path.extension().is_some_and(|extension| extension == "csv"));
        if let Some(found) = found {
            let text = std::fs::read_to_string(found)?;
            if text.is_empty() {
                continue;
            }
            assert!(text.contains("What is the crane in the old harbour called?"), "{text}");
            return Ok(());
        }
        ensure!(started.elapsed() < Duration::from_secs(30), "nothing was downloaded");
        ada.run("1").await?;
    }
}

async fn make_and_revoke_a_key(ada: &mut Browser, server: &TestServer, base: &str) -> Result<()> {
    ada.open(&format!("{base}/admin/keys")).await?;
    ada.run("document.querySelector('details.fold').open = true").await?;
    ada.fill("#name", "Robot").await?;
    ada.click("[name=scope][value=read]").await?;
    ada.follow("details.fold form button").await?;
    let secret = ada.run("document.querySelector('#secret').innerText").await?;
    let robot = server.admin().with_key(secret.as_str().unwrap_or_default());
    robot.get("/v1/auth").await?.ok()?;
    ada.follow("main a.button-main").await?;
    ada.follow("form[action$='/revoke'] button").await?;
    ada.wait_for("Revoked").await?;
    assert_eq!(robot.get("/v1/auth").await?.status, 403);
    let shown = ada.run("document.body.innerText").await?.to_string();
    assert!(!shown.contains(secret.as_str().unwrap_or("?")));
    Ok(())
}

/// Sets the server up, with an answered question and placed documents, so that all [`PAGES`] exist.
pub async fn furnish(browser: &mut Browser, server: &TestServer, link: &str) -> Result<()> {
    set_up(browser, link).await?;
    browser.follow("form[action='/welcome/sample'] button").await?;
    browser.fill("#message", "Which lamp is on the railing?").await?;
    browser.click("button.send").await?;
    browser.wait("!!document.querySelector('#turn-1 .turn-actions')").await?;
    let adds = documents(server.admin(), &["A text that is placed by a job."]).await?;
    place_later(server.admin(), "sample-library", &adds).await?;
    Ok(())
}

/// Pages with content.
pub const PAGES: [&str; 35] = [
    "/",
    "/welcome",
    "/workspaces/new",
    "/w/sample-library",
    "/w/sample-library/documents",
    "/w/sample-library/settings",
    "/w/sample-library/members",
    "/documents",
    "/documents?folder=custom-documents&q=hand",
    "/jobs/1",
    "/w/sample-library?reword=1",
    "/w/sample-library/chats/1/correct?base=/w/sample-library",
    "/search",
    "/search?q=lamp",
    "/account",
    "/admin/users",
    "/admin/users/1",
    "/admin/invites",
    "/admin/keys",
    "/admin/models/language?provider=openai",
    "/admin/models/embedding?provider=generic-openai",
    "/admin/models/vectors",
    "/admin/models/images?provider=lemonade",
    "/admin/models/language",
    "/admin/import",
    "/admin/widgets",
    "/admin/variables",
    "/account/commands",
    "/w/sample-library/prompts",
    "/admin/settings?q=openai",
    "/admin/appearance",
    "/admin/chats",
    "/admin/jobs",
    "/admin/audit?verify=1",
    "/admin/system",
];

/// Returns violations of WCAG 2.2 AA found by axe-core, as `rule: elements`.
pub async fn violations(browser: &mut Browser) -> Result<Vec<String>> {
    browser.run(AXE).await?;
    // Elements that are still fading in have a lower contrast.
    browser
        .run(
            "Promise.all(document.getAnimations() \
             .filter((it) => it.effect.getComputedTiming().endTime < Infinity) \
             .map((it) => it.finished.catch(() => {}))).then(() => true)",
        )
        .await?;
    let found = browser
        .run(
            "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', \
             'best-practice'] }).then((found) => found.violations.map((rule) => rule.id + ': ' + \
             rule.nodes.map((node) => node.html.slice(0, 160)).join(' | ')))",
        )
        .await?;
    let found = found.as_array().cloned().unwrap_or_default();
    Ok(found.iter().filter_map(|rule| rule.as_str()).map(str::to_owned).collect())
}

#[tokio::test]
async fn every_page_is_accessible_and_logs_no_error() -> Result<()> {
    let (server, _model, link) = fresh().await?;
    let base = base(&server);
    let mut browser = Browser::start(1280, 900).await?;
    let mut found = Vec::new();
    for (path, theme) in [("/sign-in", "light"), (link.trim_start_matches(&base), "dark")] {
        browser.prefer(theme).await?;
        browser.open(&format!("{base}{path}")).await?;
        found.extend(violations(&mut browser).await?);
    }
    furnish(&mut browser, &server, &link).await?;
    for (number, page) in PAGES.into_iter().enumerate() {
        browser.prefer(if number % 2 == 0 { "light" } else { "dark" }).await?;
        if number % 3 == 2 {
            browser.resize(390, 844, true).await?;
        } else {
            browser.resize(1280, 900, false).await?;
        }
        browser.open(&format!("{base}{page}")).await?;
        let wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
        if browser.run(wide).await? == true {
            found.push(format!("{page} is wider than the window"));
        }
        let on_page = violations(&mut browser).await?;
        found.extend(on_page.into_iter().map(|rule| format!("{page}: {rule}")));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    well_behaved(&browser, &server);
    Ok(())
}
