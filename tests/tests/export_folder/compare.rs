//! Compares an exported folder with the responses at `/v1`.
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use e2e::{Client, TestServer};
use serde_json::{Value, json};

/// The names of fields of the documents' files.
const FIELDS: [&str; 12] = [
    "id",
    "url",
    "title",
    "docAuthor",
    "description",
    "docSource",
    "chunkSource",
    "published",
    "wordCount",
    "token_count_estimate",
    "pageContent",
    "metadata",
];

pub async fn folder_is_as_the_server_tells(server: &TestServer, folder: &Path) -> Result<()> {
    let admin = server.admin();
    documents_are_equal(admin, folder).await?;
    exchanges_are_equal(admin, folder).await?;
    answers_have_their_sources(admin, folder).await?;
    workspaces_are_equal(admin, folder).await?;
    widgets_are_equal(admin, folder).await?;
    users_are_equal(admin, folder).await?;
    prompts_are_equal(admin, folder).await?;
    events_are_equal(admin, folder).await?;
    assert!(fs::read_to_string(folder.join("README.md"))?.contains("chats.jsonl"));
    assert_eq!(fs::read_to_string(folder.join("left-out.jsonl"))?, "");
    for file in files_beneath(folder)? {
        let bytes = fs::read(&file)?;
        let text = String::from_utf8_lossy(&bytes);
        for secret in
            ["$argon2", "$2b$", "password_hash", "KEY1AAA-", "brx-AAAAAAA-", "sk-FAKE", e2e::KEY]
        {
            assert!(!text.contains(secret), "{secret} is in {}", file.display());
        }
    }
    Ok(())
}

/// Returns every file in a folder, sorted by name.
pub fn files_beneath(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut pending, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            match path.is_dir() {
                true => pending.push(path),
                false => files.push(path),
            }
        }
    }
    files.sort();
    Ok(files)
}

