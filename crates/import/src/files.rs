//! Writes the files of an import: those of documents, and data that is kept for later.
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use carrel_domain::document::Document;
use carrel_domain::{DocumentPath, Error, Result};
use chrono::Utc;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::chats::SourceReader;
use crate::documents::{self, Read, Scan};
use crate::row::Row;
use crate::run::Importer;
use crate::{leftovers, placements};

/// Documents whose files are recorded as pending together.
const AT_ONCE: usize = 200;

/// Interval after which a pending file is recorded again, so that it does not count as left over.
const NOTE_AGAIN: Duration = Duration::from_secs(20 * 60);

impl Importer {
    /// Writes the files of documents. They are recorded as pending first, so that they are deleted
    /// if the transaction does not commit.
    pub(crate) async fn store_documents(
        &self,
        storage: &Path,
        scan: Scan,
        placed: &[Row],
        reading: &SourceReader,
    ) -> Result<(Vec<Document>, Map<String, Value>)> {
        let mut used_ids = HashSet::new();
        let (mut documents, mut payloads) = (Vec::new(), Map::new());
        let files: HashSet<_> = scan.files.iter().map(|(path, _)| path.clone()).collect();
        let started = Instant::now();
        for batch in scan.files.chunks(AT_ONCE) {
            let paths: Vec<_> = batch.iter().map(|(path, _)| path.clone()).collect();
            self.documents.record_intent(&paths, Utc::now()).await?;
            for (path, file) in batch {
                reading.progress.add(1);
                let (found, file, shared) = (path.clone(), file.clone(), reading.clone());
                let reads = tokio::task::spawn_blocking(move || {
                    let read = read(&found, &file, &mut used_ids, &shared);
                    (read, used_ids)
                });
                let read;
                (read, used_ids) = reads.await.map_err(Error::internal)?;
                if let Some(read) = read {
                    documents.extend(self.put(read, &mut payloads, reading).await?);
                }
            }
        }
        let mut recovered = Vec::new();
        reading.report(|report| {
            let cache = placements::cache(storage);
            recovered =
                placements::recovered(placed, &files, &cache, &mut used_ids, reading.now, report);
        });
        let paths: Vec<_> = recovered.iter().map(|read| read.document.path.clone()).collect();
        self.documents.record_intent(&paths, Utc::now()).await?;
        for read in recovered {
            documents.extend(self.put(read, &mut payloads, reading).await?);
        }
        if started.elapsed() > NOTE_AGAIN {
            let paths: Vec<_> = documents.iter().map(|document| document.path.clone()).collect();
            self.documents.record_intent(&paths, Utc::now()).await?;
        }
        Ok((documents, payloads))
    }

    /// Writes one file. A text that is too large is reported.
    async fn put(
        &self,
        read: Read,
        payloads: &mut Map<String, Value>,
        reading: &SourceReader,
    ) -> Result<Option<Document>> {
        let Read { document, text, payload, .. } = read;
        match self.files.put(&document, &text).await {
            Ok(()) => {}
            Err(error @ (Error::TooLarge { .. } | Error::Invalid { .. })) => {
                let path = &document.path;
                reading.report(|report| report.leave_out(format!("documents/{path}: {error}")));
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        if let Some(payload) = payload {
            payloads.insert(document.path.to_string(), payload.into());
        }
        Ok(Some(document))
    }

    /// Stores the values that this server does not use: sealed, or in the environment file.
    pub(crate) async fn keep(
        &self,
        storage: &Path,
        leftovers: BTreeMap<String, Value>,
        environment: Vec<(String, String)>,
        reading: &SourceReader,
    ) -> Result<()> {
        let (this, storage, reading) = (self.clone(), storage.to_owned(), reading.clone());
        let keep = move || {
            for (name, value) in &leftovers {
                leftovers::seal(&this.root, &this.settings, name, value)?;
            }
            leftovers::set_environment(&this.root, &environment)?;
            let mut report = reading.report.lock().unwrap_or_else(PoisonError::into_inner);
            leftovers::copy_files(&storage, &this.root, &mut report)
        };
        tokio::task::spawn_blocking(keep).await.map_err(Error::internal)?
    }
}

/// Reads a file, and reports its changes or why it is not a document.
pub fn read(
    path: &DocumentPath,
    file: &Path,
    used_ids: &mut HashSet<Uuid>,
    reading: &SourceReader,
) -> Option<Read> {
    let read = documents::read(path, file, used_ids);
    let mut found = None;
    reading.report(|report| match read {
        Err(reason) => report.leave_out(format!("documents/{path}: {reason}")),
        Ok(read) => {
            for change in &read.changes {
                report.change(format!("documents/{path}: {change}"));
            }
            if read.payload.is_some() {
                report.change(format!(
                    "documents/{path}: the encrypted keys of its connector are removed from its \
                     source and kept sealed"
                ));
            }
            found = Some(read);
        }
    });
    found
}
