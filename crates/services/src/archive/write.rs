//! Writing an archive to a folder.
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use carrel_domain::archive::ArchiveSink;
use carrel_domain::{DocumentPath, Error, Result};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Archives, DIGESTS, FILES, MANIFEST, MISSING_FILES, Manifest, TABLES};
use crate::backup::archive::{Hashing, line};
use crate::backup::staging::{self, Staging, blocking, failed};
use crate::backup::{DOCUMENTS, Secrets};
use crate::target_folder::TargetFolder;

const README: &str = include_str!("README.md");

/// The documents table. Its rows determine which document files are archived.
const DOCUMENT_ROWS: &str = "documents";

/// The audit log table, which [`Archives::export`] can leave out.
const EVENTS: &str = "events";

pub(super) async fn write(
    archives: &Archives,
    target: TargetFolder,
    with_audit_log: bool,
    made_at: DateTime<Utc>,
) -> Result<Manifest> {
    let scratch = staging::create_scratch(&archives.paths.scratch).await?;
    let staging = Staging::new(&archives.paths, scratch.path(), Secrets::Excluded);
    // Files are linked both before and after the rows are read. Files deleted in between are still
    // linked, and files added in between are included.
    staging.link().await?;
    let (target, sums) = blocking(move || {
        target.make_folder(&[TABLES])?;
        let sums = Digests::new(&target.path(DIGESTS))?;
        Ok((target, sums))
    })
    .await?;
    let shared = Arc::new(Mutex::new(Rows {
        folder: target.path(TABLES),
        with_audit_log,
        open: None,
        sums,
        counts: BTreeMap::new(),
    }));
    let database = archives.store.dump(Box::new(Sink(Arc::clone(&shared)))).await?;
    staging.link().await?;
    let snapshot = staging.folder().to_owned();
    let manifest = blocking(move || {
        let mut rows = shared.lock().unwrap_or_else(PoisonError::into_inner);
        rows.close()?;
        let mut manifest = Manifest::new(database, with_audit_log, made_at);
        manifest.tables = std::mem::take(&mut rows.counts);
        let mut files = Files { target: &target, snapshot: &snapshot, sums: &mut rows.sums };
        (manifest.documents, manifest.documents_without_file) = files.documents()?;
        manifest.files = files.other_files()?;
        let manifest_json =
            serde_json::to_string_pretty(&manifest).map_err(Error::internal)? + "\n";
        rows.sums.add(Path::new(MANIFEST), &Sha256::digest(&manifest_json).into())?;
        fs::write(target.path(MANIFEST), manifest_json).map_err(Error::of_file)?;
        rows.sums.finish()?;
        target.finish(README)?;
        Ok(manifest)
    });
    let manifest = manifest.await?;
    drop(scratch);
    Ok(manifest)
}

/// Writes `SHA256SUMS` in the format of `sha256sum --check`.
struct Digests(BufWriter<File>);

impl Digests {
    fn new(path: &Path) -> Result<Self> {
        File::create_new(path).map(BufWriter::new).map(Self).map_err(Error::of_file)
    }

    fn add(&mut self, name: &Path, digest: &[u8; 32]) -> Result<()> {
        self.0.write_all(line(digest, name).as_bytes()).map_err(Error::of_file)
    }

    fn finish(&mut self) -> Result<()> {
        let result = self.0.flush().and_then(|()| self.0.get_ref().sync_all());
        result.map_err(Error::of_file)
    }
}

/// Writes rows to the files of their tables.
struct Rows {
    folder: PathBuf,
    with_audit_log: bool,
    open: Option<OpenTable>,
    sums: Digests,
    counts: BTreeMap<String, u64>,
}

struct OpenTable {
    name: &'static str,
    file: BufWriter<File>,
    hash: Sha256,
    rows: u64,
}

