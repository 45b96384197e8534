//! The archive format of backups: a tar file that ends with the SHA-256 of each file.
//!
//! `carrel-backup.json` comes first and describes the backup. `SHA256SUMS` comes last, in the
//! format of `sha256sum --check`. An archive without it is truncated.
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Component, Path, PathBuf};

use carrel_domain::{DocumentPath, Error, Result};
use chrono::Utc;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Archive, Builder, EntryType, Header};

use super::staging::failed;
use super::{DATABASE, DOCUMENTS, ORIGINALS};

const MANIFEST: &str = "carrel-backup.json";
const DIGESTS: &str = "SHA256SUMS";

/// The version of the format. Increased when older programs cannot read the new one.
const FORMAT: u64 = 1;

/// The maximum size of an archive's description, in bytes.
const MAX_MANIFEST_BYTES: u64 = 64 << 10;

/// The number of bytes copied at a time.
const BUFFER_BYTES: usize = 128 << 10;

/// The files to write to an archive.
pub struct Contents {
    /// The copy of the database.
    pub database_file: PathBuf,
    /// Whether the database is included.
    pub database: bool,
    /// Whether the secret key is included.
    pub secrets: bool,
    /// The folder of document files.
    pub documents: PathBuf,
    /// The folder of originals.
    pub originals: PathBuf,
    /// The folder of all other files. Can contain document files that were deleted in the meantime.
    pub rest: PathBuf,
}

/// A summary of a written backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackupSummary {
    /// The number of files in the archive.
    pub files: u64,
    /// Their size before compression, in bytes.
    pub bytes: u64,
}

/// The description of a backup.
#[derive(Clone, Debug)]
pub struct BackupManifest {
    /// The version of the program that made the backup.
    pub version: String,
    /// The creation time, in RFC 3339.
    pub created_at: String,
    /// Whether the database is included. It is not on PostgreSQL.
    pub database: bool,
    /// Whether the secret key is included.
    pub secrets: bool,
}

/// Writes an archive. `scratch` is a directory for a temporary file.
pub fn write(scratch: &Path, contents: &Contents, to: impl Write) -> io::Result<BackupSummary> {
    let mut archive = Writer {
        tar: Builder::new(to),
        sums: BufWriter::new(tempfile::tempfile_in(scratch)?),
        summary: BackupSummary::default(),
    };
    let manifest = json!({
        "format": FORMAT, "version": env!("CARGO_PKG_VERSION"), "made": Utc::now().to_rfc3339(),
        "database": contents.database, "secrets": contents.secrets,
    });
    let manifest = format!("{manifest:#}\n");
    archive.file(Path::new(MANIFEST), manifest.len() as u64, manifest.as_bytes())?;
    if contents.database {
        archive.copy(Path::new(DATABASE), &contents.database_file)?;
    }
    archive.tree(&contents.documents, Path::new(DOCUMENTS), |_| true)?;
    archive.tree(&contents.originals, Path::new(ORIGINALS), |_| true)?;
    let documents = Path::new(DOCUMENTS);
    archive.tree(&contents.rest, Path::new(""), |name| match name.strip_prefix(documents) {
        // The existing documents have already been written.
        Ok(relative) => relative.to_str().is_none_or(|name| !is_document(name)),
        Err(_) => !name.starts_with(ORIGINALS),
    })?;
    archive.end()
}

/// Returns whether a path is a document file or a partial write of one.
fn is_document(name: &str) -> bool {
    let base = name.rsplit_once('#').map_or(name, |(base, _)| base);
    DocumentPath::parse(base).is_ok()
}

struct Writer<W: Write> {
    tar: Builder<W>,
    sums: BufWriter<File>,
    summary: BackupSummary,
}