pub fn lines(folder: &Path, name: &str) -> Result<Vec<Value>> {
    let text = fs::read_to_string(folder.join(name)).with_context(|| name.to_owned())?;
    text.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// Returns every document with its text: the path and the fields of its file.
pub async fn known_documents(admin: &Client) -> Result<Vec<(String, Value)>> {
    let tree = admin.get("/v1/documents").await?.ok()?;
    let mut documents = Vec::new();
    for folder in list(&tree["localFiles"]["items"]) {
        for listed in list(&folder["items"]) {
            let name = |of: &Value| of["name"].as_str().map(str::to_owned).context("no name");
            let path = format!("{}/{}", name(&folder)?, name(&listed)?);
            let id = listed["id"].as_str().unwrap_or_default();
            let found = admin.get(&format!("/v1/document/id/{id}?content=true")).await?.ok()?;
            documents.push((path, fields(&found["document"])));
        }
    }
    Ok(documents)
}

fn fields(of: &Value) -> Value {
    FIELDS.iter().map(|name| ((*name).to_owned(), of[*name].clone())).collect()
}

async fn documents_are_equal(admin: &Client, folder: &Path) -> Result<()> {
    let root = folder.join("documents");
    let known = known_documents(admin).await?;
    for (path, document) in &known {
        let file: Value = serde_json::from_slice(&fs::read(root.join(path))?)?;
        assert_eq!(&fields(&file), document, "{path}");
    }
    assert_eq!(files_beneath(&root)?.len(), known.len());
    let tree = admin.get("/v1/documents").await?.ok()?;
    for name in list(&tree["localFiles"]["items"]).iter().filter_map(|of| of["name"].as_str()) {
        assert!(root.join(name).is_dir(), "{name}");
    }
    Ok(())
}

async fn exchanges_are_equal(admin: &Client, folder: &Path) -> Result<()> {
    let mut known = Vec::new();
    for offset in 0.. {
        let page = json!({ "offset": offset });
        let page = admin.post("/v1/admin/workspace-chats", page).await?.ok()?;
        known.extend(list(&page["chats"]));
        if page["has_pages"] != true {
            break;
        }
    }
    known.reverse();
    let as_told = lines(folder, "chats.jsonl")?.into_iter().map(|line| {
        json!({
            "id": line["id"],
            "workspace_id": line["workspaceId"],
            "prompt": line["question"],
            "response": line["answer"],
            "include": line["include"],
            "user_id": line["userId"],
            "thread_id": line["threadId"],
            "api_session_id": line["session"],
            "created_at": line["createdAt"],
            "feedback_score": line["feedback"],
        })
    });
    assert_eq!(as_told.collect::<Vec<_>>(), known);
    Ok(())
}

/// Compares the exchanges of a workspace and its threads, with their sources.
async fn answers_have_their_sources(admin: &Client, folder: &Path) -> Result<()> {
    let exported = lines(folder, "chats.jsonl")?;
    let workspaces = admin.get("/v1/workspaces").await?.ok()?;
    for workspace in list(&workspaces["workspaces"]) {
        let slug = workspace["slug"].as_str().unwrap_or_default();
        let threads = list(&workspace["threads"]);
        let threads = threads.iter().map(|thread| thread["slug"].clone());
        for thread in threads.chain([Value::Null]) {
            let path = match thread.as_str() {
                Some(thread) => format!("/v1/workspace/{slug}/thread/{thread}/chats"),
                None => format!("/v1/workspace/{slug}/chats?limit=1000"),
            };
            for turn in list(&admin.get(&path).await?.ok()?["history"]) {
                let line = exported.iter().find(|line| line["id"] == turn["chatId"]);
                let line = line.with_context(|| format!("not exported: {turn}"))?;
                assert_eq!((&line["workspace"], &line["thread"]), (&json!(slug), &thread));
                let (field, expected) = match turn["role"].as_str() {
                    Some("assistant") => ("sources", &turn["sources"]),
                    _ => ("attachments", &turn["attachments"]),
                };
                assert_eq!(&line[field], expected, "{turn}");
            }
        }
    }
    Ok(())
}

async fn workspaces_are_equal(admin: &Client, folder: &Path) -> Result<()> {
    let known = list(&admin.get("/v1/workspaces").await?.ok()?["workspaces"]);
    let exported = lines(folder, "workspaces.jsonl")?;
    assert_eq!(exported.len(), known.len());
    let (threads, placed) =
        (lines(folder, "threads.jsonl")?, lines(folder, "workspace-documents.jsonl")?);
    for (line, known) in exported.iter().zip(&known) {
        let slug = known["slug"].as_str().unwrap_or_default();
        for (name, value) in line.as_object().context("no object")? {
            if name != "suggestedMessages" {
                assert_eq!(value, &known[name], "{name} of {slug}");
            }
        }
        let in_workspace = |line: &&Value| line["workspaceId"] == known["id"];
        let exported_threads = threads.iter().filter(in_workspace).map(
            |line| json!({ "user_id": line["userId"], "slug": line["slug"], "name": line["name"] }),
        );
        assert_eq!(exported_threads.collect::<Vec<_>>(), list(&known["threads"]), "{slug}");
        let found = admin.get(&format!("/v1/workspace/{slug}")).await?.ok()?;
        let place = |of: &Value| (of["docpath"].to_string(), of["pinned"].as_bool());
        let there: BTreeSet<_> =
            list(&found["workspace"][0]["documents"]).iter().map(place).collect();
        let exported_places: BTreeSet<_> = placed.iter().filter(in_workspace).map(place).collect();
        assert_eq!(exported_places, there, "{slug}");
    }
    Ok(())
}

async fn widgets_are_equal(admin: &Client, folder: &Path) -> Result<()> {
    let known = list(&admin.get("/v1/embed").await?.ok()?["embeds"]);
    let exported = lines(folder, "embeds.jsonl")?;
    assert_eq!(exported.len(), known.len());
    let chats = lines(folder, "embed-chats.jsonl")?;
    for (line, known) in exported.iter().zip(&known) {
        for name in ["id", "uuid", "enabled", "chat_mode", "allowlist_domains", "createdAt"] {
            assert_eq!(line[name], known[name], "{name}");
        }
        let key = known["uuid"].as_str().unwrap_or_default();
        let listed_chats = admin.get(&format!("/v1/embed/{key}/chats")).await?.ok()?;
        let of_widget = |line: &&Value| line["embed"] == key;
        let exported_chats =
            chats.iter().filter(of_widget).map(|line| (&line["id"], &line["question"]));
        let listed_rows = list(&listed_chats["chats"]);
        let mut listed: Vec<_> =
            listed_rows.iter().map(|chat| (&chat["id"], &chat["prompt"])).collect();
        listed.sort_by_key(|(id, _)| id.as_i64());
        assert_eq!(exported_chats.collect::<Vec<_>>(), listed);
    }
    Ok(())
}

async fn users_are_equal(admin: &Client, folder: &Path) -> Result<()> {
    let known = list(&admin.get("/v1/admin/users").await?.ok()?["users"]);
    let as_told = lines(folder, "users.jsonl")?.into_iter().map(|line| {
        json!({
            "id": line["id"],
            "username": line["username"],
            "role": line["role"],
            "suspended": line["suspended"],
            "created_at": line["createdAt"],
            "last_updated_at": line["lastUpdatedAt"],
        })
    });
    assert_eq!(as_told.collect::<Vec<_>>(), known);
    let members = lines(folder, "workspace-users.jsonl")?;
    for workspace in list(&admin.get("/v1/workspaces").await?.ok()?["workspaces"]) {
        // At `/v1` administrators are listed with the members, because they can open every
        // workspace.
        let path = format!("/api/v1/admin/workspaces/{}/users", workspace["id"]);
        let listed_members = list(&admin.get(&path).await?.ok()?["users"]);
        let listed = listed_members.iter().map(|member| (&member["userId"], &member["username"]));
        let in_workspace = |line: &&Value| line["workspaceId"] == workspace["id"];
        let exported =
            members.iter().filter(in_workspace).map(|line| (&line["userId"], &line["user"]));
        assert_eq!(exported.collect::<Vec<_>>(), listed.collect::<Vec<_>>());
    }
    Ok(())
}

async fn prompts_are_equal(admin: &Client, folder: &Path) -> Result<()> {
    let commands = list(&admin.get("/v1/admin/slash-commands").await?.ok()?["slash_commands"]);
    let variables = list(&admin.get("/v1/system/prompt-variables").await?.ok()?["variables"]);
    for (file, listed, names) in [
        ("slash-commands.jsonl", commands, ["id", "command", "prompt", "description"]),
        ("prompt-variables.jsonl", variables, ["key", "value", "description", "key"]),
    ] {
        let chosen = |of: &Value| names.map(|name| of[name].clone());
        let exported: Vec<_> = lines(folder, file)?.iter().map(chosen).collect();
        assert_eq!(exported, listed.iter().map(chosen).collect::<Vec<_>>(), "{file}");
    }
    Ok(())
}

/// Compares events. The newest one records the export itself.
async fn events_are_equal(admin: &Client, folder: &Path) -> Result<()> {
    let listed = list(&admin.get("/v1/admin/event-logs?limit=20").await?.ok()?["events"]);
    let exported = lines(folder, "event-logs.jsonl")?;
    let names_exported: Vec<_> =
        exported.iter().rev().take(listed.len()).map(|line| &line["event"]).collect();
    assert_eq!(names_exported, listed.iter().map(|event| &event["event"]).collect::<Vec<_>>());
    Ok(())
}
