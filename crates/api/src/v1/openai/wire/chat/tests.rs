use serde_json::json;

use super::*;

fn question(body: Value) -> Result<Question> {
    serde_json::from_value::<CompletionBody>(body).unwrap().question()
}

fn request(messages: Value) -> Value {
    json!({ "model": "alpha", "messages": messages })
}

#[test]
fn messages_are_instructions_history_and_a_question() {
    let parsed = question(
        request(json!([
            { "role": "system", "content": "Be brief." },
            { "role": "assistant", "content": "Welcome." },
            { "role": "developer", "content": [{ "type": "text", "text": "Be kind." }] },
            { "role": "assistant", "content": null, "tool_calls": [] },
            { "role": "user", "content": [{ "type": "text", "text": "One" }, { "type": "text", "text": "two" }] },
        ])),
    )
    .unwrap();
    assert_eq!(parsed.overrides.instructions.as_deref(), Some("Be brief.\n\nBe kind."));
    let welcome = Message::assistant("Welcome.");
    assert_eq!(parsed.overrides.history, Some(vec![welcome]));
    assert_eq!(parsed.text, "One\ntwo");
}

#[test]
fn invalid_fields_are_refused_by_name() {
    for (field, value) in [
        ("n", json!(2)),
        ("temperature", json!("hot")),
        ("temperature", json!(-1)),
        ("temperature", json!(1e308)),
        ("max_tokens", json!(0)),
        ("max_tokens", json!(1.5)),
        ("max_tokens", json!(u64::MAX)),
        ("user", json!(5)),
        ("user", json!("x".repeat(513))),
        ("metadata", json!({ "session_id": {} })),
    ] {
        let mut body = request(json!([{ "role": "user", "content": "Hi" }]));
        body[field] = value;
        let refused = question(body).unwrap_err().to_string();
        assert!(refused.starts_with(field), "{field}: {refused}");
    }
}

#[test]
fn invalid_conversations_are_refused() {
    for messages in [
        json!(null),
        json!("x"),
        json!([]),
        json!([5]),
        json!([{ "role": "assistant", "content": "Hi" }]),
        json!([{ "role": "user", "content": " " }]),
    ] {
        let refused = question(request(messages.clone())).unwrap_err().to_string();
        assert!(refused.starts_with("messages"), "{messages}: {refused}");
    }
}

#[test]
fn unknown_roles_and_parts_are_refused() {
    let hi = json!({ "role": "user", "content": "Hi" });
    for first in [
        json!({ "role": "tool", "content": "x" }),
        json!({ "content": "x" }),
        json!({ "role": "user", "content": 5 }),
        json!({ "role": "user", "content": null }),
        json!({ "role": "user", "content": [{ "type": "input_audio" }] }),
        json!({ "role": "user", "content": [{ "type": "image_url" }] }),
        json!({ "role": "system", "content": [{ "type": "image_url", "image_url": { "url": "x" } }] }),
    ] {
        let body = request(json!([first, hi]));
        let refused = question(body).unwrap_err().to_string();
        assert!(refused.starts_with("messages[0]"), "{first}: {refused}");
    }
}

#[test]
fn a_session_is_named_by_metadata_or_else_by_the_user() {
    let named = |fields: Value| {
        let mut body = request(json!([{ "role": "user", "content": "Hi" }]));
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        question(body).unwrap().session
    };
    assert_eq!(named(json!({ "user": "ann" })).as_deref(), Some("ann"));
    let both = json!({ "user": "ann", "metadata": { "session_id": "s" } });
    assert_eq!(named(both).as_deref(), Some("s"));
    assert_eq!(named(json!({ "metadata": { "other": "x" }, "user": "" })), None);
}