impl<W: Write> Writer<W> {
    /// Writes all folders below `root`, and the files whose archive names are `wanted`.
    fn tree(
        &mut self,
        root: &Path,
        name: &Path,
        is_included: impl Fn(&Path) -> bool,
    ) -> io::Result<()> {
        let mut pending = vec![name.to_owned()];
        while let Some(folder) = pending.pop() {
            let directory = root.join(folder.strip_prefix(name).unwrap_or(&folder));
            if !directory.is_dir() {
                continue;
            }
            if folder != Path::new("") {
                self.folder(&folder)?;
            }
            for entry in fs::read_dir(directory)? {
                let entry = entry?;
                let name = folder.join(entry.file_name());
                match entry.file_type()?.is_dir() {
                    true => pending.push(name),
                    false if is_included(&name) => self.copy(&name, &entry.path())?,
                    false => {}
                }
            }
        }
        Ok(())
    }

    fn folder(&mut self, name: &Path) -> io::Result<()> {
        let mut header = header(0, EntryType::Directory);
        self.tar.append_data(&mut header, name, io::empty())
    }

    fn copy(&mut self, name: &Path, from: &Path) -> io::Result<()> {
        let file = File::open(from)?;
        let size = file.metadata()?.len();
        self.file(name, size, file)
    }

    fn file(&mut self, name: &Path, size: u64, from: impl Read) -> io::Result<()> {
        let mut from = Hashing::new(from.take(size));
        let mut header = header(size, EntryType::Regular);
        self.tar.append_data(
            &mut header,
            name,
            BufReader::with_capacity(BUFFER_BYTES, &mut from),
        )?;
        let (digest, read) = from.finish();
        if read != size {
            let text = format!("{} shrank while it was read", name.display());
            return Err(io::Error::other(text));
        }
        self.summary.files += 1;
        self.summary.bytes += size;
        self.sums.write_all(line(&digest, name).as_bytes())
    }

    fn end(mut self) -> io::Result<BackupSummary> {
        let mut sums = self.sums.into_inner().map_err(io::IntoInnerError::into_error)?;
        let size = sums.stream_position()?;
        sums.rewind()?;
        self.tar.append_data(&mut header(size, EntryType::Regular), DIGESTS, sums)?;
        self.tar.into_inner()?.flush()?;
        Ok(self.summary)
    }
}

fn header(size: u64, kind: EntryType) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(if kind == EntryType::Directory { 0o700 } else { 0o600 });
    header.set_mtime(u64::try_from(Utc::now().timestamp()).unwrap_or(0));
    header
}

/// Formats a line as `sha256sum` does.
pub(crate) fn line(digest: &[u8; 32], name: &Path) -> String {
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}  {}\n", name.display())
}

/// A reader that hashes the bytes it passes on.
pub(crate) struct Hashing<R> {
    from: R,
    hash: Sha256,
    read: u64,
}

impl<R: Read> Hashing<R> {
    pub(crate) fn new(from: R) -> Self {
        Self { from, hash: Sha256::new(), read: 0 }
    }

    pub(crate) fn finish(self) -> ([u8; 32], u64) {
        (self.hash.finalize().into(), self.read)
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.read += read as u64;
        Ok(read)
    }
}

/// Receives the contents of an archive.
pub trait Sink {
    /// Receives a folder.
    fn folder(&mut self, name: &Path) -> io::Result<()>;
    /// Receives a file with its content.
    fn file(&mut self, name: &Path, from: &mut dyn Read) -> io::Result<()>;
}

/// A sink that discards everything, to verify an archive.
pub struct DiscardSink;

