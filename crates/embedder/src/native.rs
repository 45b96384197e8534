//! A BERT-family model as an [`Embedder`]: loaded on first use, unloaded when idle, with its own
//! threads.
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use carrel_domain::model::{Embedder, EmbeddingModel, Purpose};
use carrel_domain::{Error, Result};
use tokio::sync::{Mutex, Semaphore, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::catalog::Prefixes;
use crate::directory::{Description, Directory};
use crate::encoder::Encoder;
use crate::tokenizer::Tokenizer;
use carrel_kernels::kernel::Instructions;

/// Longest text in UTF-16 code units. Longer texts are embedded by the tokens that fit the model.
const LONGEST_TEXT: usize = 1000;
const SERVICE: &str = "the embedding model";
/// Concurrent rounds. A second round uses threads that wait for others of the first; more would
/// only interfere.
const ROUNDS_AT_ONCE: usize = 2;
/// Tokens of one round per thread: some tens of milliseconds.
const ROUND_TOKENS: usize = 256;
/// Longest identity of a model that is only known by its directory, in bytes.
const LONGEST_NAME: usize = 100;

/// How to run the model.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory of the model's files.
    pub directory: Directory,
    /// Most threads that compute at a time.
    pub threads: NonZeroUsize,
    /// Time without use after which the model's memory is freed; never if `None`. A task on the
    /// tokio runtime that loaded the model does this.
    pub release_after: Option<Duration>,
}

/// Embeds texts, each up to the model's token limit.
///
/// The vector of a text does not depend on the other texts of a batch. Large batches are processed
/// in rounds of some tens of milliseconds, between which other callers get a turn. Dropping the
/// future stops the work after the current round.
pub struct NativeEmbedder {
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    loaded: Mutex<Option<Arc<Loaded>>>,
    last_used: SyncMutex<Instant>,
    edition: SyncMutex<Option<String>>,
    rounds: Semaphore,
}

impl NativeEmbedder {
    /// Opens no files yet, because they may still be missing.
    pub fn new(options: Options) -> Self {
        let shared = Shared {
            options,
            loaded: Mutex::default(),
            last_used: SyncMutex::new(Instant::now()),
            edition: SyncMutex::default(),
            rounds: Semaphore::new(ROUNDS_AT_ONCE),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Returns true if the model is in memory.
    pub fn is_loaded(&self) -> bool {
        self.shared.loaded.try_lock().is_ok_and(|loaded| loaded.is_some())
    }
}

#[async_trait]
impl Embedder for NativeEmbedder {
    fn model(&self) -> EmbeddingModel {
        let Directory { path, model } = &self.shared.options.directory;
        let name = match model {
            Some(model) => model.wire_name.to_owned(),
            None => {
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
                name[..name.floor_char_boundary(LONGEST_NAME)].to_owned()
            }
        };
        let edition = self.shared.edition();
        let identity = if edition.is_empty() { name.clone() } else { format!("{name} {edition}") };
        EmbeddingModel { name, identity, longest_text: LONGEST_TEXT }
    }

    /// Must be called within a tokio runtime. Returns [`Error::Unavailable`] if the files are
    /// missing or damaged.
    async fn embed(&self, texts: &[String], purpose: Purpose) -> Result<Vec<Vec<f32>>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let loaded = Shared::loaded(&self.shared).await?;
        let texts: Arc<[String]> = texts.into();
        let mut vectors = Vec::with_capacity(texts.len());
        while vectors.len() < texts.len() {
            let _turn = self.shared.rounds.acquire().await.map_err(Error::internal)?;
            let (sender, receiver) = oneshot::channel();
            let (model, texts, start) = (loaded.clone(), texts.clone(), vectors.len());
            loaded.threads.spawn(move || {
                if !sender.is_closed() {
                    // If sending fails, the caller is gone.
                    let _ = sender.send(model.round(&texts[start..], purpose));
                }
            });
            vectors.extend(receiver.await.map_err(Error::internal)?);
            self.shared.used();
        }
        Ok(vectors)
    }
}

impl Shared {
    /// Returns what distinguishes the weights from other editions of the model.
    fn edition(&self) -> String {
        let mut known = self.edition.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_with(|| self.options.directory.edition()).clone()
    }

