//! Checks that the database, document files, originals and audit log are consistent.
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carrel_domain::audit::{AuditLog, AuditSeals};
use carrel_domain::backup::Inventory;
use carrel_domain::document::{Document, DocumentFiles};
use carrel_domain::library::Documents;
use carrel_domain::original::{Original, OriginalName};
use carrel_domain::{DocumentPath, Error, Result};
use chrono::{TimeDelta, Utc};
use sha2::{Digest, Sha256};

use super::PAGE_SIZE;
use super::staging::{blocking, failed};
use crate::audit::{self, Verdict};
use crate::ingestion::scratch;
use crate::originals::Originals;

/// The maximum number of faults reported.
const MAX_FAULTS: usize = 100;

/// Checks the consistency of one server's database, files and audit log.
pub struct IntegrityCheck {
    /// The inventory of the database.
    pub inventory: Arc<dyn Inventory>,
    /// The document store.
    pub documents: Arc<dyn Documents>,
    /// The document files.
    pub files: Arc<dyn DocumentFiles>,
    /// The originals.
    pub originals: Originals,
    /// The audit log.
    pub audit: Arc<dyn AuditLog>,
    /// The seals of the audit log.
    pub audit_seals: Arc<dyn AuditSeals>,
    /// The directory of the document files.
    pub directory: PathBuf,
}

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The number of documents checked.
    pub documents: u64,
    /// The number of originals checked.
    pub originals: u64,
    /// The number of audit events verified.
    pub events: u64,
    /// The faults, one sentence each, at most 100. Empty if everything is consistent.
    pub faults: Vec<String>,
}

impl IntegrityCheck {
    /// Runs the check. The server can be running.
    pub async fn run(&self) -> Result<Findings> {
        let mut findings =
            Findings { faults: self.inventory.faults().await?, ..Findings::default() };
        match audit::verify(&*self.audit, &*self.audit_seals, None).await? {
            Verdict::Whole { events, .. } => findings.events = events,
            Verdict::Broken(fault) => {
                findings.faults.push(format!("the audit log is broken: {fault}"));
            }
        }
        let mut last: Option<DocumentPath> = None;
        loop {
            let page = self.inventory.documents(last.as_ref(), PAGE_SIZE).await?;
            let Some(last_row) = page.last() else { break };
            last = Some(last_row.path.clone());
            for document in page {
                findings.documents += 1;
                findings.faults.extend(self.fault_of(&document).await?);
            }
        }
        self.check_originals(&mut findings).await?;
        findings.faults.extend(self.find_orphans().await?);
        findings.faults.truncate(MAX_FAULTS);
        Ok(findings)
    }

    async fn fault_of(&self, document: &Document) -> Result<Option<String>> {
        let fault = match self.files.text(&document.path).await {
            Ok(Some(text)) if is_text_of(document, &text) => return Ok(None),
            Ok(Some(_)) => {
                format!("the text in the file {} differs from the document's", document.path)
            }
            Ok(None) => format!("the file {} is missing", document.path),
            Err(error @ (Error::Unprocessable { .. } | Error::TooLarge { .. })) => {
                error.to_string()
            }
            Err(error) => return Err(error),
        };
        // The document may have been removed or replaced since it was listed.
        let current = self.documents.by_path(&document.path).await?;
        Ok(current.is_some_and(|current| current.digest == document.digest).then_some(fault))
    }

    async fn check_originals(&self, findings: &mut Findings) -> Result<()> {
        let mut last: Option<OriginalName> = None;
        loop {
            let page = self.inventory.originals(last, PAGE_SIZE).await?;
            let Some(last_row) = page.last() else { return Ok(()) };
            last = Some(last_row.name);
            for original in page {
                findings.originals += 1;
                findings.faults.extend(self.fault_of_original(&original).await?);
            }
        }
    }

    async fn fault_of_original(&self, original: &Original) -> Result<Option<String>> {
        let location = original.name.location();
        let fault = match self.originals.files.open(original.name).await? {
            None => format!("the original {location} is missing"),
            Some(file) => match scratch::digest_of(file).await? == original.digest {
                true => return Ok(None),
                false => format!("the content of the original {location} was changed"),
            },
        };
        // The original may have been removed since it was listed.
        let current = self.originals.records.of(original.digest).await?;
        Ok(current.is_some_and(|current| current.name == original.name).then_some(fault))
    }

    /// Returns faults for files that belong to no document and are not pending.
    async fn find_orphans(&self) -> Result<Vec<String>> {
        let mut orphans = Vec::new();
        for folder in self.list_names(None).await? {
            for path in self.list_names(Some(folder)).await? {
                let Ok(path) = DocumentPath::parse(&path) else { continue };
                if orphans.len() < MAX_FAULTS && self.documents.by_path(&path).await?.is_none() {
                    orphans.push(path);
                }
            }
        }
        let pending = self.documents.pending_files(Utc::now() + TimeDelta::days(1)).await?;
        let pending: BTreeSet<_> = pending.into_iter().map(|(path, _)| path).collect();
        let mut faults = Vec::new();
        for path in orphans.into_iter().filter(|path| !pending.contains(path)) {
            let file = self.directory.join(path.folder()).join(path.name());
            // The file may have become a document, or been deleted, since it was listed.
            if self.documents.by_path(&path).await?.is_none() && file.exists() {
                faults.push(format!("the file {path} belongs to no document"));
            }
        }
        Ok(faults)
    }

    /// Lists the folders of the documents directory, or the files in one of them.
    async fn list_names(&self, folder: Option<String>) -> Result<Vec<String>> {
        let directory = self.directory.clone();
        blocking(move || {
            let names = list(&directory, folder.as_deref());
            names.map_err(|error| failed("read the documents' files", error))
        })
        .await
    }
}

fn is_text_of(document: &Document, text: &str) -> bool {
    <[u8; 32]>::from(Sha256::digest(text.as_bytes())) == document.digest
}

fn list(directory: &Path, folder: Option<&str>) -> io::Result<Vec<String>> {
    let (directory_path, prefix) = match folder {
        Some(folder) => (directory.join(folder), format!("{folder}/")),
        None => (directory.to_owned(), String::new()),
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory_path)? {
        let entry = entry?;
        let is_selected = entry.file_type()?.is_dir() == folder.is_none();
        let name = entry.file_name().into_string().ok().filter(|_| is_selected);
        names.extend(name.map(|name| prefix.clone() + &name));
    }
    Ok(names)
}
