//! Known classes of attacks, tried on every operation of the OpenAPI document.
//!
//! The operations come from the running server, so new ones are attacked automatically.
mod attachments;
mod audit_log;
mod bodies;
mod crowds;
mod entrance;
mod floods;
mod forms;
mod grants;
mod histories;
mod host;
mod names;
mod requests;
mod rights;
mod scripts;
mod secrets;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use e2e::openapi::{Document, Operation};
use e2e::{Answer, Backend, Options, TestServer};
use serde_json::{Value, json};

/// A server with one of everything, and the state that an attack must not change.
pub struct Target {
    pub server: TestServer,
    pub operations: Vec<Operation>,
    values: BTreeMap<&'static str, String>,
    outside: tempfile::TempDir,
}

/// Fields that a request must not change by accident.
#[derive(Debug, PartialEq)]
struct Guarded {
    admins: BTreeSet<String>,
    multi_user: Value,
    keys: usize,
    /// Files other than documents and the database, with their contents.
    files: BTreeMap<String, Vec<u8>>,
}

impl Target {
    pub async fn new(options: impl Into<Options>) -> Result<Self> {
        let server = TestServer::start(options).await?;
        let admin = server.admin();
        let post = async |path: &str, body: Value| admin.post(path, body).await?.ok();
        let workspace = post("/v1/workspace/new", json!({ "name": "Alpha" })).await?;
        let first = json!({ "username": "main-admin", "password": "correct horse" });
        post("/v1/admin/enable-multi-user", first).await?;
        let sam = json!({ "username": "sam", "password": "correct horse", "role": "default" });
        let sam = post("/v1/admin/users/new", sam).await?;
        let thread = post("/v1/workspace/alpha/thread/new", json!({ "name": "T" })).await?;
        let invite = post("/v1/admin/invite/new", json!({})).await?;
        let page = json!({ "textContent": "Bees make honey.", "addToWorkspaces": "alpha",
            "metadata": { "title": "bees" } });
        let page = post("/v1/document/raw-text", page).await?;
        let id_of = |value: &Value| value["id"].to_string();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let values = BTreeMap::from([
            ("slug", "alpha".to_owned()),
            ("workspace_slug", "alpha".to_owned()),
            ("workspace_id", id_of(&workspace["workspace"])),
            ("id", id_of(&sam["user"])),
            ("thread", text(&thread["thread"]["slug"])),
            ("code", text(&invite["invite"]["code"])),
            ("location", text(&page["documents"][0]["location"])),
        ]);
        let operations = Document::of(admin).await?.operations()?;
        assert!(operations.len() > 80, "{}", operations.len());
        let outside = tempfile::tempdir_in(server.storage().parent().context("no parent")?)?;
        std::fs::write(outside.path().join("canary.json"), "{\"pageContent\":\"canary\"}")?;
        // The folder in which downloads are looked up.
        std::fs::create_dir(server.storage().join("generated-files"))?;
        std::fs::write(server.storage().join("canary.json"), "{\"pageContent\":\"canary\"}")?;
        Ok(Self { server, operations, values, outside })
    }

    /// Returns the value of a parameter of this name; a missing object for an unknown parameter.
    pub fn value(&self, name: &str) -> String {
        self.values.get(name).cloned().unwrap_or_else(|| "1".to_owned())
    }

    pub fn path(&self, operation: &Operation) -> String {
        operation.path_with(|name| self.value(name))
    }

    async fn guarded(&self) -> Result<Guarded> {
        let admin = self.server.admin();
        let users = admin.get("/v1/admin/users").await?.ok()?;
        let users = users["users"].as_array().cloned().unwrap_or_default();
        let above = users.iter().filter(|user| user["role"] != "default");
        let admins = above.map(|user| user["username"].to_string()).collect();
        let multi_user = admin.get("/v1/admin/is-multi-user-mode").await?.ok()?;
        let keys = self.server.carrel().run(&["api-key", "list"])?.stdout.lines().count();
        let mut files = BTreeMap::new();
        collect(&self.server.storage(), &mut files)?;
        collect(self.outside.path(), &mut files)?;
        Ok(Guarded { admins, multi_user, keys, files })
    }

    /// Returns the server's own failures in the log. Mistakes of clients and temporary conditions
    /// are not logged as errors.
    pub fn failures(&self) -> Result<Vec<String>> {
        let log = self.server.log()?;
        let bad = |line: &&str| {
            ["panicked", "unexpected failure", " ERROR "].iter().any(|mark| line.contains(mark))
        };
        Ok(log.lines().filter(bad).map(str::to_owned).collect())
    }
}

/// Collects files that no request may change. Documents and the database have separate tests.
fn collect(directory: &Path, files: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match path.is_dir() {
            true if ["documents", "originals", "tmp"].contains(&&*name) => {}
            true => collect(&path, files)?,
            false if name.starts_with("carrel.db") => {}
            false => _ = files.insert(path.display().to_string(), std::fs::read(&path)?),
        }
    }
    Ok(())
}

/// Checks that a request was refused or completed, but did not fail. At the other mount some
/// refusals are 500 on purpose, so the log is checked too.
pub fn assert_unbroken(operation: &Operation, answer: &Answer, what: &str) {
    let Operation { method, path, .. } = operation;
    let usual = answer.status < 500 || answer.status == 503;
    let fine = usual || (operation.is_compat() && answer.status == 500);
    assert!(fine, "{method} {path} with {what}: {} {}", answer.status, answer.body);
    let body = answer.body.to_string();
    let canary = "pageContent\":\"canary";
    for trace in ["panicked", "/src/", "root:x:0", "diesel", "SQLITE", canary] {
        assert!(!body.contains(trace), "{method} {path} with {what} says {trace}: {body}");
    }
}

pub fn backend() -> Backend {
    Backend::Sqlite
}
