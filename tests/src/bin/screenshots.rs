//! Takes pictures of every page, light and dark, for phone and desktop, in English and Arabic:
//! `cargo xtask screenshots`.
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use e2e::browser::Browser;
use e2e::{Backend, Client, TestServer};
use serde_json::json;

const SIZES: [(&str, u32, u32, bool); 2] = [("desk", 1440, 900, false), ("phone", 390, 844, true)];

/// Name and path of every page behind the sign-in.
const PAGES: [(&str, &str); 44] = [
    ("welcome", "/welcome"),
    ("home", "/"),
    ("workspace-new", "/workspaces/new"),
    ("chat", "/w/sample-library"),
    ("chat-empty", "/w/research"),
    ("documents", "/w/sample-library/documents"),
    ("documents-empty", "/w/research/documents"),
    ("library", "/documents"),
    ("library-folder", "/documents?folder=Minutes"),
    ("library-none", "/documents?q=nothing"),
    ("job", "/jobs/2"),
    ("settings", "/w/sample-library/settings"),
    ("members", "/w/sample-library/members"),
    ("chat-reword", "/w/sample-library?reword=1"),
    ("chat-correct", "/w/sample-library/chats/1/correct?base=/w/sample-library"),
    ("chat-unanswered", "/w/contracts-2026"),
    ("find", "/find?q=lamp"),
    ("deleted", "/account/bin"),
    ("search-begin", "/search"),
    ("search", "/search?w=sample-library&q=Which+lamp+is+on+the+railing%3F"),
    ("account", "/account"),
    ("admin-users", "/admin/users"),
    ("admin-user", "/admin/users/2"),
    ("admin-invites", "/admin/invites"),
    ("admin-keys", "/admin/keys"),
    ("admin-gallery", "/admin/models/language"),
    ("admin-widgets", "/admin/widgets"),
    ("admin-import", "/admin/import"),
    ("admin-language", "/admin/models/language?provider=generic-openai"),
    ("admin-embedding", "/admin/models/embedding"),
    ("admin-vectors", "/admin/models/vectors"),
    ("admin-settings", "/admin/settings?q=openai"),
    ("admin-preferences", "/admin/appearance"),
    ("admin-chats", "/admin/chats"),
    ("admin-jobs", "/admin/jobs"),
    ("admin-audit", "/admin/audit?verify=1"),
    ("admin-system", "/admin/system"),
    ("admin-variables", "/admin/variables"),
    ("admin-images", "/admin/models/images?provider=lemonade"),
    ("admin-rerank", "/admin/models/reranking"),
    ("admin-hearing", "/admin/models/hearing"),
    ("admin-speaking", "/admin/models/speaking"),
    ("prompts", "/w/sample-library/prompts"),
    ("missing", "/nope"),
];

#[tokio::main]
async fn main() -> Result<()> {
    let into = std::env::args().nth(1).context("the directory for the pictures is missing")?;
    let into = PathBuf::from(into);
    fs::create_dir_all(&into)?;
    let server = TestServer::start(Backend::Sqlite).await?;
    server.wait_for_log("/setup?token=").await?;
    let base = format!("http://{}", server.admin().address());
    let log = server.log()?;
    let link = log.split_whitespace().rfind(|word| word.contains("/setup?token="));
    let link = link.context("the server printed no link")?.to_owned();
    let mut browser = Browser::start(1280, 860).await?;
    let mut shots = Shots { browser: &mut browser, into, base: base.clone(), suffix: "" };
    shots.take("fresh", "/sign-in").await?;
    shots.take("setup", link.trim_start_matches(&base)).await?;
    prepare(&server, shots.browser, &link).await?;
    shots.pages().await?;
    shots.browser.live_in("Africa/Cairo", "ar").await?;
    shots.suffix = "-ar";
    shots.pages().await?;
    shots.browser.live_in("Europe/London", "en-GB").await?;
    shots.suffix = "";
    readme(&mut shots).await?;
    shots.browser.open(&format!("{base}/")).await?;
    shots.browser.leave_by("document.querySelector('form[action=\"/sign-out\"]').submit()").await?;
    shots.take("sign-in", "/sign-in").await
}

/// Takes the picture of the README: an answer with its citations.
async fn readme(shots: &mut Shots<'_>) -> Result<()> {
    let (browser, base) = (&mut *shots.browser, &shots.base);
    browser.resize(1180, 720, false).await?;
    browser.prefer("light").await?;
    browser.open("about:blank").await?;
    browser.open(&format!("{base}/w/sample-library#turn-1")).await?;
    browser
        .run("document.activeElement.blur(), document.querySelector('#turn-1 .source').focus()")
        .await?;
    let picture = browser.picture(false).await?;
    ensure!(picture.len() < 150_000, "the picture of an answer has {} bytes", picture.len());
    fs::write(shots.into.join("answer.png"), picture)?;
    Ok(())
}

