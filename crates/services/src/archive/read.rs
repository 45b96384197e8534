//! Importing an archive into an empty server.
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Lines, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use carrel_domain::archive::{ArchivedRow, ArchivedRows};
use carrel_domain::audit::By;
use carrel_domain::{DocumentPath, Error, Result};
use chrono::Utc;
use serde_json::{Value, json};

use super::{Archives, DIGESTS, FILES, KIND, Manifest, TABLES};
use crate::backup::archive::{Hashing, name};
use crate::backup::staging::{blocking, failed};
use crate::backup::{BackupPaths, DOCUMENTS};
use crate::settings::SettingsStore;

/// The number of files recorded as pending and copied at a time.
const BATCH_SIZE: usize = 200;

/// The age at which pending records are renewed, so that a cleanup does not delete the files.
const RENEW_AFTER: Duration = Duration::from_secs(20 * 60);

/// The maximum length of a line in a table, in bytes. Larger than any exchange or document row.
const MAX_LINE_BYTES: u64 = 1 << 30;

/// The settings table, whose secrets are checked.
const SETTINGS: &str = "settings";

/// Compares every file with its digest. Blocking.
///
/// # Errors
/// [`Error::Unprocessable`] for the first file that is missing or changed.
pub(super) fn verify(folder: &Path) -> Result<()> {
    for entry in Digests::open(folder)? {
        let (digest, path) = entry?;
        let path_text = path.display();
        let file = open(&folder.join(&path))
            .map_err(|error| damaged(format!("cannot open {path_text}: {error}")))?;
        let mut file = Hashing::new(file);
        io::copy(&mut file, &mut io::sink())
            .map_err(|error| damaged(format!("cannot read {path_text}: {error}")))?;
        if hexadecimal(&file.finish().0) != digest {
            return Err(damaged(format!("{path_text} differs from the archived file")));
        }
    }
    Ok(())
}

impl Archives {
    /// Copies the files, then writes all rows. Returns the settings whose secrets cannot be opened.
    pub(super) async fn read(
        &self,
        folder: &Path,
        manifest: &Manifest,
        by: &By,
    ) -> Result<Vec<String>> {
        self.copy_files(folder).await?;
        let unreadable = Arc::new(Mutex::new(Vec::new()));
        let tables = self.store.tables();
        let tables = tables.into_iter().filter(|name| manifest.tables.contains_key(*name));
        let tables: Vec<_> = tables.collect();
        let rows = Tables {
            folder: folder.join(TABLES),
            remaining: tables.into_iter(),
            open: None,
            settings: Arc::clone(&self.settings),
            unreadable: Arc::clone(&unreadable),
        };
        let details = json!({
            "kind": KIND, "from": folder.display().to_string(), "version": manifest.version,
            "audit_head": manifest.audit_head,
        });
        let event = by.event("data_imported", details.to_string());
        let rows: ArchivedRows = Box::new(rows);
        self.store.load(rows, manifest.last_ids.clone(), event).await?;
        let names = unreadable.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(names)
    }

    /// Copies all files. Documents are first recorded as pending, so that they are deleted if the
    /// import fails. Other files remain and are overwritten by the next import.
    async fn copy_files(&self, folder: &Path) -> Result<()> {
        let started = Instant::now();
        let mut batches = self.copy_batches(folder, true).await?;
        if started.elapsed() > RENEW_AFTER {
            batches = self.copy_batches(folder, false).await?;
        }
        tracing::debug!(batches, "files of the archive copied");
        Ok(())
    }

    /// Records documents as pending and, if `copies` is set, copies the files. Returns the number
    /// of batches.
    async fn copy_batches(&self, folder: &Path, copies: bool) -> Result<usize> {
        let mut entries = Digests::open(folder)?;
        let mut batches = 0;
        loop {
            let batch: Vec<_> = entries.by_ref().take(BATCH_SIZE).collect::<Result<_>>()?;
            if batch.is_empty() {
                return Ok(batches);
            }
            batches += 1;
            let paths: Vec<_> = batch.into_iter().map(|(_, path)| path).collect();
            let documents: Vec<_> =
                paths.iter().filter_map(|path| document(path)).collect::<Result<_>>()?;
            self.documents.record_intent(&documents, Utc::now()).await?;
            if copies {
                let (folder, storage) = (folder.to_owned(), self.paths.clone());
                blocking(move || paths.iter().try_for_each(|path| copy(&folder, &storage, path)))
                    .await?;
            }
        }
    }
}

/// Returns the document whose file is at `path`, if it is one.
fn document(path: &Path) -> Option<Result<DocumentPath>> {
    let relative = path.strip_prefix(DOCUMENTS).ok()?;
    Some(DocumentPath::parse(&relative.display().to_string()))
}

