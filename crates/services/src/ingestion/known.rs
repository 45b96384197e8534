//! Finds existing documents of the same content or of the same request.
use std::collections::HashMap;

use carrel_domain::audit::By;
use carrel_domain::document::Document;
use carrel_domain::library::RelatedDocuments;
use carrel_domain::workspace::Workspace;
use carrel_domain::{DocumentPath, Error, Result, WorkspaceId};

use super::{Added, Indexing, Ingested, Ingestion, PreparedUpload, Terms};
use crate::library::{Library, explain};

/// An existing document and its workspaces.
pub(super) type Placed = (Document, Vec<WorkspaceId>);

pub(super) type Known = Vec<Placed>;

/// The number of documents adopted per transaction.
const ADOPTED: usize = 500;

/// Returns existing documents with the same content, one for each part, if the terms allow using
/// them.
pub(super) async fn identical(library: &Library, terms: &Terms) -> Result<Known> {
    let Some(digest) = terms.digest.filter(|_| terms.skip_identical) else {
        return Ok(Vec::new());
    };
    let related = match &terms.key {
        Some(key) => RelatedDocuments::Key(key.clone()),
        None => RelatedDocuments::Content(digest, terms.folder.clone()),
    };
    let mut found = library.documents.related(&related).await?;
    if found.iter().any(|(document, _)| document.origin.digest != Some(digest)) {
        found.clear();
    }
    Ok(found)
}

/// Returns the existing document with the same content, indexed for `into`, if it is the only part
/// of the upload and its text exists. The parts of other uploads are known only after extraction.
pub(super) async fn single(
    ingestion: &Ingestion,
    same: &Known,
    into: &[Workspace],
    indexing: Indexing,
    by: &By,
) -> Result<Option<Ingested>> {
    let [(only, places)] = same.as_slice() else { return Ok(None) };
    if !only.origin.part.is_empty() {
        return Ok(None);
    }
    let Some(text) = ingestion.library.files.text(&only.path).await? else { return Ok(None) };
    let known = vec![((only.clone(), places.clone()), text)];
    reuse(ingestion, known, into, indexing, by).await.map(Some)
}

/// Returns existing documents by part: those made by an aborted attempt of the same request, or
/// with the same content.
pub(super) async fn by_part(
    library: &Library,
    upload: &mut PreparedUpload,
) -> Result<HashMap<String, Placed>> {
    let mut existing = std::mem::take(&mut upload.identical);
    if let Some(request) = upload.terms.request {
        existing.extend(library.documents.related(&RelatedDocuments::Request(request)).await?);
    }
    let by_part = |placed: Placed| (placed.0.origin.part.clone(), placed);
    Ok(existing.into_iter().map(by_part).collect())
}

/// Keeps existing documents, restores lost texts, and indexes the documents in workspaces that lack
/// them.
pub(super) async fn reuse(
    ingestion: &Ingestion,
    known: Vec<(Placed, String)>,
    into: &[Workspace],
    indexing: Indexing,
    by: &By,
) -> Result<Ingested> {
    let library = &ingestion.library;
    let paths: Vec<DocumentPath> = known.iter().map(|((known, _), _)| known.path.clone()).collect();
    for paths in paths.chunks(ADOPTED) {
        // The upload that stored them may still be rolled back.
        if library.uploads.accept_existing(paths).await?.len() < paths.len() {
            return Err(Error::unavailable(
                "the document",
                "other requests are changing it; try \
                 again",
            ));
        }
    }
    let (mut ingested, mut missing) = (Ingested::default(), vec![Vec::new(); into.len()]);
    for ((document, places), text) in known {
        for (workspace, missing) in into.iter().zip(&mut missing) {
            if !places.contains(&workspace.id) {
                missing.push(document.path.clone());
            }
        }
        let documents = [(document, text)];
        if library.files.text(&documents[0].0.path).await?.is_none() {
            for path in library.write_files(&documents).await? {
                library.documents.reconcile(&path).await?;
            }
        }
        let [(document, text)] = documents;
        ingested.added.push(Added { document, text, warning: None, existed: true });
    }
    for (workspace, paths) in into.iter().zip(missing).filter(|(_, paths)| !paths.is_empty()) {
        if let Indexing::Later { existing_job } = indexing {
            let job = ingestion.workers.embed_along(existing_job, workspace, paths, by).await?;
            ingested.jobs.push(job);
            continue;
        }
        let failures = match ingestion.workers.embed(workspace, paths.clone(), by).await {
            Ok(failures) => failures,
            Err(error) => {
                let reason = explain(&error);
                paths.iter().map(|path| (path.to_string(), reason.clone())).collect()
            }
        };
        let mut failures: HashMap<String, String> = failures.into_iter().collect();
        for added in &mut ingested.added {
            let warning = failures.remove(&added.document.path.to_string());
            added.warning = added.warning.take().or(warning);
        }
    }
    Ok(ingested)
}
