//! Histories with so many pictures that loading all of them would exhaust memory.
use anyhow::{Context, Result};
use e2e::{Backend, Client, TestServer, on_both_databases};
use serde_json::{Value, json};

use super::floods::peak;

on_both_databases!(histories_with_pictures_take_bounded_memory);

/// The number of exchanges; with pictures of this many base64 bytes they are 320 MB.
const EXCHANGES: usize = 240;
const PICTURE: usize = 1_333_332;

/// Limit of the additional memory for reading all exchanges: several times the size of a response.
const CAP: u64 = 200 << 20;

/// Maximum size of a response: 16 MiB, and the exchange that exceeds it.
const LONGEST: usize = (16 << 20) + (2 << 20);

fn bytes_of(body: &Value) -> usize {
    body.to_string().len()
}

/// Reads a history page by page. Returns the number of exchanges.
async fn walk(admin: &Client, path: &str) -> Result<usize> {
    let (mut offset, mut parts) = (0, 0);
    loop {
        let page = admin.get(&format!("{path}?limit=1000&offset={offset}")).await?.ok()?;
        assert!(bytes_of(&page) < LONGEST, "{path}: {} bytes", bytes_of(&page));
        let messages = page["history"].as_array().context("a history")?;
        assert!(messages.len() >= 2 && messages.len() % 2 == 0, "{path}");
        let picture = &messages[0]["attachments"][0]["contentString"];
        assert_eq!(picture.as_str().map(str::len), Some(PICTURE), "{path}");
        offset += messages.len() / 2;
        parts += 1;
        if page.get("has_more").is_none() {
            assert_eq!(offset, EXCHANGES, "{path}");
            return Ok(parts);
        }
    }
}

async fn histories_with_pictures_take_bounded_memory(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let picture = "A".repeat(PICTURE);
    let attachments = json!([{ "name": "a.png", "mime": "image/png", "contentString": picture }]);
    let ask = json!({ "message": "Look", "mode": "chat", "attachments": attachments });
    for _ in 0..EXCHANGES {
        admin.post("/v1/workspace/alpha/chat", ask.clone()).await?.ok()?;
    }
    let memory = peak(&server)?;

    for mount in ["/v1", "/api/v1"] {
        let parts = walk(admin, &format!("{mount}/workspace/alpha/chats")).await?;
        assert!((15..40).contains(&parts), "{parts} parts");
    }

    // The native log contains only texts; the other mount returns the stored answer with its
    // pictures.
    let log = admin.post("/v1/admin/workspace-chats", json!({ "offset": 0 })).await?.ok()?;
    assert_eq!(log["chats"].as_array().map(Vec::len), Some(20));
    assert!(log.get("has_more").is_none() && bytes_of(&log) < 1 << 20);
    let (mut before, mut count) = (Value::Null, 0);
    loop {
        let body = json!({ "offset": 0, "before": before });
        let log = admin.post("/api/v1/admin/workspace-chats", body).await?.ok()?;
        assert!(bytes_of(&log) < LONGEST, "{} bytes", bytes_of(&log));
        let chats = log["chats"].as_array().context("a log")?;
        let last = chats.last().context("an exchange")?;
        assert!(last["response"].as_str().is_some_and(|answer| answer.contains(&picture)));
        (before, count) = (last["id"].clone(), count + chats.len());
        if log["hasPages"] == false {
            break;
        }
        assert_eq!(log["hasMore"], true);
    }
    assert_eq!(count, EXCHANGES);

    let export = admin.get("/v1/system/export-chats?type=json").await?;
    assert_eq!(export.status, 200);

    // The model gets a bounded number of earlier pictures.
    let last = json!({ "message": "And now?", "mode": "chat" });
    admin.post("/v1/workspace/alpha/chat", last).await?.ok()?;

    let grown = peak(&server)?.saturating_sub(memory);
    println!("{} MiB more than before", grown >> 20);
    assert!(grown < CAP, "{} MiB more than before", grown >> 20);
    Ok(())
}
