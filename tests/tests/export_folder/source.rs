//! Checks that imported data is exported as in the source's tables.
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::compare::lines;

/// Prints the rows of a query as lines of JSON; none if an older version lacks the table.
const SELECT: &str = "import sqlite3,sys,json
c=sqlite3.connect('file:'+sys.argv[1]+'?mode=ro',uri=True); c.row_factory=sqlite3.Row
try:
    for r in c.execute(sys.argv[2]): print(json.dumps(dict(r)))
except sqlite3.OperationalError as error:
    if 'no such table' not in str(error): raise";

fn select(storage: &Path, sql: &str) -> Result<Vec<Value>> {
    let output = Command::new("python3")
        .args(["-c", SELECT])
        .arg(storage.join("anythingllm.db"))
        .arg(sql)
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// Files, the compared fields, and the imported rows of the source. The import omits and reports
/// rows of users and workspaces that no longer exist.
const TABLES: &[(&str, &[&str], &str)] = &[
    (
        "memories.jsonl",
        &["user_id", "workspace_id", "content"],
        "SELECT * FROM memories WHERE user_id IN (SELECT id FROM users)
            OR (user_id IS NULL AND NOT EXISTS (SELECT 1 FROM users))",
    ),
    (
        "slash-commands.jsonl",
        &["command", "prompt", "description", "userId"],
        "SELECT * FROM slash_command_presets",
    ),
    (
        "prompt-variables.jsonl",
        &["key", "value", "description"],
        "SELECT * FROM system_prompt_variables",
    ),
    (
        "prompt-history.jsonl",
        &["workspaceId", "prompt", "modifiedBy"],
        "SELECT * FROM prompt_history WHERE workspaceId IN (SELECT id FROM workspaces)",
    ),
    ("invites.jsonl", &["id", "code", "status"], "SELECT * FROM invites"),
    (
        "thread-files.jsonl",
        &["threadId", "tokenCountEstimate"],
        "SELECT * FROM workspace_parsed_files
            WHERE threadId IN (SELECT id FROM workspace_threads)",
    ),
    ("embeds.jsonl", &["id", "uuid", "chat_mode"], "SELECT * FROM embed_configs"),
    (
        "browser-extension-keys.jsonl",
        &["prefix", "user_id"],
        "SELECT substr(key, 1, 11) AS prefix, user_id FROM browser_extension_api_keys",
    ),
    (
        "system-settings.jsonl",
        &["label", "value"],
        "SELECT label, value FROM system_settings WHERE label IN
            ('support_email', 'custom_app_name', 'meta_page_title', 'text_splitter_chunk_size',
             'text_splitter_chunk_overlap', 'default_system_prompt')",
    ),
    ("users.jsonl", &["id", "username", "suspended"], "SELECT id, username, suspended FROM users"),
    ("threads.jsonl", &["id", "slug", "name"], "SELECT * FROM workspace_threads"),
];

/// Files that may have more rows than the source: threads created for exchanges of deleted ones,
/// and preferences, which are compared differently.
const MORE: [&str; 2] = ["threads.jsonl", "system-settings.jsonl"];

pub fn folder_is_as_the_source_was(storage: &Path, folder: &Path) -> Result<()> {
    for (file, fields, sql) in TABLES {
        let chosen = |row: &Value| -> String {
            // Older versions lack columns, and texts may be null.
            let fields = fields.iter().map(|field| match &row[*field] {
                Value::Null => "\"\"".to_owned(),
                value => value.to_string(),
            });
            fields.collect::<Vec<_>>().join(" ")
        };
        let exported: BTreeSet<_> = lines(folder, file)?.iter().map(chosen).collect();
        let source = select(storage, sql).with_context(|| (*file).to_owned())?;
        let source: BTreeSet<_> = source.iter().map(chosen).collect();
        assert!(source.is_subset(&exported), "{file}: {source:#?} and not {exported:#?}");
        assert!(MORE.contains(file) || exported == source, "{file}: {exported:#?}");
    }
    keys_have_their_names_and_no_secrets(storage, folder)
}

fn keys_have_their_names_and_no_secrets(storage: &Path, folder: &Path) -> Result<()> {
    let there = lines(folder, "api-keys.jsonl")?;
    let named = "SELECT secret, name FROM api_keys";
    for key in select(storage, named).or_else(|_| select(storage, "SELECT secret FROM api_keys"))? {
        let secret = key["secret"].as_str().context("a key without a secret")?;
        let prefix = secret.split('-').next().unwrap_or_default();
        let exported = there.iter().find(|line| line["prefix"] == prefix);
        let exported = exported.with_context(|| format!("{prefix} is not exported"))?;
        assert_eq!(exported["name"], key["name"]);
        assert!(!exported.to_string().contains(secret), "{exported}");
    }
    let not_exported = lines(folder, "not-exported.jsonl")?;
    let reasons: Vec<_> = not_exported.iter().filter_map(|line| line["what"].as_str()).collect();
    for what in ["users.password", "api_keys.secret", "browser_extension_api_keys.key"] {
        assert!(reasons.contains(&what), "{what} is not named: {reasons:?}");
    }
    Ok(())
}
