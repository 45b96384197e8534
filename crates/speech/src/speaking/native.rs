//! Implements [`SpeechSynthesizer`] with local voices. A Piper voice is loaded on first use and
//! unloaded when idle.
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use carrel_domain::speech::{
    AudioFormat, Speech, SpeechModelName, SpeechRequest, SpeechSynthesizer, Speed, Voice,
};
use carrel_domain::{Error, Result};
use carrel_kernels::model_slot::ModelSlot;
use futures_util::stream;

use super::encode::{AudioEncoder, FORMATS};
use super::piper::{Piper, VoiceDescription};
use super::sentences::{Clause, clauses, sentences};
use super::{SPOKEN_RATE, espeak};
use crate::audio::Resampler;

const SERVICE: &str = "the speech synthesizer";
/// Clients of the `OpenAI` protocol must name one of these voices. They all stand for the default
/// voice.
const USUAL_NAMES: [&str; 13] = [
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage",
    "shimmer", "verse",
];
/// Silence after a clause and after a sentence, in milliseconds.
const CLAUSE_PAUSE: u64 = 60;
const SENTENCE_PAUSE: u64 = 220;
/// The number of Piper voices that are listed.
const MAX_VOICES: usize = 500;

/// Options of the synthesizer.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory of Piper voices, each a `<name>.onnx` with a `<name>.onnx.json`. It may be
    /// missing.
    pub directory: PathBuf,
    /// The default voice; the first installed one if absent.
    pub voice: Option<String>,
    /// Maximum number of threads.
    pub threads: usize,
    /// A voice is unloaded after this idle time; `None` keeps it loaded.
    pub release_after: Option<Duration>,
}

/// Speaks sentence by sentence.
pub struct NativeSynthesizer {
    options: Options,
    /// The loaded voice, by name.
    voice: ModelSlot<String, Piper>,
}

/// The selected voice.
#[derive(Clone)]
enum Chosen {
    Espeak(String),
    Piper { name: String, description: Box<VoiceDescription> },
}

impl NativeSynthesizer {
    /// Opens no files: voices may be installed later.
    pub fn new(options: Options) -> Self {
        let voice = ModelSlot::new("voice", options.release_after);
        Self { options, voice }
    }

    /// Whether a voice is loaded.
    pub fn is_loaded(&self) -> bool {
        self.voice.is_loaded()
    }

    async fn choose(&self, voice: Option<&str>) -> Result<Chosen> {
        let options = &self.options;
        let named = voice.filter(|name| !USUAL_NAMES.contains(name)).map(str::to_owned);
        let name = named.unwrap_or_else(|| usual(options));
        if let Some(language) = name.strip_prefix(espeak::PREFIX) {
            let known = espeak::voices().await?;
            if !known.iter().any(|voice| voice.id == name) {
                return Err(no_voice(&name));
            }
            return Ok(Chosen::Espeak(language.to_owned()));
        }
        if !names(&options.directory).contains(&name) {
            return Err(no_voice(&name));
        }
        let path = options.directory.join(format!("{name}.onnx.json"));
        let description = VoiceDescription::read(&path).map_err(|error| damaged(&name, &error))?;
        Ok(Chosen::Piper { name, description: Box::new(description) })
    }
}

fn no_voice(name: &str) -> Error {
    let known = "must be a voice that GET /v1/audio/voices lists";
    tracing::debug!(name, "a requested voice is not installed");
    Error::invalid("voice", known)
}

fn damaged(name: &str, error: &dyn std::fmt::Display) -> Error {
    tracing::error!(name, %error, "failed to load a voice");
    let reason = "the files of the voice are damaged; run `carrel model fetch piper`";
    Error::unavailable(SERVICE, reason)
}

/// Returns the default voice.
fn usual(options: &Options) -> String {
    let there = names(&options.directory);
    let requested = options
        .voice
        .clone()
        .filter(|name| there.contains(name) || name.starts_with(espeak::PREFIX));
    requested.or_else(|| there.into_iter().next()).unwrap_or_else(|| espeak::USUAL.to_owned())
}

/// Returns the names of the Piper voices in a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let name = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let name = name.strip_suffix(".onnx")?;
        directory.join(format!("{name}.onnx.json")).is_file().then(|| name.to_owned())
    };
    let mut names: Vec<_> = entries.filter_map(name).take(MAX_VOICES).collect();
    names.sort();
    names
}

#[async_trait]
impl SpeechSynthesizer for NativeSynthesizer {
    fn name(&self) -> SpeechModelName {
        let is_espeak = names(&self.options.directory).is_empty();
        let model = if is_espeak { "espeak-ng" } else { "piper" };
        SpeechModelName { provider: "native".to_owned(), model: model.to_owned() }
    }

    fn usual_voice(&self) -> String {
        usual(&self.options)
    }

    fn formats(&self) -> Vec<AudioFormat> {
        FORMATS.to_vec()
    }

