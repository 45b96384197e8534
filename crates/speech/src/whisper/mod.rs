//! Whisper, the transcription model: loads its files and transcribes recordings of any length.
//!
//! The model processes windows of 30 seconds. [`Whisper::transcribe`] takes sound as it is decoded
//! and keeps at most one window of it.
mod attempt;
mod beams;
mod decoder;
mod encoder;
mod languages;
mod mel;
mod memory;
mod rules;
mod tensors;
mod transcript;
mod vocabulary;
mod weights;
mod window;
mod words;

use std::fs::File;
use std::io::{self, Read};

use carrel_kernels::kernel::Instructions;
use serde::Deserialize;

use decoder::AlignmentHead;
use mel::Spectrogram;
use vocabulary::{TokenId, Vocabulary};
use weights::{HEAD, WhisperWeights};

pub use languages::LANGUAGES;
pub use transcript::{Options, Task, TimedSegment, TimedWord, TranscribedPart};

/// The largest configuration or vocabulary, in bytes.
const LARGEST_TEXT: u64 = 32 << 20;

/// A loaded model.
pub struct Whisper {
    weights: WhisperWeights,
    vocabulary: Vocabulary,
    spectrogram: Spectrogram,
    /// Tokens that never appear in a transcript, such as musical symbols.
    suppressed: Vec<TokenId>,
    /// Attention heads that follow the words.
    alignment: Vec<AlignmentHead>,
    instructions: Instructions,
    threads: rayon::ThreadPool,
}

/// The opened files of a model.
pub struct Files {
    /// `model.bin` of faster-whisper, in parts or whole, or `model.safetensors` of transformers.
    pub weights: Vec<File>,
    /// `vocabulary.json` of faster-whisper or `tokenizer.json` of transformers.
    pub vocabulary: File,
    /// `config.json`.
    pub config: File,
}

/// The fields read from `config.json`, by the names of faster-whisper and of transformers.
#[derive(Default, Deserialize)]
struct Config {
    #[serde(default, alias = "suppress_tokens")]
    suppress_ids: Option<Vec<i64>>,
    #[serde(default)]
    alignment_heads: Option<Vec<(usize, usize)>>,
}

impl Whisper {
    /// Loads a model that runs on at most `threads` threads. The error says what is wrong with its
    /// files.
    pub fn load(files: Files, threads: usize) -> io::Result<Self> {
        let Files { weights, vocabulary, config } = files;
        let weights = WhisperWeights::read(weights)?;
        let vocabulary = Vocabulary::parse(&read(vocabulary)?, weights.vocabulary)?;
        let config: Config = serde_json::from_slice(&read(config)?).map_err(tensors::invalid)?;
        let (layers, heads) = (weights.decoder.len(), weights.width / HEAD);
        let is_there = |head: &AlignmentHead| head.0 < layers && head.1 < heads;
        let upper =
            || (layers / 2..layers).flat_map(|layer| (0..heads).map(move |head| (layer, head)));
        let alignment = match config.alignment_heads {
            Some(known) if !known.is_empty() => known.into_iter().filter(is_there).collect(),
            _ => upper().collect(),
        };
        let suppressed = config.suppress_ids.unwrap_or_default().into_iter();
        let suppressed = suppressed.filter_map(|id| TokenId::try_from(id).ok()).collect();
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .thread_name(|index| format!("whisper-{index}"))
            .build()
            .map_err(io::Error::other)?;
        Ok(Self {
            spectrogram: Spectrogram::new(weights.bands),
            weights,
            vocabulary,
            suppressed,
            alignment,
            instructions: Instructions::detect(),
            threads,
        })
    }

    /// Whether the model supports languages other than English.
    pub fn is_multilingual(&self) -> bool {
        self.vocabulary.marks.is_multilingual()
    }
}

fn read(file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(LARGEST_TEXT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_TEXT {
        return Err(tensors::invalid("it is larger than 32 MB"));
    }
    Ok(bytes)
}
