use super::*;

fn changes(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

#[tokio::test]
async fn a_preview_applies_changes_without_storing_them() {
    let world = World::empty().await;
    let set = json!({ "OpenAiKey": "sk-kept", "OpenAiModelPref": "one", "LLMProvider": "openai" });
    world.update(set, Leniency::Strict).await.unwrap();
    let tried = changes(json!({ "OpenAiKey": "******", "OpenAiModelPref": "two" }));
    let preview = Preview::new(&world.store, &tried).unwrap();
    let tried = |name: &str| preview.lookup(name);
    assert_eq!(tried("OPEN_AI_KEY").as_deref(), Some("sk-kept"));
    assert_eq!(tried("OPEN_MODEL_PREF").as_deref(), Some("two"));
    assert_eq!(tried("LLM_PROVIDER").as_deref(), Some("openai"));
    assert_eq!(world.store.lookup("OPEN_MODEL_PREF").as_deref(), Some("one"));
    let as_they_are = Preview::new(&world.store, &Map::new()).unwrap();
    assert_eq!(as_they_are.lookup("OPEN_MODEL_PREF").as_deref(), Some("one"));
}

#[tokio::test]
async fn a_preview_refuses_invalid_changes() {
    let world = World::new(&[("OPEN_MODEL_PREF", "fixed")], &[]).await;
    for invalid in [
        json!({ "OpenAiKey": "no-such-beginning" }),
        json!({ "LLMProvider": "openai" }),
        json!({ "OpenAiModelPref": "another" }),
        json!({ "Nope": "x" }),
    ] {
        let result = Preview::new(&world.store, &changes(invalid.clone()));
        assert!(matches!(result, Err(Error::Invalid { .. })), "{invalid}");
    }
}