    async fn speak(&self, request: SpeechRequest) -> Result<Speech> {
        let SpeechRequest { text, voice, format, speed, instructions: _ } = request;
        let encoder = AudioEncoder::new(format).map_err(Error::internal)?;
        let encoder = encoder.ok_or_else(|| {
            Error::invalid("response_format", "must be mp3, opus, flac, wav or pcm for this voice")
        })?;
        let chosen = self.choose(voice.as_deref()).await?;
        let mut speaking = Speaking {
            options: self.options.clone(),
            voice: self.voice.clone(),
            chosen,
            speed,
            sentences: sentences(&text).into(),
            encoder: Some(encoder),
        };
        // The first piece is synthesized here, so that errors are returned before the response
        // starts.
        let first = speaking.next().await?;
        let rest = stream::try_unfold(speaking, |mut speaking| async move {
            let next = speaking.next().await?;
            Ok::<_, Error>(next.map(|bytes| (bytes, speaking)))
        });
        let first = stream::iter(first.map(Ok));
        Ok(Speech { format, audio: Box::pin(futures_util::StreamExt::chain(first, rest)) })
    }

    async fn voices(&self) -> Result<Vec<Voice>> {
        let directory = &self.options.directory;
        let voice = |name: String| {
            let description =
                VoiceDescription::read(&directory.join(format!("{name}.onnx.json"))).ok()?;
            let languages = vec![description.language()];
            Some(Voice { name: format!("{} (Piper)", name.replace('_', " ")), id: name, languages })
        };
        let mut voices: Vec<Voice> = names(directory).into_iter().filter_map(voice).collect();
        match espeak::voices().await {
            Ok(more) => voices.extend(more),
            Err(error) if voices.is_empty() => return Err(error),
            Err(_) => {}
        }
        voices.truncate(1_000);
        Ok(voices)
    }
}

/// The sentences still to be spoken.
struct Speaking {
    options: Options,
    voice: ModelSlot<String, Piper>,
    chosen: Chosen,
    speed: Speed,
    sentences: VecDeque<String>,
    encoder: Option<AudioEncoder>,
}

impl Speaking {
    /// Returns the next bytes, or `None` at the end.
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            let Some(mut encoder) = self.encoder.take() else { return Ok(None) };
            let bytes = match self.sentences.pop_front() {
                None => encoder.finish().map_err(Error::internal)?,
                Some(sentence) => {
                    let samples = self.say(&sentence).await?;
                    let bytes = encoder.push(&samples).map_err(Error::internal)?;
                    self.encoder = Some(encoder);
                    bytes
                }
            };
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
    }

    /// Returns the samples of a sentence and the pause after it.
    async fn say(&self, sentence: &str) -> Result<Vec<f32>> {
        let mut samples = match &self.chosen {
            Chosen::Espeak(voice) => {
                let (samples, rate) = espeak::speak(sentence, voice, self.speed).await?;
                at_spoken_rate(samples, rate)?
            }
            Chosen::Piper { name, description } => {
                self.speak_with_piper(sentence, name, description).await?
            }
        };
        samples.extend(silence(SENTENCE_PAUSE));
        Ok(samples)
    }

    async fn speak_with_piper(
        &self,
        sentence: &str,
        name: &str,
        description: &VoiceDescription,
    ) -> Result<Vec<f32>> {
        let path = self.options.directory.join(format!("{name}.onnx"));
        let (of_voice, threads) = (description.clone(), self.options.threads);
        let load = move || Piper::load(&path, of_voice, threads);
        let loaded = self.voice.get(name.to_owned(), load).await.map_err(Error::internal)?;
        let piper = loaded.map_err(|error| damaged(name, &error))?;
        let mut spoken = Vec::new();
        for clause in clauses(sentence) {
            let sounds = espeak::sounds(&clause.text, description.espeak_voice()).await?;
            let (piper, speed) = (Arc::clone(&piper), self.speed.factor());
            let sounds = Clause { text: sounds, sign: clause.sign };
            let rate = piper.rate();
            let samples = tokio::task::spawn_blocking(move || piper.speak(&sounds, speed)).await;
            let samples = samples.map_err(Error::internal)?.map_err(Error::internal)?;
            if !spoken.is_empty() {
                spoken.extend(silence(CLAUSE_PAUSE));
            }
            spoken.extend(at_spoken_rate(samples, rate)?);
            self.voice.touch();
        }
        Ok(spoken)
    }
}

fn silence(milliseconds: u64) -> impl Iterator<Item = f32> {
    let samples = milliseconds * u64::from(SPOKEN_RATE) / 1000;
    (0..samples).map(|_| 0.0)
}

fn at_spoken_rate(samples: Vec<f32>, rate: u32) -> Result<Vec<f32>> {
    let resampler = Resampler::between(rate, SPOKEN_RATE);
    let mut resampler = resampler.ok_or_else(|| Error::internal("a voice has an unusual rate"))?;
    let mut resampled = resampler.push(samples);
    resampled.extend(resampler.finish());
    Ok(resampled)
}
