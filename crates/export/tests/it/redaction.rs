//! Redaction removes what identifies people and keeps the rest.
use carrel_domain::export::Layout;
use carrel_export::{record_of, redact, redact_text};
use serde_json::{Value, json};

use crate::support::{chat, choice, export};

fn redacted(text: &str) -> String {
    let mut text = text.to_owned();
    redact_text(&mut text);
    text
}

#[test]
fn addresses_numbers_accounts_and_keys_are_redacted() {
    for secret in [
        "ana@example.com",
        "Ana.Maria+news@mail.example.co.uk",
        "jörg.müller@größe.de",
        "иван@пример.рф",
        "_x@a-b.io",
        "+49 30 1234567",
        "+493012345678",
        "(030) 123 45 67",
        "030/1234567",
        "0301234567",
        "555-1234",
        "555-123-4567",
        "555.123.4567",
        "(555) 123-4567",
        "01 23 45 67 89",
        "600 123 456",
        "1-800-555-0199",
        "+1\u{a0}555\u{a0}0199",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111111111111111",
        "378282246310005",
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "GB82 WEST 1234 5698 7654 32",
        "MT84MALT011000012345MTLCAST001S",
        "NO93 8601 1117 947",
        "sk-proj-abcDEF123456",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "AKIAIOSFODNN7EXAMPLE",
        "crl_abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "ABCDEF1-2345678-GHIJKL9-0123456",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ] {
        assert_eq!(redacted(secret), "[redacted]");
        assert_eq!(redacted(&format!("Ask {secret}, please.")), "Ask [redacted], please.");
        assert_eq!(redacted(&format!("<{secret}>\n{secret}")), "<[redacted]>\n[redacted]");
        assert_eq!(redacted(&format!("电话{secret}。")), "电话[redacted]。");
    }
    let header = "Authorization: Bearer abc123-def.456~x\nbearer  of-good-news";
    assert_eq!(redacted(header), "Authorization: Bearer [redacted]\nbearer  of-good-news");
    assert_eq!(redacted("mailto:ana@example.com."), "mailto:[redacted].");
    assert_eq!(redacted("555-123-4567x89"), "[redacted]x89");
}

#[test]
fn ordinary_words_and_numbers_stay() {
    for text in [
        "",
        "On 2026-11-23 at 04:56:36.641 (23.11.2026, 11/23/2026), 7 of 12 passed.",
        "2026-11-23T04:56:36.641Z",
        "5 2026-11-23 04",
        "1999-2003 and 2019/2020",
        "10.0.0.1, 192.168.100.200 and 8.8.8.8.",
        "3.14159265 is not 0.12345678",
        "12 000 000 or 1.000.000 people",
        "12 15 18 22 37 41",
        "555-12",
        "123456",
        "version v1.2.3-20231123 and 1.2.3",
        "550e8400-e29b-41d4-a716-446655440000",
        "12345678-1234-4abc-9def-1234567890ab",
        "a@b, @ana, user@localhost, x @ y.z and 5@6.7",
        "how-to-install-carrel-on-ubuntu-24-04-with-docker",
        "migration_20231123_add_users_table",
        "internationalizationAndLocalization",
        "a sk-learning pk_customer",
        "The bearer certificates and Bearer of news",
        "AB12 and XY99 are rooms",
        "naïve 日本語 Ω",
        "C:\\new\\table",
    ] {
        assert_eq!(redacted(text), text);
    }
}

#[test]
fn a_record_keeps_its_structure() {
    let stored = json!({
        "text": "Write to ana@example.com",
        "sources": [{"text": "Call +49 30 1234567"}, {"text": "nothing"}],
        "attachments": [{"name": "ana@example.com.png", "mime": "image/png", "contentString": "AAAA"}],
    });
    let mut chat = chat(1, "I am ana@example.com", &stored.to_string());
    chat.workspace.as_mut().unwrap().prompt = Some("Serve ana@example.com".to_owned());
    let mut record = record_of(chat);
    redact(&mut record);
    assert_eq!(record.chat.username.as_deref(), Some("user-7"));
    assert_eq!(record.chat.chat.prompt, "I am [redacted]");
    assert_eq!(record.chat.workspace.as_ref().unwrap().prompt.as_deref(), Some("Serve [redacted]"));
    assert_eq!(record.response, "Write to [redacted]");
    assert_eq!(record.sources, ["Call [redacted]", "nothing"]);
    assert_eq!(record.attachments[0].name, "[redacted]");
    assert_eq!(record.attachments[0].content, "data:image/png;base64,");
}

#[test]
fn exchanges_without_a_user_stay_so_and_deleted_users_get_no_id() {
    let mut anonymous = chat(1, "q", "{}");
    (anonymous.username, anonymous.chat.conversation.user) = (None, None);
    let mut record = record_of(anonymous.clone());
    redact(&mut record);
    assert_eq!(record.chat.username, None);
    anonymous.username = Some("gone".to_owned());
    let mut record = record_of(anonymous);
    redact(&mut record);
    assert_eq!(record.chat.username.as_deref(), Some("user"));
}

#[test]
fn damaged_answers_are_redacted_as_text() {
    let mut record = record_of(chat(1, "q", "{\"text\": \"ana@example.com\\n0301234567"));
    redact(&mut record);
    assert_eq!(record.response, "{\"text\": \"[redacted]\\n[redacted]");
    let file = export(&choice("json", Layout::Native), &[record.chat]);
    assert!(serde_json::from_str::<Value>(&file).is_ok());
}
