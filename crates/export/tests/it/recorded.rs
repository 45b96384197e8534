//! The compatible layout matches the recorded exports byte for byte.
use std::collections::BTreeMap;

use carrel_domain::chat_log::{ChatWorkspace, ExportOrder, LoggedChat};
use carrel_domain::export::{FormatChoice, Formatters, Layout};
use carrel_domain::{UserId, WorkspaceId};
use carrel_export::ExportFormats;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::support::{chat, export};

/// The stored data at the time of the recording, and the recorded exports.
#[derive(Deserialize)]
struct Recorded {
    workspaces: BTreeMap<i32, Workspace>,
    chats: Vec<Stored>,
    csv: String,
    #[serde(default)]
    json: Value,
    #[serde(default, rename = "jsonAlpaca")]
    json_alpaca: Value,
    #[serde(default)]
    jsonl: Vec<Value>,
}

#[derive(Deserialize)]
struct Workspace {
    name: String,
    prompt: Option<String>,
}

#[derive(Deserialize)]
struct Stored {
    id: i64,
    workspace: i32,
    prompt: String,
    stored: String,
    session: Option<String>,
    user: Option<i32>,
    username: Option<String>,
    feedback: Option<i32>,
    at: String,
}

impl Recorded {
    fn of(scenario: &str) -> Self {
        let all = include_str!("../data/recorded.json");
        let mut all: BTreeMap<String, Recorded> = serde_json::from_str(all).unwrap();
        all.remove(scenario).unwrap()
    }

    fn chats(&self) -> Vec<LoggedChat> {
        self.chats.iter().map(|stored| self.chat(stored)).collect()
    }

    fn chat(&self, stored: &Stored) -> LoggedChat {
        let mut logged = chat(stored.id, &stored.prompt, &stored.stored);
        logged.workspace = self.workspaces.get(&stored.workspace).map(|of| ChatWorkspace {
            name: of.name.clone(),
            slug: "slug".to_owned(),
            prompt: of.prompt.clone(),
        });
        logged.username = stored.username.clone();
        logged.chat.conversation.workspace = WorkspaceId(stored.workspace);
        logged.chat.conversation.user = stored.user.map(UserId);
        logged.chat.conversation.session = stored.session.clone();
        logged.chat.feedback = stored.feedback.map(|feedback| feedback != 0);
        logged.chat.created_at = stored.at.parse().unwrap();
        logged
    }

    /// Returns the system prompt of the recorded server.
    fn prompt(&self) -> String {
        let first = self.json_alpaca.pointer("/9/instruction");
        let first = first.or_else(|| self.jsonl.first()?.pointer("/messages/0/content/0/text"));
        first.unwrap().as_str().unwrap().to_owned()
    }

    fn export(&self, name: &str, chats: &[LoggedChat]) -> String {
        export(&FormatChoice::new(name, Layout::Compat, &self.prompt()), chats)
    }
}

/// Indents by four spaces.
fn indented(value: &Value) -> String {
    let mut out = Vec::new();
    let layout = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, layout)).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn tables_have_the_recorded_bytes() {
    for scenario in ["single", "multi"] {
        let recorded = Recorded::of(scenario);
        assert_eq!(recorded.export("csv", &recorded.chats()), recorded.csv);
    }
}

#[test]
fn records_have_the_recorded_bytes() {
    let recorded = Recorded::of("single");
    assert_eq!(recorded.export("json", &recorded.chats()), indented(&recorded.json));
}

#[test]
fn instructions_have_the_recorded_bytes() {
    let recorded = Recorded::of("single");
    assert_eq!(recorded.export("jsonAlpaca", &recorded.chats()), indented(&recorded.json_alpaca));
}

#[test]
fn lines_have_the_recorded_bytes() {
    let recorded = Recorded::of("multi");
    let mut chats = recorded.chats();
    chats.sort_by_key(|chat| chat.chat.conversation.workspace);
    let lines: Vec<String> = recorded.jsonl.iter().map(Value::to_string).collect();
    assert_eq!(recorded.export("jsonl", &chats), lines.join("\n"));
}

#[test]
fn an_empty_export_has_the_recorded_bytes() {
    let recorded = Recorded::of("single");
    assert_eq!(recorded.export("csv", &[]), "id,workspace,prompt,response,sent_at");
    assert_eq!(recorded.export("json", &[]), "[]");
    assert_eq!(recorded.export("jsonAlpaca", &[]), "[]");
    assert_eq!(recorded.export("jsonl", &[]), "");
}

#[test]
fn names_and_media_types_are_the_recorded_ones() {
    assert_eq!(ExportFormats.names().join(", "), "json, csv, jsonl, jsonAlpaca");
    let make = |name| ExportFormats.make(&FormatChoice::new(name, Layout::Compat, ""));
    let types = ["application/json", "text/csv", "application/jsonl", "application/json"];
    for (name, content_type) in ExportFormats.names().iter().zip(types) {
        assert_eq!(make(name).unwrap().content_type(), content_type);
    }
    for wrong in ["xml", "CSV", "", "jsonl "] {
        assert!(make(wrong).is_none());
    }
    assert_eq!(make("jsonl").unwrap().order(), ExportOrder::ByWorkspace);
    assert_eq!(make("json").unwrap().order(), ExportOrder::ByTime);
}
