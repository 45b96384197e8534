//! Notes about a person: imported, sent with that person's questions, and hidden from everybody
//! else.
use anyhow::{Context, Result};
use e2e::visitor::{PASSWORD, Visitor};
use e2e::{Backend, Options, TestServer, model_server, on_both_databases};
use serde_json::{Value, json};

on_both_databases!(notes_are_sent_only_with_the_questions_of_their_person);

/// Returns the last instructions that the model received.
fn instructions(model: &model_server::ModelServer) -> Result<String> {
    let last = model.requests().pop().context("nothing was asked")?;
    Ok(last["messages"][0]["content"].as_str().unwrap_or_default().to_owned())
}

async fn notes_are_sent_only_with_the_questions_of_their_person(backend: Backend) -> Result<()> {
    let model = model_server::start().await?;
    let options = Options::from(backend).answered_by(model.base_url(), "echo", "4096");
    let mut server = TestServer::start(options).await?;
    server.stop().await?;
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/import/storage");
    let imported = server.carrel().run(&["import", "anythingllm", fixture])?;
    assert_eq!(imported.code, Some(0), "{imported:?}");
    server.run().await?;
    let admin = server.admin();
    let changes = json!({ "password": PASSWORD });
    admin.post("/v1/admin/users/1", changes).await?.ok()?;
    let newcomer = json!({ "username": "newcomer", "password": PASSWORD, "role": "admin" });
    admin.post("/v1/admin/users/new", newcomer).await?.ok()?;

    // The second key of the fixture is the keeper's.
    let own = admin.with_key("KEY2AAA-BBBBBBB-CCCCCCC-DDDDDDD");
    let notes = own.get("/v1/memories").await?.ok()?;
    let contents: Vec<_> = notes["memories"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|memory| (memory["content"].clone(), memory["workspace_id"].clone()))
        .collect();
    let expected =
        [(json!("Counts ferries."), json!(1)), (json!("Prefers short answers."), Value::Null)];
    assert_eq!(contents, expected);
    assert_eq!(admin.get("/v1/memories").await?.ok()?["memories"], json!([]));

    let ask = async |user: Option<i32>| -> Result<String> {
        let body = json!({ "message": "Which ferry?", "mode": "chat", "userId": user });
        let thread = json!({ "userId": user, "name": "x" });
        let made = admin.post("/v1/workspace/harbour/thread/new", thread).await?.ok()?;
        let slug = made["thread"]["slug"].as_str().unwrap_or_default().to_owned();
        let path = format!("/v1/workspace/harbour/thread/{slug}/chat");
        admin.post(&path, body).await?.ok()?;
        instructions(&model)
    };
    let prompt = ask(Some(1)).await?;
    assert!(prompt.contains("- Counts ferries.\n- Prefers short answers."), "{prompt}");
    assert!(!ask(None).await?.contains("Counts ferries"));

    let mut admin_page = Visitor::signed_in(&server, "keeper").await?;
    let page = admin_page.get("/account/memories").await?;
    assert!(page.says("Counts ferries.") && page.says("Prefers short answers."), "{}", page.text);
    admin_page.post("/account/memories/1", &[("content", "Prefers <b>long</b> answers.")]).await?;
    admin_page.post("/account/memories/2/delete", &[]).await?;
    let page = admin_page.get("/account/memories").await?;
    assert!(page.says("Prefers &#60;b&#62;long") && !page.says("Counts"), "{}", page.text);
    let prompt = ask(Some(1)).await?;
    assert!(
        prompt.contains("- Prefers <b>long</b> answers.") && !prompt.contains("Counts"),
        "{prompt}"
    );

    // Other users can neither see nor change them.
    let mut other = Visitor::signed_in(&server, "newcomer").await?;
    assert!(!other.get("/account/memories").await?.says("Prefers"));
    assert_eq!(other.post("/account/memories/1/delete", &[]).await?.status, 404);
    let body = json!({ "content": "Mine now." });
    assert_eq!(admin.post("/v1/memories/1", body.clone()).await?.status, 404);
    assert_eq!(admin.delete("/v1/memories/1", json!({})).await?.status, 404);
    for (body, status) in [
        (json!({ "content": " " }), 400),
        (json!({ "content": "x".repeat(5000) }), 400),
        (json!({ "content": "x", "user": 1 }), 400),
        (json!({}), 400),
        (body, 200),
    ] {
        let answer = own.post("/v1/memories/1", body).await?;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    own.delete("/v1/memories/1", json!({})).await?.ok()?;
    assert_eq!(own.get("/v1/memories").await?.ok()?["memories"], json!([]));
    Ok(())
}
