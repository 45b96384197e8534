//! all-MiniLM-L6-v2 as an [`Embedder`]: loaded on first use, given back when idle, on threads of its own.
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as SyncMutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use carrel_domain::model::{Embedder, EmbeddingModel, Purpose};
use carrel_domain::{Error, Result};
use tokio::sync::{Mutex, Semaphore, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::encoder::Encoder;
use crate::fetch::{VOCABULARY, WEIGHTS};
use crate::kernel::Instructions;
use crate::tokenizer::{MAX_TOKENS, Tokenizer};
use crate::weights::Weights;

/// The model's name, as existing clients know it.
pub const NAME: &str = "Xenova/all-MiniLM-L6-v2";
/// In UTF-16 code units. Longer texts are embedded too, by what fits into 256 tokens of them.
const LONGEST_TEXT: usize = 1000;
const SERVICE: &str = "the embedding model";
/// A second round fills the gaps while threads of the first wait for one another. More would only get in the way.
const ROUNDS_AT_ONCE: usize = 2;

/// How the model is to be run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where [`crate::fetch::fetch`] put the model's files.
    pub directory: PathBuf,
    /// The most threads that compute at a time.
    pub threads: NonZeroUsize,
    /// Give the model's memory back after this long without use; never when absent. The tokio runtime that loaded the model
    /// sees to it.
    pub release_after: Option<Duration>,
}

/// all-MiniLM-L6-v2: 384 dimensions, of texts up to 256 tokens.
///
/// A text gets the same vector whatever other texts it is embedded with. Large batches are worked through in rounds of
/// some tens of milliseconds, between which other callers have their turn. Dropping the future stops after the round.
pub struct MiniLm {
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    loaded: Mutex<Option<Arc<Loaded>>>,
    last_used: SyncMutex<Instant>,
    rounds: Semaphore,
}

impl MiniLm {
    /// Opens nothing yet: the files may still be missing.
    pub fn new(options: Options) -> Self {
        let shared = Shared {
            options,
            loaded: Mutex::default(),
            last_used: SyncMutex::new(Instant::now()),
            rounds: Semaphore::new(ROUNDS_AT_ONCE),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Whether the model takes up memory now.
    pub fn is_loaded(&self) -> bool {
        self.shared.loaded.try_lock().is_ok_and(|loaded| loaded.is_some())
    }
}

#[async_trait]
impl Embedder for MiniLm {
    fn model(&self) -> EmbeddingModel {
        EmbeddingModel { name: NAME.into(), identity: NAME.into(), longest_text: LONGEST_TEXT }
    }

    /// Must be called within a tokio runtime. [`Error::Unavailable`] while the files are missing or damaged.
    async fn embed(&self, texts: &[String], _: Purpose) -> Result<Vec<Vec<f32>>> {
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
                    // Nobody is left to be told when this fails.
                    let _ = sender.send(model.round(&texts[start..]));
                }
            });
            vectors.extend(receiver.await.map_err(Error::internal)?);
            self.shared.used();
        }
        Ok(vectors)
    }
}

impl Shared {
    /// The model, loaded by whoever comes first while the others wait.
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

/// Ends when the model has been given back. A call in progress keeps it until it is done.
async fn release_when_idle(shared: Weak<Shared>, idle: Duration) {
    while let Some(shared) = shared.upgrade() {
        let release_at = shared.idle_since() + idle;
        if release_at <= Instant::now() {
            let mut slot = shared.loaded.lock().await;
            // Somebody may have come while this waited for the lock.
            if shared.idle_since() + idle <= Instant::now() {
                *slot = None;
                tracing::info!("gave back the memory of the embedding model, which was idle");
                return;
            }
        }
        drop(shared);
        sleep_until(release_at).await;
    }
}

fn unavailable(error: io::Error) -> Error {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "its files are missing; run `carrel model fetch`",
        io::ErrorKind::InvalidData => "its files are damaged; run `carrel model fetch`",
        _ => "it could not be loaded; the log says why, and `carrel model fetch` may help",
    };
    tracing::error!(error = %error, "failed to load the embedding model");
    Error::Unavailable { service: SERVICE, reason: reason.into(), source: Some(error.into()) }
}

struct Loaded {
    threads: rayon::ThreadPool,
    tokenizer: Tokenizer,
    encoder: Encoder,
}

impl Loaded {
    fn open(directory: &Path, threads: NonZeroUsize) -> io::Result<Self> {
        let vocabulary = directory.join(VOCABULARY.name);
        let weights = directory.join(WEIGHTS.name);
        let of = |path: &Path, error: io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        };
        let text = std::fs::read_to_string(&vocabulary).map_err(|error| of(&vocabulary, error))?;
        let tokenizer = Tokenizer::parse(&text).ok_or_else(|| {
            of(&vocabulary, io::Error::new(io::ErrorKind::InvalidData, "no special tokens in it"))
        })?;
        let weights =
            Weights::open(&weights, tokenizer.size()).map_err(|error| of(&weights, error))?;
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .thread_name(|index| format!("embedder-{index}"))
            // Whoever waits for the result is told by the closed channel.
            .panic_handler(|_| tracing::error!("a thread of the embedding model panicked"))
            .build()
            .map_err(io::Error::other)?;
        Ok(Self { threads, tokenizer, encoder: Encoder::new(weights, Instructions::detect()) })
    }

    /// Embeds as many of the texts as make one round: at least one, and enough for every thread to have work.
    fn round(&self, texts: &[String]) -> Vec<Vec<f32>> {
        let budget = rayon::current_num_threads() * MAX_TOKENS;
        let mut tokens = 0;
        let mut round = Vec::new();
        for text in texts {
            let ids = self.tokenizer.encode(text);
            tokens += ids.len();
            round.push(ids);
            if tokens >= budget {
                break;
            }
        }
        self.encoder.encode(&round)
    }
}
