//! The progress of transcribing a recording into a document.
use std::sync::{Arc, Mutex, PoisonError};

use super::SpeechModelName;

/// The progress of a transcription, shared by the transcriber and its observers.
#[derive(Clone, Debug, Default)]
pub struct TranscriptionProgress(Arc<Mutex<ProgressSnapshot>>);

/// A snapshot of the progress.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProgressSnapshot {
    /// The model. Absent until transcription starts.
    pub model: Option<SpeechModelName>,
    /// Transcribed seconds.
    pub seconds: f64,
    /// The total length, in seconds. Absent if unknown.
    pub duration: Option<f64>,
}

impl TranscriptionProgress {
    /// Records that `model` has started.
    pub fn begin(&self, model: SpeechModelName) {
        self.change(|progress| progress.model = Some(model));
    }

    /// Sets the total length, in seconds. Ignores values that are not positive.
    pub fn set_duration(&self, seconds: f64) {
        self.change(|progress| progress.duration = Some(seconds).filter(|seconds| *seconds > 0.0));
    }

    /// Sets the number of transcribed seconds. Lower values are ignored.
    pub fn advance_to(&self, seconds: f64) {
        self.change(|progress| progress.seconds = progress.seconds.max(seconds));
    }

    /// Returns the current progress.
    pub fn now(&self) -> ProgressSnapshot {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut ProgressSnapshot)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observers_see_the_progress() {
        let progress = TranscriptionProgress::default();
        let observer = progress.clone();
        assert_eq!(observer.now(), ProgressSnapshot::default());
        progress.begin(SpeechModelName { provider: "native".into(), model: "base".into() });
        progress.set_duration(61.5);
        progress.advance_to(30.0);
        progress.advance_to(20.0);
        let ProgressSnapshot { model, seconds, duration } = observer.now();
        assert_eq!((seconds, duration), (30.0, Some(61.5)));
        assert!(model.is_some());
    }
}
