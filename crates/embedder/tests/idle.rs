//! Unloading of the idle model. This test runs alone in its process, because it measures the
//! process's memory.
#![cfg(target_os = "linux")]
use std::num::NonZeroUsize;
use std::time::Duration;

use carrel_domain::model::{Embedder as _, Purpose};
use carrel_embedder::catalog::MINILM;
use carrel_embedder::testing::model_dir;
use carrel_embedder::{ModelDirectory, NativeEmbedder, Options};

/// Returns the resident memory of this process, in megabytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kilobytes.unwrap_or_default() / 1024
}

#[tokio::test]
async fn an_idle_model_frees_its_memory_and_is_loaded_again() {
    let model = NativeEmbedder::new(Options {
        directory: ModelDirectory { path: model_dir(), model: Some(&MINILM) },
        threads: NonZeroUsize::MIN,
        release_after: Some(Duration::from_secs(3)),
    });
    let texts: Vec<String> = (0..20).map(|number| format!("text {number} ").repeat(100)).collect();
    let before = resident();
    let first = model.embed(&texts, Purpose::Passage).await.unwrap();
    let loaded = resident();
    assert!(loaded >= before + 40, "{before} MB before, {loaded} MB loaded");
    while model.is_loaded() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The thread that drops the last reference may still be freeing the model.
    let mut released = resident();
    for _ in 0..1500 {
        if released <= before + 12 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        released = resident();
    }
    assert!(
        released <= before + 12,
        "{before} MB before, {loaded} MB loaded, {released} MB released"
    );
    assert_eq!(model.embed(&texts, Purpose::Passage).await.unwrap(), first);
    assert!(model.is_loaded());
}
