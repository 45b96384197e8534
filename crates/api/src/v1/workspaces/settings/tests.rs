use serde_json::json;

use super::*;

fn new(body: Value) -> Result<WorkspaceSettings> {
    serde_json::from_value::<WorkspaceFields>(body).unwrap().into_new()
}

#[test]
fn a_change_keeps_what_was_not_sent() {
    let before = WorkspaceSettings {
        chat_provider: Some("openai".into()),
        chat_model: Some("m".into()),
        router: Some(3),
        ..WorkspaceSettings::named("A")
    };
    let change = |body: Value| {
        let fields = serde_json::from_value::<WorkspaceFields>(body).unwrap();
        fields.into_changed(before.clone()).unwrap()
    };
    assert_eq!(change(json!({ "slug": "x", "id": 7 })), None);
    let named = change(json!({ "name": "B" })).unwrap();
    assert_eq!(named, WorkspaceSettings { name: "B".into(), ..before.clone() });
    let cleared = change(json!({ "chatProvider": "default", "chatModel": "x" })).unwrap();
    assert_eq!((cleared.chat_provider, cleared.chat_model), (None, None));
    assert_eq!(change(json!({ "chatProvider": "ollama" })).unwrap().router, None);
    let routed = change(json!({ "chatProvider": ROUTER })).unwrap();
    assert_eq!((routed.chat_model, routed.router), (None, Some(3)));
}

#[test]
fn an_invalid_value_is_refused_by_name() {
    for (field, value) in [
        ("topN", json!("many")),
        ("topN", json!(0)),
        ("openAiTemp", json!(-1)),
        ("openAiHistory", json!(-5)),
        ("similarityThreshold", json!(7)),
        ("chatMode", json!("weird")),
        ("vectorSearchMode", json!({})),
        ("router_id", json!("z")),
        ("openAiPrompt", json!(["x"])),
        ("chatProvider", json!({ "set": 1 })),
    ] {
        let refused = new(json!({ "name": "A", field: value })).unwrap_err();
        assert!(refused.to_string().starts_with(&format!("{field}: must be ")), "{refused}");
    }
}

#[test]
fn a_name_is_required() {
    for name in [json!(null), json!(""), json!(0), json!(5), json!(["a"])] {
        assert!(new(json!({ "name": name })).is_err(), "{name}");
    }
    assert!(new(json!({})).is_err());
    let long = new(json!({ "name": "é".repeat(300) })).unwrap();
    assert_eq!(long.name.chars().count(), 255);
}

#[test]
fn null_empty_and_none_clear_a_setting() {
    let body =
        json!({ "name": "A", "openAiPrompt": "", "chatProvider": "none", "openAiTemp": null });
    assert_eq!(new(body).unwrap(), WorkspaceSettings::named("A"));
}

#[test]
fn both_spellings_are_read() {
    let body = json!({ "name": "A", "top_n": 7, "similarity_threshold": "0.5" });
    let settings = new(body).unwrap();
    assert_eq!((settings.passages, settings.least_similarity), (7, 0.5));
}
