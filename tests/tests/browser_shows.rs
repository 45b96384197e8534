//! The whole way from the first start to the undo of a deletion, in three languages. Steps find
//! elements, not words, so they are the same in each language.
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use e2e::browser::Browser;
use e2e::{Backend, TestServer, hostile, model_server};
use serde_json::json;

use crate::browser_journey::{PASSWORD, base, violations, well_behaved};
use crate::browser_width::WIDER;

/// The number of files in one upload, and in the languages other than English.
const FILES: usize = 300;
const FEWER_FILES: usize = 24;

#[tokio::test]
async fn the_whole_way_with_three_hundred_files() -> Result<()> {
    walk("en-GB", "en", "ltr", FILES).await
}

#[tokio::test]
async fn the_setup_works_in_german() -> Result<()> {
    walk("de-DE", "de", "ltr", FEWER_FILES).await
}

#[tokio::test]
async fn the_setup_works_in_arabic() -> Result<()> {
    walk("ar-EG", "ar", "rtl", FEWER_FILES).await
}

async fn walk(wanted: &str, language: &str, direction: &str, files: usize) -> Result<()> {
    let model = model_server::start().await?;
    let mut server = TestServer::start(Backend::Sqlite).await?;
    server.wait_for_log("/setup?token=").await?;
    let log = server.log()?;
    let link = log.split_whitespace().rfind(|word| word.contains("/setup?token="));
    let link = link.context("no link")?.to_owned();
    let mut ada = Browser::start(1280, 900).await?;
    ada.live_in("Europe/Berlin", wanted).await?;
    ada.open(&link).await?;
    let spoken = "[document.documentElement.lang, document.documentElement.dir]";
    assert_eq!(ada.run(spoken).await?, json!([language, direction]));
    ada.fill("#username", "ada").await?;
    ada.fill("#password", PASSWORD).await?;
    ada.follow("form button").await?;
    let mut walk = Walk { base: base(&server), server: &mut server, ada };
    walk.connect_a_model(&model).await?;
    walk.upload(files).await?;
    walk.ask().await?;
    walk.read_the_source().await?;
    walk.branch_and_find().await?;
    walk.share_and_revoke().await?;
    walk.delete_and_take_back().await?;
    let Walk { ada, .. } = walk;
    well_behaved(&ada, &server);
    Ok(())
}

struct Walk<'a> {
    server: &'a mut TestServer,
    base: String,
    ada: Browser,
}

