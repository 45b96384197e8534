//! `archive.json`, the description of an archive.
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use carrel_domain::archive::ArchivedDatabase;
use carrel_domain::{Error, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::MANIFEST;
use crate::backup::staging::failed;

/// The version of the format. Increased when older programs cannot read the new one.
const FORMAT: u32 = 1;

/// The maximum size of the file, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The description of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the format. Archives with a larger version than this program supports are
    /// refused.
    pub format: u32,
    /// The version of the program that wrote the archive.
    pub version: String,
    /// The newest migration of the archived database.
    pub schema: String,
    /// The creation time, in RFC 3339.
    pub made_at: String,
    /// Whether the archive contains the audit log.
    pub audit_log: bool,
    /// The number of rows in each table.
    pub tables: BTreeMap<String, u64>,
    /// The number of documents, with and without a file.
    pub documents: u64,
    /// The number of documents whose file was missing. They are listed in `left-out.jsonl`.
    pub documents_without_file: u64,
    /// The number of other files of the storage directory.
    pub files: u64,
    /// The largest id ever assigned in each table.
    pub last_ids: BTreeMap<String, i64>,
    /// The head of the audit log at the time of writing.
    pub audit_head: AuditHead,
}

/// The head of the archived server's audit log, for comparison with that log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// The id of the newest event, or 0 when there is none.
    pub id: i64,
    /// The digest, in hexadecimal.
    pub digest: String,
}

impl Manifest {
    pub(super) fn new(database: ArchivedDatabase, audit_log: bool, made_at: DateTime<Utc>) -> Self {
        let ArchivedDatabase { schema, last_ids, audit_head } = database;
        let digest = audit_head.digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            schema,
            made_at: made_at.to_rfc3339(),
            audit_log,
            tables: BTreeMap::new(),
            documents: 0,
            documents_without_file: 0,
            files: 0,
            last_ids,
            audit_head: AuditHead { id: audit_head.last_id, digest },
        }
    }

    /// Checks that the archive's database is not newer than `schema`, the one of this server.
    pub(super) fn check_schema(&self, schema: &str) -> Result<()> {
        match self.schema.as_str() <= schema {
            true => Ok(()),
            false => Err(unsupported(&self.version)),
        }
    }
}

/// Reads the manifest and checks that this program can import the archive.
pub(super) fn read(folder: &Path, tables: &[&'static str]) -> Result<Manifest> {
    let path = folder.display();
    let file = folder.join(MANIFEST);
    let file = File::open(&file).map_err(|error| {
        Error::unprocessable(format!("{path} is not an archive: cannot open {MANIFEST}: {error}"))
    })?;
    let mut text = String::new();
    file.take(MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| failed(&format!("read {MANIFEST}"), error))?;
    let parse_error = |error: serde_json::Error| {
        Error::unprocessable(format!("{MANIFEST} in {path} cannot be read: {error}"))
    };
    #[derive(Deserialize)]
    struct Format {
        format: u32,
        version: String,
    }
    let Format { format, version } = serde_json::from_str(&text).map_err(parse_error)?;
    if format > FORMAT {
        return Err(unsupported(&version));
    }
    let manifest: Manifest = serde_json::from_str(&text).map_err(parse_error)?;
    match manifest.tables.keys().find(|name| !tables.contains(&name.as_str())) {
        None => Ok(manifest),
        Some(_) => Err(unsupported(&manifest.version)),
    }
}

fn unsupported(version: &str) -> Error {
    Error::unprocessable(format!(
        "the archive was made by carrel {version}, which is newer than this program; update this \
         program"
    ))
}

#[cfg(test)]
mod tests {
    use carrel_domain::audit::ChainPoint;

    use super::*;

    #[test]
    fn only_supported_archives_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let write_and_read = |change: &dyn Fn(&mut Manifest)| {
            let database = ArchivedDatabase {
                schema: "20260101000001".to_owned(),
                last_ids: BTreeMap::new(),
                audit_head: ChainPoint::default(),
            };
            let mut manifest = Manifest::new(database, true, DateTime::UNIX_EPOCH);
            manifest.tables.insert("users".to_owned(), 3);
            change(&mut manifest);
            std::fs::write(folder.path().join(MANIFEST), serde_json::to_vec(&manifest).unwrap())
                .unwrap();
            read(folder.path(), &["users"])
        };
        let manifest = write_and_read(&|_| {}).unwrap();
        assert_eq!(manifest.tables["users"], 3);
        assert!(manifest.check_schema("20260101000001").is_ok());
        assert!(manifest.check_schema("20250101000001").is_err());
        let error = write_and_read(&|manifest| manifest.format = 2).unwrap_err();
        assert!(error.to_string().contains("newer than this program"), "{error}");
        assert!(
            write_and_read(&|manifest| {
                manifest.tables.insert("x".to_owned(), 1);
            })
            .is_err()
        );
        std::fs::write(folder.path().join(MANIFEST), "{}").unwrap();
        assert!(
            read(folder.path(), &["users"]).unwrap_err().to_string().contains("cannot be read")
        );
        std::fs::remove_file(folder.path().join(MANIFEST)).unwrap();
        assert!(read(folder.path(), &["users"]).unwrap_err().to_string().contains(
            "is not an \
             archive"
        ));
    }
}
