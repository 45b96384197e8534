//! The progress of transcribing a recording into a document.
use std::sync::{Arc, Mutex, PoisonError};

use super::SpeechModelName;

/// The progress of a transcription, shared by the transcriber and its observers.
#[derive(Clone, Debug, Default)]
pub struct ListeningProgress(Arc<Mutex<HeardSoFar>>);

/// A snapshot of the progress.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeardSoFar {
    /// The model. Absent until transcription starts.
    pub model: Option<SpeechModelName>,
    /// Transcribed seconds.
    pub seconds: f64,
    /// The total length, in seconds. Absent if unknown.
    pub duration: Option<f64>,
}

impl ListeningProgress {
    /// Records that `model` has started.
    pub fn begin(&self, model: SpeechModelName) {
        self.change(|heard| heard.model = Some(model));
    }

    /// Sets the total length, in seconds. Ignores values that are not positive.
    pub fn lasts(&self, seconds: f64) {
        self.change(|heard| heard.duration = Some(seconds).filter(|seconds| *seconds > 0.0));
    }

    /// Sets the number of transcribed seconds. Lower values are ignored.
    pub fn heard(&self, seconds: f64) {
        self.change(|heard| heard.seconds = heard.seconds.max(seconds));
    }

    /// Returns the current progress.
    pub fn now(&self) -> HeardSoFar {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut HeardSoFar)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observers_see_the_progress() {
        let progress = ListeningProgress::default();
        let seen = progress.clone();
        assert_eq!(seen.now(), HeardSoFar::default());
        progress.begin(SpeechModelName { provider: "native".into(), model: "base".into() });
        progress.lasts(61.5);
        progress.heard(30.0);
        progress.heard(20.0);
        let HeardSoFar { model, seconds, duration } = seen.now();
        assert_eq!((seconds, duration), (30.0, Some(61.5)));
        assert!(model.is_some());
    }
}
