//! The memory of questions with large attachments while they wait for a model.
use std::time::Duration;

use anyhow::{Context, Result};
use e2e::TestServer;
use serde_json::{Value, json};

use super::backend;

/// Limit of the server's additional memory while all questions wait for the model. Their
/// attachments are 200 MB; kept until the end, they took 330. Images are held until the provider
/// answers, because they are sent in full.
const CAP: u64 = 220 << 20;

const DOCUMENTS: usize = 20;
const IMAGES: usize = 8;

/// Returns the current memory of the server, in bytes.
fn resident(server: &TestServer) -> Result<u64> {
    let status = format!("/proc/{}/status", server.process_id().context("not running")?);
    let status = std::fs::read_to_string(status)?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kilobytes: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kilobytes << 10)
}

fn question(name: &str, mime: &str, content: &str) -> Value {
    let attached = json!({ "name": name, "mime": mime, "contentString": content });
    json!({ "message": "What is this?", "mode": "chat", "attachments": [attached] })
}

#[tokio::test]
async fn waiting_questions_hold_little_of_their_attachments_in_memory() -> Result<()> {
    let model = e2e::model_server::start().await?;
    let server = TestServer::start(backend()).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let change = json!({
        "LLMProvider": "generic-openai", "GenericOpenAiBasePath": model.base_url(),
        "GenericOpenAiModelPref": "silent", "GenericOpenAiTokenLimit": 4096,
    });
    admin.post("/v1/system/update-env", change).await?.ok()?;
    // At this mount unreadable attachments are skipped, which is faster than reading them.
    let path = "/api/v1/workspace/alpha/chat";
    let before = resident(&server)?;

    // Neither is a valid file beyond its first bytes.
    let document = question("notes.bin", "application/x", &"AAECAwQF".repeat(1 << 20));
    let picture = question("a.png", "image/png", &"iVBORw0K".repeat(1 << 19));
    let mut questions = tokio::task::JoinSet::new();
    let documents = std::iter::repeat_n(&document, DOCUMENTS);
    for body in documents.chain(std::iter::repeat_n(&picture, IMAGES)) {
        let (client, body) = (admin.clone(), body.clone());
        questions.spawn(async move { client.post(path, body).await });
    }
    let mut patience = 1_200;
    let growth = loop {
        let waiting = model.received().len();
        let memory_held = resident(&server)?.saturating_sub(before);
        if waiting >= DOCUMENTS + IMAGES && memory_held < CAP {
            break memory_held;
        }
        if let Some(ended) = questions.try_join_next() {
            let answer = ended??;
            anyhow::bail!("a question ended with {}: {}", answer.status, answer.body);
        }
        patience -= 1;
        anyhow::ensure!(patience > 0, "{waiting} questions wait, and {memory_held} bytes are held");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    println!("{growth} bytes are held");
    questions.shutdown().await;
    assert_eq!(std::fs::read_dir(server.storage().join("tmp"))?.count(), 0);
    Ok(())
}
