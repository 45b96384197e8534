//! Piper voices (VITS): synthesizes the phonemes of a clause.
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rten::{Model, NodeId, RunOptions, ThreadPool, ValueOrView};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;

use super::sentences::Clause;

/// The largest description, in bytes.
const LARGEST_DESCRIPTION: u64 = 4 << 20;
/// Phonemes of a clause that are spoken; the rest is dropped.
const MAX_SOUNDS: usize = 1_000;

/// The fields read from the JSON file next to the model.
#[derive(Clone, Debug, Deserialize)]
pub struct VoiceDescription {
    audio: Audio,
    espeak: Espeak,
    #[serde(default)]
    inference: Inference,
    phoneme_id_map: HashMap<String, Vec<i32>>,
    #[serde(default)]
    num_speakers: usize,
    #[serde(default)]
    language: Option<Language>,
}

#[derive(Clone, Debug, Deserialize)]
struct Audio {
    sample_rate: u32,
}

#[derive(Clone, Debug, Deserialize)]
struct Espeak {
    voice: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
struct Inference {
    noise_scale: f32,
    length_scale: f32,
    noise_w: f32,
}

impl Default for Inference {
    fn default() -> Self {
        Self { noise_scale: 0.667, length_scale: 1.0, noise_w: 0.8 }
    }
}

#[derive(Clone, Debug, Deserialize)]
struct Language {
    code: String,
}

impl VoiceDescription {
    pub fn read(path: &Path) -> io::Result<Self> {
        if path.metadata()?.len() > LARGEST_DESCRIPTION {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is larger than 4 MB"));
        }
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }

    /// Returns the `espeak-ng` voice for the phonemes.
    pub fn espeak_voice(&self) -> &str {
        &self.espeak.voice
    }

    /// Returns the language, such as `en-US`.
    pub fn language(&self) -> String {
        let code = self.language.as_ref().map_or(self.espeak.voice.as_str(), |known| &known.code);
        code.replace('_', "-")
    }

    /// Returns the phoneme ids with pauses between them, between the marks of beginning and end.
    fn numbers(&self, sounds: &str, sign: char) -> Vec<i32> {
        let of =
            |letter: &str| self.phoneme_id_map.get(letter).map(Vec::as_slice).unwrap_or_default();
        let mut numbers = [of("^"), of("_")].concat();
        let letters = sounds.nfd().take(MAX_SOUNDS).chain([sign]);
        for letter in letters {
            let known = of(letter.encode_utf8(&mut [0; 4]));
            if !known.is_empty() {
                numbers.extend(known);
                numbers.extend(of("_"));
            }
        }
        numbers.extend(of("$"));
        numbers
    }
}

/// A loaded voice.
pub struct Piper {
    model: Model,
    threads: Arc<ThreadPool>,
    description: VoiceDescription,
}

impl Piper {
    /// Loads a voice that runs on at most `threads` threads. The error says what is wrong with its
    /// files.
    pub fn load(
        model: &Path,
        description: VoiceDescription,
        threads: usize,
    ) -> Result<Self, String> {
        let model = Model::load_file(model).map_err(|error| error.to_string())?;
        let threads = Arc::new(ThreadPool::with_num_threads(threads.max(1)));
        Ok(Self { model, threads, description })
    }

    /// Returns the sample rate.
    pub fn rate(&self) -> u32 {
        self.description.audio.sample_rate
    }

    /// Returns the samples of a clause given as phonemes.
    pub fn speak(&self, sounds: &Clause, speed: f32) -> Result<Vec<f32>, String> {
        let Inference { noise_scale, length_scale, noise_w } = self.description.inference;
        let numbers = self.description.numbers(&sounds.text, sounds.sign);
        let count = i32::try_from(numbers.len()).map_err(|error| error.to_string())?;
        let input = NdTensor::from_data([1, numbers.len()], numbers);
        let lengths = NdTensor::from_data([1], vec![count]);
        let scales = NdTensor::from_data([3], vec![noise_scale, length_scale / speed, noise_w]);
        let speaker = NdTensor::from_data([1], vec![0_i32]);
        let node = |name: &str| self.model.node_id(name).map_err(|error| error.to_string());
        let mut inputs: Vec<(NodeId, ValueOrView<'_>)> = vec![
            (node("input")?, (&input).into()),
            (node("input_lengths")?, (&lengths).into()),
            (node("scales")?, (&scales).into()),
        ];
        if self.description.num_speakers > 1 {
            inputs.push((node("sid")?, (&speaker).into()));
        }
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.threads)));
        let [sound] = self
            .model
            .run_n(inputs, [node("output")?], Some(options))
            .map_err(|error| error.to_string())?;
        let sound: Tensor<f32> =
            sound.try_into().map_err(|_| "its sound has an unexpected form")?;
        let finite = |sample: f32| if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
        Ok(sound.to_vec().into_iter().map(finite).collect())
    }
}
