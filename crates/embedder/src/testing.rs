//! Real models for tests and benchmarks, fetched once and shared by all of them.
use std::env;
use std::path::PathBuf;

use crate::catalog::{KnownModel, MINILM};
use crate::fetch::{FetchSources, fetch};

/// Returns the directory of all-MiniLM-L6-v2: `CARREL_MODEL_DIR`, or a directory in cargo's target
/// directory or the user's cache. Fetches missing files.
///
/// # Panics
/// Panics with the error of every source if the files cannot be fetched.
pub fn model_dir() -> PathBuf {
    directory_of(&MINILM)
}

/// Like [`model_dir`], for another model in a sibling directory.
///
/// # Panics
/// Panics like [`model_dir`].
pub fn directory_of(model: &'static KnownModel) -> PathBuf {
    let minilm = env::var_os("CARREL_MODEL_DIR").map_or_else(default_dir, PathBuf::from);
    let directory =
        if model.name == MINILM.name { minilm } else { minilm.with_file_name(model.name) };
    let there = model.files.iter().all(|file| {
        let found = directory.join(file.name).metadata();
        found.is_ok_and(|found| model.bits.is_some() || found.len() == file.size)
    });
    if !there {
        // Uses a separate thread, because the caller may be inside a runtime.
        let into = directory.clone();
        let fetching = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| error.to_string())?;
            let sources = FetchSources::default();
            let fetched = runtime.block_on(fetch(model, &into, &sources, |_| {}));
            fetched.map_err(|error| error.to_string())
        });
        match fetching.join() {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => panic!("{reason}"),
            Err(_) => panic!("fetching the model panicked"),
        }
    }
    directory
}

fn default_dir() -> PathBuf {
    let cache = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
    cache.unwrap_or_else(env::temp_dir).join("carrel/models").join(MINILM.name)
}
