//! Suggested messages, slash commands, variables and previous instructions.
use anyhow::{Context, Result};
use e2e::{Backend, Client, Options, TestServer, model_server, on_both_databases, send};
use reqwest::Method;
use serde_json::{Value, json};

use crate::browser_journey::PASSWORD;

on_both_databases!(
    a_workspace_has_suggested_messages,
    commands_in_a_message_are_replaced_by_their_texts,
    custom_variables_are_replaced_in_instructions,
    earlier_instructions_are_restored,
);

/// Starts a server that repeats questions, with a workspace `alpha` and its language model.
async fn alpha(backend: Backend) -> Result<(TestServer, model_server::ModelServer)> {
    let model = model_server::start().await?;
    let options = Options::from(backend).answered_by(model.base_url(), "echo", "4096");
    let server = TestServer::start(options).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    Ok((server, model))
}

/// Returns the last instructions and question that the model received.
fn last_asked(model: &model_server::ModelServer) -> Result<(String, String)> {
    let last = model.requests().pop().context("nothing was asked")?;
    let messages = last["messages"].as_array().context("no messages")?;
    let text = |message: Option<&Value>| {
        message.and_then(|message| message["content"].as_str()).unwrap_or_default().to_owned()
    };
    Ok((text(messages.first()), text(messages.last())))
}

async fn refuse(admin: &Client, path: &str, body: Value, status: u16) -> Result<()> {
    let refused = admin.post(path, body.clone()).await?;
    assert_eq!(refused.status, status, "{path} {body}: {}", refused.body);
    assert!(refused.body["error"].is_string(), "{path} {body}: {}", refused.body);
    Ok(())
}

async fn a_workspace_has_suggested_messages(backend: Backend) -> Result<()> {
    let (server, _model) = alpha(backend).await?;
    let (admin, path) = (server.admin(), "/v1/workspace/alpha/suggested-messages");
    assert_eq!(admin.get(path).await?.ok()?, json!({ "suggested_messages": [] }));
    let messages = json!([
        { "heading": " When do ", "message": "you open?" },
        { "message": "開館は?" }, { "heading": "", "message": " " },
    ]);
    let suggestions = json!({ "suggested_messages": [
        { "heading": "When do", "message": "you open?" }, { "heading": "", "message": "開館は?" },
    ] });
    let body = json!({ "suggested_messages": messages });
    assert_eq!(admin.post(path, body).await?.ok()?, suggestions);
    let entry = json!({ "message": "x" });
    refuse(admin, path, json!({ "suggestedMessages": vec![entry; 13] }), 400).await?;
    let long = json!([{ "message": "x".repeat(2001) }]);
    refuse(admin, path, json!({ "suggestedMessages": long }), 400).await?;
    refuse(admin, path, json!({ "suggestedMessages": "x" }), 400).await?;
    refuse(admin, path, json!({}), 400).await?;
    refuse(admin, "/v1/workspace/nope/suggested-messages", json!({ "suggestedMessages": [] }), 404)
        .await?;
    assert_eq!(admin.get(path).await?.ok()?, suggestions);
    Ok(())
}

async fn commands_in_a_message_are_replaced_by_their_texts(backend: Backend) -> Result<()> {
    let (server, model) = alpha(backend).await?;
    let admin = server.admin();
    let first = json!({ "username": "ada", "password": PASSWORD });
    admin.post("/v1/admin/enable-multi-user", first).await?.ok()?;
    let path = "/v1/admin/slash-commands";
    let short = json!({ "command": "/short", "prompt": "In one sentence.", "description": "s" });
    let made = admin.post(path, short.clone()).await?.ok()?["slash_command"].take();
    assert_eq!((&made["command"], &made["user_id"]), (&json!("/short"), &Value::Null));
    refuse(admin, path, short.clone(), 409).await?;
    let own = json!({ "command": "aye", "prompt": "Like a sailor. /short", "userId": 1 });
    admin.post(path, own).await?.ok()?;
    for (body, status) in [
        (json!({ "command": "/a b", "prompt": "x" }), 400),
        (json!({ "command": "/a", "prompt": " " }), 400),
        (json!({ "command": "/a", "prompt": "x".repeat((16 << 10) + 1) }), 400),
        (json!({ "command": "/a" }), 400),
        (json!({ "command": "/a", "prompt": "x", "user_id": 99 }), 404),
    ] {
        refuse(admin, path, body, status).await?;
    }

    let ask = json!({ "message": "/short Who is it? /aye /shorter", "mode": "chat" });
    for mount in ["/v1", "/api/v1"] {
        let path = format!("{mount}/workspace/alpha/chat");
        admin.post(&path, ask.clone()).await?.ok()?;
        // The key belongs to no user, so only shared commands apply.
        assert_eq!(last_asked(&model)?.1, "In one sentence. Who is it? /aye /shorter");
    }
    let thread =
        admin.post("/v1/workspace/alpha/thread/new", json!({ "userId": 1 })).await?.ok()?;
    let slug = thread["thread"]["slug"].as_str().context("no thread")?.to_owned();
    let chat = format!("/v1/workspace/alpha/thread/{slug}/stream-chat");
    let question = json!({ "message": "/aye", "mode": "chat", "userId": 1 });
    admin.post(&chat, question).await?;
    assert_eq!(last_asked(&model)?.1, "Like a sailor. /short");
    // The question is stored as asked.
    let history = admin.get("/v1/workspace/alpha/chats").await?.ok()?;
    assert_eq!(history["history"][0]["content"], "In one sentence. Who is it? /aye /shorter");

    let listed = admin.get(path).await?.ok()?;
    let names: Vec<_> = listed["slash_commands"].as_array().context("no list")?.iter().collect();
    assert_eq!((&names[0]["command"], &names[1]["command"]), (&json!("/short"), &json!("/aye")));
    let available = admin.get("/v1/slash-commands").await?.ok()?;
    assert_eq!(available["slash_commands"].as_array().map(Vec::len), Some(1));
    let one = format!("{path}/{}", made["id"]);
    let changed = json!({ "command": "/brief", "prompt": "Briefly." });
    admin.post(&one, changed).await?.ok()?;
    admin.post("/v1/workspace/alpha/chat", json!({ "message": "/brief" })).await?.ok()?;
    assert_eq!(last_asked(&model)?.1, "Briefly.");
    admin.delete(&one, json!({})).await?.ok()?;
    assert_eq!(admin.delete(&one, json!({})).await?.status, 404);
    assert_eq!(admin.delete(&format!("{path}/x"), json!({})).await?.status, 404);
    let events = admin.get("/v1/admin/event-logs").await?.ok()?.to_string();
    for event in ["slash_command_created", "slash_command_updated", "slash_command_deleted"] {
        assert!(events.contains(event), "{event}");
    }
    Ok(())
}

