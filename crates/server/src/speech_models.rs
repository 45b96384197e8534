//! Selects the transcriber and the voice from the settings. Providers are created for each request,
//! which is cheap compared with the request. The built-in engines are kept, because they hold
//! models.
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use carrel_documents::speech_model::{PIPER, WHISPER_BASE, WHISPER_MODELS};
use carrel_documents::worker::{NativeTranscriber, Readers};
use carrel_domain::speech::{RecordingKind, SpeechModels, SpeechSynthesizer, Transcriber};
use carrel_domain::{Error, Result};
use carrel_services::connection_test::{SettingsLookup, SpeechConnectionTest};
use carrel_speech::speaking::{NativeSynthesizer, Options};

use crate::config::ModelConfig;
use crate::models::ConfiguredModels;
use crate::native;

/// Default idle time after which a voice is unloaded.
const IDLE: Duration = Duration::from_secs(300);

/// Returns the value of a variable.
type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Implements the domain's speech models with those that the settings select.
pub struct ConfiguredSpeech {
    models: Arc<ConfiguredModels>,
    /// The directory of models and the number of threads they run on.
    places: ModelConfig,
    readers: Readers,
    limits: carrel_documents::Limits,
    /// By the name of the model.
    transcribers: Mutex<HashMap<String, Arc<NativeTranscriber>>>,
    /// The voice used last, which may hold a loaded model.
    voice: Mutex<Option<(Option<String>, Arc<NativeSynthesizer>)>>,
}

impl ConfiguredSpeech {
    pub fn new(
        models: Arc<ConfiguredModels>,
        places: ModelConfig,
        readers: Readers,
        limits: carrel_documents::Limits,
    ) -> Self {
        let (transcribers, voice) = (Mutex::default(), Mutex::default());
        Self { models, places, readers, limits, transcribers, voice }
    }

    fn any_transcriber(
        &self,
        settings: &Lookup<'_>,
        kind: RecordingKind,
    ) -> Result<Arc<dyn Transcriber>> {
        match carrel_providers::transcriber(settings, kind, &self.models.http()?)? {
            Some(remote) => Ok(remote),
            None => self.native_transcriber(settings, kind),
        }
    }

    fn any_synthesizer(&self, settings: &Lookup<'_>) -> Result<Arc<dyn SpeechSynthesizer>> {
        match carrel_providers::synthesizer(settings, &self.models.http()?)? {
            Some(remote) => Ok(remote),
            None => self.native_synthesizer(settings),
        }
    }

    /// Returns the transcriber of the preferred model if it is installed, otherwise of the best
    /// installed one.
    fn native_transcriber(
        &self,
        settings: &Lookup<'_>,
        kind: RecordingKind,
    ) -> Result<Arc<dyn Transcriber>> {
        let preferred = settings("WHISPER_MODEL_PREF").unwrap_or_default();
        let preferred = preferred.rsplit('/').next().unwrap_or_default().to_owned();
        let preferred = WHISPER_MODELS.iter().copied().filter(|name| *name == preferred);
        let mut models = preferred.chain(WHISPER_MODELS.iter().copied());
        let fetched = models.find_map(|name| {
            let transcriber = self.transcriber_by(name);
            transcriber.is_fetched().then_some(transcriber)
        });
        let setting = match kind {
            RecordingKind::Dictation => "SpeechToTextProvider",
            RecordingKind::Document => "WhisperProvider",
        };
        let reason = || {
            let reason = format!(
                "no model is fetched; run `carrel model fetch {WHISPER_BASE}`, or choose a \
                 provider in {setting}"
            );
            Error::unavailable("speech recognition", reason)
        };
        fetched.map(|transcriber| transcriber as Arc<dyn Transcriber>).ok_or_else(reason)
    }

    fn transcriber_by(&self, name: &str) -> Arc<NativeTranscriber> {
        let mut known = self.transcribers.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let directory = native::directory_beside(&self.places, name);
            let transcriber = NativeTranscriber::new(self.readers.clone(), self.limits, directory);
            Arc::new(transcriber)
        };
        known.entry(name.to_owned()).or_insert_with(new).clone()
    }

    fn native_synthesizer(&self, settings: &Lookup<'_>) -> Result<Arc<dyn SpeechSynthesizer>> {
        if !is_installed("espeak-ng") {
            let reason = "it needs the program espeak-ng, which is not installed; install it, or \
                          choose a provider in TextToSpeechProvider";
            return Err(Error::unavailable("speech synthesis", reason));
        }
        let voice = settings("TTS_PIPER_VOICE_MODEL").filter(|voice| !voice.trim().is_empty());
        let mut known = self.voice.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, synthesizer)) = &*known
            && *of == voice
        {
            return Ok(synthesizer.clone());
        }
        let synthesizer = Arc::new(NativeSynthesizer::new(Options {
            directory: native::directory_beside(&self.places, PIPER),
            voice: voice.clone(),
            threads: self.places.threads,
            release_after: Some(self.places.idle.unwrap_or(IDLE)),
        }));
        *known = Some((voice, synthesizer.clone()));
        Ok(synthesizer)
    }
}

/// Whether a program is in `PATH`.
fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|place: PathBuf| place.join(program)).any(|at| at.is_file())
}

impl SpeechModels for ConfiguredSpeech {
    fn transcriber(&self, kind: RecordingKind) -> Result<Arc<dyn Transcriber>> {
        self.any_transcriber(&|name| self.models.lookup(name), kind)
    }

    fn remote_transcriber(&self, kind: RecordingKind) -> Result<Option<Arc<dyn Transcriber>>> {
        let settings = |name: &str| self.models.lookup(name);
        carrel_providers::transcriber(&settings, kind, &self.models.http()?)
    }

    fn synthesizer(&self) -> Result<Arc<dyn SpeechSynthesizer>> {
        self.any_synthesizer(&|name| self.models.lookup(name))
    }
}

impl SpeechConnectionTest for ConfiguredSpeech {
    fn transcriber(&self, settings: &SettingsLookup<'_>) -> Result<Arc<dyn Transcriber>> {
        self.any_transcriber(&|name| settings(name), RecordingKind::Dictation)
    }

    fn synthesizer(&self, settings: &SettingsLookup<'_>) -> Result<Arc<dyn SpeechSynthesizer>> {
        self.any_synthesizer(&|name| settings(name))
    }
}
