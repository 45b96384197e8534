//! Imports the documents of workspaces, with their passages.
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use carrel_domain::document::{Chunk, DocumentFiles, Splitter, Splitting};
use carrel_domain::import::{ImportProgress, ImportedPlacement, ImportedRows};
use carrel_domain::{DocumentId, DocumentPath, Result, TextKind, WorkspaceId};
use chrono::{DateTime, Utc};
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::documents::Read;
use crate::plan::Known;
use crate::recovery;
use crate::report::Report;
use crate::row::Row;

/// The fields of an imported document that its placements need.
#[derive(Clone, Debug)]
pub struct KnownDocument {
    pub id: DocumentId,
    pub title: String,
}

/// A row that places a document in a workspace.
#[derive(Clone, Debug)]
pub struct PlacedRow {
    pub path: DocumentPath,
    pub row: ImportedPlacement,
}

/// Returns the path of a row. Installations on Windows use backslashes.
pub fn path(row: &Row) -> Option<(String, DocumentPath)> {
    let docpath = row.filled("docpath")?;
    let path = DocumentPath::parse(&docpath.replace('\\', "/")).ok()?;
    Some((docpath, path))
}

/// Restores the documents of rows whose files are missing, if the vector cache has their texts.
pub fn recovered(
    rows: &[Row],
    files: &HashSet<DocumentPath>,
    cache: &std::path::Path,
    used_ids: &mut HashSet<Uuid>,
    now: DateTime<Utc>,
    report: &mut Report,
) -> Vec<Read> {
    let mut recovered: BTreeMap<DocumentPath, Read> = BTreeMap::new();
    for row in rows {
        let Some((docpath, path)) = path(row) else { continue };
        if files.contains(&path) || recovered.contains_key(&path) {
            continue;
        }
        let slashes = docpath.replace('\\', "/");
        let read = [&docpath, &slashes]
            .into_iter()
            .find_map(|docpath| recovery::recover(cache, docpath, &path, now, used_ids));
        if let Some(read) = read {
            report.change(format!(
                "documents/{path}: its file is missing; its text is restored from the vector cache"
            ));
            recovered.insert(path, read);
        }
    }
    recovered.into_values().collect()
}

/// Returns the placements of imported documents, grouped by document.
pub fn rows(
    rows: Vec<Row>,
    documents: &HashMap<DocumentPath, KnownDocument>,
    known: &Known,
    now: DateTime<Utc>,
    report: &mut Report,
) -> Vec<PlacedRow> {
    let (mut placed, mut used, mut keys) = (Vec::new(), HashSet::new(), HashSet::new());
    for row in rows {
        let id = row.id().unwrap_or(0);
        let workspace = row.int("workspaceId").unwrap_or(0);
        let Some((_, path)) = path(&row) else {
            report.leave_out(format!(
                "workspace_documents {id}: its path is not valid for a document"
            ));
            continue;
        };
        if !known.workspaces.contains(&workspace) {
            report.leave_out(format!(
                "workspace_documents {id}: workspace {workspace} does not exist"
            ));
            continue;
        }
        let Some(document) = documents.get(&path) else {
            report.leave_out(format!(
                "workspace_documents {id}: the file {path} is missing, and the vector cache does \
                 not have its text"
            ));
            continue;
        };
        if !used.insert((workspace, document.id)) {
            report.leave_out(format!(
                "workspace_documents {id}: {path} is in workspace {workspace} already"
            ));
            continue;
        }
        let key = row.text("docId").and_then(|key| Uuid::parse_str(key.trim()).ok());
        let key = key.filter(|key| keys.insert(*key)).unwrap_or_else(|| DocumentId::random().0);
        let flag = |column: &str| row.flag(column).unwrap_or(false);
        let placement = ImportedPlacement {
            workspace: WorkspaceId(workspace),
            document: document.id,
            title: document.title.clone(),
            key,
            pinned: flag("pinned"),
            watched: flag("watched"),
            passages: Vec::new(),
            created_at: row.time("createdAt").unwrap_or(now),
        };
        placed.push(PlacedRow { path, row: placement });
    }
    report.imported("workspace_documents", placed.len() as u64);
    if placed.iter().any(|placed| placed.row.watched) {
        report.differ("Watched documents keep their mark, but are not read again automatically.");
    }
    placed
}

/// Reads and splits the texts of placed documents, one document at a time. Blocks.
pub struct Passages {
    pub placed: std::vec::IntoIter<PlacedRow>,
    pub files: Arc<dyn DocumentFiles>,
    pub splitter: Arc<dyn Splitter>,
    pub splitting: Splitting,
    pub handle: Handle,
    /// The chunks of the last document, which may be in several workspaces.
    pub last: Option<(DocumentPath, Vec<Chunk>)>,
    pub progress: ImportProgress,
}

impl Passages {
    fn chunks(&mut self, path: &DocumentPath) -> Result<Vec<Chunk>> {
        if let Some((last, chunks)) = &self.last
            && last == path
        {
            return Ok(chunks.clone());
        }
        let (files, splitter, how) = (&self.files, &self.splitter, self.splitting);
        let chunks = self.handle.block_on(async {
            match files.text(path).await? {
                Some(text) => splitter.split(text, TextKind::of(path), how).await,
                None => Ok(Vec::new()),
            }
        })?;
        self.last = Some((path.clone(), chunks.clone()));
        Ok(chunks)
    }
}

impl Iterator for Passages {
    type Item = Result<ImportedRows>;

    fn next(&mut self) -> Option<Self::Item> {
        let PlacedRow { path, mut row } = self.placed.next()?;
        self.progress.add(1);
        Some(self.chunks(&path).map(|chunks| {
            row.passages = chunks;
            ImportedRows::WorkspaceDocuments(vec![row])
        }))
    }
}

/// Returns the vector cache of a source.
pub fn cache(storage: &std::path::Path) -> PathBuf {
    storage.join("vector-cache")
}