impl Walk<'_> {
    async fn open(&mut self, path: &str) -> Result<()> {
        self.ada.open(&format!("{}{path}", self.base)).await
    }

    /// Checks that nothing overflows and that the page is accessible.
    async fn looks_right(&mut self, what: &str) -> Result<()> {
        let wider = self.ada.run(WIDER).await?;
        ensure!(wider == "", "{what}: {wider}");
        let found = violations(&mut self.ada).await?;
        ensure!(found.is_empty(), "{what}: {found:?}");
        Ok(())
    }

    async fn connect_a_model(&mut self, model: &model_server::ModelServer) -> Result<()> {
        self.open("/admin/models/language").await?;
        self.looks_right("the gallery").await?;
        self.ada.follow(".provider[href$='provider=generic-openai']").await?;
        self.ada.fill("[name=GenericOpenAiBasePath]", &model.base_url()).await?;
        self.ada.wait("document.querySelectorAll('#model-choice option').length > 10").await?;
        self.ada.fill("#model-choice", "lengthy").await?;
        self.ada.follow("form[data-guard] .button-main").await?;
        self.ada.wait("!!document.querySelector('.status-good')").await?;
        self.looks_right("a provider").await
    }

    async fn upload(&mut self, count: usize) -> Result<()> {
        // The reader shows pages of files that are kept.
        let kept = json!({ "keep_originals": "on" });
        self.server.admin().post("/v1/admin/preferences", kept).await?.ok()?;
        self.open("/workspaces/new").await?;
        self.ada.fill("#name", "Harbour").await?;
        self.ada.follow("main form button").await?;
        self.open("/w/harbour/documents").await?;
        let directory = tempfile::tempdir()?;
        let mut files: Vec<PathBuf> = Vec::new();
        for number in 1..count {
            let file = directory.path().join(format!("note-{number}.txt"));
            std::fs::write(
                &file,
                format!("Note {number} tells of barge {number} in dock {number}."),
            )?;
            files.push(file);
        }
        let handbook = directory.path().join("handbook.pdf");
        let lines = ["Harbour handbook", "The crane in the old harbour is called Berta."];
        std::fs::write(&handbook, hostile::printed_pdf(&lines))?;
        files.push(handbook);
        let files: Vec<_> = files.iter().map(PathBuf::as_path).collect();
        self.ada.choose_files("#file", &files).await?;
        // One line tells of all of them while they come, and few rows are there at a time.
        let total = "document.querySelector('[data-total]').innerText";
        self.ada.wait(&format!("{total}.includes('{count}')")).await?;
        let started = std::time::Instant::now();
        let closable = "document.querySelector('#tray [data-tray-close]').checkVisibility()";
        while self.ada.run(closable).await? != true {
            ensure!(started.elapsed().as_secs() < 240, "{}", self.ada.run(total).await?);
            let rows = self.ada.run("document.querySelectorAll('.upload').length").await?;
            ensure!(rows.as_u64().is_some_and(|rows| rows <= 7), "{rows} rows");
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        assert_eq!(
            self.ada.run("document.querySelectorAll('.upload[data-state=failed]').length").await?,
            0
        );
        self.server.admin().jobs_end().await?;
        self.ada.wait("!!document.querySelector('.job[data-over]')").await?;
        self.looks_right("the uploads").await?;
        self.ada.click("[data-tray-close]").await?;
        self.ada.wait("!document.querySelector('#tray').checkVisibility()").await?;
        let listed = self.server.admin().get("/v1/workspace/harbour").await?.ok()?;
        let listed = listed["workspace"][0]["documents"].as_array().map(Vec::len);
        assert_eq!(listed, Some(count));
        Ok(())
    }

    async fn ask(&mut self) -> Result<()> {
        self.open("/w/harbour").await?;
        self.looks_right("an empty conversation").await?;
        self.ada.follow("#threads form button").await?;
        self.ada.fill("#message", "What is the crane in the old harbour called?").await?;
        self.ada.click("button.send").await?;
        self.ada.wait("!!document.querySelector('.turn[id^=turn-] .turn-actions')").await?;
        for part in ["table", "figure.code", "math"] {
            let there = format!("!!document.querySelector('.answered .prose {part}')");
            ensure!(self.ada.run(&there).await? == true, "there is no {part}");
        }
        self.looks_right("an answer").await?;
        self.ada.run("document.querySelector('.sources a').focus()").await?;
        self.ada.wait("document.querySelector('#cite-card')?.checkVisibility()").await?;
        self.looks_right("the card of a citation").await
    }

    async fn read_the_source(&mut self) -> Result<()> {
        let handbook = "[...document.querySelectorAll('.source-group')].find((it) => it.innerText.includes('handbook')).querySelector('a')";
        self.ada.run(&format!("{handbook}.click()")).await?;
        let passage = "document.querySelector('.reader-panel #passage')?.innerText";
        self.ada.wait(&format!("{passage}?.includes('Berta')")).await?;
        let page = "document.querySelector('.reader-panel .page-view img')";
        self.ada.run(&format!("{page}.scrollIntoView()")).await?;
        self.ada.wait(&format!("{page}.complete && {page}.naturalWidth > 300")).await?;
        self.looks_right("the reader").await?;
        self.ada.press("Escape").await?;
        self.ada.wait("document.querySelector('.reader-panel').hidden").await
    }

    async fn branch_and_find(&mut self) -> Result<()> {
        let before = self.ada.run("location.pathname").await?;
        self.ada.run("document.querySelector('.turn-actions details.menu').open = true").await?;
        self.ada.follow(".turn-actions form[action$='/branch'] button").await?;
        ensure!(self.ada.run("location.pathname").await? != before, "it is the same conversation");
        self.ada.wait("document.querySelectorAll('.turn').length === 1").await?;
        self.open("/find?q=crane").await?;
        ensure!(
            self.ada.run("document.querySelectorAll('a.found[href*=\"/t/\"]').length").await? != 0
        );
        self.ada
            .wait("/crane/i.test(document.querySelector('.found-said mark')?.innerText)")
            .await?;
        self.looks_right("what was found").await?;
        let found = self
            .ada
            .run("document.querySelector('a.found[href*=\"/t/\"]').getAttribute('href')")
            .await?;
        self.open(found.as_str().unwrap_or_default()).await
    }

    async fn share_and_revoke(&mut self) -> Result<()> {
        let on = json!({ "share_conversations": "on" });
        self.server.admin().post("/v1/admin/preferences", on).await?.ok()?;
        let here = self.ada.run("location.pathname").await?;
        let here = here.as_str().unwrap_or_default().to_owned();
        self.open(&format!("{here}/share")).await?;
        self.ada.follow("main form .button-main").await?;
        let link = "document.querySelector('.copy code, .copy pre').innerText";
        let link = self.ada.run(link).await?.as_str().unwrap_or_default().to_owned();
        let mut stranger = Browser::start(1280, 900).await?;
        stranger.live_in("Europe/Berlin", "ar").await?;
        stranger.open(&link).await?;
        stranger.wait("document.querySelectorAll('.turn .prose').length === 1").await?;
        self.open(&format!("{here}/share")).await?;
        self.ada.follow("form[action$='/revoke'] button").await?;
        stranger.open(&link).await?;
        assert_eq!(stranger.run("document.querySelectorAll('.turn').length").await?, 0);
        self.open(&here).await
    }

    async fn delete_and_take_back(&mut self) -> Result<()> {
        self.ada.run("document.querySelector('.chat-head details.menu').open = true").await?;
        self.ada.run("document.querySelector('.chat-head .confirm').open = true").await?;
        let here = self.ada.run("location.pathname").await?;
        self.ada.follow(".chat-head .confirm form button").await?;
        self.ada.wait("location.pathname === '/w/harbour'").await?;
        self.ada.follow(".notice form[action^='/bin/'] button").await?;
        self.ada.wait(&format!("location.pathname === {here}")).await?;
        self.ada.wait("document.querySelectorAll('.turn').length === 1").await
    }
}
