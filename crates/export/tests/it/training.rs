//! Exports for fine-tuning, checked against OpenAI's rules for its chat format, and Alpaca records.
use carrel_domain::chat_log::ExportOrder;
use carrel_domain::export::{Formatters, Layout};
use carrel_export::ExportFormats;
use serde_json::{Value, json};

use crate::support::{SERVER_PROMPT, chat, choice, export, in_thread, logged_chat, python};

/// Checks that each line is an object with messages and nothing else, that each message has a known
/// role and a non-empty string as content, and that an optional system message is followed by
/// alternating questions and answers. Prints the number of messages of each line.
const CHECK: &str = r"
import json, sys
text = sys.stdin.buffer.read().decode('utf-8')
assert text == '' or text.endswith('\n')
counts = []
for line in text.split('\n')[:-1]:
    example = json.loads(line)
    assert list(example) == ['messages'], example
    roles = []
    for message in example['messages']:
        assert list(message) == ['role', 'content'], message
        assert message['role'] in ('system', 'user', 'assistant'), message
        assert isinstance(message['content'], str) and message['content'], message
        roles.append(message['role'])
    if roles[0] == 'system':
        roles = roles[1:]
    assert roles and roles == ['user', 'assistant'] * (len(roles) // 2), roles
    counts.append(len(example['messages']))
json.dump(counts, sys.stdout)
";

fn messages(file: &str) -> Vec<usize> {
    serde_json::from_str(&python(CHECK, file)).unwrap()
}

#[test]
fn each_line_is_a_valid_training_conversation() {
    let chats = [
        logged_chat(1, "a \"quoted\"\nquestion\u{2028}", "an answer\r\n\u{0}"),
        logged_chat(2, "and?", "so"),
        in_thread(logged_chat(3, "elsewhere", "yes"), 1, 5),
        in_thread(chat(4, "damaged", "not json {"), 1, 6),
        in_thread(logged_chat(5, "another workspace", "日本語 𝄞"), 2, 6),
    ];
    let file = export(&choice("jsonl", Layout::Native), &chats);
    assert_eq!(messages(&file), [5, 3, 3, 3]);
    let first: Value = serde_json::from_str(file.lines().next().unwrap()).unwrap();
    let system = json!({"role": "system", "content": "Be brief."});
    assert_eq!(first["messages"][0], system);
    assert_eq!(first["messages"][2]["content"], "an answer\r\n\u{0}");
    assert!(file.contains("not json {"));
}

#[test]
fn exchanges_without_question_or_answer_are_left_out() {
    let chats = [
        logged_chat(1, "", "to nothing"),
        logged_chat(2, "asked", " \n"),
        in_thread(logged_chat(3, "asked", "answered"), 1, 5),
        in_thread(logged_chat(4, "", ""), 1, 5),
        in_thread(logged_chat(5, "", ""), 1, 6),
        chat(6, "asked", ""),
    ];
    let choice = choice("jsonl", Layout::Native);
    assert_eq!(messages(&export(&choice, &chats)), [3]);
    assert_eq!(export(&choice, &chats[..2]), "");
    assert_eq!(export(&choice, &[]), "");
}

#[test]
fn a_workspace_without_a_prompt_uses_the_servers() {
    let mut chat = logged_chat(1, "q", "a");
    chat.workspace.as_mut().unwrap().prompt = None;
    let mut choice = choice("jsonl", Layout::Native);
    let line: Value = serde_json::from_str(&export(&choice, &[chat.clone()])).unwrap();
    assert_eq!(line["messages"][0]["content"], SERVER_PROMPT);
    choice.system_prompt.clear();
    assert_eq!(messages(&export(&choice, &[chat.clone()])), [2]);
    chat.workspace = None;
    assert_eq!(messages(&export(&choice, &[chat])), [2]);
}

#[test]
fn lines_can_be_grouped_by_workspace() {
    let chats = [
        logged_chat(1, "a", "b"),
        in_thread(logged_chat(2, "c", "d"), 1, 5),
        in_thread(logged_chat(3, "e", "f"), 2, 5),
    ];
    let mut choice = choice("jsonl", Layout::Native);
    assert_eq!(ExportFormats.make(&choice).unwrap().order(), ExportOrder::ByConversation);
    choice.by_thread = false;
    assert_eq!(ExportFormats.make(&choice).unwrap().order(), ExportOrder::ByWorkspace);
    assert_eq!(messages(&export(&choice, &chats)), [5, 3]);
}

#[test]
fn the_compatible_layout_can_have_a_line_for_each_conversation() {
    let chats = [logged_chat(1, "a", "b"), in_thread(logged_chat(2, "c", "d"), 1, 5)];
    let mut choice = choice("jsonl", Layout::Compat);
    assert_eq!(export(&choice, &chats).lines().count(), 1);
    choice.by_thread = true;
    let file = export(&choice, &chats);
    let lines: Vec<Value> = file.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["messages"][2]["content"], json!([{"type": "text", "text": "d"}]));
}

#[test]
fn records_have_the_columns_of_the_table() {
    let stored = r#"{"text":"t","attachments":[
        {"name":"a.png","mime":"image/png","contentString":"AAAA"}]}"#;
    let mut nameless = logged_chat(2, "q", "a");
    (nameless.workspace, nameless.username, nameless.chat.feedback) = (None, None, Some(false));
    let file = export(&choice("json", Layout::Native), &[chat(1, "p", stored), nameless]);
    assert_eq!(file.lines().count(), 4);
    let records: Value = serde_json::from_str(&file).unwrap();
    assert_eq!(
        records,
        json!([
            {"id": 1, "workspace": "Lab", "username": "ana", "prompt": "p", "response": "t",
             "sent_at": "2026-11-23T04:56:37.641Z", "rating": "GOOD", "attachments": [
                {"name": "a.png", "mime": "image/png", "contentString": "data:image/png;base64,AAAA"}]},
            {"id": 2, "workspace": null, "username": null, "prompt": "q", "response": "a",
             "sent_at": "2026-11-23T04:56:38.641Z", "rating": "BAD", "attachments": []},
        ])
    );
}

#[test]
fn instructions_carry_prompt_passages_question_and_answer() {
    let chats = [logged_chat(1, "q", "a"), chat(2, "r", r#"{"text":"b"}"#)];
    let records: Value =
        serde_json::from_str(&export(&choice("jsonAlpaca", Layout::Native), &chats)).unwrap();
    let instructions = "Be brief.\nContext:\n[CONTEXT 0]:\na passage\n[END CONTEXT 0]\n\n";
    assert_eq!(
        records,
        json!([
            {"instruction": instructions, "input": "q", "output": "a"},
            {"instruction": "Be brief.", "input": "r", "output": "b"},
        ])
    );
}

#[test]
fn an_empty_array_is_an_array() {
    for name in ["json", "jsonAlpaca"] {
        let file = export(&choice(name, Layout::Native), &[]);
        assert_eq!(serde_json::from_str::<Value>(&file).unwrap(), json!([]));
    }
}
