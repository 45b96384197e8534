//! One step of a job: some documents read, cut and embedded together.
use std::ops::Range;

use carrel_domain::document::Chunk;
use carrel_domain::job::queue::{FinishedItem, ItemOutcome, Lease};
use carrel_domain::job::{Job, JobItem};
use carrel_domain::library::IndexedDocument;
use carrel_domain::{Error, Result};
use tokio::sync::OwnedSemaphorePermit;

use super::Workers;
use crate::library::embedding::{Method, passages};
use crate::library::explain;

/// Documents in one step ...
const DOCUMENTS: u32 = 64;
/// ... whose texts have about so many bytes together, unless a single one has more.
const BYTES: usize = 1 << 20;
/// How often a document is tried that the embedder refuses while it takes others.
const TRIES: u32 = 3;
/// How much of a reason is kept, in characters.
const LONGEST_REASON: usize = 500;

/// What a step came to.
pub(super) enum Step {
    /// There is nothing left to do.
    Over,
    /// Somebody else has the job now.
    Lost,
    Made {
        finished: Vec<FinishedItem>,
        /// Why the embedder takes nothing at all, if so.
        down: Option<String>,
        /// Goes when what was made is stored.
        turn: OwnedSemaphorePermit,
    },
}

/// A document that is cut, and which of the chunks are its.
struct Cut {
    item: JobItem,
    place: Range<usize>,
}

impl Workers {
    /// The next documents of a job. `one_by_one` takes a single one, so that what brings the server
    /// down is not taken along with others time and again.
    pub(super) async fn step(&self, job: &Job, lease: &Lease, one_by_one: bool) -> Result<Step> {
        let turn = self.shared.steps.clone().acquire_owned().await.map_err(Error::internal)?;
        let limit = if one_by_one { 1 } else { DOCUMENTS };
        let Some(items) = self.shared.queue.waiting(lease, limit).await? else {
            return Ok(Step::Lost);
        };
        if items.is_empty() {
            return Ok(Step::Over);
        }
        let (texts, mut finished) = self.read(items).await;
        let method = match self.shared.library.method().await {
            Ok(method) => method,
            Err(error) => return Ok(Step::Made { finished, down: Some(reason(&error)), turn }),
        };
        let (mut cuts, mut chunks) = (Vec::with_capacity(texts.len()), Vec::new());
        for (item, text) in texts {
            match self.shared.library.cut(&method, &item.path, text).await {
                Ok(more) => {
                    let place = chunks.len()..chunks.len() + more.len();
                    chunks.extend(more);
                    cuts.push(Cut { item, place });
                }
                Err(error) => finished.push(failed(item, &error)),
            }
        }
        let mut embedding = Embedding { workers: self, job, method, finished, down: None };
        embedding.together(cuts, chunks).await;
        let Embedding { finished, down, .. } = embedding;
        Ok(Step::Made { finished, down, turn })
    }

    /// The texts of the first of these documents, and what became of those that have none.
    async fn read(&self, items: Vec<JobItem>) -> (Vec<(JobItem, String)>, Vec<FinishedItem>) {
        let (mut texts, mut finished, mut bytes) = (Vec::new(), Vec::new(), 0);
        for item in items {
            match self.shared.library.files.text(&item.path).await {
                Ok(Some(text)) => {
                    bytes += text.len();
                    texts.push((item, text));
                }
                Ok(None) => {
                    let error = Error::not_found("document", &item.path);
                    finished.push(failed(item, &error));
                }
                Err(error) => finished.push(failed(item, &error)),
            }
            if bytes >= BYTES {
                break;
            }
        }
        (texts, finished)
    }
}

struct Embedding<'a> {
    workers: &'a Workers,
    job: &'a Job,
    method: Method,
    finished: Vec<FinishedItem>,
    down: Option<String>,
}

impl Embedding<'_> {
    /// Embeds documents in common batches; each on its own where that fails.
    async fn together(&mut self, cuts: Vec<Cut>, chunks: Vec<Chunk>) {
        let library = &self.workers.shared.library;
        match library.vectors(&self.method, &chunks).await {
            Ok(vectors) => {
                let (mut chunks, mut vectors) = (chunks.into_iter(), vectors.into_iter());
                for Cut { item, place } in cuts {
                    let chunks = chunks.by_ref().take(place.len()).collect();
                    let vectors = vectors.by_ref().take(place.len()).collect();
                    self.embedded(item, chunks, vectors);
                }
            }
            Err(error) if self.is_down(&error).await => {}
            Err(_) => self.apart(cuts, &chunks).await,
        }
    }

    async fn apart(&mut self, cuts: Vec<Cut>, chunks: &[Chunk]) {
        for Cut { item, place } in cuts {
            let chunks = &chunks[place];
            let library = &self.workers.shared.library;
            match library.vectors(&self.method, chunks).await {
                Ok(vectors) => self.embedded(item, chunks.to_vec(), vectors),
                Err(error) if self.is_down(&error).await => return,
                Err(error) if self.may_pass(&item, &error) => {
                    self.finished
                        .push(FinishedItem { item, outcome: ItemOutcome::Again(reason(&error)) });
                }
                Err(error) => self.finished.push(failed(item, &error)),
            }
        }
    }

    fn embedded(&mut self, item: JobItem, chunks: Vec<Chunk>, vectors: Vec<Vec<f32>>) {
        let (workspace, recipe) = (self.job.workspace.id, self.method.recipe());
        let embedded = IndexedDocument { workspace, recipe, passages: passages(chunks, vectors) };
        self.finished.push(FinishedItem { item, outcome: ItemOutcome::Indexed(embedded) });
    }

    /// Whether a failure is not that of a text, but the embedder takes none; if so, notes why.
    async fn is_down(&mut self, error: &Error) -> bool {
        let is_down = matches!(error, Error::Unavailable { .. }) && !self.method.works().await;
        if is_down {
            self.down = Some(reason(error));
        }
        is_down
    }

    /// Whether another try may do better. Nothing is put off while a client waits.
    fn may_pass(&self, item: &JobItem, error: &Error) -> bool {
        let is_passing = matches!(error, Error::Unavailable { .. });
        is_passing && !self.job.awaited && item.attempts + 1 < TRIES
    }
}

fn failed(item: JobItem, error: &Error) -> FinishedItem {
    FinishedItem { item, outcome: ItemOutcome::Failed(reason(error)) }
}

/// Why something failed, in words of bounded length.
fn reason(error: &Error) -> String {
    let mut reason = explain(error);
    if let Some((end, _)) = reason.char_indices().nth(LONGEST_REASON) {
        reason.truncate(end);
        reason.push('…');
    }
    reason
}
