use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use carrel_domain::audit::{By, Event};
use carrel_domain::settings::Settings;
use carrel_domain::{Error, Result};
use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::key::Key;
use super::registry::Capability;
use super::secrets::Sealer;
use super::*;

mod previews;
mod updates;

/// Stores rows and events in memory. Can be made to fail.
#[derive(Default)]
struct Rows {
    rows: Mutex<BTreeMap<String, String>>,
    events: Mutex<Vec<Event>>,
    is_failing: Mutex<bool>,
}

#[async_trait]
impl Settings for Rows {
    async fn all(&self) -> Result<BTreeMap<String, String>> {
        Ok(self.rows.lock().unwrap().clone())
    }

    async fn set(&self, values: BTreeMap<String, Option<String>>, event: Event) -> Result<()> {
        if *self.is_failing.lock().unwrap() {
            return Err(Error::internal("disk full"));
        }
        let values = values.into_iter().filter_map(|(name, value)| Some((name, value?)));
        self.rows.lock().unwrap().extend(values);
        self.events.lock().unwrap().push(event);
        Ok(())
    }
}

struct World {
    rows: Arc<Rows>,
    key: Key,
    store: SettingsStore,
}

impl World {
    async fn new(fixed: &[(&str, &str)], initial: &[(&str, &str)]) -> Self {
        let (rows, key) = (Arc::new(Rows::default()), Key::random());
        let store = open(&rows, &key, fixed, initial).await;
        Self { rows, key, store }
    }

    async fn empty() -> Self {
        Self::new(&[], &[]).await
    }

    async fn update(&self, changes: Value, leniency: Leniency) -> Result<Updated> {
        let by = By::operator(DateTime::UNIX_EPOCH);
        self.store.update(changes.as_object().unwrap(), leniency, &by).await
    }

    async fn set(&self, changes: Value) -> Updated {
        self.update(changes, Leniency::Strict).await.unwrap()
    }

    async fn refusal(&self, changes: Value) -> String {
        let rows = self.rows.rows.lock().unwrap().clone();
        let error = self.update(changes, Leniency::Strict).await.unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
        assert_eq!(*self.rows.rows.lock().unwrap(), rows);
        error.to_string()
    }

    fn visible(&self, leniency: Leniency) -> Map<String, Value> {
        visible_settings(&self.store, &Facts::default(), leniency)
    }
}

async fn open(
    rows: &Arc<Rows>,
    key: &Key,
    fixed: &[(&str, &str)],
    initial: &[(&str, &str)],
) -> SettingsStore {
    let map = |layer: &[(&str, &str)]| {
        layer.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    };
    let layers = SettingLayers { fixed: map(fixed), initial: map(initial) };
    SettingsStore::open(rows.clone(), layers, Sealer::new(key)).await.unwrap()
}

#[tokio::test]
async fn the_environment_outranks_the_database_the_file_and_the_defaults() {
    let world = World::new(
        &[("LLM_PROVIDER", "openai"), ("OPEN_MODEL_PREF", "")],
        &[("OPEN_MODEL_PREF", "from-file"), ("VECTOR_DB", "qdrant"), ("OTHER", "x")],
    )
    .await;
    let lookup = |name| world.store.lookup(name);
    assert_eq!(lookup("LLM_PROVIDER").unwrap(), "openai");
    assert_eq!(lookup("OPEN_MODEL_PREF").unwrap(), "from-file");
    assert_eq!(lookup("AZURE_OPENAI_MODEL_PREF").unwrap(), "from-file");
    assert_eq!(lookup("EMBEDDING_ENGINE").unwrap(), "native");
    assert_eq!((lookup("OTHER").unwrap().as_str(), lookup("NOTHING")), ("x", None));
    world.set(json!({ "OpenAiModelPref": "set", "VectorDB": "lancedb" })).await;
    assert_eq!(lookup("OPEN_MODEL_PREF").unwrap(), "set");
    assert_eq!(lookup("VECTOR_DB").unwrap(), "lancedb");
    assert_eq!(world.store.fixed(), ["LLMProvider"]);
}

