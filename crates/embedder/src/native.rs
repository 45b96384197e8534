//! Runs a BERT-family model as an [`Embedder`], with its own threads. The model is loaded on first
//! use and unloaded when idle.
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use carrel_domain::model::{Embedder, EmbeddingModel, Purpose};
use carrel_domain::{Error, Result};
use tokio::sync::{Semaphore, oneshot};

use crate::catalog::Prefixes;
use crate::directory::{Description, ModelDirectory};
use crate::encoder::Encoder;
use crate::tokenizer::SubwordTokenizer;
use carrel_kernels::kernel::Instructions;
use carrel_kernels::model_slot::ModelSlot;

/// Maximum length of a text in UTF-16 code units, as reported to callers. Longer texts are embedded
/// by the tokens that fit the model.
const LONGEST_TEXT: usize = 1000;
const SERVICE: &str = "the embedding model";
/// Maximum number of concurrent rounds. A second round uses the threads that wait at the end of the
/// first; more rounds would only interfere.
const ROUNDS_AT_ONCE: usize = 2;
/// Tokens per thread in one round, which takes some tens of milliseconds.
const ROUND_TOKENS: usize = 256;
/// Maximum length of the identity of a model outside the catalog, in bytes.
const LONGEST_NAME: usize = 100;

/// Options for running the model.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory of the model's files.
    pub directory: ModelDirectory,
    /// Maximum number of threads that compute at once.
    pub threads: NonZeroUsize,
    /// Idle time after which the model is unloaded, or `None` to keep it. A task on the tokio
    /// runtime that loaded the model unloads it.
    pub release_after: Option<Duration>,
}

/// Embeds texts, each up to the model's token limit.
///
/// The vector of a text does not depend on the other texts of a batch. Large batches are processed
/// in rounds of some tens of milliseconds, between which other callers get a turn. Dropping the
/// future stops the work after the current round.
pub struct NativeEmbedder {
    options: Options,
    model: ModelSlot<(), Loaded>,
    edition: Mutex<Option<String>>,
    rounds: Semaphore,
}

impl NativeEmbedder {
    /// Does not open any files, because they may still be missing.
    pub fn new(options: Options) -> Self {
        Self {
            model: ModelSlot::new("embedding model", options.release_after),
            options,
            edition: Mutex::default(),
            rounds: Semaphore::new(ROUNDS_AT_ONCE),
        }
    }

    /// Returns true if the model is in memory.
    pub fn is_loaded(&self) -> bool {
        self.model.is_loaded()
    }

    /// Returns the edition of the weights; see [`ModelDirectory::edition`].
    fn edition(&self) -> String {
        let mut known = self.edition.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_with(|| self.options.directory.edition()).clone()
    }

    async fn loaded(&self) -> Result<Arc<Loaded>> {
        let options = self.options.clone();
        let load = move || Loaded::open(&options.directory, options.threads);
        self.model.get((), load).await.map_err(Error::internal)?.map_err(unavailable)
    }
}

#[async_trait]
impl Embedder for NativeEmbedder {
    fn model(&self) -> EmbeddingModel {
        let ModelDirectory { path, model } = &self.options.directory;
        let name = match model {
            Some(model) => model.wire_name.to_owned(),
            None => {
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
                name[..name.floor_char_boundary(LONGEST_NAME)].to_owned()
            }
        };
        let edition = self.edition();
        let identity = if edition.is_empty() { name.clone() } else { format!("{name} {edition}") };
        EmbeddingModel { name, identity, longest_text: LONGEST_TEXT }
    }

    /// Must be called within a tokio runtime. Returns [`Error::Unavailable`] if the files are
    /// missing or damaged.
    async fn embed(&self, texts: &[String], purpose: Purpose) -> Result<Vec<Vec<f32>>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let loaded = self.loaded().await?;
        let texts: Arc<[String]> = texts.into();
        let mut vectors = Vec::with_capacity(texts.len());
        while vectors.len() < texts.len() {
            let _turn = self.rounds.acquire().await.map_err(Error::internal)?;
            let (sender, receiver) = oneshot::channel();
            let (model, texts, start) = (loaded.clone(), texts.clone(), vectors.len());
            loaded.threads.spawn(move || {
                if !sender.is_closed() {
                    // Sending fails if the caller has gone away.
                    let _ = sender.send(model.round(&texts[start..], purpose));
                }
            });
            vectors.extend(receiver.await.map_err(Error::internal)?);
            self.model.touch();
        }
        Ok(vectors)
    }
}

fn unavailable(error: io::Error) -> Error {
    tracing::error!(error = %error, "failed to load the embedding model");
    // The details name a file on the server. They are meant for the log, not for clients.
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
    tokenizer: SubwordTokenizer,
    encoder: Encoder,
    prefixes: Prefixes<String>,
}

impl Loaded {
    fn open(directory: &ModelDirectory, threads: NonZeroUsize) -> io::Result<Self> {
        let (Description { prefixes, .. }, tokenizer, weights) = directory.open()?;
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .thread_name(|index| format!("embedder-{index}"))
            // The caller learns of the panic from the closed channel.
            .panic_handler(|_| tracing::error!("a thread of the embedding model panicked"))
            .build()
            .map_err(io::Error::other)?;
        let encoder = Encoder::new(weights, Instructions::detect());
        Ok(Self { threads, tokenizer, encoder, prefixes })
    }

    /// Embeds as many of the texts as fit into one round: at least one, and enough to give every
    /// thread work.
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
