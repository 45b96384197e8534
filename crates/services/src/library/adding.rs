//! Taking documents in: each upload whole or not at all, also when the client hangs up.
use std::collections::HashMap;

use carrel_domain::audit::{By, Event};
use carrel_domain::document::{Document, IncomingFile, ReadRequest};
use carrel_domain::library::{IndexedDocument, NewDocument};
use carrel_domain::workspace::Workspace;
use carrel_domain::{DocumentPath, Error, Folder, Result, WorkspaceId};
use chrono::Utc;
use serde_json::json;

use super::earlier::Known;
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
    /// What was made earlier of the same content, where that will do.
    pub(super) same: Known,
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

    /// Whether all of it is there already.
    fn is_known(&self) -> bool {
        let is_same = |made: &Document| {
            self.same.iter().any(|(known, _)| known.origin.part == made.origin.part)
        };
        !self.made.is_empty() && self.made.iter().all(|(document, _)| is_same(document))
    }

    pub(super) fn workspaces(&self) -> Vec<WorkspaceId> {
        self.into.iter().map(|workspace| workspace.id).collect()
    }
}

impl Library {
    /// Makes documents of a file and places them in workspaces: all of them or none, also when the
    /// caller stops waiting.
    pub async fn add_file(
        &self,
        file: IncomingFile,
        mut details: Details,
        into: Vec<Workspace>,
        unembedded: Unembedded,
        by: &By,
    ) -> Result<Vec<Added>> {
        incoming::check_file_name(&file.name)?;
        let same = self.identical(&details.terms).await?;
        if let Some(known) = self.take_single(&same, &into, by).await? {
            return Ok(known);
        }
        let request = ReadRequest { owner: by.actor.to_text(), time_limit: None };
        let extracted = self.extractor.extract(&file, &request).await?;
        if details.terms.folder.is_none() {
            details.terms.folder = match same.first() {
                // What is missing comes beside what is there.
                Some((document, _)) => Some(Folder::parse(document.path.folder())?),
                None => incoming::folder_for_sheets(&file.name, &extracted)?,
            };
        }
        let mut made = Vec::with_capacity(extracted.len());
        for part in extracted {
            made.push(incoming::from_file(&file.name, part, &details, by.at)?);
        }
        let (terms, event, by) = (details.terms, "api_document_uploaded", by.clone());
        self.take_in(Arrival { made, same, terms, into, unembedded, by, event }).await
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
        let same = self.identical(&terms).await?;
        if let Some(known) = self.take_single(&same, &into, by).await? {
            return Ok(known);
        }
        let (event, by) = ("api_raw_document_uploaded", by.clone());
        self.take_in(Arrival { made, same, terms, into, unembedded, by, event }).await
    }

    pub(super) async fn take_in(&self, mut arrival: Arrival) -> Result<Vec<Added>> {
        arrival.made = incoming::count_tokens(&self.tokenizer, arrival.made).await?;
        // On a task of its own: a client that hangs up must not leave a file without its row.
        let library = self.clone();
        let take_in = async move {
            match arrival.terms.key.clone() {
                Some(key) if !arrival.is_known() => library.replace(&key, arrival).await,
                _ => library.add_all(arrival).await,
            }
        };
        tokio::spawn(take_in).await.map_err(Error::internal)?
    }

    async fn add_all(&self, mut arrival: Arrival) -> Result<Vec<Added>> {
        let mut earlier = self.earlier(&mut arrival).await?;
        let order = arrival.made.iter().enumerate();
        let order: HashMap<_, _> =
            order.map(|(at, (document, _))| (document.origin.part.clone(), at)).collect();
        let (mut known, mut new) = (Vec::new(), Vec::new());
        for (document, text) in std::mem::take(&mut arrival.made) {
            match earlier.remove(&document.origin.part) {
                Some(found) => known.push((found, text)),
                None => new.push((document, text)),
            }
        }
        let mut added = self.add_new(new, &arrival).await?;
        for (found, text) in known {
            added.push(self.take_known(found, text, &arrival.into, &arrival.by).await?);
        }
        // Not by the part itself: the tenth mail comes after the ninth.
        added.sort_by_key(|added| order.get(&added.document.origin.part).copied());
        Ok(added)
    }

    async fn add_new(
        &self,
        made: Vec<(Document, String)>,
        arrival: &Arrival,
    ) -> Result<Vec<Added>> {
        let (mut new, mut warnings) = (Vec::new(), Vec::new());
        for (document, text) in &made {
            let workspaces = arrival.workspaces();
            let (places, warning) =
                self.embedded_for(&workspaces, (document, text), arrival).await?;
            let event = arrival.event(document);
            new.push(NewDocument { document: document.clone(), places, event });
            warnings.push(warning);
        }
        let written = self.write_files(&made).await?;
        let placed = match self.documents.create_all(new).await {
            Ok(placed) => placed,
            Err(error) => {
                self.reconcile_files(&written).await;
                return Err(error);
            }
        };
        for place in placed {
            self.index.upsert(place.workspace, place.id).await?;
        }
        let added = made.into_iter().zip(warnings).map(|((document, text), warning)| {
            let existed = false;
            Added { document, text, warning, existed }
        });
        Ok(added.collect())
    }

    /// A text embedded for workspaces, or why it is not where it is kept nevertheless.
    pub(super) async fn embedded_for(
        &self,
        workspaces: &[WorkspaceId],
        (document, text): (&Document, &str),
        arrival: &Arrival,
    ) -> Result<(Vec<IndexedDocument>, Option<String>)> {
        match self.embed_for(workspaces, &document.path, text).await {
            Ok(places) => Ok((places, None)),
            Err(error) if arrival.unembedded == Unembedded::Keep => {
                Ok((Vec::new(), Some(explain(&error))))
            }
            Err(error) => Err(error),
        }
    }

    /// Writes files whose documents are to become known next; none if one cannot be written.
    pub(super) async fn write_files(
        &self,
        made: &[(Document, String)],
    ) -> Result<Vec<DocumentPath>> {
        let paths: Vec<DocumentPath> =
            made.iter().map(|(document, _)| document.path.clone()).collect();
        // The time at which they are written: that of the request may be long past, and what was
        // noted then would count as left over.
        self.documents.record_intent(&paths, Utc::now()).await?;
        for (document, text) in made {
            if let Err(error) = self.files.put(document, text).await {
                self.reconcile_files(&paths).await;
                return Err(error);
            }
        }
        Ok(paths)
    }
}