#[tokio::test]
async fn fixed_settings_can_only_be_set_to_their_value() {
    let world = World::new(&[("GENERIC_OPEN_AI_MODEL_PREF", "m")], &[]).await;
    let updated = world.set(json!({ "GenericOpenAiModelPref": "m" })).await;
    assert_eq!(updated.new_values["GenericOpenAiModelPref"], "m");
    let error = world.refusal(json!({ "GenericOpenAiModelPref": "n" })).await;
    assert!(error.contains("environment variable GENERIC_OPEN_AI_MODEL_PREF"), "{error}");
    let lenient = world.update(json!({ "GenericOpenAiModelPref": "n" }), Leniency::Lenient).await;
    assert!(lenient.unwrap().error.unwrap().contains("is fixed"));
    assert!(world.rows.rows.lock().unwrap().is_empty());
}

#[tokio::test]
async fn unsupported_values_are_refused_and_reported() {
    let mut world = World::new(&[], &[("VECTOR_DB", "pinecone")]).await;
    world.store = world.store.with_available("VECTOR_DB", ["lancedb"]);
    assert!(world.store.unavailable("VECTOR_DB").unwrap().starts_with("pinecone is not available"));
    let error = world.refusal(json!({ "VectorDB": "chroma", "ChromaEndpoint": "http://a" })).await;
    assert_eq!(error, "VectorDB: chroma is not available in this server; choose lancedb");
    let error = world.refusal(json!({ "VectorDB": "nope" })).await;
    assert!(error.contains("Invalid VectorDB type") && !error.contains("available"), "{error}");
    let lenient = world.update(json!({ "VectorDB": "chroma" }), Leniency::Lenient).await.unwrap();
    assert!(lenient.error.unwrap().contains("not available"));
    world.set(json!({ "VectorDB": "lancedb" })).await;
    assert_eq!(world.store.unavailable("VECTOR_DB"), None);
}

#[tokio::test]
async fn secrets_are_sealed_at_rest_masked_in_responses_and_survive_a_restart() {
    let world = World::empty().await;
    let secrets: Vec<_> =
        world.store.registry().settings().iter().filter(|row| row.secret).collect();
    let mut canaries = BTreeSet::new();
    for row in secrets.iter().filter(|row| !row.is_read_only()) {
        let start = if row.variable == "ANTHROPIC_API_KEY" { "sk-ant-" } else { "sk-" };
        let start =
            if row.variable == "PGVECTOR_CONNECTION_STRING" { "postgresql://" } else { start };
        let canary = format!("{start}CANARY{}", row.variable);
        let updated = world.set(json!({ row.name: canary })).await;
        assert!(!format!("{updated:?}").contains("CANARY"), "{}", row.name);
        assert_eq!(world.store.lookup(row.variable).unwrap(), canary);
        canaries.insert((row.name, row.variable, canary));
    }
    assert!(canaries.len() > 60);
    for leniency in [Leniency::Strict, Leniency::Lenient] {
        let visible = world.visible(leniency);
        assert!(!format!("{visible:?}").contains("CANARY"));
        assert!(canaries.iter().all(|(name, ..)| visible[*name] == true));
    }
    assert!(!format!("{:?}", world.rows.rows).contains("CANARY"));
    assert!(!format!("{:?}", world.rows.events).contains("CANARY"));
    let reopened = open(&world.rows, &world.key, &[], &[]).await;
    for (_, variable, canary) in &canaries {
        assert_eq!(reopened.lookup(variable).as_ref(), Some(canary));
    }
}