impl Rows {
    fn begin(&mut self, table: &'static str) -> Result<bool> {
        self.close()?;
        if table == EVENTS && !self.with_audit_log {
            return Ok(false);
        }
        let file = File::create_new(self.folder.join(format!("{table}.jsonl")));
        let file = BufWriter::new(file.map_err(Error::of_file)?);
        self.open = Some(OpenTable { name: table, file, hash: Sha256::new(), rows: 0 });
        Ok(true)
    }

    fn row(&mut self, json: &str) -> Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        for part in [json, "\n"] {
            open.hash.update(part);
            open.file.write_all(part.as_bytes()).map_err(Error::of_file)?;
        }
        open.rows += 1;
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let Some(OpenTable { name, mut file, hash, rows }) = self.open.take() else {
            return Ok(());
        };
        file.flush().and_then(|()| file.get_ref().sync_all()).map_err(Error::of_file)?;
        self.counts.insert(name.to_owned(), rows);
        self.sums.add(&Path::new(TABLES).join(format!("{name}.jsonl")), &hash.finalize().into())
    }
}

struct Sink(Arc<Mutex<Rows>>);

impl ArchiveSink for Sink {
    fn begin(&mut self, table: &'static str) -> Result<bool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).begin(table)
    }

    fn row(&mut self, json: &str) -> Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).row(json)
    }
}

/// Copies files from the staging area.
struct Files<'a> {
    target: &'a TargetFolder,
    snapshot: &'a Path,
    sums: &'a mut Digests,
}

impl Files<'_> {
    /// Copies the file of every document row. Returns the number of documents and of missing files.
    fn documents(&mut self) -> Result<(u64, u64)> {
        #[derive(Deserialize)]
        struct Row {
            folder: String,
            name: String,
        }
        self.target.make_folder(&[DOCUMENTS])?;
        let rows = self.target.path(TABLES).join(format!("{DOCUMENT_ROWS}.jsonl"));
        let rows = BufReader::new(File::open(rows).map_err(Error::of_file)?);
        let (mut count, mut missing) = (0, self.target.lines(MISSING_FILES)?);
        for row in rows.lines() {
            let row = row.map_err(Error::of_file)?;
            let Row { folder, name } = serde_json::from_str(&row).map_err(Error::internal)?;
            let path = DocumentPath::new(&folder, &name)?;
            self.target.make_folder(&[DOCUMENTS, path.folder()])?;
            let name = Path::new(DOCUMENTS).join(path.folder()).join(path.name());
            match self.copy(&name, &name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let reason = "its file is missing";
                    missing.add(&json!({ "path": path.to_string(), "reason": reason }))?;
                }
                result => {
                    result.map_err(|error| failed(&format!("copy {}", name.display()), error))?;
                    count += 1;
                }
            }
        }
        Ok((count, missing.finish()?))
    }

    /// Copies all other files. Returns their number.
    fn other_files(&mut self) -> Result<u64> {
        let (mut pending, mut count) = (vec![PathBuf::new()], 0);
        while let Some(folder) = pending.pop() {
            if folder == Path::new(DOCUMENTS) {
                continue;
            }
            let entries = fs::read_dir(self.snapshot.join(&folder)).map_err(Error::of_file)?;
            for entry in entries {
                let entry = entry.map_err(Error::of_file)?;
                let name = folder.join(entry.file_name());
                if entry.file_type().map_err(Error::of_file)?.is_dir() {
                    pending.push(name);
                    continue;
                }
                let path = name.display().to_string();
                let result = self.copy(&name, &Path::new(FILES).join(&name));
                result.map_err(|error| failed(&format!("copy {path}"), error))?;
                count += 1;
            }
        }
        Ok(count)
    }

    fn copy(&mut self, source: &Path, name: &Path) -> io::Result<()> {
        let mut reader = Hashing::new(File::open(self.snapshot.join(source))?);
        let target = self.target.path("").join(name);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut target = File::create_new(target)?;
        io::copy(&mut reader, &mut target)?;
        let (digest, _) = reader.finish();
        self.sums.add(name, &digest).map_err(io::Error::other)
    }
}
