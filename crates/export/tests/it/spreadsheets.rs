//! CSV exports, read back with Python's `csv`.
use carrel_domain::chat_log::LoggedChat;
use carrel_domain::export::Layout;
use serde_json::Value;

use crate::support::{chat, choice, export, logged_chat, python};

const READ: &str = "
import csv, io, json, sys
text = sys.stdin.buffer.read().decode('utf-8')
json.dump(list(csv.reader(io.StringIO(text, newline=''), strict=True)), sys.stdout)
";

const NASTY: [&str; 24] = [
    "",
    " ",
    "\"",
    "\"\"",
    "\"\"\"",
    ",",
    ",,\",\"",
    "a\nb",
    "a\r\nb",
    "\n",
    "\r\n\r\n",
    "=1+1",
    "+49 30 1234567",
    "-2",
    "@SUM(A1)",
    "\ttab",
    "＝1",
    "＠x",
    "'quoted'",
    "\\",
    "日本語, \"é\"",
    "a;b\u{2028}c\u{85}d",
    "\u{1}\u{7f}\u{b}\u{c}",
    "trailing,",
];

fn read_back(file: &str) -> Vec<Vec<String>> {
    serde_json::from_str(&python(READ, file)).unwrap()
}

fn nasty() -> Vec<LoggedChat> {
    let mut chats = Vec::new();
    for (id, prompt) in (1..).zip(NASTY) {
        for answer in NASTY {
            let mut chat = logged_chat(id, prompt, answer);
            chat.username = Some(prompt.to_owned());
            chat.workspace.as_mut().unwrap().name = answer.to_owned();
            chats.push(chat);
        }
    }
    chats
}

#[test]
fn every_cell_survives_a_round_trip() {
    let chats = nasty();
    let file = export(&choice("csv", Layout::Native), &chats);
    let rows = read_back(&file);
    let head =
        ["id", "workspace", "username", "prompt", "response", "sent_at", "rating", "attachments"];
    assert_eq!(rows[0], head);
    assert_eq!(rows.len(), chats.len() + 1);
    for (chat, row) in chats.iter().zip(&rows[1..]) {
        let stored: Value = serde_json::from_str(&chat.chat.response).unwrap();
        let expected = [
            &chat.chat.id.to_string(),
            &chat.workspace.as_ref().unwrap().name,
            chat.username.as_ref().unwrap(),
            &chat.chat.prompt,
            stored["text"].as_str().unwrap(),
            &chat.chat.created_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            "GOOD",
            "",
        ];
        assert_eq!(row, &expected);
    }
}

#[test]
fn rows_end_in_crlf_and_no_carriage_return_stands_alone() {
    let mut chats = nasty();
    chats.push(logged_chat(1, "old\rbreak\r", "\r"));
    for layout in [Layout::Native, Layout::Compat] {
        let file = export(&choice("csv", layout), &chats);
        assert!(!file.replace("\r\n", "").contains('\r'));
        assert_eq!(read_back(&file).len(), chats.len() + 1);
        assert_eq!(file.ends_with("\r\n"), layout == Layout::Native);
    }
}

#[test]
fn compatible_cells_are_on_one_line() {
    let chats = nasty();
    let file = export(&choice("csv", Layout::Compat), &chats);
    assert_eq!(file.lines().count(), chats.len() + 1);
    for (chat, row) in chats.iter().zip(&read_back(&file)[1..]) {
        let flat = chat.chat.prompt.replace("\r\n", " ").replace('\n', " ");
        assert_eq!((row.len(), &row[2]), (7, &flat));
    }
}

#[test]
fn safe_tables_have_no_formulas() {
    let mut chats = nasty();
    chats.iter_mut().step_by(2).for_each(|chat| chat.chat.feedback = None);
    for layout in [Layout::Native, Layout::Compat] {
        let mut choice = choice("csv", layout);
        let plain = read_back(&export(&choice, &chats));
        choice.csv_safe = true;
        let safe = read_back(&export(&choice, &chats));
        for (plain, safe) in plain.iter().flatten().zip(safe.iter().flatten()) {
            let marks = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
            assert!(!safe.starts_with(marks), "{safe:?}");
            assert!(safe == plain || *safe == format!("'{}", plain), "{plain:?} {safe:?}");
        }
    }
}

#[test]
fn absent_values_are_empty_and_images_are_named() {
    let stored = r#"{"text":"t","attachments":[
        {"name":"a.png","mime":"image/png","contentString":"AAAA"},
        {"name":"b, c.png","mime":"image/png","contentString":"data:image/png;base64,BBBB"}]}"#;
    let mut chat = chat(1, "p", stored);
    (chat.workspace, chat.username, chat.chat.feedback) = (None, None, None);
    let rows = read_back(&export(&choice("csv", Layout::Native), &[chat]));
    assert_eq!(rows[1][1..3], ["", ""]);
    assert_eq!(rows[1][6..], ["", "a.png; b, c.png"]);
}

#[test]
fn an_empty_table_has_its_header() {
    let rows = read_back(&export(&choice("csv", Layout::Native), &[]));
    assert_eq!((rows.len(), rows[0].len()), (1, 8));
}
