//! One step of a job: some documents read, split and embedded together.
use std::ops::Range;

use carrel_domain::document::{Chunk, DocumentFiles};
use carrel_domain::job::queue::{FinishedItem, ItemOutcome, Lease};
use carrel_domain::job::{Job, JobItem};
use carrel_domain::library::IndexedDocument;
use carrel_domain::{Error, Result};
use tokio::sync::OwnedSemaphorePermit;

use super::large::{LargeDocument, is_large};
use super::{KnownTexts, Workers};
use crate::indexer::{Indexer, Method, passages};
use crate::library::explain;

/// The maximum number of documents per step.
const DOCUMENTS: u32 = 64;
/// The maximum size of the texts of a step, and thus of a transaction, in bytes, unless a single
/// passage is larger.
pub(super) const BYTES: usize = 1 << 20;
/// The maximum number of passages per step. A larger document takes several steps.
pub(super) const PASSAGES: usize = 512;
/// The number of attempts for a document that the embedder refuses while it accepts others.
const TRIES: u32 = 3;
/// The maximum length of a reason, in characters.
const LONGEST_REASON: usize = 500;

/// The result of a step.
pub(super) enum Step {
    /// There is nothing left to do.
    Over,
    /// Another worker has claimed the job.
    Lost,
    /// The recording of this item must be transcribed first.
    Transcribe(JobItem),
    /// The next document takes several steps of its own.
    Large(LargeDocument),
    /// Some passages of a large document, to be stored. The permit is held until then.
    Part(IndexedDocument, OwnedSemaphorePermit),
    Made {
        finished: Vec<FinishedItem>,
        /// The reason the embedder is down, if it is.
        down: Option<String>,
        /// The first failure of the step.
        cause: Option<Error>,
        /// The permit, held until the results are stored.
        turn: OwnedSemaphorePermit,
    },
}

/// A split document, and the range of its chunks.
struct Cut {
    item: JobItem,
    place: Range<usize>,
}

/// The job of a step.
#[derive(Clone, Copy)]
pub(super) struct StepInput<'a> {
    pub(super) workers: &'a Workers,
    pub(super) job: &'a Job,
    pub(super) lease: &'a Lease,
    /// Texts that need not be read from files.
    pub(super) texts: &'a KnownTexts,
    /// Process a single document, so that one that crashes the server does not affect others
    /// repeatedly.
    pub(super) one_by_one: bool,
}

/// Processes the next documents of a job.
pub(super) async fn step(input: StepInput<'_>) -> Result<Step> {
    let StepInput { workers, job, lease, texts: known, one_by_one } = input;
    let shared = &workers.shared;
    let turn = shared.steps.clone().acquire_owned().await.map_err(Error::internal)?;
    let limit = if one_by_one { 1 } else { DOCUMENTS };
    let Some(items) = shared.queue.pending_items(lease, limit).await? else {
        return Ok(Step::Lost);
    };
    if items.is_empty() {
        return Ok(Step::Over);
    }
    if let [item] = items.as_slice()
        && item.is_untranscribed()
    {
        return Ok(Step::Transcribe(item.clone()));
    }
    let mut outcome = Outcome::default();
    let texts = outcome.read(&*shared.library.files, known, items).await;
    let method = match shared.library.indexer.method().await {
        Ok(method) => method,
        Err(error) => {
            outcome.down(error);
            return Ok(outcome.made(turn));
        }
    };
    let (mut cuts, mut chunks) = (Vec::with_capacity(texts.len()), Vec::new());
    for (item, text) in texts {
        match shared.library.indexer.split(&method, &item.path, text).await {
            Ok(more) if is_large(&more) && cuts.is_empty() && outcome.finished.is_empty() => {
                return Ok(Step::Large(LargeDocument::new(item, method, more)));
            }
            // It is processed in the next step.
            Ok(more) if is_large(&more) || chunks.len() + more.len() > PASSAGES => break,
            Ok(more) => {
                let place = chunks.len()..chunks.len() + more.len();
                chunks.extend(more);
                cuts.push(Cut { item, place });
            }
            Err(error) => outcome.failed(item, error),
        }
    }
    let indexer = &shared.library.indexer;
    let mut embedding = Embedding { indexer, job, method: &method, outcome };
    embedding.embed_together(cuts, chunks).await;
    Ok(embedding.outcome.made(turn))
}

/// The result of a step so far.
#[derive(Default)]
pub(super) struct Outcome {
    finished: Vec<FinishedItem>,
    down: Option<String>,
    cause: Option<Error>,
}

