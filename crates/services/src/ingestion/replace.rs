//! Uploads with a key: each takes the place of the earlier one, in every workspace that it is in.
use carrel_domain::document::Document;
use carrel_domain::library::{IndexedDocument, RelatedDocuments, Replacement};
use carrel_domain::{DocumentPath, Error, Result, WorkspaceId};

use super::{Added, Arrival, Indexing, Ingested, Ingestion};
use crate::library::{Library, explain};

/// How often it is tried anew when others change the same documents meanwhile.
const TRIES: usize = 8;

pub(super) async fn replace(
    ingestion: &Ingestion,
    key: &str,
    arrival: Arrival,
) -> Result<Ingested> {
    let library = &ingestion.library;
    for _ in 0..TRIES {
        if let Some((added, exchange)) = try_to_replace(library, key, &arrival).await? {
            put_in_place(library, &exchange).await?;
            return Ok(Ingested { added, jobs: Vec::new() });
        }
    }
    Err(Error::unavailable("the document", "others are changing it; try again"))
}

/// `None` when others have changed the documents meanwhile.
async fn try_to_replace(
    library: &Library,
    key: &str,
    arrival: &Arrival,
) -> Result<Option<(Vec<Added>, Exchange)>> {
    let old = library.documents.related(&RelatedDocuments::Key(key.to_owned())).await?;
    let mut workspaces: Vec<WorkspaceId> =
        old.iter().flat_map(|(_, places)| places.iter().copied()).collect();
    let must_be_embedded = !workspaces.is_empty();
    workspaces.extend(arrival.workspaces());
    workspaces.sort_unstable();
    workspaces.dedup();
    let (mut new, mut warnings) = (Vec::new(), Vec::new());
    for (document, text) in &arrival.made {
        // Documents are not taken out of workspaces because their successors fail.
        let (places, warning) = match must_be_embedded {
            true => (library.indexer.embed_for(&workspaces, &document.path, text).await?, None),
            false => embedded_for(library, &workspaces, (document, text), arrival).await?,
        };
        new.push((document.clone(), places));
        warnings.push(warning);
    }
    let paths: Vec<DocumentPath> = old.into_iter().map(|(document, _)| document.path).collect();
    let Some((first, _)) = new.first() else { return Ok(None) };
    let event = arrival.event(first);
    // Last, because files that are noted for long count as left over, and embedding takes long.
    let written = library.write_files(&arrival.made).await?;
    let replaced = match library.documents.replace(key, &paths, new, event).await {
        // Somebody was faster with the first upload of this key, or a workspace has gone.
        Err(Error::AlreadyExists { .. } | Error::NotFound { kind: "workspace", .. }) => Ok(None),
        other => other,
    };
    if !matches!(replaced, Ok(Some(_))) {
        library.reconcile_files(&written).await;
    }
    let Some(mut replaced) = replaced? else { return Ok(None) };
    let documents = std::mem::take(&mut replaced.documents);
    let made = arrival.made.iter().zip(warnings);
    let added = documents.into_iter().zip(made).map(|(document, ((_, text), warning))| {
        let text = text.clone();
        Added { document, text, warning, existed: false }
    });
    Ok(Some((added.collect(), Exchange { replaced, old: paths })))
}

/// A text embedded for workspaces, or why it is not where it is kept nevertheless.
async fn embedded_for(
    library: &Library,
    workspaces: &[WorkspaceId],
    (document, text): (&Document, &str),
    arrival: &Arrival,
) -> Result<(Vec<IndexedDocument>, Option<String>)> {
    match library.indexer.embed_for(workspaces, &document.path, text).await {
        Ok(places) => Ok((places, None)),
        Err(error) if arrival.indexing != Indexing::Refuse => {
            Ok((Vec::new(), Some(explain(&error))))
        }
        Err(error) => Err(error),
    }
}

/// What follows a replacement that is committed. When this fails the new documents stay: theirs are
/// the only texts left.
async fn put_in_place(library: &Library, Exchange { replaced, old }: &Exchange) -> Result<()> {
    for (workspace, place) in &replaced.gone {
        library.index.remove(*workspace, &[*place]).await?;
    }
    for (workspace, place) in &replaced.placed {
        library.index.upsert(*workspace, *place).await?;
    }
    for path in old {
        library.discard_file(path).await?;
    }
    library.originals.delete_released().await;
    Ok(())
}

/// A replacement that is committed, and where the earlier documents were.
struct Exchange {
    replaced: Replacement,
    old: Vec<DocumentPath>,
}
