//! What hears and what speaks by the settings. Made anew each time: that is nothing beside what a
//! recording or a text takes.
use std::sync::Arc;

use carrel_domain::speech::{RecordingKind, SpeechModels, SpeechSynthesizer, Transcriber};
use carrel_domain::{Error, Result};
use carrel_services::connection_test::{SettingsLookup, SpeechConnectionTest};

use crate::models::ConfiguredModels;

impl SpeechModels for ConfiguredModels {
    fn transcriber(&self, kind: RecordingKind) -> Result<Arc<dyn Transcriber>> {
        self.any_transcriber(&|name| self.lookup(name), kind)
    }

    fn synthesizer(&self) -> Result<Arc<dyn SpeechSynthesizer>> {
        self.any_synthesizer(&|name| self.lookup(name))
    }
}

impl SpeechConnectionTest for ConfiguredModels {
    fn transcriber(&self, settings: &SettingsLookup<'_>) -> Result<Arc<dyn Transcriber>> {
        self.any_transcriber(&|name| settings(name), RecordingKind::Dictation)
    }

    fn synthesizer(&self, settings: &SettingsLookup<'_>) -> Result<Arc<dyn SpeechSynthesizer>> {
        self.any_synthesizer(&|name| settings(name))
    }
}

impl ConfiguredModels {
    fn any_transcriber(
        &self,
        settings: &dyn Fn(&str) -> Option<String>,
        kind: RecordingKind,
    ) -> Result<Arc<dyn Transcriber>> {
        match carrel_providers::transcriber(settings, kind, &self.http()?)? {
            Some(remote) => Ok(remote),
            None => native_transcriber(kind),
        }
    }

    fn any_synthesizer(
        &self,
        settings: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Arc<dyn SpeechSynthesizer>> {
        match carrel_providers::synthesizer(settings, &self.http()?)? {
            Some(remote) => Ok(remote),
            None => native_synthesizer(),
        }
    }
}

fn native_transcriber(kind: RecordingKind) -> Result<Arc<dyn Transcriber>> {
    let setting = match kind {
        RecordingKind::Dictation => "SpeechToTextProvider",
        RecordingKind::Document => "WhisperProvider",
    };
    let reason =
        format!("run `carrel model fetch whisper-base`, or choose a provider in {setting}");
    Err(Error::unavailable("speech recognition", reason))
}

fn native_synthesizer() -> Result<Arc<dyn SpeechSynthesizer>> {
    let reason = "run `carrel model fetch piper`, or choose a provider in TextToSpeechProvider";
    Err(Error::unavailable("speech synthesis", reason))
}
