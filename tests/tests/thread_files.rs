//! Files of a thread: read once, part of every question there, until they are removed.
use anyhow::{Context, Result};
use e2e::visitor::Visitor;
use e2e::{Backend, Mode, Options, TestServer, model_server, on_both_databases};
use serde_json::{Value, json};

on_both_databases!(a_file_is_sent_with_every_question_of_its_thread_until_it_is_removed);

/// `The ferry sails at nine.`, `Minutes of the meeting.`
const FERRY: &str = "VGhlIGZlcnJ5IHNhaWxzIGF0IG5pbmUu";
const MINUTES: &str = "TWludXRlcyBvZiB0aGUgbWVldGluZy4=";

/// Returns the last messages sent to the model.
fn last_sent(model: &model_server::ModelServer) -> Result<String> {
    Ok(model.requests().pop().context("nothing was asked")?["messages"].to_string())
}

fn names(files: &Value) -> Vec<&str> {
    let files = files["files"].as_array().into_iter().flatten();
    files.filter_map(|file| file["name"].as_str()).collect()
}

async fn a_file_is_sent_with_every_question_of_its_thread_until_it_is_removed(
    backend: Backend,
) -> Result<()> {
    let model = model_server::start().await?;
    let options = Options::from(backend).answered_by(model.base_url(), "echo", "4096");
    let server = TestServer::start(options).await?;
    let mut owner = Visitor::first(&server, Mode::Owner).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    for slug in ["tides", "other"] {
        let thread = json!({ "name": slug, "slug": slug });
        admin.post("/v1/workspace/alpha/thread/new", thread).await?.ok()?;
    }
    let files = "/v1/workspace/alpha/thread/tides/files";
    let file = |name: &str, content: &str| json!({ "name": name, "mime": "text/plain", "content_string": content });
    let added = admin.post(files, file("ferry.txt", FERRY)).await?.ok()?;
    assert_eq!(names(&added), ["ferry.txt"], "{added}");
    let data_url = format!("data:text/plain;base64,{MINUTES}");
    let added = admin.post(files, file("minutes.txt", &data_url)).await?.ok()?;
    let id = added["files"][0]["id"].clone();
    assert_eq!(names(&admin.get(files).await?.ok()?), ["ferry.txt", "minutes.txt"]);

    let ask = async |thread: &str| -> Result<(String, Value)> {
        let path = format!("/v1/workspace/alpha/thread/{thread}/chat");
        let body = json!({ "message": "When?", "mode": "chat" });
        let answer = admin.post(&path, body).await?.ok()?;
        Ok((last_sent(&model)?, answer["sources"].clone()))
    };
    for _ in 0..2 {
        let (sent, sources) = ask("tides").await?;
        assert!(sent.contains("sails at nine") && sent.contains("Minutes of the"), "{sent}");
        assert_eq!(sources[0]["title"], "ferry.txt", "{sources}");
    }
    assert!(!ask("other").await?.0.contains("sails at nine"));

    let page = owner.get("/w/alpha/t/tides").await?;
    assert!(page.says("ferry.txt") && page.says("minutes.txt"), "{}", page.text);
    owner.post(&format!("/w/alpha/t/tides/files/{id}/remove"), &[]).await?;
    let (sent, _) = ask("tides").await?;
    assert!(sent.contains("sails at nine") && !sent.contains("Minutes of the"), "{sent}");

    let picture = json!({ "name": "a.png", "mime": "image/png", "content_string": "iVBORw0KGgo=" });
    for (path, body, status) in [
        (files, picture, 400),
        (files, file("a.txt", "?"), 400),
        (files, file("", FERRY), 400),
        (files, json!({ "name": "a.txt" }), 400),
        (files, json!({ "name": "a.txt", "content_string": FERRY, "more": 1 }), 400),
        ("/v1/workspace/alpha/thread/none/files", file("a.txt", FERRY), 404),
    ] {
        let refused = admin.post(path, body.clone()).await?;
        assert_eq!(refused.status, status, "{body}: {}", refused.body);
    }
    assert_eq!(admin.delete(&format!("{files}/{id}"), json!({})).await?.status, 404);
    for number in 1..16 {
        admin.post(files, file(&format!("{number}.txt"), MINUTES)).await?.ok()?;
    }
    assert_eq!(admin.post(files, file("more.txt", MINUTES)).await?.status, 429);

    // The files are deleted with their thread.
    admin.delete("/v1/workspace/alpha/thread/tides", json!({})).await?.ok()?;
    assert_eq!(admin.get(files).await?.status, 404);
    Ok(())
}
