//! Taking documents in: each whole or not at all, also when the client hangs up.
use carrel_domain::audit::{By, Event};
use carrel_domain::document::{Document, IncomingFile};
use carrel_domain::library::{Embedded, Kin};
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, Folder, Result, WorkspaceId};
use serde_json::json;

use super::{Details, Library, RawText, Terms, explain, incoming};

/// What becomes of a document that cannot be embedded for the workspaces it is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unembedded {
    /// It is kept in the library, in no workspace, with a warning.
    Keep,
    /// Nothing of it is kept.
    Refuse,
}

/// A document as it was taken in.
#[derive(Clone, Debug)]
pub struct Added {
    pub document: Document,
    pub text: String,
    /// Why it is in none of the workspaces it was meant for, if so.
    pub warning: Option<String>,
    /// Whether it was there before, and nothing but its places was changed.
    pub existed: bool,
}

/// Documents on their way in, with what goes for all of them.
pub(super) struct Arrival {
    pub(super) made: Vec<(Document, String)>,
    pub(super) terms: Terms,
    pub(super) into: Vec<Workspace>,
    pub(super) unembedded: Unembedded,
    pub(super) by: By,
    pub(super) event: &'static str,
}

impl Arrival {
    /// What the log is told of a document that was taken in.
    pub(super) fn event(&self, document: &Document) -> Event {
        let (title, location) = (&document.title, document.path.to_string());
        let mut details = json!({ "documentName": title, "location": location });
        if let Some(link) = document.chunk_source.strip_prefix("link://") {
            details["link"] = link.into();
        }
        self.by.event(self.event, details.to_string())
    }

    pub(super) fn workspaces(&self) -> Vec<WorkspaceId> {
        self.into.iter().map(|workspace| workspace.id).collect()
    }
}

impl Library {
    /// Makes documents of a file and places them in workspaces. Each document is taken in whole
    /// or not at all, also when the caller stops waiting; those of an upload with a key all
    /// together.
    pub async fn add_file(
        &self,
        file: IncomingFile,
        mut details: Details,
        into: Vec<Workspace>,
        unembedded: Unembedded,
        by: &By,
    ) -> Result<Vec<Added>> {
        incoming::check_file_name(&file.name)?;
        if let Some(known) = self.identical(&details.terms, None, &into, by).await? {
            return Ok(known);
        }
        let extracted = self.extractor.extract(&file).await?;
        if details.terms.folder.is_none() {
            details.terms.folder = match self.folder_of_identical(&details.terms).await? {
                None => incoming::folder_for_sheets(&file.name, &extracted)?,
                folder => folder,
            };
        }
        let mut made = Vec::with_capacity(extracted.len());
        for part in extracted {
            made.push(incoming::from_file(&file.name, part, &details, by.at)?);
        }
        if let Some(known) = self.identical(&details.terms, Some(&made), &into, by).await? {
            return Ok(known);
        }
        let (terms, event, by) = (details.terms, "api_document_uploaded", by.clone());
        self.take_in(Arrival { made, terms, into, unembedded, by, event }).await
    }

    /// As [`Library::add_file`], for text that was never a file.
    pub async fn add_text(
        &self,
        raw: RawText,
        into: Vec<Workspace>,
        unembedded: Unembedded,
        by: &By,
    ) -> Result<Vec<Added>> {
        let terms = raw.terms.clone();
        let made = vec![incoming::from_text(raw, by.at)?];
        if let Some(known) = self.identical(&terms, None, &into, by).await? {
            return Ok(known);
        }
        let (event, by) = ("api_raw_document_uploaded", by.clone());
        self.take_in(Arrival { made, terms, into, unembedded, by, event }).await
    }

    pub(super) async fn take_in(&self, mut arrival: Arrival) -> Result<Vec<Added>> {
        arrival.made = incoming::count_tokens(&self.tokenizer, arrival.made).await?;
        // On a task of its own: a client that hangs up must not leave a file without its row.
        let library = self.clone();
        let take_in = async move {
            match arrival.terms.key.clone() {
                Some(key) => library.replace(&key, arrival).await,
                None => library.add_all(arrival).await,
            }
        };
        tokio::spawn(take_in).await.map_err(Error::internal)?
    }

    async fn add_all(&self, mut arrival: Arrival) -> Result<Vec<Added>> {
        let mut added = Vec::with_capacity(arrival.made.len());
        let mut earlier = self.earlier(&arrival.terms).await?;
        for (document, text) in std::mem::take(&mut arrival.made) {
            let same = |known: &Document| known.origin.part == document.origin.part;
            let known = earlier.iter().position(|(known, _)| same(known));
            let known = known.map(|at| earlier.swap_remove(at));
            added.push(match known {
                Some(known) => self.take_known(known, text, &arrival.into, &arrival.by).await?,
                None => self.add_one(document, text, &arrival).await?,
            });
        }
        Ok(added)
    }

    /// What was made of the same content before, or by the same request before it was broken off.
    async fn earlier(&self, terms: &Terms) -> Result<Vec<(Document, Vec<WorkspaceId>)>> {
        let mut earlier = match terms.request {
            Some(request) => self.documents.of(&Kin::Request(request)).await?,
            None => Vec::new(),
        };
        if let Some(digest) = terms.digest.filter(|_| terms.skip_identical) {
            earlier.extend(self.documents.of(&Kin::Content(digest, terms.folder.clone())).await?);
        }
        Ok(earlier)
    }

