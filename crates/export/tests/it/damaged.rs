//! Damaged stored answers: each is exported, and none breaks the file.
use carrel_domain::export::{Formatters, Layout};
use carrel_export::{ExportFormats, record_of, redact, redact_text};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use crate::support::{chat, choice, export, logged_chat};

fn read(stored: &str) -> (String, usize, usize, bool, bool) {
    let record = record_of(chat(1, "q", stored));
    let (sources, attachments) = (record.sources.len(), record.attachments.len());
    (record.response, sources, attachments, record.damaged, record.raw)
}

#[test]
fn a_well_formed_answer_is_split_into_its_parts() {
    let record = record_of(logged_chat(1, "q", "hello\n\"you\""));
    assert_eq!((record.response.as_str(), record.sources.len()), ("hello\n\"you\"", 1));
    assert!(!record.damaged && !record.raw);
    assert_eq!(read(r#"{"text":"t"}"#), ("t".into(), 0, 0, false, false));
    // The last of two members with the same name counts, as in JavaScript.
    assert_eq!(read(r#"{"text":"t","text":"u"}"#), ("u".into(), 0, 0, false, false));
    assert_eq!(read(r#"{"metrics":{"a":1e999},"text":"t"}"#), ("t".into(), 0, 0, false, false));
}

#[test]
fn answers_without_text_are_exported_as_stored() {
    let nested = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_source = format!("{{\"text\":\"t\",\"sources\":{nested}}}");
    let stored = [
        "",
        " ",
        "not json at all {",
        "null",
        "5",
        "\"text\"",
        "[]",
        "{}",
        "{\"text\":null}",
        "{\"text\":5}",
        "{\"text\":[\"t\"]}",
        "{\"text\":\"t\"",
        "{\"text\":\"\\x\"}",
        &nested,
        &deep_source,
        "{\"text\":\"a\nb\"}",
        "\u{feff}{\"text\":\"t\"}",
    ];
    for stored in stored {
        assert_eq!(read(stored), (stored.to_owned(), 0, 0, true, true));
    }
}

#[test]
fn unreadable_sources_and_images_are_left_out() {
    for (stored, sources, attachments) in [
        (r#"{"text":"t","sources":null}"#, 0, 0),
        (r#"{"text":"t","sources":{"text":"x"}}"#, 0, 0),
        (r#"{"text":"t","sources":[{"text":"x"},{"text":5},7,null,{}]}"#, 1, 0),
        (r#"{"text":"t","attachments":null}"#, 0, 0),
        (r#"{"text":"t","attachments":"x"}"#, 0, 0),
        (r#"{"text":"t","attachments":[1,{"name":"a"},{"contentString":5}]}"#, 0, 0),
        (r#"{"text":"t","attachments":[{"contentString":"AAAA"}]}"#, 0, 1),
        (r#"{"text":"t","attachments":[{"name":1,"mime":{},"contentString":"data:,x"}]}"#, 0, 1),
    ] {
        assert_eq!(read(stored), ("t".into(), sources, attachments, true, false), "{stored}");
    }
    let stored = r#"{"text":"t","attachments":[{"contentString":"AAAA"}]}"#;
    let record = record_of(chat(1, "q", stored));
    assert_eq!(record.attachments[0].content, "data:application/octet-stream;base64,AAAA");
}

#[test]
fn a_lone_surrogate_costs_only_that_character() {
    for (escaped, text) in [
        (r"a\ud83db", "a\u{fffd}b"),
        (r"a\ude00b", "a\u{fffd}b"),
        (r"\ude00\ud83d", "\u{fffd}\u{fffd}"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}\u{1f600}"),
        (r"\\ud83d\ud83d", "\\ud83d\u{fffd}"),
        (r"\uD83D", "\u{fffd}"),
    ] {
        let (response, .., damaged, raw) = read(&format!(r#"{{"text":"{escaped}"}}"#));
        assert_eq!((response.as_str(), damaged, raw), (text, true, false), "{escaped}");
    }
    assert!(!read(r#"{"text":"\ud83d\ude00"}"#).3);
    for broken in [r#"{"text":"\ud83d\"#, r#"{"text":"\ud8"#, r#"{"text":"\ud83dé\u+123"}"#] {
        assert!(read(broken).4);
    }
}

#[test]
fn random_input_never_breaks_a_file() {
    let mut random = SmallRng::seed_from_u64(3);
    let model = r#"{"text":"a\ud83d\ude00\n","sources":[{"text":"x"}],"attachments":[{"name":"n","mime":"image/png","contentString":"data:,"}],"metrics":{}}"#;
    let pieces = [
        "\\u",
        "d800",
        "\\",
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "1e999",
        "\u{0}",
        "é",
        "=",
        "\r",
        "@a.de",
        "\"text\":",
    ];
    let mut chats = Vec::new();
    for id in 0..2000 {
        let mut stored = if id % 3 == 0 {
            let noise: Vec<u8> = (0..random.random_range(0..60)).map(|_| random.random()).collect();
            String::from_utf8_lossy(&noise).into_owned()
        } else {
            model.to_owned()
        };
        for _ in 0..random.random_range(0..5) {
            let place = random.random_range(0..=stored.len());
            if stored.is_char_boundary(place) {
                match random.random_range(0..3) {
                    0 => stored.truncate(place),
                    _ => stored.insert_str(place, pieces[random.random_range(0..pieces.len())]),
                }
            }
        }
        let mut chat = chat(id, &stored, &stored);
        chat.chat.conversation.workspace.0 = id as i32 % 7;
        let mut record = record_of(chat.clone());
        redact(&mut record);
        chats.push(chat);
    }
    for layout in [Layout::Native, Layout::Compat] {
        for name in ExportFormats.names().iter().filter(|name| name.starts_with("json")) {
            let file = export(&choice(name, layout), &chats);
            if *name == "jsonl" {
                for line in file.split('\n').filter(|line| !line.is_empty()) {
                    let line: Value = serde_json::from_str(line).unwrap();
                    assert!(line["messages"].is_array());
                }
            } else {
                let records: Vec<Value> = serde_json::from_str(&file).unwrap();
                assert_eq!(records.len(), chats.len());
            }
        }
    }
}

#[test]
fn redaction_takes_linear_time() {
    // Each of these would take minutes if every position repeated the lookahead.
    for piece in [
        "a.",
        "a@",
        "a-",
        "1-",
        "1 ",
        "eyJ.",
        "é",
        "é@",
        "x@a.",
        "AB12 ",
        "AA11 AAAA ",
        "bearer ",
        "sk-",
        "1.1.",
        "+",
        "\\n",
        "((1)",
    ] {
        let mut text = piece.repeat(400_000 / piece.len());
        redact_text(&mut text);
    }
}
