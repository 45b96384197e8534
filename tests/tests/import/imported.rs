//! What an import of the small installation brings: people, conversations, documents, settings.
use anyhow::{Context, Result};
use e2e::TestServer;
use serde_json::{Value, json};

use super::content;

pub async fn people_are_who_they_were(server: &TestServer) -> Result<()> {
    for number in 1..=4 {
        let key = server.admin().with_key(&format!("KEY{number}AAA-BBBBBBB-CCCCCCC-DDDDDDD"));
        key.get("/api/v1/auth").await?.ok().with_context(|| format!("key {number}"))?;
    }
    let users = server.admin().get("/v1/users").await?.ok()?;
    let names: Vec<_> = users["users"].as_array().into_iter().flatten().collect();
    assert_eq!(
        names.iter().map(|user| (&user["id"], &user["username"])).collect::<Vec<_>>(),
        [
            (&json!(1), &json!("keeper")),
            (&json!(2), &json!("Jürgen Müller")),
            (&json!(4), &json!("resting"))
        ]
    );
    let sign_in = async |name: &str, password: &str| {
        let body = json!({ "username": name, "password": password });
        server.admin().anonymous().post("/v1/session", body).await
    };
    // The second sign-in uses the hash that replaced the old one in the first.
    for _ in 0..2 {
        for (name, password) in [("keeper", "harbour-pass-1"), ("Jürgen Müller", "Zweites-Paßwort")]
        {
            assert_eq!(sign_in(name, password).await?.status, 200, "{name}");
        }
    }
    assert_ne!(sign_in("resting", "harbour-pass-1").await?.status, 200);
    assert_ne!(sign_in("keeper", "Zweites-Paßwort").await?.status, 200);
    let fourth = json!({ "username": "newcomer", "password": "correct horse" });
    let made = server.admin().post("/v1/admin/users/new", fourth).await?.ok()?;
    assert_eq!(made["user"]["id"], 5, "an id is assigned again: {made}");
    let invites = server.admin().get("/v1/admin/invites").await?.ok()?;
    let invite = |at: usize| &invites["invites"][at];
    assert_eq!(invite(0)["code"], "PENDING-CODE");
    assert_eq!(invite(1)["status"], "pending");
    let members = server.admin().get("/v1/admin/workspaces/1/users").await?.ok()?;
    assert_eq!(members["users"].as_array().map(Vec::len), Some(2), "{members}");
    Ok(())
}

pub async fn conversations_are_where_they_were(server: &TestServer) -> Result<()> {
    let admin = server.admin();
    let harbour = admin.get("/api/v1/workspace/harbour").await?.ok()?;
    let harbour = &harbour["workspace"][0];
    assert_eq!((&harbour["id"], &harbour["openAiHistory"]), (&json!(1), &json!(0)));
    assert_eq!(harbour["similarityThreshold"], 0.0);
    let chats = admin.get("/api/v1/workspace/harbour/chats?limit=100").await?.ok()?;
    let texts: Vec<_> = chats["history"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|message| message["content"].as_str())
        .collect();
    for text in ["first", "one", "two", "deleted user", "twelve", "cut \u{fffd}"] {
        assert!(texts.contains(&text), "{text} is not in {texts:?}");
    }
    for text in ["three", "four", "five", "six", "eleven"] {
        assert!(!texts.contains(&text), "{text} is in {texts:?}");
    }
    let thread = admin.get("/api/v1/workspace/harbour/thread/tides-thread/chats").await?.ok()?;
    assert_eq!(thread["history"][1]["content"], "three");
    let session = admin.get("/api/v1/workspace/harbour/chats?apiSessionId=session-a").await?;
    assert_eq!(session.ok()?["history"][1]["content"], "five");
    // Exchanges that cannot be shown do not prevent an export.
    for kind in ["jsonl", "json", "csv", "jsonAlpaca"] {
        let path = format!("/api/v1/system/export-chats?type={kind}");
        let export = admin.get(&path).await?.ok()?;
        assert!(export.to_string().contains("eleven"), "{kind}");
    }
    let made = admin.post("/v1/workspace/new", json!({ "name": "Next" })).await?.ok()?;
    assert_eq!(made["workspace"]["id"], 6, "the exchanges of workspace 5 have another owner");
    let key = "0a2b34ab-1c4e-40ca-8adb-151542a6520f";
    let widget = admin.get(&format!("/v1/embed/{key}/chats")).await?.ok()?;
    assert!(widget.to_string().contains("hi"), "{widget}");
    Ok(())
}

