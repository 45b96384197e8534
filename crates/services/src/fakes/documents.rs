//! The documents of a library in memory, and their catalogue.
use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::document::Document;
use carrel_domain::folder::{DocumentMove, Folders, ListPosition, ListedDocument, Texts};
use carrel_domain::job::{Job, JobKind, Jobs, NewJob};
use carrel_domain::library::{
    Documents, IndexedDocument, NewDocument, RelatedDocuments, RemovedDocument, WorkspaceDocument,
};
use carrel_domain::path::DEFAULT_FOLDER;
use carrel_domain::upload::{
    Replaced, Replacement, StoredDocument, UploadId, UploadPiece, Uploads,
};
use carrel_domain::{
    DocumentId, DocumentPath, Error, Folder, Result, WorkspaceDocumentId, WorkspaceId,
};
use chrono::{DateTime, Utc};

use super::world::World;

fn to_listed(document: &Document) -> ListedDocument {
    let texts = Texts {
        folder: document.path.folder(),
        name: document.path.name(),
        title: &document.title,
        url: &document.url,
        author: &document.author,
        description: &document.description,
        source: &document.source,
        chunk_source: &document.chunk_source,
        metadata: &document.metadata,
        warnings: document.warnings.as_lines(),
        key: document.origin.key.as_deref(),
    };
    ListedDocument {
        id: document.id,
        texts: texts.into(),
        published: document.published,
        words: document.words,
        tokens: document.tokens,
        is_placed: false,
        pinned_in: Vec::new(),
        is_watched: false,
    }
}

#[async_trait]
impl Documents for World {
    async fn record_intent(&self, paths: &[DocumentPath], now: DateTime<Utc>) -> Result<()> {
        *self.noted_at.lock().unwrap() = Some(now);
        self.pending_files.lock().unwrap().extend_from_slice(paths);
        Ok(())
    }

    async fn create_all(&self, new_documents: Vec<NewDocument>) -> Result<Vec<WorkspaceDocument>> {
        self.check("create")?;
        for NewDocument { document, places, .. } in new_documents {
            self.pending_files.lock().unwrap().retain(|path| *path != document.path);
            self.put_places(&document, places);
            self.documents.lock().unwrap().insert(document.path.clone(), document);
        }
        self.check("told")?;
        Ok(Vec::new())
    }

    async fn add_to_workspaces(
        &self,
        path: &DocumentPath,
        places: Vec<IndexedDocument>,
        _: Event,
    ) -> Result<Vec<(WorkspaceId, WorkspaceDocumentId)>> {
        let documents = self.documents.lock().unwrap();
        let document = documents.get(path).ok_or_else(|| Error::not_found("document", path))?;
        self.put_places(document, places);
        Ok(Vec::new())
    }

    async fn by_path(&self, path: &DocumentPath) -> Result<Option<Document>> {
        Ok(self.documents.lock().unwrap().get(path).cloned())
    }

    async fn related(&self, query: &RelatedDocuments) -> Result<Vec<(Document, Vec<WorkspaceId>)>> {
        let documents = self.documents.lock().unwrap();
        let is_related = |document: &Document| match query {
            RelatedDocuments::Key(key) => document.origin.key.as_ref() == Some(key),
            RelatedDocuments::Content(digest, folder) => {
                document.origin.digest == Some(*digest)
                    && folder
                        .as_ref()
                        .is_none_or(|folder| document.path.folder() == folder.as_str())
            }
            RelatedDocuments::Request(request) => document.origin.request == Some(*request),
        };
        let mut related: Vec<_> =
            documents.values().filter(|document| is_related(document)).collect();
        if let RelatedDocuments::Content(..) = query {
            related.sort_by_key(|document| (&document.origin.part, document.created_at));
            related.dedup_by_key(|document| &document.origin.part);
            related.sort_by_key(|document| &document.path);
        }
        let places = self.places.lock().unwrap();
        let workspaces = |document: &Document| match query {
            RelatedDocuments::Key(_) => {
                let documents = places.iter().filter(|place| place.document.path == document.path);
                documents.map(|place| place.workspace).collect()
            }
            _ => Vec::new(),
        };
        Ok(related.into_iter().map(|document| (document.clone(), workspaces(document))).collect())
    }

