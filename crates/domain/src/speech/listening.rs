//! How far a recording has come that becomes a document.
use std::sync::{Arc, Mutex, PoisonError};

use super::SpeechModelName;

/// What was heard of a recording so far. Shared by what transcribes it and what looks on.
#[derive(Clone, Debug, Default)]
pub struct ListeningProgress(Arc<Mutex<HeardSoFar>>);

/// What was heard of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeardSoFar {
    /// What transcribes it; absent until that has begun.
    pub model: Option<SpeechModelName>,
    /// Seconds that are done.
    pub seconds: f64,
    /// Of the whole recording, in seconds; absent where the file does not say.
    pub duration: Option<f64>,
}

impl ListeningProgress {
    /// Somebody has begun to listen.
    pub fn begin(&self, model: SpeechModelName) {
        self.change(|heard| heard.model = Some(model));
    }

    /// The recording is so many seconds long.
    pub fn lasts(&self, seconds: f64) {
        self.change(|heard| heard.duration = Some(seconds).filter(|seconds| *seconds > 0.0));
    }

    /// So many seconds are done. Never goes back.
    pub fn heard(&self, seconds: f64) {
        self.change(|heard| heard.seconds = heard.seconds.max(seconds));
    }

    /// How far it has come.
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
    fn whoever_looks_on_sees_how_far_it_has_come() {
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
