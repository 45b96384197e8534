use std::collections::BTreeMap;

use carrel_domain::audit::{Actor, By};
use chrono::DateTime;
use rand::RngExt;
use serde_json::{Value, json};

use super::*;
use crate::fakes::{FakeAudit, FakeSettings};
use crate::settings::dotenv;
use crate::settings::key::Key;
use crate::settings::secrets::Sealer;
use crate::settings::{Leniency, SettingLayers};

fn parse_all(text: &str) -> Vec<(String, String)> {
    let (entries, errors) = dotenv::parse(text);
    assert_eq!(errors, [], "{text}");
    entries.into_iter().map(|entry| (entry.name, entry.value)).collect()
}

#[test]
fn every_value_can_be_read_back_exactly() {
    let signs: Vec<_> = "'\"`\\$#=ntr {}()%! é語\u{1f600}\u{a0}\t\n\r".chars().collect();
    let mut random = rand::rng();
    for _ in 0..20_000 {
        let length = random.random_range(0..12);
        let value: String =
            (0..length).map(|_| signs[random.random_range(0..signs.len())]).collect();
        let line = format!("A={}\n", quote(&value));
        assert_eq!(line.matches('\n').count(), 1, "{value:?}");
        assert_eq!(parse_all(&line), [("A".to_owned(), value)]);
    }
}

struct World {
    folder: tempfile::TempDir,
    store: Arc<SettingsStore>,
    dump: Arc<Dump>,
    audit: Arc<FakeAudit>,
    key: Key,
}

fn by_stranger() -> By {
    By { actor: Actor::Stranger, address: None, at: DateTime::UNIX_EPOCH }
}

impl World {
    async fn new(production: bool) -> Self {
        let fixed = BTreeMap::from([
            ("OLLAMA_BASE_PATH".to_owned(), "http://a:1".to_owned()),
            ("JWT_SECRET".to_owned(), "canary".to_owned()),
        ]);
        let layers = SettingLayers { fixed, ..SettingLayers::default() };
        let settings = Arc::new(FakeSettings::default());
        let key = Key::random();
        let store = SettingsStore::open(settings, layers, Sealer::new(&key));
        let store = Arc::new(store.await.unwrap());
        let folder = tempfile::tempdir().unwrap();
        let (audit, path) = (Arc::new(FakeAudit::default()), folder.path().join(".env"));
        let secrets = DumpedSecrets::Sealed;
        let dump = Dump::new(store.clone(), audit.clone(), path, production, secrets);
        Self { folder, store, dump, audit, key }
    }

    async fn set(&self, changes: Value) {
        let by = By::operator(DateTime::UNIX_EPOCH);
        let changes = changes.as_object().unwrap();
        self.store.update(changes, Leniency::Strict, &by).await.unwrap();
    }

    fn sealer(&self) -> Sealer {
        Sealer::new(&self.key)
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.folder.path().join(".env")).unwrap_or_default()
    }
}

#[tokio::test]
async fn a_dump_contains_changed_settings_and_keeps_the_rest_of_the_file() {
    let world = World::new(true).await;
    let nasty = "it's \"$HOME\" `id` # \\ é ";
    world.set(json!({ "OpenAiModelPref": nasty, "OpenAiKey": "sk-1" })).await;
    let operator_lines = "# mine\nCARREL_LISTEN=\"a\nb\"\nLLM_PROVIDER=openai";
    std::fs::write(world.folder.path().join(".env"), operator_lines).unwrap();
    assert_eq!(world.dump.write(&by_stranger()).await.unwrap(), DumpResult::Written);
    let text = world.text();
    let block = text.strip_prefix(&format!("{operator_lines}\n")).unwrap();
    let values: BTreeMap<_, _> = parse_all(block).into_iter().collect();
    assert_eq!(values["OPEN_MODEL_PREF"], nasty);
    // The secret is sealed, the next start can read it, and no environment value is included.
    assert!(!text.contains("sk-1"));
    let initial = values.clone();
    assert_eq!(initial.len(), 2);
    let layers = SettingLayers { initial, ..SettingLayers::default() };
    let next = SettingsStore::open(Arc::new(FakeSettings::default()), layers, world.sealer());
    assert_eq!(next.await.unwrap().lookup("OPEN_AI_KEY").as_deref(), Some("sk-1"));
    let layers = SettingLayers { initial: values, ..SettingLayers::default() };
    let other =
        SettingsStore::open(Arc::new(FakeSettings::default()), layers, Sealer::new(&Key::random()));
    assert_eq!(other.await.unwrap().lookup("OPEN_AI_KEY"), None);
    let plain = render(&world.store, DumpedSecrets::Plain).unwrap();
    assert!(plain.contains("OPEN_AI_KEY='sk-1'") && !plain.contains("OLLAMA"));
    assert_eq!(world.audit.names(), ["settings_dumped"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let file = std::fs::metadata(world.folder.path().join(".env")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(std::fs::read_dir(world.folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn nothing_is_written_outside_production() {
    let world = World::new(false).await;
    assert_eq!(world.dump.write(&by_stranger()).await.unwrap(), DumpResult::Disabled);
    assert_eq!(world.text(), "");
}

#[tokio::test(start_paused = true)]
async fn writes_are_rate_limited_shared_and_never_lost() {
    let world = World::new(true).await;
    let by = by_stranger();
    let all = futures_util::future::join_all((0..50).map(|_| world.dump.write(&by))).await;
    let count = all.iter().filter(|result| matches!(result, Ok(DumpResult::Written))).count();
    assert_eq!(count, 1);
    world.set(json!({ "OpenAiModelPref": "later" })).await;
    for _ in 0..50 {
        assert_eq!(world.dump.write(&by_stranger()).await.unwrap(), DumpResult::Scheduled);
    }
    assert!(!world.text().contains("later"));
    tokio::time::sleep(MIN_INTERVAL).await;
    while world.dump.state.lock().await.is_scheduled {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(world.text().contains("later"));
    tokio::time::sleep(MIN_INTERVAL).await;
    let text = world.text();
    assert_eq!(world.dump.write(&by_stranger()).await.unwrap(), DumpResult::Unchanged);
    assert_eq!(world.text(), text);
}

#[tokio::test(start_paused = true)]
async fn a_failed_dump_is_reported_and_retried() {
    let world = World::new(true).await;
    let path = world.folder.path().join(".env");
    std::fs::create_dir(&path).unwrap();
    assert!(world.dump.write(&by_stranger()).await.is_err());
    std::fs::remove_dir(&path).unwrap();
    assert_eq!(world.dump.write(&by_stranger()).await.unwrap(), DumpResult::Scheduled);
    tokio::time::sleep(MIN_INTERVAL * 2).await;
    while world.dump.state.lock().await.is_scheduled {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(world.text().contains(BEGIN));
}
