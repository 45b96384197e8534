use std::path::Path;

use carrel_domain::DocumentPath;
use carrel_services::settings::Leniency;
use carrel_services::settings::key::Key;

use super::*;
use crate::config;

fn config(storage: &Path) -> Config {
    let flags = [("--storage", storage.to_str().unwrap().to_owned())];
    config::read(flags.into(), config::Environment::new()).config.ok().unwrap()
}

/// Leaves a file as a process does that is killed before it commits the file's document.
async fn leave_a_file(app: &App, config: &Config) -> PathBuf {
    let path = DocumentPath::parse("custom-documents/orphan.json").unwrap();
    app.ports
        .library
        .documents
        .record_intent(std::slice::from_ref(&path), Utc::now())
        .await
        .unwrap();
    let file = config.storage.documents().join("custom-documents/orphan.json");
    std::fs::write(&file, "{}").unwrap();
    file
}

#[tokio::test]
async fn files_of_a_killed_process_are_removed_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let config = config(directory.path());
    let first = App::open(&config).await.unwrap();
    let file = leave_a_file(&first, &config).await;
    drop(first);
    let temporary = file.with_file_name("orphan.json#1");
    std::fs::write(&temporary, "{").unwrap();
    App::open(&config).await.unwrap();
    assert!(!file.exists() && !temporary.exists());
}

#[tokio::test]
async fn a_secret_set_by_one_process_is_read_by_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(directory.path());
    let changes = serde_json::json!({ "OpenAiKey": "sk-hidden" });
    let by = carrel_domain::audit::By::operator(Utc::now());
    let first = App::open(&config).await.unwrap();
    let store = &first.ports.settings_store;
    store.update(changes.as_object().unwrap(), Leniency::Strict, &by).await.unwrap();
    let second = App::open(&config).await.unwrap();
    let read = second.ports.settings_store.lookup("OPEN_AI_KEY");
    assert_eq!(read.as_deref(), Some("sk-hidden"));
    config.secret_key = Some(Key::random());
    let third = App::open(&config).await.unwrap();
    assert_eq!(third.ports.settings_store.unreadable(), ["OpenAiKey"]);
}

#[tokio::test]
async fn a_damaged_secret_key_is_reported_with_a_remedy() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("secret.key"), "no key").unwrap();
    let error = App::open(&config(directory.path())).await.err().unwrap();
    assert!(format!("{error:#}").contains("from a backup"), "{error:#}");
}

#[test]
fn an_error_stays_on_its_line() {
    assert_eq!(flat("refused\n\tIs it running?\n"), "refused; Is it running?");
}

#[tokio::test]
async fn files_that_another_process_is_writing_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let config = config(directory.path());
    let first = App::open(&config).await.unwrap();
    let file = leave_a_file(&first, &config).await;
    let second = App::open(&config).await.unwrap();
    second.keep_up().await;
    assert!(file.exists());
}
