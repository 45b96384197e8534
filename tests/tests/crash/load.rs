//! Writers that run while the server is killed, and record its acknowledgements.
use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Result, bail};
use e2e::ledger::{Ledger, State};
use e2e::random::Random;
use e2e::{Answer, Client};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::WORKSPACE;

/// One setting for each writer.
pub const SETTINGS: [&str; 4] =
    ["OllamaLLMModelPref", "LMStudioModelPref", "LocalAiModelPref", "MistralModelPref"];

/// Starts writers, which run until the server stops responding.
pub fn start(
    admin: &Client,
    ledger: &Arc<Ledger>,
    writers: usize,
    random: &mut Random,
) -> Vec<JoinHandle<Result<()>>> {
    (0..writers)
        .map(|number| {
            let writer = Writer {
                admin: admin.clone(),
                ledger: ledger.clone(),
                number,
                random: Random::new(random.draw()),
                documents: BTreeMap::new(),
            };
            tokio::spawn(writer.run())
        })
        .collect()
}

/// Returns the title in the path of a document, which was derived from it.
pub fn title_in(path: &Value) -> String {
    let path = path.as_str().unwrap_or_default();
    let words = path.split(|c: char| !c.is_ascii_alphanumeric());
    words.into_iter().find(|word| word.starts_with("page")).unwrap_or(path).to_owned()
}

struct Writer {
    admin: Client,
    ledger: Arc<Ledger>,
    number: usize,
    random: Random,
    /// The paths of documents added since the server started.
    documents: BTreeMap<String, String>,
}

impl Writer {
    async fn run(mut self) -> Result<()> {
        loop {
            let done = match self.random.below(12) {
                0 | 1 => self.user().await,
                2..=4 => self.add_document().await,
                5 => self.remove_document().await,
                6 | 7 => self.chat().await,
                8 | 9 => self.setting().await,
                10 => self.invite().await,
                _ => self.workspace().await,
            };
            match done {
                Ok(()) => {}
                Err(error) if error.downcast_ref::<reqwest::Error>().is_some() => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn unique(&mut self) -> String {
        format!("{}x{:012x}", self.number, self.random.draw() & 0xffff_ffff_ffff)
    }

    /// Requests one change of one object.
    async fn change(
        &self,
        name: &str,
        to: State,
        request: impl Future<Output = Result<Answer>>,
    ) -> Result<Value> {
        self.ledger.begin(name, to);
        let answer = request.await?;
        if answer.status != 200 {
            bail!("{name}: answered {}: {}", answer.status, answer.body);
        }
        self.ledger.acknowledge(name);
        Ok(answer.body)
    }

    async fn user(&mut self) -> Result<()> {
        let (number, some) = (self.number, self.random.below(4));
        let name = format!("user-{number}-{some}");
        let key = format!("user {name}");
        if self.ledger.state(&key).is_none() {
            let body = json!({ "username": name, "password": "correct horse", "role": "manager" });
            let request = self.admin.post("/v1/admin/users/new", body);
            self.change(&key, Some("manager".into()), request).await?;
            return Ok(());
        }
        let users = self.admin.get("/v1/admin/users").await?.ok()?;
        let users = users["users"].as_array().cloned().unwrap_or_default();
        let Some(user) = users.iter().find(|user| user["username"] == *name) else {
            bail!("{name} is lost");
        };
        let path = format!("/v1/admin/users/{}", user["id"]);
        self.change(&key, None, self.admin.delete(&path, json!(null))).await?;
        Ok(())
    }

    async fn add_document(&mut self) -> Result<()> {
        let title = format!("page{}", self.unique());
        let body = json!({
            "textContent": format!("What {title} tells is worth keeping."),
            "addToWorkspaces": WORKSPACE, "metadata": { "title": title },
        });
        let request = self.admin.post("/v1/document/raw-text", body);
        let added =
            self.change(&format!("document {title}"), Some("there".into()), request).await?;
        let location = added["documents"][0]["location"].as_str().unwrap_or_default();
        self.documents.insert(title, location.to_owned());
        Ok(())
    }

    async fn remove_document(&mut self) -> Result<()> {
        let Some((title, location)) = self.documents.pop_first() else { return Ok(()) };
        let names = json!({ "names": [location] });
        let request = self.admin.delete("/v1/system/remove-documents", names);
        self.change(&format!("document {title}"), None, request).await?;
        Ok(())
    }

    async fn chat(&mut self) -> Result<()> {
        let message = format!("What does {} tell?", self.unique());
        let body = json!({ "message": message, "mode": "chat" });
        let path = format!("/v1/workspace/{WORKSPACE}/chat");
        let request = self.admin.post(&path, body);
        self.change(&format!("chat {message}"), Some("answered".into()), request).await?;
        Ok(())
    }

    async fn setting(&mut self) -> Result<()> {
        let (name, value) = (SETTINGS[self.number % SETTINGS.len()], self.unique());
        let request = self.admin.post("/v1/system/update-env", json!({ name: value.clone() }));
        self.change(&format!("setting {name}"), Some(value), request).await?;
        Ok(())
    }

    /// Creates an invite and registers a user with it.
    async fn invite(&mut self) -> Result<()> {
        self.ledger.begin_unnamed("invite ", "pending");
        let made = self.admin.post("/v1/admin/invite/new", json!({})).await?;
        let code = made.ok()?["invite"]["code"].as_str().unwrap_or_default().to_owned();
        let (invite, guest) = (format!("invite {code}"), format!("guest-{}", self.unique()));
        self.ledger.named(&invite, "pending");
        self.ledger.begin(&invite, Some("claimed".into()));
        let body = json!({ "username": guest, "password": "correct horse" });
        let path = format!("/v1/invite/{code}");
        let request = self.admin.post(&path, body);
        self.change(&format!("user {guest}"), Some("default".into()), request).await?;
        self.ledger.acknowledge(&invite);
        Ok(())
    }

    async fn workspace(&mut self) -> Result<()> {
        let name = format!("space-{}-{}", self.number, self.random.below(3));
        let key = format!("workspace {name}");
        if self.ledger.state(&key).is_some() {
            let path = format!("/v1/workspace/{name}");
            let request = self.admin.delete(&path, json!(null));
            self.change(&key, None, request).await?;
        } else {
            let request = self.admin.post("/v1/workspace/new", json!({ "name": name }));
            self.change(&key, Some("there".into()), request).await?;
        }
        Ok(())
    }
}