async fn custom_variables_are_replaced_in_instructions(backend: Backend) -> Result<()> {
    let (server, model) = alpha(backend).await?;
    let (admin, path) = (server.admin(), "/v1/system/prompt-variables");
    let ship = json!({ "key": "{ship}", "value": "Alma {date}", "description": "the boat" });
    admin.post(path, ship).await?.ok()?;
    for body in [
        json!({ "key": "date", "value": "x" }),
        json!({ "key": "a b", "value": "x" }),
        json!({ "key": "a", "value": "x".repeat((16 << 10) + 1) }),
        json!({ "key": "a" }),
        json!({ "key": "a", "value": 5 }),
    ] {
        refuse(admin, path, body, 400).await?;
    }
    let prompt = json!({ "openAiPrompt": "You sail the {ship} for {workspace.name}. {Ship}" });
    admin.post("/v1/workspace/alpha/update", prompt).await?.ok()?;
    let ask = json!({ "message": "Hi", "mode": "chat" });
    admin.post("/v1/workspace/alpha/chat", ask.clone()).await?.ok()?;
    let instructions = last_asked(&model)?.0;
    assert!(
        instructions.starts_with("You sail the Alma {date} for Alpha. {Ship}"),
        "{instructions}"
    );
    let listed = admin.get(path).await?.ok()?["variables"][0].take();
    assert_eq!((&listed["key"], &listed["value"]), (&json!("ship"), &json!("Alma {date}")));
    admin.delete(&format!("{path}/ship"), json!({})).await?.ok()?;
    assert_eq!(admin.delete(&format!("{path}/ship"), json!({})).await?.status, 404);
    admin.post("/v1/workspace/alpha/chat", ask).await?.ok()?;
    assert!(last_asked(&model)?.0.starts_with("You sail the {ship} for"));
    Ok(())
}

async fn earlier_instructions_are_restored(backend: Backend) -> Result<()> {
    let (server, _model) = alpha(backend).await?;
    let (admin, path) = (server.admin(), "/v1/workspace/alpha/prompt-history");
    for prompt in ["Be brief.", "Be formal."] {
        let update = json!({ "openAiPrompt": prompt });
        admin.post("/v1/workspace/alpha/update", update).await?.ok()?;
    }
    let history = admin.get(path).await?.ok()?["history"].take();
    assert_eq!(
        (&history[0]["prompt"], &history[0]["replaced_by"]),
        (&json!("Be brief."), &Value::Null)
    );
    let one = format!("{path}/{}", history[0]["id"]);
    admin.post(&format!("{one}/restore"), json!({})).await?.ok()?;
    let workspace = admin.get("/v1/workspace/alpha").await?.ok()?;
    assert!(workspace.to_string().contains("Be brief."), "{workspace}");
    let history = admin.get(path).await?.ok()?["history"].take();
    assert_eq!(history[0]["prompt"], "Be formal.");
    admin.delete(&one, json!({})).await?.ok()?;
    refuse(admin, &format!("{one}/restore"), json!({}), 404).await?;
    refuse(admin, &format!("{path}/x/restore"), json!({}), 404).await?;
    send(admin.request(Method::DELETE, path)).await?.ok()?;
    assert_eq!(admin.get(path).await?.ok()?, json!({ "history": [] }));
    Ok(())
}
