//! A server for one person: the owner, signed in with a password, can do everything a team's admin
//! can.
use anyhow::{Result, ensure};
use e2e::visitor::{Page, Visitor};
use e2e::{Backend, Mode, TestServer, on_both_databases};
use reqwest::Method;
use reqwest::multipart::{Form, Part};

on_both_databases!(an_owner_adds_documents_asks_about_them_and_exports_the_answers);

/// Waits until a page contains a text.
async fn until(visitor: &mut Visitor, path: &str, text: &str) -> Result<Page> {
    for _ in 0..600 {
        let page = visitor.get(path).await?;
        ensure!(page.status == 200, "{path} answered {}: {}", page.status, page.text);
        if page.says(text) {
            return Ok(page);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    anyhow::bail!("{path} never says {text}")
}

async fn an_owner_adds_documents_asks_about_them_and_exports_the_answers(
    backend: Backend,
) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let mut owner = Visitor::first(&server, Mode::Owner).await?;
    let created = owner.post("/workspaces/new", &[("name", "Alpha")]).await?;
    assert_eq!(created.status, 303, "{}", created.text);

    let file = Part::bytes(&b"The crane in the old harbour is called Berta."[..]);
    let form = Form::new().part("file", file.file_name("crane.txt"));
    let upload = owner.request(Method::POST, "/w/alpha/documents/upload").multipart(form);
    let sent = owner.send(upload).await?;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let job = sent.leads_to().to_owned();
    ensure!(job.starts_with("/jobs/"), "{job}");
    until(&mut owner, &job, "data-over").await?;
    until(&mut owner, "/w/alpha/documents", "crane.txt").await?;
    let pasted = [("title", "Ferry"), ("text", "The ferry to the island leaves at nine.")];
    let pasted = owner.post("/w/alpha/documents/paste", &pasted).await?;
    assert_eq!(pasted.status, 303, "{}", pasted.text);
    until(&mut owner, "/w/alpha/documents", "Ferry").await?;
    assert!(owner.get("/admin/jobs").await?.says(&job));
    // The API returns the same job.
    let jobs = server.admin().get("/v1/jobs").await?.ok()?;
    assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(2), "{jobs}");

    let answer = owner.post("/w/alpha/ask", &[("message", "What is the crane called?")]).await?;
    assert_eq!(answer.leads_to(), "/w/alpha#latest", "{}", answer.text);
    assert!(owner.get("/w/alpha").await?.says("Berta"));
    let thread = owner.post("/w/alpha/threads", &[]).await?;
    let path_to_ask = format!("{}/ask", thread.leads_to());
    let answer = owner.post(&path_to_ask, &[("message", "When does the ferry leave?")]).await?;
    assert_eq!(answer.status, 303, "{}", answer.text);

    for page in ["/w/alpha/settings", "/search", "/account", "/admin/chats", "/admin/audit"] {
        let shown_page = owner.get(page).await?;
        assert_eq!(shown_page.status, 200, "{page}: {}", shown_page.text);
    }
    for page in ["/admin/system", "/admin/keys", "/admin/settings", "/admin/models/language"] {
        let shown_page = owner.get(page).await?;
        assert_eq!(shown_page.status, 200, "{page}: {}", shown_page.text);
    }
    let exported = owner.get("/admin/chats/export?type=jsonl").await?;
    assert_eq!(exported.status, 200, "{}", exported.text);
    assert!(exported.says("What is the crane called?"), "{}", exported.text);
    let backup = owner.post("/admin/system/backup", &[]).await?;
    assert_eq!(backup.status, 200);
    let withdrawn = owner.post("/w/alpha/delete", &[("name", "Alpha")]).await?;
    assert!(withdrawn.status < 400, "{}", withdrawn.text);
    assert!(!server.log()?.contains("panicked"));
    Ok(())
}