    /// Returns the model. The first caller loads it while the others wait.
    async fn loaded(this: &Arc<Self>) -> Result<Arc<Loaded>> {
        let mut slot = this.loaded.lock().await;
        this.used();
        if let Some(loaded) = &*slot {
            return Ok(loaded.clone());
        }
        let options = this.options.clone();
        let load = move || Loaded::open(&options.directory, options.threads);
        let loaded = tokio::task::spawn_blocking(load).await.map_err(Error::internal)?;
        let loaded = Arc::new(loaded.map_err(unavailable)?);
        this.used();
        *slot = Some(loaded.clone());
        if let Some(idle) = this.options.release_after {
            tokio::spawn(release_when_idle(Arc::downgrade(this), idle));
        }
        Ok(loaded)
    }

    fn used(&self) {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn idle_since(&self) -> Instant {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Unloads the model when it is idle, and ends then. A call in progress keeps the model until it is
/// done.
async fn release_when_idle(shared: Weak<Shared>, idle: Duration) {
    while let Some(shared) = shared.upgrade() {
        let release_at = shared.idle_since() + idle;
        if release_at <= Instant::now() {
            let mut slot = shared.loaded.lock().await;
            // The model may have been used while this waited for the lock.
            if shared.idle_since() + idle <= Instant::now() {
                *slot = None;
                tracing::info!("unloaded the idle embedding model");
                return;
            }
        }
        drop(shared);
        sleep_until(release_at).await;
    }
}

fn unavailable(error: io::Error) -> Error {
    tracing::error!(error = %error, "failed to load the embedding model");
    // The details name a file of the server. They are for the log and the operator, not for
    // clients.
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "its files are missing; run `carrel model fetch`",
        io::ErrorKind::InvalidData => {
            "its files are damaged or belong to another model; `carrel config check` names them, \
             and `carrel model fetch` fetches them again"
        }
        _ => "it could not be loaded; the log says why, and `carrel model fetch` may help",
    };
    Error::Unavailable { service: SERVICE, reason: reason.into(), source: Some(error.into()) }
}

struct Loaded {
    threads: rayon::ThreadPool,
    tokenizer: Tokenizer,
    encoder: Encoder,
    prefixes: Prefixes<String>,
}

impl Loaded {
    fn open(directory: &Directory, threads: NonZeroUsize) -> io::Result<Self> {
        let (Description { prefixes, .. }, tokenizer, weights) = directory.open()?;
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .thread_name(|index| format!("embedder-{index}"))
            // The closed channel informs the caller.
            .panic_handler(|_| tracing::error!("a thread of the embedding model panicked"))
            .build()
            .map_err(io::Error::other)?;
        let encoder = Encoder::new(weights, Instructions::detect());
        Ok(Self { threads, tokenizer, encoder, prefixes })
    }

    /// Embeds as many of the texts as fit one round: at least one, and enough for every thread to
    /// have work.
    fn round(&self, texts: &[String], purpose: Purpose) -> Vec<Vec<f32>> {
        let prefix = match purpose {
            Purpose::Query => self.prefixes.query.as_str(),
            Purpose::Passage => &self.prefixes.passage,
            Purpose::Neither => "",
        };
        let most = self.encoder.weights.architecture.max_tokens;
        let budget = rayon::current_num_threads() * ROUND_TOKENS;
        let mut tokens = 0;
        let mut round = Vec::new();
        for text in texts {
            let ids = match prefix {
                "" => self.tokenizer.encode(text, most),
                prefix => self.tokenizer.encode(&format!("{prefix}{text}"), most),
            };
            tokens += ids.len();
            round.push(ids);
            if tokens >= budget {
                break;
            }
        }
        self.encoder.encode(&round)
    }
}