    async fn remove(&self, paths: &[DocumentPath], _: Event) -> Result<Vec<RemovedDocument>> {
        let mut documents = self.documents.lock().unwrap();
        let paths = paths.iter().filter(|path| documents.remove(path).is_some()).cloned();
        let removed: Vec<_> =
            paths.map(|path| RemovedDocument { path, places: Vec::new() }).collect();
        drop(documents);
        super::originals::release_originals(self);
        let is_removed = |path: &DocumentPath| removed.iter().any(|removed| removed.path == *path);
        self.places.lock().unwrap().retain(|place| !is_removed(&place.document.path));
        self.passages.lock().unwrap().retain(|passage| !is_removed(&passage.document.path));
        self.pending_files
            .lock()
            .unwrap()
            .extend(removed.iter().map(|removed| removed.path.clone()));
        Ok(removed)
    }

    async fn pending_files(&self, _: DateTime<Utc>) -> Result<Vec<(DocumentPath, bool)>> {
        let documents = self.documents.lock().unwrap();
        let pending = self.pending_files.lock().unwrap();
        Ok(pending.iter().map(|path| (path.clone(), documents.contains_key(path))).collect())
    }

    async fn reconcile(&self, path: &DocumentPath) -> Result<()> {
        self.check("reconcile")?;
        self.pending_files.lock().unwrap().retain(|pending| pending != path);
        Ok(())
    }
}

#[async_trait]
impl Folders for World {
    async fn folders(&self) -> Result<Vec<Folder>> {
        Ok(self.folders.lock().unwrap().iter().cloned().collect())
    }

    async fn documents_in(&self, folder: &Folder) -> Result<Option<u64>> {
        let documents = self.documents.lock().unwrap();
        let count = documents.keys().filter(|path| path.folder() == folder.as_str()).count();
        let is_present = count > 0 || self.folders.lock().unwrap().contains(folder);
        Ok(is_present.then_some(count as u64))
    }

    async fn list(
        &self,
        from: &ListPosition,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<ListedDocument>> {
        let documents = self.documents.lock().unwrap();
        let is_selected = |path: &&DocumentPath| match from {
            ListPosition::In { folder, after } => {
                path.folder() == folder.as_str()
                    && after.as_ref().is_none_or(|after| path.name() > after.as_str())
            }
            ListPosition::Elsewhere { after } => {
                path.folder() != DEFAULT_FOLDER && after.as_ref().is_none_or(|after| *path > after)
            }
        };
        let selected = documents.iter().filter(|(path, _)| is_selected(path));
        let page = selected.skip(offset as usize).take(limit as usize);
        Ok(page.map(|(_, document)| to_listed(document)).collect())
    }

    async fn existing(&self, paths: &[DocumentPath]) -> Result<Vec<DocumentPath>> {
        let documents = self.documents.lock().unwrap();
        Ok(paths.iter().filter(|path| documents.contains_key(path)).cloned().collect())
    }

    async fn in_workspaces(&self, paths: &[DocumentPath]) -> Result<Vec<DocumentPath>> {
        let places = self.places.lock().unwrap();
        let is_placed =
            |path: &&DocumentPath| places.iter().any(|place| place.document.path == **path);
        Ok(paths.iter().filter(is_placed).cloned().collect())
    }

    async fn by_name(&self, _: &str) -> Result<Option<ListedDocument>> {
        Ok(None)
    }

    async fn by_id(&self, _: DocumentId) -> Result<Option<ListedDocument>> {
        Ok(None)
    }

    async fn create_folder(&self, folder: &Folder, _: Event) -> Result<()> {
        match self.folders.lock().unwrap().insert(folder.clone()) {
            true => Ok(()),
            false => Err(Error::AlreadyExists { kind: "folder", key: folder.to_string() }),
        }
    }

    async fn remove_folder(&self, _: &Folder, _: Event) -> Result<Option<Vec<RemovedDocument>>> {
        Ok(None)
    }

    async fn relocate(&self, moves: &[DocumentMove], _: Event) -> Result<()> {
        self.check("relocate")?;
        let mut documents = self.documents.lock().unwrap();
        let mut pending_files = self.pending_files.lock().unwrap();
        for DocumentMove { from, to } in moves {
            let missing = || Error::not_found("document", from);
            let mut document = documents.remove(from).ok_or_else(missing)?;
            document.path = to.clone();
            documents.insert(to.clone(), document);
            pending_files.retain(|pending| pending != to);
            pending_files.push(from.clone());
        }
        Ok(())
    }
}

#[async_trait]
impl Uploads for World {
    async fn store(&self, piece: UploadPiece) -> Result<Vec<Job>> {
        self.check("create")?;
        // The second piece of an upload can be made to fail.
        if !piece.is_first {
            self.check("store")?;
        }
        let mut stored = self.unfinished.lock().unwrap().remove(&piece.upload).unwrap_or_default();
        for StoredDocument { document, .. } in piece.documents {
            self.pending_files.lock().unwrap().retain(|path| *path != document.path);
            stored.push(document.path.clone());
            self.documents.lock().unwrap().insert(document.path.clone(), document);
        }
        self.pieces.lock().unwrap().push(stored.len());
        if !piece.is_last {
            self.unfinished.lock().unwrap().insert(piece.upload, stored);
            return Ok(Vec::new());
        }
        let mut jobs = Vec::new();
        for target in piece.targets {
            let (kind, workspace) = (JobKind::Embed, target.workspace);
            let (paths, awaited) = (stored.clone(), piece.lease.is_some());
            if let Some(id) = target.existing_job {
                jobs.extend(Jobs::extend(self, id, paths, target.event).await?);
                continue;
            }
            let job = NewJob { kind, workspace, paths, awaited };
            jobs.push(Jobs::create(self, job, piece.lease, target.event).await?);
        }
        self.check("told")?;
        Ok(jobs)
    }

