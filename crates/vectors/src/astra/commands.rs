//! Sends commands of the Data API and interprets their errors.
use carrel_domain::{Error, Result};
use serde_json::{Value, json};

use crate::rest::Rest;

/// The keyspace of collections. Every database has it.
const KEYSPACE: &str = "default_keyspace";

pub(super) struct Commands {
    pub rest: Rest,
}

pub(super) struct Answer {
    pub body: Value,
    /// False if some of the documents to insert already existed.
    pub is_whole: bool,
}

impl Commands {
    pub fn new(rest: Rest) -> Self {
        Self { rest }
    }

    /// Sends a command to a collection. Returns `None` if the collection does not exist.
    pub async fn ask(&self, collection: &str, command: &Value) -> Result<Option<Answer>> {
        self.send(&["api", "json", "v1", KEYSPACE, collection], command).await
    }

    /// Like [`Commands::ask`], but creates the collection if it does not exist.
    pub async fn send_command(
        &self,
        collection: &str,
        options: &Value,
        command: &Value,
    ) -> Result<Answer> {
        if let Some(answer) = self.ask(collection, command).await? {
            return Ok(answer);
        }
        // Also succeeds if a collection with these options already exists.
        let make = json!({ "createCollection": { "name": collection, "options": options } });
        let created = self.send(&["api", "json", "v1", KEYSPACE], &make).await?;
        created.ok_or_else(|| self.unknown_database())?;
        let answer = self.ask(collection, command).await?;
        answer.ok_or_else(|| self.rest.unavailable("its collections vanish"))
    }

    async fn send(&self, path: &[&str], command: &Value) -> Result<Option<Answer>> {
        let body = self.rest.post(path, command).await?.ok_or_else(|| self.unknown_database())?;
        let errors = body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_there = |error: &Value| error["errorCode"] == "DOCUMENT_ALREADY_EXISTS";
        let failed = errors.iter().find(|error| !is_there(error));
        match failed.map(|error| (error, error["errorCode"].as_str().unwrap_or_default())) {
            None => Ok(Some(Answer { is_whole: errors.is_empty(), body })),
            Some((_, "COLLECTION_NOT_EXIST")) => Ok(None),
            Some((error, code)) => Err(self.failure(error, code)),
        }
    }

    fn unknown_database(&self) -> Error {
        let setting = self.rest.names.address;
        self.rest.unavailable(format!("it is not a Data API of Astra DB; check {setting}"))
    }

    fn failure(&self, error: &Value, code: &str) -> Error {
        let message = self.rest.for_display(error["message"].as_str().unwrap_or_default());
        let setting = self.rest.names.address;
        if code.contains("AUTHENTICAT") || code.contains("UNAUTHORIZED") || code.contains("TOKEN") {
            self.rest.key_refused()
        } else if code.contains("KEYSPACE") || code.starts_with("SERVER") {
            self.rest.unavailable(format!("it answered {code}: {message} (check {setting})"))
        } else {
            self.rest.will_not(format!("it answered {code}: {message}"))
        }
    }
}
