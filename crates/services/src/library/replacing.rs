//! Uploads with a key: each takes the place of the earlier one, in every workspace that it is in.
use carrel_domain::library::{RelatedDocuments, Replacement};
use carrel_domain::{DocumentPath, Error, Result, WorkspaceId};

use super::Library;
use super::adding::{Added, Arrival};

/// How often it is tried anew when others change the same documents meanwhile.
const TRIES: usize = 8;

impl Library {
    pub(super) async fn replace(&self, key: &str, arrival: Arrival) -> Result<Vec<Added>> {
        for _ in 0..TRIES {
            if let Some((added, exchange)) = self.try_to_replace(key, &arrival).await? {
                self.put_in_place(&exchange).await?;
                return Ok(added);
            }
        }
        Err(Error::unavailable("the document", "others are changing it; try again"))
    }

    /// `None` when others have changed the documents meanwhile.
    async fn try_to_replace(
        &self,
        key: &str,
        arrival: &Arrival,
    ) -> Result<Option<(Vec<Added>, Exchange)>> {
        let old = self.documents.related(&RelatedDocuments::Key(key.to_owned())).await?;
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
                true => (self.embed_for(&workspaces, &document.path, text).await?, None),
                false => self.embedded_for(&workspaces, (document, text), arrival).await?,
            };
            new.push((document.clone(), places));
            warnings.push(warning);
        }
        let paths: Vec<DocumentPath> = old.into_iter().map(|(document, _)| document.path).collect();
        let Some((first, _)) = new.first() else { return Ok(None) };
        let event = arrival.event(first);
        // Last, because files that are noted for long count as left over, and embedding takes long.
        let written = self.write_files(&arrival.made).await?;
        let replaced = match self.documents.replace(key, &paths, new, event).await {
            // Somebody was faster with the first upload of this key, or a workspace has gone.
            Err(Error::AlreadyExists { .. } | Error::NotFound { kind: "workspace", .. }) => {
                Ok(None)
            }
            other => other,
        };
        if !matches!(replaced, Ok(Some(_))) {
            self.reconcile_files(&written).await;
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

    /// What follows a replacement that is committed. When this fails the new documents stay: theirs
    /// are the only texts left.
    async fn put_in_place(&self, Exchange { replaced, old }: &Exchange) -> Result<()> {
        for (workspace, place) in &replaced.gone {
            self.index.remove(*workspace, &[*place]).await?;
        }
        for (workspace, place) in &replaced.placed {
            self.index.upsert(*workspace, *place).await?;
        }
        for path in old {
            self.discard_file(path).await?;
        }
        Ok(())
    }
}

/// A replacement that is committed, and where the earlier documents were.
struct Exchange {
    replaced: Replacement,
    old: Vec<DocumentPath>,
}
