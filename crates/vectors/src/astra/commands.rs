//! Commands of the Data API: how they are sent, and what their errors mean.
use carrel_domain::{Error, Result};
use serde_json::{Value, json};

use crate::rest::Rest;

/// Where collections are in every database.
const KEYSPACE: &str = "default_keyspace";

pub(super) struct Commands {
    pub rest: Rest,
}

pub(super) struct Answer {
    pub body: Value,
    /// Whether nothing was there already of what was to be stored.
    pub is_whole: bool,
}

impl Commands {
    pub fn new(rest: Rest) -> Self {
        Self { rest }
    }

    /// Sends a command to a collection; `None` when there is no such collection.
    pub async fn ask(&self, collection: &str, command: &Value) -> Result<Option<Answer>> {
        self.send(&["api", "json", "v1", KEYSPACE, collection], command).await
    }

    /// [`Commands::ask`] of a collection that is made if need be.
    pub async fn tell(&self, collection: &str, options: &Value, command: &Value) -> Result<Answer> {
        if let Some(answer) = self.ask(collection, command).await? {
            return Ok(answer);
        }
        // Which succeeds where there is one with these options.
        let make = json!({ "createCollection": { "name": collection, "options": options } });
        let made = self.send(&["api", "json", "v1", KEYSPACE], &make).await?;
        made.ok_or_else(|| self.unknown_database())?;
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
        self.rest.unavailable(format!("it is no Data API of Astra DB; check {setting}"))
    }

    fn failure(&self, error: &Value, code: &str) -> Error {
        let said = self.rest.shown(error["message"].as_str().unwrap_or_default());
        let setting = self.rest.names.address;
        if code.contains("AUTHENTICAT") || code.contains("UNAUTHORIZED") || code.contains("TOKEN") {
            self.rest.key_refused()
        } else if code.contains("KEYSPACE") || code.starts_with("SERVER") {
            self.rest.unavailable(format!("it answered {code}: {said} (check {setting})"))
        } else {
            self.rest.will_not(format!("it answered {code}: {said}"))
        }
    }
}