    /// Where those of the same content are, so that those that are missing come beside them.
    async fn folder_of_identical(&self, terms: &Terms) -> Result<Option<Folder>> {
        let Some(digest) = terms.digest.filter(|_| terms.skip_identical) else { return Ok(None) };
        let found = self.documents.of(&Kin::Content(digest, None)).await?;
        let folder = found.first().map(|(document, _)| Folder::parse(document.path.folder()));
        folder.transpose()
    }

    /// A document that is there already, placed in `into`.
    async fn take_known(
        &self,
        (document, places): (Document, Vec<WorkspaceId>),
        text: String,
        into: &[Workspace],
        by: &By,
    ) -> Result<Added> {
        let warning = self.place_also(&document, &text, &places, into, by).await?;
        Ok(Added { document, text, warning, existed: true })
    }

    async fn add_one(&self, document: Document, text: String, arrival: &Arrival) -> Result<Added> {
        let (places, warning) = match self.embed_for(&arrival.workspaces(), &text).await {
            Ok(places) => (places, None),
            Err(error) if arrival.unembedded == Unembedded::Keep => {
                (Vec::new(), Some(explain(&error)))
            }
            Err(error) => return Err(error),
        };
        self.keep(&document, &text, places, arrival).await?;
        Ok(Added { document, text, warning, existed: false })
    }

    async fn keep(
        &self,
        document: &Document,
        text: &str,
        places: Vec<Embedded>,
        arrival: &Arrival,
    ) -> Result<()> {
        let event = arrival.event(document);
        let kept = match self.write_file(document, text, &arrival.by).await {
            Ok(()) => self.documents.create(document.clone(), places, event).await,
            Err(error) => Err(error),
        };
        match kept {
            Ok(places) => {
                for place in places {
                    self.index.upsert(place.workspace, place.id).await?;
                }
                Ok(())
            }
            Err(error) => {
                self.discard_file(&document.path).await?;
                Err(error)
            }
        }
    }

    /// Writes a file whose document is to become known next.
    pub(super) async fn write_file(&self, document: &Document, text: &str, by: &By) -> Result<()> {
        self.documents.expect_file(&document.path, by.at).await?;
        self.files.put(document, text).await
    }

    /// The documents made earlier of the same content, where those will do, placed in `into`. Until
    /// it is known what is `made` of the content, only those will do that are all of an upload.
    pub(super) async fn identical(
        &self,
        terms: &Terms,
        made: Option<&[(Document, String)]>,
        into: &[Workspace],
        by: &By,
    ) -> Result<Option<Vec<Added>>> {
        let Some(digest) = terms.digest.filter(|_| terms.skip_identical) else { return Ok(None) };
        let kin = match &terms.key {
            Some(key) => Kin::Key(key.clone()),
            None => Kin::Content(digest, terms.folder.clone()),
        };
        let mut found = self.documents.of(&kin).await?;
        if found.iter().any(|(document, _)| document.origin.digest != Some(digest)) {
            return Ok(None);
        }
        // Several uploads of the same content may be there: one of each part will do.
        found.sort_by(|(a, _), (b, _)| {
            (&a.origin.part, a.created_at).cmp(&(&b.origin.part, b.created_at))
        });
        found.dedup_by(|(a, _), (b, _)| a.origin.part == b.origin.part);
        match made {
            None => match found.as_slice() {
                [(only, _)] if only.origin.part.is_empty() => {}
                _ => return Ok(None),
            },
            Some(made) => {
                let at = |part: &str| made.iter().position(|(each, _)| each.origin.part == part);
                found.retain(|(known, _)| at(&known.origin.part).is_some());
                found.sort_by_key(|(known, _)| at(&known.origin.part));
                if found.len() < made.len() {
                    return Ok(None);
                }
            }
        }
        let mut known = Vec::with_capacity(found.len());
        for (document, places) in found {
            let Some(text) = self.files.text(&document.path).await? else { return Ok(None) };
            known.push(self.take_known((document, places), text, into, by).await?);
        }
        Ok(Some(known).filter(|known| !known.is_empty()))
    }

    /// Places a document where it is not yet; why not, if so.
    async fn place_also(
        &self,
        document: &Document,
        text: &str,
        places: &[WorkspaceId],
        into: &[Workspace],
        by: &By,
    ) -> Result<Option<String>> {
        let missing: Vec<_> = into.iter().filter(|each| !places.contains(&each.id)).collect();
        let ids: Vec<WorkspaceId> = missing.iter().map(|workspace| workspace.id).collect();
        let embedded = match self.embed_for(&ids, text).await {
            Ok(embedded) => embedded,
            Err(error) => return Ok(Some(explain(&error))),
        };
        let names: Vec<_> = missing.iter().map(|workspace| &workspace.settings.name).collect();
        let documents = [document.path.to_string()];
        let details = json!({ "workspaceNames": names, "documents": documents }).to_string();
        let event = by.event("workspace_documents_added", details);
        for (workspace, place) in self.documents.place_also(&document.path, embedded, event).await?
        {
            self.index.upsert(workspace, place).await?;
        }
        Ok(None)
    }
}