impl Outcome {
    pub(super) fn made(self, turn: OwnedSemaphorePermit) -> Step {
        let Self { finished, down, cause } = self;
        Step::Made { finished, down, cause, turn }
    }

    fn failed(&mut self, item: JobItem, error: Error) {
        let outcome = ItemOutcome::Failed(reason(&error));
        self.finished.push(FinishedItem { item, outcome });
        self.cause.get_or_insert(error);
    }

    fn again(&mut self, item: JobItem, error: &Error) {
        self.finished.push(FinishedItem { item, outcome: ItemOutcome::Again(reason(error)) });
    }

    fn down(&mut self, error: Error) {
        self.down = Some(reason(&error));
        self.cause.get_or_insert(error);
    }

    /// Reads the texts of the first of these documents. Records the failure of those without text.
    async fn read(
        &mut self,
        files: &dyn DocumentFiles,
        known: &KnownTexts,
        items: Vec<JobItem>,
    ) -> Vec<(JobItem, String)> {
        let (mut texts, mut bytes) = (Vec::new(), 0);
        for item in items {
            let text = match known.get(&item.path) {
                Some(text) => Ok(Some(text.clone())),
                None => files.text(&item.path).await,
            };
            match text {
                Ok(Some(text)) => {
                    bytes += text.len();
                    texts.push((item, text));
                }
                Ok(None) => {
                    let error = Error::not_found("document", &item.path);
                    self.failed(item, error);
                }
                Err(error) => self.failed(item, error),
            }
            if bytes >= BYTES {
                break;
            }
        }
        texts
    }
}

/// Embeds the documents of a step and records their outcomes.
pub(super) struct Embedding<'a> {
    pub(super) indexer: &'a Indexer,
    pub(super) job: &'a Job,
    pub(super) method: &'a Method,
    pub(super) outcome: Outcome,
}

impl Embedding<'_> {
    /// Embeds documents in shared batches, or one by one if that fails.
    async fn embed_together(&mut self, cuts: Vec<Cut>, chunks: Vec<Chunk>) {
        match self.indexer.vectors(self.method, &chunks).await {
            Ok(vectors) => {
                let (mut chunks, mut vectors) = (chunks.into_iter(), vectors.into_iter());
                for Cut { item, place } in cuts {
                    let chunks = chunks.by_ref().take(place.len()).collect();
                    let vectors = vectors.by_ref().take(place.len()).collect();
                    self.embedded(item, chunks, vectors);
                }
            }
            Err(error) if self.is_down(&error).await => self.outcome.down(error),
            Err(_) => self.embed_separately(cuts, &chunks).await,
        }
    }

    async fn embed_separately(&mut self, cuts: Vec<Cut>, chunks: &[Chunk]) {
        for Cut { item, place } in cuts {
            let chunks = &chunks[place];
            match self.indexer.vectors(self.method, chunks).await {
                Ok(vectors) => self.embedded(item, chunks.to_vec(), vectors),
                Err(error) => self.refused(item, error).await,
            }
            if self.outcome.down.is_some() {
                return;
            }
        }
    }

    /// Records that the embedder refused the text of a document.
    pub(super) async fn refused(&mut self, item: JobItem, error: Error) {
        if self.is_down(&error).await {
            self.outcome.down(error);
        } else if self.may_pass(&item, &error) {
            self.outcome.again(item, &error);
        } else {
            self.outcome.failed(item, error);
        }
    }

    fn embedded(&mut self, item: JobItem, chunks: Vec<Chunk>, vectors: Vec<Vec<f32>>) {
        let (workspace, recipe) = (self.job.workspace.id, self.method.recipe());
        let embedded = IndexedDocument { workspace, recipe, passages: passages(chunks, vectors) };
        let outcome = ItemOutcome::Indexed(embedded);
        self.outcome.finished.push(FinishedItem { item, outcome });
    }

    /// Returns whether the embedder is down, rather than refusing a particular text.
    async fn is_down(&self, error: &Error) -> bool {
        matches!(error, Error::Unavailable { .. }) && !self.method.works().await
    }

    /// Returns whether a retry may succeed. Nothing is postponed while a client waits.
    fn may_pass(&self, item: &JobItem, error: &Error) -> bool {
        let is_passing = matches!(error, Error::Unavailable { .. });
        is_passing && !self.job.awaited && item.attempts + 1 < TRIES
    }
}

/// Returns the reason of a failure, truncated to a maximum length.
pub(super) fn reason(error: &Error) -> String {
    let mut reason = explain(error);
    if let Some((end, _)) = reason.char_indices().nth(LONGEST_REASON) {
        reason.truncate(end);
        reason.push('…');
    }
    reason
}