pub async fn documents_are_found_by_words_at_once(server: &TestServer) -> Result<()> {
    let admin = server.admin();
    let found = async |text: &str| -> Result<Value> {
        let query = json!({ "query": text, "topN": 5, "searchMode": "lexical" });
        admin.post("/v1/workspace/harbour/vector-search", query).await?.ok()
    };
    for (text, title) in [
        ("reservations", "rules.txt-1.json"),
        ("coffee", "minutes.docx-3.json"),
        ("ferry returns dusk", "gone.txt"),
    ] {
        let results = found(text).await?;
        assert_eq!(results["results"][0]["metadata"]["title"], title, "{results}");
    }
    let document = admin.get("/api/v1/document/.txt-2.json").await?.ok()?;
    assert_eq!(document["document"]["title"], "図書館のご案内.txt");
    let workspace = admin.get("/api/v1/workspace/harbour").await?.ok()?;
    let documents = workspace["workspace"][0]["documents"].as_array().cloned().unwrap_or_default();
    let paths: Vec<_> = documents.iter().filter_map(|place| place["docpath"].as_str()).collect();
    assert_eq!(paths.len(), 5, "{paths:?}");
    assert!(paths.contains(&"custom-documents/gone.txt-5.json"));
    let maps = admin.get("/api/v1/document/maps-4.json").await?.ok()?;
    assert_eq!(maps["document"]["chunkSource"], "confluence://https://wiki.example.org/pages/1");
    for (file, bytes) in content(&server.storage().join("documents"))? {
        assert!(!String::from_utf8_lossy(&bytes).contains("payload="), "{}", file.display());
    }
    Ok(())
}

pub async fn extensions_are_connected(server: &TestServer) -> Result<()> {
    let extension = server.admin().with_key("brx-AAAAAAA-BBBBBBB-CCCCCCC-DDDDDDD");
    let check = extension.get("/api/browser-extension/check").await?.ok()?;
    assert_eq!((&check["connected"], &check["apiKeyId"]), (&json!(true), &json!(1)));
    assert_eq!(extension.get("/api/v1/auth").await?.status, 403, "it opens another route");
    Ok(())
}

pub async fn settings_and_secrets_came(server: &TestServer) -> Result<()> {
    let system = server.admin().get("/v1/system").await?.ok()?;
    assert_eq!(system["settings"]["OpenAiKey"], true);
    assert_eq!(system["settings"]["GenericOpenAiModelPref"], "fake-chat");
    assert_eq!(system["settings"]["MultiUserMode"], true);
    // The kept data contains no secret in the clear.
    for (file, bytes) in content(&server.storage().join("imported"))? {
        let text = String::from_utf8_lossy(&bytes);
        for secret in ["fakepw", "passphrase of", "sk-FAKE", "Say when the tide", "PENDING-CODE"] {
            assert!(!text.contains(secret), "{secret} is in {}", file.display());
        }
    }
    let leftovers = server.storage().join("imported/anythingllm");
    for name in ["settings", "an_unknown_table", "connector-payloads"] {
        assert!(leftovers.join(format!("{name}.sealed")).is_file(), "{name}");
    }
    assert!(leftovers.join("assets/logo.png").is_file());
    let made = "generated-files/text-b7d8dc41-395d-43cd-a1c3-de3a972abd82.md";
    assert!(server.storage().join(made).is_file());
    Ok(())
}

