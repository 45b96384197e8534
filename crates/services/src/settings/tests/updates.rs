use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn one_invalid_value_refuses_the_request() {
    let world = World::empty().await;
    let body = json!({
        "OpenAiModelPref": "first", "OpenAiKey": "bad", "AnthropicModelPref": "m",
        "GenericOpenAiTokenLimit": "lots",
    });
    assert_eq!(
        world.refusal(body.clone()).await,
        "OpenAiKey: OpenAI Key must start with sk-; \
         GenericOpenAiTokenLimit: Value must be a number"
    );
    let lenient = world.update(body, Leniency::Lenient).await.unwrap();
    assert_eq!(lenient.error.as_deref(), Some("OpenAI Key must start with sk-"));
    assert!(lenient.new_values.is_empty());
    assert!(world.rows.rows.lock().unwrap().is_empty());
    *world.rows.is_failing.lock().unwrap() = true;
    let result = world.update(json!({ "OpenAiModelPref": "m" }), Leniency::Strict).await;
    assert!(matches!(result, Err(Error::Internal(_))));
    assert_eq!(world.store.lookup("OPEN_MODEL_PREF").unwrap(), "gpt-4.1-nano");
}

#[tokio::test]
async fn unknown_names_are_reported_and_refused_alone_only_if_strict() {
    let world = World::empty().await;
    let printed = json!({ "VectorDB": "lancedb", "AnotherKey": "updatedValue" });
    let updated = world.set(printed).await;
    assert_eq!(updated.ignored, ["AnotherKey"]);
    assert_eq!(updated.new_values, *json!({ "VectorDB": "lancedb" }).as_object().unwrap());
    for body in [
        json!({}),
        json!({ "OPEN_AI_KEY": "sk-x", "STORAGE_DIR": "/tmp/x" }),
        json!({ "__proto__": { "x": 1 }, "constructor": "x" }),
    ] {
        world.refusal(body.clone()).await;
        let lenient = world.update(body, Leniency::Lenient).await.unwrap();
        assert!(lenient.new_values.is_empty() && lenient.error.is_none());
    }
    assert_eq!(world.rows.rows.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn scalars_are_converted_to_text_if_strict_and_objects_never() {
    let world = World::empty().await;
    for (value, text) in [(json!(8192), "8192"), (json!(8192.0), "8192"), (json!("9"), "9")] {
        let updated = world.set(json!({ "GenericOpenAiTokenLimit": value })).await;
        assert_eq!(updated.new_values["GenericOpenAiTokenLimit"], value);
        assert_eq!(world.store.lookup("GENERIC_OPEN_AI_MODEL_TOKEN_LIMIT").unwrap(), text);
    }
    world.set(json!({ "DisableTelemetry": true })).await;
    assert_eq!(world.store.lookup("DISABLE_TELEMETRY").unwrap(), "true");
    for value in [json!(null), json!({ "a": 1 }), json!([{}])] {
        world.refusal(json!({ "OpenAiModelPref": value })).await;
        let lenient = world.update(json!({ "OpenAiModelPref": value }), Leniency::Lenient).await;
        assert!(matches!(lenient, Err(Error::Invalid { .. })), "{value}");
    }
    world.refusal(json!({ "OpenAiModelPref": ["a"] })).await;
    for value in [json!(5), json!(true)] {
        let lenient = world.update(json!({ "OpenAiModelPref": value }), Leniency::Lenient).await;
        assert!(matches!(lenient, Err(Error::Invalid { .. })), "{value}");
    }
    let list = world.update(json!({ "OpenAiModelPref": ["a", "b"] }), Leniency::Lenient).await;
    assert_eq!(list.unwrap().new_values["OpenAiModelPref"], json!(["a", "b"]));
    assert_eq!(world.store.lookup("OPEN_MODEL_PREF").unwrap(), "a,b");
}

#[tokio::test]
async fn selecting_a_provider_requires_its_settings_if_strict() {
    let world = World::empty().await;
    let error = world.refusal(json!({ "LLMProvider": "generic-openai" })).await;
    assert_eq!(
        error,
        "LLMProvider: generic-openai needs GenericOpenAiBasePath and GenericOpenAiModelPref"
    );
    let body = json!({
        "LLMProvider": "generic-openai", "GenericOpenAiBasePath": "http://127.0.0.1:1/v1",
        "GenericOpenAiModelPref": "m",
    });
    world.set(body).await;
    assert_eq!(world.visible(Leniency::Strict)["LLMModel"], "m");
    world.set(json!({ "OpenAiKey": "sk-1" })).await;
    // The model has a default, so only a key is needed.
    world.set(json!({ "LLMProvider": "openai" })).await;
    let lenient = world.update(json!({ "VectorDB": "qdrant" }), Leniency::Lenient).await.unwrap();
    assert_eq!(lenient.error, None);
    // An existing problem does not block unrelated changes.
    world.set(json!({ "QdrantApiKey": "x" })).await;
    world.set(json!({ "VectorDB": "lancedb", "OllamaLLMBasePath": "http://a:1" })).await;
    let error = world.refusal(json!({ "LLMProvider": "nope" })).await;
    assert!(error.contains("nope is not a valid LLM provider. Must be one of extractive, "));
}

#[tokio::test]
async fn one_variable_cannot_be_given_two_values() {
    let world = World::empty().await;
    let body = json!({ "EmbeddingModelPref": "a", "AzureOpenAiEmbeddingModelPref": "b" });
    assert!(world.refusal(body).await.contains("twice"));
    world.set(json!({ "EmbeddingModelPref": "a", "AzureOpenAiEmbeddingModelPref": "a" })).await;
    assert_eq!(world.visible(Leniency::Lenient)["AzureOpenAiEmbeddingModelPref"], "a");
}

#[tokio::test]
async fn subscribers_are_notified_of_changes_by_any_process() {
    let world = World::empty().await;
    let receiver = world.store.subscribe();
    let generations = || Capability::ALL.map(|capability| receiver.borrow().of(capability));
    let start = generations();
    world.set(json!({ "OpenAiModelPref": "m" })).await;
    world.set(json!({ "OpenAiModelPref": "m" })).await;
    let updated = generations();
    assert_eq!(updated[0], start[0] + 1);
    assert_eq!(updated[1..], start[1..]);
    world.rows.rows.lock().unwrap().insert("VECTOR_DB".into(), "qdrant".into());
    world.store.reload().await.unwrap();
    world.store.reload().await.unwrap();
    assert_eq!(generations()[2], updated[2] + 1);
    assert_eq!(world.store.lookup("VECTOR_DB").unwrap(), "qdrant");
}

#[tokio::test]
async fn changes_are_logged_under_names_that_clients_expect() {
    let world = World::empty().await;
    world.set(json!({ "LLMProvider": "extractive" })).await;
    world.set(json!({ "EmbeddingEngine": "native" })).await;
    world.set(json!({ "VectorDB": "lancedb" })).await;
    world.set(json!({ "OpenAiKey": "sk-1", "OpenAiModelPref": "m" })).await;
    world.set(json!({ "AnthropicModelPref": "m" })).await;
    world.set(json!({ "DisableTelemetry": "true" })).await;
    let events = world.rows.events.lock().unwrap();
    let names: Vec<_> = events.iter().map(|event| event.name).collect();
    assert_eq!(
        names,
        [
            "update_llm_provider",
            "update_embedding_engine",
            "update_vector_db",
            "settings_updated",
            "update_llm_provider",
            "settings_updated",
        ]
    );
    assert_eq!(events[3].details, "{\"settings\":[\"OpenAiKey\",\"OpenAiModelPref\"]}");
}

#[tokio::test]
async fn an_empty_text_clears_a_setting_and_hides_the_file() {
    let world =
        World::new(&[], &[("OLLAMA_AUTH_TOKEN", "a"), ("EMBEDDING_OUTPUT_DIMENSIONS", "9")]);
    let world = world.await;
    assert_eq!(world.visible(Leniency::Lenient)["OllamaLLMAuthToken"], true);
    world.set(json!({ "OllamaLLMAuthToken": "", "EmbeddingOutputDimensions": "" })).await;
    let visible = world.visible(Leniency::Lenient);
    assert_eq!(visible["OllamaLLMAuthToken"], false);
    assert_eq!(visible["EmbeddingOutputDimensions"], Value::Null);
    assert_eq!(world.store.lookup("OLLAMA_AUTH_TOKEN"), None);
    let reopened = open(&world.rows, &world.key, &[], &[("OLLAMA_AUTH_TOKEN", "a")]).await;
    assert_eq!(reopened.lookup("OLLAMA_AUTH_TOKEN"), None);
}

#[tokio::test]
async fn injected_lines_stay_within_their_value() {
    let world = World::empty().await;
    for text in ["'", "\"", "`", "#", "$(id)", "${HOME}", "a b ", "%PATH%", "{{env}}"] {
        world.set(json!({ "OpenAiModelPref": text })).await;
        let visible = world.visible(Leniency::Lenient);
        assert_eq!(visible["OpenAiModelPref"], text);
        let reopened = open(&world.rows, &world.key, &[], &[]).await;
        assert_eq!(visible_settings(&reopened, &Facts::default(), Leniency::Lenient), visible);
    }
    assert_eq!(world.rows.rows.lock().unwrap().len(), 1);
    for text in ["a\nNODE_OPTIONS=x", "a\r", "a\u{2028}b", "a\0"] {
        assert!(world.refusal(json!({ "OpenAiModelPref": text })).await.contains("line breaks"));
    }
}