/// Copies one file to the storage directory.
fn copy(folder: &Path, storage: &BackupPaths, path: &Path) -> Result<()> {
    let to = match (path.strip_prefix(FILES), document(path)) {
        (Ok(relative), _) => storage.root.join(relative),
        (_, Some(document)) => {
            let document = document?;
            storage.root.join(DOCUMENTS).join(document.folder()).join(document.name())
        }
        _ => return Ok(()),
    };
    let is_reserved =
        storage.excluded.iter().chain(&storage.secrets).any(|reserved| to.starts_with(reserved));
    if is_reserved || (path.starts_with(FILES) && to.starts_with(storage.root.join(DOCUMENTS))) {
        let path_text = path.display();
        return Err(damaged(format!("{path_text} would replace a file of this server")));
    }
    let result = copy_atomically(&folder.join(path), &to, &storage.scratch);
    result.map_err(|error| failed(&format!("copy {}", path.display()), error))
}

/// Copies a file atomically: it gets its name only when complete.
fn copy_atomically(from: &Path, to: &Path, scratch: &Path) -> io::Result<()> {
    let parent = to.parent().unwrap_or(Path::new("."));
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(parent)?;
    let mut file = tempfile::NamedTempFile::new_in(scratch)?;
    io::copy(&mut open(from)?, &mut file)?;
    file.persist(to).map(drop).map_err(|error| error.error)
}

/// Opens a regular file. Symbolic links are refused because they could point anywhere.
fn open(file: &Path) -> io::Result<File> {
    match fs::symlink_metadata(file)?.is_file() {
        true => File::open(file),
        false => Err(io::Error::other("it is not a plain file")),
    }
}

fn hexadecimal(digest: &[u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn damaged(reason: String) -> Error {
    Error::unprocessable(format!("the archive is damaged: {reason}"))
}

/// The digests of an archive with the paths of the files.
struct Digests(Lines<BufReader<File>>);

impl Digests {
    fn open(folder: &Path) -> Result<Self> {
        let file = open(&folder.join(DIGESTS));
        let file = file.map_err(|error| damaged(format!("cannot open {DIGESTS}: {error}")))?;
        Ok(Self(BufReader::new(file).lines()))
    }

    fn entry(line: &str) -> Result<(String, PathBuf)> {
        let (digest, path) = line
            .split_once("  ")
            .ok_or_else(|| damaged(format!("`{line}` in {DIGESTS} is not a digest")))?;
        let path = name(Path::new(path))?;
        let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        match is_plain {
            true => Ok((digest.to_owned(), path)),
            false => Err(damaged(format!("{} is not a file name", path.display()))),
        }
    }
}

impl Iterator for Digests {
    type Item = Result<(String, PathBuf)>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.0.next()?;
        Some(match line {
            Ok(line) => Self::entry(&line),
            Err(error) => Err(damaged(format!("cannot read {DIGESTS}: {error}"))),
        })
    }
}

/// The rows of all tables, file by file.
struct Tables {
    folder: PathBuf,
    remaining: std::vec::IntoIter<&'static str>,
    open: Option<(&'static str, BufReader<File>, u64)>,
    settings: Arc<SettingsStore>,
    unreadable: Arc<Mutex<Vec<String>>>,
}

impl Tables {
    fn read(&mut self) -> Result<Option<ArchivedRow>> {
        loop {
            let Some((table, file, line)) = &mut self.open else {
                let Some(table) = self.remaining.next() else { return Ok(None) };
                let file = open(&self.folder.join(format!("{table}.jsonl")));
                let file =
                    file.map_err(|error| damaged(format!("cannot open {table}: {error}")))?;
                self.open = Some((table, BufReader::new(file), 0));
                continue;
            };
            let mut json = String::new();
            let bytes = file.by_ref().take(MAX_LINE_BYTES).read_line(&mut json);
            let bytes = bytes.map_err(|error| damaged(format!("cannot read {table}: {error}")))?;
            if bytes == 0 {
                self.open = None;
                continue;
            }
            *line += 1;
            let row = ArchivedRow { table, line: *line, json };
            if row.table != SETTINGS || !self.is_foreign_secret(&row.json) {
                return Ok(Some(row));
            }
        }
    }

    /// Returns whether the row is a secret that this server cannot open.
    fn is_foreign_secret(&self, json: &str) -> bool {
        let row: Value = serde_json::from_str(json).unwrap_or_default();
        let (Some(key), Some(value)) = (row["key"].as_str(), row["value"].as_str()) else {
            return false;
        };
        let is_foreign = self.settings.is_sealed_elsewhere(key, value);
        if is_foreign {
            let mut unreadable = self.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
            unreadable.push(key.to_owned());
        }
        is_foreign
    }
}

impl Iterator for Tables {
    type Item = Result<ArchivedRow>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