/// Creates a team, documents and conversations to show.
async fn prepare(server: &TestServer, browser: &mut Browser, link: &str) -> Result<()> {
    browser.open(link).await?;
    browser.fill("#username", "ada").await?;
    browser.fill("#password", "a long enough password").await?;
    browser.follow("form button").await?;
    browser.follow("form[action='/welcome/sample'] button").await?;
    for question in ["Which lamp is on the railing?", "How long does the reserve lamp last?"] {
        ask(browser, question).await?;
    }
    let admin = server.admin();
    for name in ["Research", "Contracts 2026"] {
        admin.post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
    }
    let directory = tempfile::tempdir()?;
    let (picture, notes) = (directory.path().join("plan.png"), directory.path().join("notes.md"));
    fs::write(&picture, browser.picture(false).await?)?;
    fs::write(&notes, "The tower was painted in May.")?;
    browser.choose_files("#attach", &[&picture, &notes]).await?;
    ask(browser, "When was the tower on this plan painted?").await?;
    // Answers use only documents, and this workspace has none.
    let query = json!({ "chatMode": "query" });
    admin.post("/v1/workspace/contracts-2026/update", query).await?.ok()?;
    let base = format!("http://{}", admin.address());
    browser.open(&format!("{base}/w/contracts-2026")).await?;
    ask(browser, "Until when does the lease of the boathouse run?").await?;
    let appearance = json!({
        "support_email": "desk@example.org",
        "footer_data": [{ "icon": "LinkSimple", "url": "https://help.example.org/" }],
    });
    admin.post("/v1/admin/preferences", appearance).await?.ok()?;
    for (name, role) in [("grace", "manager"), ("edsger", "default")] {
        let user = json!({ "username": name, "password": "a long enough password", "role": role });
        admin.post("/v1/admin/users/new", user).await?.ok()?;
    }
    for _ in 0..2 {
        admin.post("/v1/admin/invite/new", json!({ "workspaceIds": [1] })).await?.ok()?;
    }
    fill_library(admin).await?;
    let key = json!({ "name": "Backup script", "scopes": ["read"] });
    admin.post("/v1/admin/api-keys", key).await?.ok()?;
    Ok(())
}

/// Adds documents to folders and workspaces; one of them cannot be placed.
async fn fill_library(admin: &Client) -> Result<()> {
    admin.post("/v1/document/create-folder", json!({ "name": "Minutes" })).await?.ok()?;
    admin
        .post("/v1/document/create-folder", json!({ "name": "Leases and land registry" }))
        .await?
        .ok()?;
    let (mut adds, mut moves) = (Vec::new(), Vec::new());
    for month in ["January", "February", "March", "April", "May"] {
        let text =
            format!("The committee met in {month} and agreed on the repair of the lamp.\n\n")
                .repeat(40);
        let title = format!("Minutes of the harbour committee, {month} 2026.docx");
        let raw = json!({ "textContent": text, "metadata": { "title": title } });
        let added = admin.post("/v1/document/raw-text", raw).await?.ok()?;
        let from = added["documents"][0]["location"].as_str().unwrap_or_default().to_owned();
        let to = from.replace("custom-documents/", "Minutes/");
        moves.push(json!({ "from": from, "to": to }));
        adds.push(to);
    }
    admin.post("/v1/document/move-files", json!({ "files": moves })).await?.ok()?;
    adds.pop();
    for slug in ["research", "contracts-2026"] {
        if slug == "contracts-2026" {
            adds.push("Minutes/withdrawn-agenda.json".to_owned());
        }
        let path = format!("/v1/workspace/{slug}/update-embeddings?async=true");
        admin.post(&path, json!({ "adds": adds })).await?;
    }
    Ok(())
}

/// Waits for the answer.
async fn ask(browser: &mut Browser, question: &str) -> Result<()> {
    let turns = browser.run("document.querySelectorAll('.turn').length").await?;
    browser.fill("#message", question).await?;
    browser.click("button.send").await?;
    let is_answered = format!(
        "document.querySelectorAll('.turn').length > {turns} && \
         !document.querySelector('[data-answer]')"
    );
    browser.wait(&is_answered).await
}

struct Shots<'a> {
    browser: &'a mut Browser,
    into: PathBuf,
    base: String,
    /// Suffix of the names of pictures.
    suffix: &'static str,
}

impl Shots<'_> {
    /// Takes every page in the language of the browser.
    async fn pages(&mut self) -> Result<()> {
        for (name, path) in PAGES {
            self.take(name, path).await?;
        }
        let choose = "document.querySelectorAll('input[name=path]')[1].click(); \
            document.querySelectorAll('.bulk details.menu')[0].open = true; \
            document.querySelector('#shelf').scrollIntoView()";
        self.take_after("library-chosen", "/documents", choose).await?;
        let text = "document.querySelector('#shelf .table-name').getAttribute('href')";
        let text = self.read("/documents?folder=Minutes", text).await?;
        self.take("library-text", &text).await?;
        let source = "document.querySelector('a.source').getAttribute('href')";
        let source = self.read("/w/sample-library", source).await?;
        self.take("source", &source).await?;
        let beside = "document.querySelector('a.source').click(); \
            new Promise((done) => setTimeout(done, 1000))";
        self.take_after("source-beside", "/w/sample-library", beside).await
    }

    /// Runs a script on a page and returns its value.
    async fn read(&mut self, path: &str, script: &str) -> Result<String> {
        self.browser.open(&format!("{}{path}", self.base)).await?;
        Ok(self.browser.run(script).await?.as_str().unwrap_or_default().to_owned())
    }

    async fn take(&mut self, name: &str, path: &str) -> Result<()> {
        self.take_after(name, path, "").await
    }

    /// Takes a picture of a page after running a script in it.
    async fn take_after(&mut self, name: &str, path: &str, script: &str) -> Result<()> {
        for (size, width, height, is_phone) in SIZES {
            self.browser.resize(width, height, is_phone).await?;
            for theme in ["light", "dark"] {
                self.browser.prefer(theme).await?;
                // An address that differs only in its fragment would not be loaded again.
                self.browser.open("about:blank").await?;
                self.browser.open(&format!("{}{path}", self.base)).await?;
                self.browser.run(script).await?;
                let picture = self.browser.picture(false).await?;
                fs::write(
                    self.into.join(format!("{name}{}-{size}-{theme}.png", self.suffix)),
                    picture,
                )?;
            }
        }
        println!("{name}");
        Ok(())
    }
}
