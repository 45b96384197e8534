//! Test exchanges, exports as strings, and Python to check them.
use std::io::Write;
use std::process::{Command, Stdio};

use carrel_domain::chat::{Chat, Conversation};
use carrel_domain::chat_log::{ChatWorkspace, LoggedChat};
use carrel_domain::export::{FormatChoice, Formatters, Layout};
use carrel_domain::{ChatId, ThreadId, UserId, WorkspaceId};
use carrel_export::{ExportFormats, record_of};
use chrono::{TimeZone, Utc};

pub const SERVER_PROMPT: &str = "You are \"the\" server's prompt.\n{datetime}";

/// Returns an exchange of the user `ana` in the workspace `Lab`, with a positive rating.
pub fn chat(id: i64, prompt: &str, stored: &str) -> LoggedChat {
    let at = Utc.timestamp_millis_opt(1_795_409_796_641 + id * 1000).unwrap();
    LoggedChat {
        chat: Chat {
            id: ChatId(id),
            conversation: Conversation {
                workspace: WorkspaceId(1),
                user: Some(UserId(7)),
                thread: None,
                session: None,
            },
            prompt: prompt.to_owned(),
            response: stored.to_owned(),
            images: Vec::new(),
            include: true,
            feedback: Some(true),
            created_at: at,
            updated_at: at,
        },
        workspace: Some(ChatWorkspace {
            name: "Lab".to_owned(),
            slug: "lab".to_owned(),
            prompt: Some("Be brief.".to_owned()),
        }),
        username: Some("ana".to_owned()),
    }
}

/// Returns an exchange in the usual stored form.
pub fn logged_chat(id: i64, prompt: &str, answer: &str) -> LoggedChat {
    let stored = serde_json::json!({
        "text": answer,
        "sources": [{"id": "src", "text": "a passage", "score": 0.5}],
        "type": "chat",
        "metrics": {"duration": 1.5},
        "attachments": [],
    });
    chat(id, prompt, &stored.to_string())
}

/// Returns the same exchange in another thread.
pub fn in_thread(mut chat: LoggedChat, workspace: i32, thread: i32) -> LoggedChat {
    chat.chat.conversation.workspace = WorkspaceId(workspace);
    chat.chat.conversation.thread = Some(ThreadId(thread));
    chat
}

pub fn choice(name: &str, layout: Layout) -> FormatChoice {
    FormatChoice::new(name, layout, SERVER_PROMPT)
}

/// Exports the chats and empties the buffer after each exchange, as a streaming server does.
pub fn export(choice: &FormatChoice, chats: &[LoggedChat]) -> String {
    let mut formatter = ExportFormats.make(choice).unwrap();
    let mut file = Vec::new();
    let mut buffer = Vec::new();
    formatter.begin(&mut buffer);
    for chat in chats {
        formatter.record(&record_of(chat.clone()), &mut buffer);
        file.append(&mut buffer);
    }
    formatter.end(&mut buffer);
    file.append(&mut buffer);
    String::from_utf8(file).unwrap()
}

/// Runs a Python program on the input and returns its output.
pub fn python(program: &str, input: &str) -> String {
    let mut child = Command::new("python3")
        .args(["-X", "utf8", "-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the program refused: {input}");
    String::from_utf8(output.stdout).unwrap()
}
