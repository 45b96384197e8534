//! Exchanges of workspaces and of widgets, read in portions.
use std::sync::{Arc, Mutex, PoisonError};

use carrel_domain::chat::{Chat, Conversation};
use carrel_domain::import::{
    ImportProgress, ImportedChat, ImportedEvent, ImportedRows, ImportedWidgetChat,
};
use carrel_domain::model::Usage;
use carrel_domain::widget::WidgetChat;
use carrel_domain::{ChatId, Result, ThreadId, UserId, WidgetId, WorkspaceId};
use carrel_services::record;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::people;
use crate::plan::Known;
use crate::report::Report;
use crate::row::Row;
use crate::source::SourceDatabase;
use crate::surrogates::repair;

/// State shared by everything that reads the source while the target is written.
#[derive(Clone)]
pub struct SourceReader {
    pub source: Arc<Mutex<SourceDatabase>>,
    pub known: Arc<Known>,
    pub report: Arc<Mutex<Report>>,
    pub now: DateTime<Utc>,
    pub progress: ImportProgress,
}

impl SourceReader {
    pub fn report(&self, work: impl FnOnce(&mut Report)) {
        work(&mut self.report.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The rows of a large table, in portions.
pub struct Portions {
    reading: SourceReader,
    table: &'static str,
    /// Columns that may be large.
    large: &'static [&'static str],
    after: i64,
    read: fn(&SourceReader, Vec<Row>) -> ImportedRows,
}

impl Portions {
    pub fn chats(reading: SourceReader) -> Self {
        let large = &["prompt", "response"];
        Self { reading, table: "workspace_chats", large, after: i64::MIN, read: chats }
    }

    pub fn widget_chats(reading: SourceReader) -> Self {
        let large = &["prompt", "response", "connection_information"];
        Self { reading, table: "embed_chats", large, after: i64::MIN, read: widget_chats }
    }

    pub fn events(reading: SourceReader) -> Self {
        Self { reading, table: "event_logs", large: &["metadata"], after: i64::MIN, read: events }
    }
}

impl Iterator for Portions {
    type Item = Result<ImportedRows>;

    fn next(&mut self) -> Option<Self::Item> {
        let portion = {
            let mut source = self.reading.source.lock().unwrap_or_else(PoisonError::into_inner);
            source.portion(self.table, self.large, self.after)
        };
        match portion {
            Ok(None) => None,
            Err(error) => Some(Err(error)),
            Ok(Some((rows, last))) => {
                self.after = last;
                self.reading.progress.add(rows.len() as u64);
                Some(Ok((self.read)(&self.reading, rows)))
            }
        }
    }
}

fn chats(reading: &SourceReader, rows: Vec<Row>) -> ImportedRows {
    let mut chats = Vec::with_capacity(rows.len());
    reading.report(|report| {
        chats.extend(rows.iter().filter_map(|row| chat(row, reading, report)));
        report.imported("workspace_chats", chats.len() as u64);
    });
    ImportedRows::Chats(chats)
}

fn chat(row: &Row, reading: &SourceReader, report: &mut Report) -> Option<ImportedChat> {
    let known = &reading.known;
    let (Some(id), Some(workspace)) = (row.long("id"), row.int("workspaceId")) else {
        report.leave_out("workspace_chats: a row without an id or a workspace");
        return None;
    };
    let exists = known.workspaces.contains(&workspace);
    if !exists {
        report.change(format!(
            "workspace_chats {id}: workspace {workspace} does not exist; the exchange is in the log \
             and in exports only"
        ));
    }
    let user_id = row.int("user_id");
    let user = user_id.filter(|user| known.users.contains_key(user));
    if let (Some(missing_user), None) = (user_id, user) {
        report.change(format!("workspace_chats {id}: user {missing_user} does not exist"));
    }
    let thread = match row.int("thread_id") {
        Some(thread) if known.threads.contains(&thread) => Some(thread),
        Some(thread) => {
            let recovered = known.recovered.get(&(workspace, user)).copied();
            let where_to = if recovered.is_some() { "`Recovered`" } else { "no thread" };
            report.change(format!(
                "workspace_chats {id}: thread {thread} does not exist; the exchange is in {where_to}"
            ));
            recovered
        }
        None => None,
    };
    let response = response("workspace_chats", id, row, report);
    let created_at = created(row, "workspace_chats", id, reading, report);
    let usage = usage(&response);
    let (response, images) =
        record::split_images(&response).unwrap_or_else(|| (response, Vec::new()));
    Some(ImportedChat {
        usage,
        chat: Chat {
            id: ChatId(id),
            conversation: Conversation {
                workspace: WorkspaceId(workspace),
                user: user.map(UserId),
                thread: thread.map(ThreadId),
                session: row.filled("api_session_id").map(|session| short(session, id, report)),
            },
            prompt: row.text("prompt").unwrap_or_default(),
            response,
            images,
            include: row.flag("include").unwrap_or(true),
            feedback: row.flag("feedbackScore"),
            created_at,
            updated_at: row.time("lastUpdatedAt").unwrap_or(created_at),
        },
    })
}

/// The longest name of a session that this server stores, in bytes.
const LONGEST_SESSION: usize = 1024;

fn short(session: String, id: i64, report: &mut Report) -> String {
    if session.len() <= LONGEST_SESSION {
        return session;
    }
    report.change(format!("workspace_chats {id}: the name of its session is truncated"));
    session[..session.floor_char_boundary(LONGEST_SESSION)].to_owned()
}

fn created(
    row: &Row,
    table: &str,
    id: i64,
    reading: &SourceReader,
    report: &mut Report,
) -> DateTime<Utc> {
    row.time("createdAt").unwrap_or_else(|| {
        report.change(format!("{table} {id}: its time cannot be read; the current time is used"));
        reading.now
    })
}

/// The fields read from a stored answer.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    text: serde_json::Value,
    #[serde(default)]
    metrics: serde_json::Value,
}

/// Returns the stored answer. An unreadable one is kept unchanged; lists skip it, as AnythingLLM
/// does.
fn response(table: &str, id: i64, row: &Row, report: &mut Report) -> String {
    let stored = row.text("response").unwrap_or_default();
    let repaired = repair(&stored);
    if repaired != stored {
        report
            .change(format!("{table} {id}: half a character in the answer is replaced by U+FFFD"));
    }
    let is_answer =
        serde_json::from_str::<Answer>(&repaired).is_ok_and(|answer| answer.text.is_string());
    if !is_answer {
        report.change(format!(
            "{table} {id}: the stored answer has no text; it is kept, but not shown in \
             conversations"
        ));
    }
    repaired.into_owned()
}

fn usage(response: &str) -> Option<Usage> {
    let metrics = serde_json::from_str::<Answer>(response).ok()?.metrics;
    let tokens = |name: &str| metrics.get(name).and_then(serde_json::Value::as_u64);
    Some(Usage {
        prompt_tokens: tokens("prompt_tokens")?,
        completion_tokens: tokens("completion_tokens")?,
    })
}

fn widget_chats(reading: &SourceReader, rows: Vec<Row>) -> ImportedRows {
    let mut chats = Vec::with_capacity(rows.len());
    reading.report(|report| {
        chats.extend(rows.iter().filter_map(|row| widget_chat(row, reading, report)));
        report.imported("embed_chats", chats.len() as u64);
    });
    ImportedRows::WidgetChats(chats)
}

fn widget_chat(
    row: &Row,
    reading: &SourceReader,
    report: &mut Report,
) -> Option<ImportedWidgetChat> {
    let id = row.long("id")?;
    let widget = row.int("embed_id").unwrap_or(0);
    if !reading.known.widgets.contains(&widget) {
        report.leave_out(format!("embed_chats {id}: its widget {widget} is not imported"));
        return None;
    }
    let response = response("embed_chats", id, row, report);
    Some(ImportedWidgetChat {
        usage: usage(&response),
        chat: WidgetChat {
            id: ChatId(id),
            widget: WidgetId(widget),
            session: row.text("session_id").unwrap_or_default(),
            prompt: row.text("prompt").unwrap_or_default(),
            response,
            include: row.flag("include").unwrap_or(true),
            connection: row.filled("connection_information"),
            created_at: created(row, "embed_chats", id, reading, report),
        },
    })
}

fn events(reading: &SourceReader, rows: Vec<Row>) -> ImportedRows {
    let mut events: Vec<ImportedEvent> = Vec::with_capacity(rows.len());
    reading.report(|report| {
        events.extend(rows.iter().map(|row| people::event(row, reading.now, report)));
        report.imported("event_logs", events.len() as u64);
    });
    ImportedRows::Events(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_taken_from_the_metrics_of_the_answer() {
        let response = r#"{"text":"x","metrics":{"prompt_tokens":7,"completion_tokens":2}}"#;
        assert_eq!(usage(response), Some(Usage { prompt_tokens: 7, completion_tokens: 2 }));
        for other in ["", "null", "[]", "\"x\"", r#"{"text":"x"}"#, r#"{"metrics":null}"#] {
            assert_eq!(usage(other), None, "{other}");
        }
    }
}
