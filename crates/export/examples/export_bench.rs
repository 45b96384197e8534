//! Benchmark of the export formats: CPU seconds for 100,000 exchanges of 4.5 kB, from the stored
//! answer to the bytes of the file. Prints one JSON object per line. `copy` is the cost of copying
//! the same texts, for comparison.
//!
//! `cargo run --release -p carrel-export --example export_bench [exchanges]`
use std::fs;
use std::hint::black_box;

use carrel_domain::chat::{Chat, Conversation};
use carrel_domain::chat_log::{ChatWorkspace, LoggedChat};
use carrel_domain::export::{FormatChoice, Formatters, Layout};
use carrel_domain::{ChatId, UserId, WorkspaceId};
use carrel_export::{ExportFormats, record_of, redact};
use chrono::{TimeZone, Utc};
use serde_json::json;

/// Bytes that a server sends at once.
const BUFFER: usize = 64 * 1024;

fn main() {
    let count = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let model = exchange(0);
    let size = model.chat.prompt.len() + model.chat.response.len();

    let mut copied = Vec::with_capacity(2 * BUFFER);
    let seconds = timed(count, |id| {
        let chat = with_id(&model, id);
        copied.extend_from_slice(chat.chat.prompt.as_bytes());
        copied.extend_from_slice(chat.chat.response.as_bytes());
        drain(&mut copied)
    });
    report("copy", "none", count, size, seconds);
    for layout in [Layout::Native, Layout::Compat] {
        for name in ExportFormats.names() {
            report(
                name,
                &format!("{layout:?}"),
                count,
                size,
                export(name, layout, count, &model, false),
            );
        }
    }
    report(
        "json",
        "Native, redacted",
        count,
        size,
        export("json", Layout::Native, count, &model, true),
    );
}

fn export(
    name: &str,
    layout: Layout,
    count: i64,
    model: &LoggedChat,
    redacted: bool,
) -> (f64, usize) {
    let choice = FormatChoice::new(name, layout, "Answer from the passages.");
    let Some(mut formatter) = ExportFormats.make(&choice) else { return (0.0, 0) };
    let mut out = Vec::with_capacity(2 * BUFFER);
    formatter.begin(&mut out);
    timed(count, |id| {
        let mut record = record_of(with_id(model, id));
        if redacted {
            redact(&mut record);
        }
        formatter.record(&record, &mut out);
        drain(&mut out)
    })
}

/// Empties a full buffer and returns the number of bytes removed.
fn drain(out: &mut Vec<u8>) -> usize {
    if out.len() < BUFFER {
        return 0;
    }
    let size = black_box(&out[..]).len();
    out.clear();
    size
}

/// Returns the CPU seconds of all rounds and the sum of the bytes they report.
fn timed(count: i64, mut round: impl FnMut(i64) -> usize) -> (f64, usize) {
    let before = cpu_seconds();
    let bytes = (0..count).map(&mut round).sum();
    (cpu_seconds() - before, bytes)
}

/// Returns the user and system time of this process: fields 14 and 15 of its status line, in ticks
/// of 10 ms.
fn cpu_seconds() -> f64 {
    let status = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = status.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Creates an exchange with strings of its own, like one from the database.
fn with_id(model: &LoggedChat, id: i64) -> LoggedChat {
    let mut chat = model.clone();
    chat.chat.id = ChatId(id);
    chat.chat.conversation.workspace = WorkspaceId((id / 50) as i32);
    chat
}

fn exchange(id: i64) -> LoggedChat {
    let paragraph = "The archive keeps \"letters\" from 1887, see section 4.2.\nEach has a date, \
        a sender and a place — most of them legible. ";
    let answer = json!({
        "text": paragraph.repeat(15),
        "sources": (0..3).map(|n| json!({
            "id": format!("{n}"), "title": "letters.txt", "text": paragraph.repeat(6),
            "score": 0.71, "_distance": 0.29, "wordCount": 120,
        })).collect::<Vec<_>>(),
        "type": "chat",
        "metrics": {"prompt_tokens": 800, "completion_tokens": 300, "duration": 2.5},
        "attachments": [],
    });
    let at = Utc.timestamp_opt(1_795_409_796, 0).single().unwrap_or_default();
    LoggedChat {
        chat: Chat {
            id: ChatId(id),
            conversation: Conversation {
                workspace: WorkspaceId(1),
                user: Some(UserId(1)),
                thread: None,
                session: None,
            },
            prompt: paragraph.to_owned(),
            response: answer.to_string(),
            images: Vec::new(),
            include: true,
            feedback: None,
            created_at: at,
            updated_at: at,
        },
        workspace: Some(ChatWorkspace {
            name: "Archive".to_owned(),
            slug: "archive".to_owned(),
            prompt: Some("Answer from the passages.".to_owned()),
        }),
        username: Some("ana".to_owned()),
    }
}

fn report(
    format: &str,
    layout: &str,
    count: i64,
    chat_bytes: usize,
    (seconds, bytes): (f64, usize),
) {
    let per_100_000 = seconds * 100_000.0 / count.max(1) as f64;
    println!(
        "{}",
        json!({
            "format": format, "layout": layout, "chats": count, "stored_bytes_per_chat": chat_bytes,
            "written_bytes_per_chat": bytes / count.max(1) as usize,
            "cpu_seconds_per_100000": (per_100_000 * 1000.0).round() / 1000.0,
        })
    );
}