impl Sink for DiscardSink {
    fn folder(&mut self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn file(&mut self, _: &Path, from: &mut dyn Read) -> io::Result<()> {
        io::copy(from, &mut io::sink()).map(drop)
    }
}

/// Reads an archive to its end and compares every file with its digest. The contents passed to
/// `sink` are valid only if this succeeds. Blocking.
///
/// # Errors
/// [`Error::Unprocessable`] if the archive is damaged, truncated, or not made by this program.
pub fn read(from: impl Read, sink: &mut impl Sink) -> Result<BackupManifest> {
    let mut manifest = None;
    let mut sums =
        tempfile::tempfile().map_err(|error| failed("create a temporary file", error))?;
    let mut is_complete = false;
    let mut archive = Archive::new(BufReader::with_capacity(BUFFER_BYTES, from));
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let name = name(&entry.path().map_err(damaged)?)?;
        if is_complete {
            return Err(unusable("there is data after the list of digests"));
        }
        match (entry.header().entry_type(), name.to_str()) {
            (EntryType::Directory, _) => {
                sink.folder(&name).map_err(|error| failed("write a folder", error))?;
                continue;
            }
            (EntryType::Regular, Some(DIGESTS)) => {
                compare(&mut sums, entry)?;
                is_complete = true;
                continue;
            }
            (EntryType::Regular, _) => {}
            _ => {
                return Err(unusable(format!("{} is neither a file nor a folder", name.display())));
            }
        }
        let size = entry.size();
        let mut reader = Hashing::new(&mut entry);
        if name == Path::new(MANIFEST) {
            manifest = Some(parse_manifest(&mut reader)?);
        } else if manifest.is_none() {
            return Err(unusable(format!("it does not begin with {MANIFEST}")));
        } else {
            let result = sink.file(&name, &mut reader);
            result.map_err(|error| failed(&format!("write {}", name.display()), error))?;
        }
        let (digest, read) = reader.finish();
        if read != size {
            return Err(unusable(format!("{} is truncated", name.display())));
        }
        let line = line(&digest, &name);
        sums.write_all(line.as_bytes()).map_err(|error| failed("write a digest", error))?;
    }
    match manifest {
        Some(manifest) if is_complete => Ok(manifest),
        _ => Err(unusable("it is truncated, or is not a backup made by carrel")),
    }
}

/// Checks that a path stays below the directory it is joined to, and normalizes it.
pub(crate) fn name(path: &Path) -> Result<PathBuf> {
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    match is_plain && path.components().next().is_some() && path.to_str().is_some() {
        true => Ok(path.components().collect()),
        false => Err(unusable(format!("{} is not a file name", path.display()))),
    }
}

fn parse_manifest(from: &mut impl Read) -> Result<BackupManifest> {
    let mut text = String::new();
    from.take(MAX_MANIFEST_BYTES).read_to_string(&mut text).map_err(damaged)?;
    let manifest: Value =
        serde_json::from_str(&text).map_err(|_| unusable("it is not readable"))?;
    let text = |name: &str| manifest[name].as_str().unwrap_or_default().to_owned();
    match manifest["format"].as_u64() {
        Some(FORMAT) => {}
        Some(_) => return Err(unusable(format!("it was made by carrel {}", text("version")))),
        None => return Err(unusable("it was not made by carrel")),
    }
    Ok(BackupManifest {
        version: text("version"),
        created_at: text("made"),
        database: manifest["database"].as_bool().unwrap_or_default(),
        secrets: manifest["secrets"].as_bool().unwrap_or_default(),
    })
}

/// Compares the computed digests with those in the archive, line by line.
fn compare(actual: &mut File, expected: impl Read) -> Result<()> {
    actual.rewind().map_err(damaged)?;
    let mut expected = BufReader::new(expected).lines();
    for line in BufReader::new(actual).lines() {
        let line = line.map_err(damaged)?;
        if expected.next().transpose().map_err(damaged)?.as_ref() != Some(&line) {
            let name = line.split_once("  ").map_or("", |(_, name)| name);
            return Err(unusable(format!("{name} differs from the file that was backed up")));
        }
    }
    match expected.next() {
        None => Ok(()),
        Some(_) => Err(unusable("a file is missing")),
    }
}

fn damaged(error: io::Error) -> Error {
    unusable(error.to_string())
}

fn unusable(reason: impl std::fmt::Display) -> Error {
    Error::unprocessable(format!("the archive cannot be used: {reason}"))
}
