//! Large uploads: a job of small steps, between which other requests are served.
use anyhow::{Context, Result, ensure};
use e2e::{Answer, Backend, Client, Mode, TestServer, in_both_modes, model_server};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::jobs::{embedding_with, is_over, until};

in_both_modes!(
    a_question_is_answered_while_a_mailbox_is_indexed,
    indexing_of_a_mailbox_is_completed_after_a_kill,
    documents_that_cannot_be_indexed_stay_in_the_library_with_a_warning,
);

const MAILS: usize = 1_000;

fn mailbox() -> Vec<u8> {
    let mail = |number: usize| {
        format!(
            "From a@example.org Thu Jan  1 00:00:00 2026\nFrom: a@example.org\n\
             Subject: Mail {number}\nDate: Thu, 1 Jan 2026 00:00:00 +0000\n\n\
             This is mail number{number}.\n\n"
        )
    };
    (0..MAILS).map(mail).collect::<String>().into_bytes()
}

/// Uploads the mailbox to a workspace and waits until the first mails are indexed. Returns the
/// request and its job.
async fn begin(admin: &Client) -> Result<(JoinHandle<Result<Answer>>, Value)> {
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let sender = admin.clone();
    let sent = tokio::spawn(async move {
        sender.upload("post.mbox", &mailbox(), &[("addToWorkspaces", "alpha")]).await
    });
    for _ in 0..600 {
        let listed = admin.get("/v1/jobs").await?.ok()?;
        if let Some(id) = listed["jobs"][0].get("id") {
            let some = |job: &Value| job["progress"]["done"].as_u64() >= Some(1);
            let job = until(admin, id, some).await?["job"].clone();
            return Ok((sent, job));
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    anyhow::bail!("no job was begun")
}

/// Checks that every mail is a document of the library and of the workspace.
async fn assert_whole(admin: &Client) -> Result<()> {
    let folder = admin.get("/v1/documents/folder/custom-documents?limit=1").await?.ok()?;
    assert_eq!(folder["totalCount"], MAILS);
    let found = admin.get("/v1/workspace/alpha").await?.ok()?;
    assert_eq!(found["workspace"][0]["documents"].as_array().map(Vec::len), Some(MAILS));
    Ok(())
}

async fn a_question_is_answered_while_a_mailbox_is_indexed(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let model = model_server::start().await?;
    let server =
        TestServer::start_for(embedding_with(backend, &model.base_url(), "slow"), mode).await?;
    let admin = server.admin();
    let (sent, job) = begin(admin).await?;
    assert_eq!(job["progress"]["total"], MAILS, "an item for each mail");
    assert_eq!(job["state"], "running");
    let question = json!({ "message": "Which mail is number7?", "mode": "chat" });
    admin.post("/v1/workspace/alpha/chat", question).await?.ok()?;
    let added = sent.await??.ok()?;
    let documents = added["documents"].as_array().context("no documents")?;
    assert_eq!((documents.len(), added.get("warnings")), (MAILS, None));
    let over = admin.get(&format!("/v1/jobs/{}", job["id"])).await?.ok()?;
    assert_eq!(
        (&over["job"]["state"], &over["job"]["progress"]["done"]),
        (&json!("done"), &json!(MAILS))
    );
    let chats = admin.get("/v1/workspace/alpha/chats").await?.ok()?;
    assert!(chats.to_string().contains("Which mail is number7?"), "{chats}");
    assert_whole(admin).await
}

async fn indexing_of_a_mailbox_is_completed_after_a_kill(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let model = model_server::start().await?;
    let options = embedding_with(backend, &model.base_url(), "slow");
    let mut server = TestServer::start_for(options, mode).await?;
    let (sent, job) = begin(server.admin()).await?;
    server.kill()?;
    ensure!(sent.await?.is_err(), "nothing was acknowledged");
    server.run().await?;
    let over = until(server.admin(), &job["id"], is_over).await?;
    assert_eq!(
        (&over["job"]["state"], &over["job"]["progress"]["done"]),
        (&json!("done"), &json!(MAILS))
    );
    assert_whole(server.admin()).await
}

async fn documents_that_cannot_be_indexed_stay_in_the_library_with_a_warning(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let model = model_server::start().await?;
    let server =
        TestServer::start_for(embedding_with(backend, &model.base_url(), "fail-500"), mode).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let into = [("addToWorkspaces", "alpha")];
    let added = admin.upload("honey.txt", b"Bees make honey.", &into).await?.ok()?;
    let warnings = added["warnings"].as_array().context("no warning")?;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let folder = admin.get("/v1/documents/folder/custom-documents?limit=1").await?.ok()?;
    assert_eq!(folder["totalCount"], 1);
    let found = admin.get("/v1/workspace/alpha").await?.ok()?;
    assert_eq!(found["workspace"][0]["documents"], json!([]));
    Ok(())
}
