//! Documents with too many passages for one transaction. They are embedded and stored in parts, one
//! step each. The earlier passages stay searchable until the last part is stored.
use carrel_domain::document::Chunk;
use carrel_domain::job::queue::{
    FinishedItem, ItemOutcome, PartResult, PartialIndexing, PassagePart, Superseded,
};
use carrel_domain::job::{Job, JobItem};
use carrel_domain::library::IndexedDocument;
use carrel_domain::{Error, Result};
use chrono::Utc;

use super::batch::{BYTES, Embedding, Outcome, PASSAGES, Step};
use super::worker::Worker;
use super::{LEASE, Workers};
use crate::indexer::{Method, passages};

/// Returns whether the chunks of a document exceed one transaction, in number or size.
pub(super) fn is_large(chunks: &[Chunk]) -> bool {
    let bytes: usize = chunks.iter().map(|chunk| chunk.text.len()).sum();
    chunks.len() > PASSAGES || (chunks.len() > 1 && bytes > BYTES)
}

/// A large document, of which some parts may already be stored.
pub(super) struct LargeDocument {
    item: JobItem,
    method: Method,
    /// The remaining chunks.
    chunks: std::vec::IntoIter<Chunk>,
    stored: Option<PartialIndexing>,
}

/// What follows a stored part.
pub(super) enum AfterPart {
    Next(Box<LargeDocument>),
    /// The document is done. Holds whether other jobs are waiting.
    Finished(bool),
    /// Another worker has claimed the job.
    Lost,
}

impl LargeDocument {
    pub(super) fn new(item: JobItem, method: Method, chunks: Vec<Chunk>) -> Self {
        Self { item, method, chunks: chunks.into_iter(), stored: None }
    }

    /// Returns the next chunks that fit one transaction, at least one.
    fn next_chunks(&mut self) -> Vec<Chunk> {
        let (mut part, mut bytes): (Vec<Chunk>, usize) = (Vec::new(), 0);
        while let Some(next) = self.chunks.as_slice().first() {
            bytes += next.text.len();
            if !part.is_empty() && (part.len() == PASSAGES || bytes > BYTES) {
                break;
            }
            part.extend(self.chunks.next());
        }
        part
    }

    /// Embeds the next part.
    pub(super) async fn step(&mut self, workers: &Workers, job: &Job) -> Result<Step> {
        let shared = &workers.shared;
        let turn = shared.steps.clone().acquire_owned().await.map_err(Error::internal)?;
        let chunks = self.next_chunks();
        match shared.library.indexer.vectors(&self.method, &chunks).await {
            Ok(vectors) => {
                let (workspace, recipe) = (job.workspace.id, self.method.recipe());
                let passages = passages(chunks, vectors);
                Ok(Step::Part(IndexedDocument { workspace, recipe, passages }, turn))
            }
            Err(error) => {
                let (indexer, outcome) = (&shared.library.indexer, Outcome::default());
                let mut embedding = Embedding { indexer, job, method: &self.method, outcome };
                embedding.refused(self.item.clone(), error).await;
                Ok(embedding.outcome.made(turn))
            }
        }
    }
}

impl Worker {
    /// Stores a part. After the last one, removes the earlier passages and records the document as
    /// done.
    pub(super) async fn add_part(
        &mut self,
        mut document: LargeDocument,
        passages: IndexedDocument,
    ) -> Result<AfterPart> {
        let item = document.item.clone();
        let part = PassagePart { item: item.clone(), passages, before: document.stored };
        let (shared, until) = (self.workers.shared.clone(), Utc::now() + LEASE);
        let outcome = match shared.queue.store_part(&self.lease, part, until).await? {
            None => return Ok(AfterPart::Lost),
            Some(PartResult::Ended(outcome)) => outcome,
            Some(PartResult::Stored(stored)) => {
                shared.library.index.upsert(self.job.workspace.id, stored.place).await?;
                document.stored = Some(stored);
                if document.chunks.len() > 0 {
                    return Ok(AfterPart::Next(Box::new(document)));
                }
                if !self.remove_parts(stored, Superseded::Earlier).await? {
                    return Ok(AfterPart::Lost);
                }
                ItemOutcome::IndexedInParts { stored, recipe: document.method.recipe() }
            }
        };
        let completed = self.complete(vec![FinishedItem { item, outcome }]).await?;
        Ok(completed.map_or(AfterPart::Lost, AfterPart::Finished))
    }

    /// Removes the stored parts of a document that cannot be indexed.
    pub(super) async fn abandon(&mut self, document: Option<LargeDocument>) -> Result<()> {
        let Some(stored) = document.and_then(|document| document.stored) else { return Ok(()) };
        self.remove_parts(stored, Superseded::New).await?;
        let (index, workspace) = (&self.workers.shared.library.index, self.job.workspace.id);
        match stored.is_new {
            true => index.remove(workspace, &[stored.place]).await,
            false => index.upsert(workspace, stored.place).await,
        }
    }

    /// Removes passages in transactions of bounded size. Returns whether the job is still held.
    async fn remove_parts(&self, stored: PartialIndexing, which: Superseded) -> Result<bool> {
        let (queue, limit) = (&self.workers.shared.queue, PASSAGES as u32);
        loop {
            let until = Utc::now() + LEASE;
            match queue.remove_part(&self.lease, stored, which, limit, until).await? {
                None => return Ok(false),
                Some(true) => {}
                Some(false) => return Ok(true),
            }
        }
    }
}