    async fn replace(&self, replacement: Replacement) -> Result<Option<Replaced>> {
        self.check("create")?;
        let Replacement { replaced, mut documents, targets, lease: hold, obsolete, .. } =
            replacement;
        let mut without_successor = Vec::new();
        for path in replaced {
            let old = self.documents.lock().unwrap()[&path].clone();
            self.pending_files.lock().unwrap().push(path.clone());
            let is_successor = |document: &&mut Document| document.origin.part == old.origin.part;
            let Some(successor) = documents.iter_mut().find(is_successor) else {
                without_successor.push(path);
                continue;
            };
            successor.id = old.id;
            self.documents.lock().unwrap().remove(&path);
            for place in self.places.lock().unwrap().iter_mut() {
                if place.document.path == path {
                    place.document = successor.clone();
                }
            }
        }
        if !without_successor.is_empty() {
            self.unfinished.lock().unwrap().insert(obsolete, without_successor);
        }
        super::originals::release_originals(self);
        let paths: Vec<DocumentPath> =
            documents.iter().map(|document| document.path.clone()).collect();
        self.pending_files.lock().unwrap().retain(|pending| !paths.contains(pending));
        for document in &documents {
            self.documents.lock().unwrap().insert(document.path.clone(), document.clone());
        }
        let mut jobs = Vec::new();
        for target in targets {
            let (kind, workspace, paths) = (JobKind::Embed, target.workspace, paths.clone());
            let job = NewJob { kind, workspace, paths, awaited: true };
            jobs.push(Jobs::create(self, job, Some(hold), target.event).await?);
        }
        Ok(Some(Replaced { documents, jobs }))
    }

    async fn accept_existing(&self, paths: &[DocumentPath]) -> Result<Vec<DocumentPath>> {
        self.existing(paths).await
    }

    async fn roll_back(
        &self,
        upload: UploadId,
        _: u32,
        event: Event,
    ) -> Result<Option<Vec<RemovedDocument>>> {
        let stored = self.unfinished.lock().unwrap().remove(&upload);
        let Some(stored) = stored else { return Ok(None) };
        Documents::remove(self, &stored, event).await.map(Some)
    }

    async fn unfinished(&self, _: DateTime<Utc>) -> Result<Vec<UploadId>> {
        Ok(self.unfinished.lock().unwrap().keys().copied().collect())
    }
}