/// Checks that pictures are re-encoded under the same names, and that files of threads are
/// imported.
pub async fn pictures_and_files_of_threads_came(server: &TestServer) -> Result<()> {
    let admin = server.admin();
    for (path, size) in [("/v1/system/logo", 256), ("/v1/workspace/harbour/picture", 16)] {
        let shown = admin.download(path).await?;
        assert_eq!(shown[..8], *b"\x89PNG\r\n\x1a\n", "{path}");
        // The width, in the first chunk.
        assert_eq!(shown[16..20], u32::to_be_bytes(size), "{path}");
    }
    let known = admin.get("/api/v1/workspace/harbour").await?.ok()?;
    assert_eq!(known["workspace"][0]["pfpFilename"], "harbour.png", "{known}");
    let files = admin.get("/v1/workspace/harbour/thread/tides-thread/files").await?.ok()?;
    assert_eq!(files["files"][0]["name"], "notices.txt", "{files}");
    let second = admin.get("/v1/workspaces").await?.ok()?["workspaces"][1].clone();
    assert_eq!(second["pfpFilename"], Value::Null, "{second}");
    Ok(())
}

pub fn the_report_tells_of_everything(report: &Value) -> Result<()> {
    let tables = report["tables"].as_object().context("no tables")?;
    for (table, found, imported) in [
        ("users", 3, 3),
        ("api_keys", 4, 4),
        ("workspaces", 2, 2),
        ("workspace_users", 5, 2),
        ("workspace_chats", 12, 12),
        ("workspace_documents", 8, 6),
        ("documents/", 5, 5),
        ("embed_chats", 2, 2),
        ("slash_command_presets", 1, 1),
        ("memories", 3, 2),
        ("browser_extension_api_keys", 1, 1),
        ("assets/", 3, 2),
        ("workspace_parsed_files", 2, 1),
    ] {
        let counts = (&tables[table]["found"], &tables[table]["imported"]);
        assert_eq!(counts, (&json!(found), &json!(imported)), "{table}");
    }
    let lines = [&report["left_out"], &report["changed"], &report["differs"]];
    let lines: Vec<_> = lines
        .iter()
        .flat_map(|list| list.as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    for expected in [
        "workspace_users 3",
        "workspace_users 4",
        "workspace_users 5",
        "api_keys 3: user 4 is suspended",
        "api_keys 4: its user no longer exists",
        "invites 2: it named workspaces",
        "workspace_chats 4: thread 77",
        "workspace_chats 7: half a character",
        "workspace_chats 8: the stored answer",
        "workspace_chats 9: the stored answer",
        "workspace_chats 10: the stored answer",
        "workspace_chats 11: workspace 5",
        "workspace_chats 12: user 3",
        "embed_chats 2: the stored answer",
        "embed_configs 1: ",
        "workspace_documents 6: the file custom-documents/lost.txt-6.json is missing",
        "workspace_documents 7: ",
        "memories 3: its user no longer exists",
        "workspace_parsed_files 2: it belongs to no thread",
        "documents/custom-documents/broken-7.json: it is damaged",
        "documents/custom-documents/.DS_Store",
        "documents/nested/deeper/unused.txt-8.json",
        "documents/custom-documents/gone.txt-5.json: its file is missing",
        "documents/custom-documents/maps-4.json: the encrypted keys",
        ".env UNKNOWN_SETTING",
        ".env ANTHROPIC_API_KEY",
        ".env JWT_SECRET",
        ".env GROQ_API_KEY: it is empty",
        "Vectors were in pinecone",
        "workspaces 2: its picture broken.png",
        "system_settings users_can_login_with_google: it has no value",
        "User 2 is called `Jürgen Müller`",
    ] {
        assert!(
            lines.iter().any(|line| line.starts_with(expected)),
            "no line: {expected}\n{lines:#?}"
        );
    }
    Ok(())
}