#[tokio::test]
async fn a_lost_key_hides_only_secrets_until_they_are_set_again() {
    let world = World::empty().await;
    world.set(json!({ "OpenAiKey": "sk-1", "OpenAiModelPref": "m" })).await;
    let key = Key::random();
    let store = open(&world.rows, &key, &[], &[]).await;
    assert_eq!(store.unreadable(), ["OpenAiKey"]);
    assert_eq!(store.lookup("OPEN_AI_KEY"), None);
    assert_eq!(store.lookup("OPEN_MODEL_PREF").unwrap(), "m");
    assert_eq!(
        open(&world.rows, &world.key, &[], &[]).await.lookup("OPEN_AI_KEY").unwrap(),
        "sk-1"
    );
    let world = World { rows: world.rows, key, store };
    world.set(json!({ "OpenAiKey": "sk-2" })).await;
    assert_eq!(world.store.lookup("OPEN_AI_KEY").unwrap(), "sk-2");
    assert!(world.store.unreadable().is_empty());
}

#[tokio::test]
async fn asterisks_do_not_change_a_secret() {
    let world = World::empty().await;
    world.set(json!({ "OpenAiKey": "sk-1" })).await;
    for leniency in [Leniency::Strict, Leniency::Lenient] {
        for mask in ["******", "***", "********************"] {
            let updated = world.update(json!({ "OpenAiKey": mask }), leniency).await.unwrap();
            assert!(updated.new_values.is_empty() && updated.error.is_none());
        }
    }
    assert_eq!(world.store.lookup("OPEN_AI_KEY").unwrap(), "sk-1");
    assert_eq!(world.rows.events.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_masked_password_in_an_address_keeps_its_value() {
    let world = World::empty().await;
    let address = "http://user:CANARY@127.0.0.1:1/v1";
    let updated = world.set(json!({ "GenericOpenAiBasePath": address })).await;
    let masked = updated.new_values["GenericOpenAiBasePath"].clone();
    assert_eq!(masked, "http://user:******@127.0.0.1:1/v1");
    assert_eq!(world.visible(Leniency::Lenient)["GenericOpenAiBasePath"], masked);
    world.set(json!({ "GenericOpenAiBasePath": masked })).await;
    assert_eq!(world.store.lookup("GENERIC_OPEN_AI_BASE_PATH").unwrap(), address);
}

/// The list that `AnythingLLM` 1.16 returns in the recorded environment.
#[tokio::test]
async fn the_list_has_the_names_and_defaults_that_existing_clients_know() {
    let initial = [
        ("LLM_PROVIDER", "generic-openai"),
        ("GENERIC_OPEN_AI_MODEL_PREF", "fake-chat"),
        ("GENERIC_OPEN_AI_MODEL_TOKEN_LIMIT", "4096"),
        ("GENERIC_OPEN_AI_API_KEY", "x"),
        ("EMBEDDING_MODEL_PREF", "fake-embed"),
        ("JWT_SECRET", "x"),
    ];
    let world = World::new(&[], &initial).await;
    let facts = Facts { storage_dir: "/data".into(), ..Facts::default() };
    let visible = visible_settings(&world.store, &facts, Leniency::Lenient);
    for (name, value) in [
        ("RequiresAuth", json!(false)),
        ("StorageDir", json!("/data")),
        ("JWTSecret", json!(true)),
        ("AuthToken", json!(false)),
        ("LLMModel", json!("fake-chat")),
        ("GenericOpenAiTokenLimit", json!("4096")),
        ("GenericOpenAiKey", json!(true)),
        ("AzureOpenAiEmbeddingModelPref", json!("fake-embed")),
        ("AzureOpenAiTokenLimit", json!(4096)),
        ("EmbeddingOutputDimensions", json!(null)),
        ("AgentSerpApiKey", json!(null)),
        ("PineConeKey", json!(false)),
        ("GenericOpenAiEmbeddingPassagePrefix", json!("")),
        ("AgentSkillRerankerEnabled", json!(true)),
        ("VectorDB", json!("lancedb")),
        ("AgentClarifyingQuestionsMaxPerTurn", json!(3)),
    ] {
        assert_eq!(visible[name], value, "{name}");
    }
    assert!(
        !visible.contains_key("PineConeIndex") && !visible.contains_key("AzureOpenAiModelPref")
    );
    let strict = visible_settings(&world.store, &facts, Leniency::Strict);
    assert!(strict.values().all(|value| !value.is_null()));
    assert_eq!(strict["AgentSerpApiKey"], false);
}
