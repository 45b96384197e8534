//! The models that read pictures and recordings.
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde::{Deserialize, Serialize};

use super::pictures::tesseract::{Runner, Tesseract};
use super::pictures::{Ocr, Pictures};
use super::recordings::{Recordings, TranscriptionMode};

/// The models for pictures and recordings, as sent to a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadingModels {
    pub ocr: Ocr,
    pub listening: TranscriptionMode,
}

impl ReadingModels {
    pub fn none() -> Self {
        Self { ocr: Ocr::NoModel, listening: TranscriptionMode::NoModel }
    }
}

/// The models with their files opened.
pub(crate) struct Opened {
    pub pictures: Pictures,
    pub recordings: Recordings,
}

impl Opened {
    /// Opens the models. They add the milliseconds they take to `milliseconds_used`. `run` creates the runner
    /// for Tesseract.
    pub fn of(
        models: &ReadingModels,
        milliseconds_used: Arc<AtomicU64>,
        run: impl FnOnce(&Tesseract) -> io::Result<Runner>,
    ) -> Self {
        let pictures = Pictures::open(&models.ocr, Arc::clone(&milliseconds_used), run);
        Self { pictures, recordings: Recordings::open(&models.listening, milliseconds_used) }
    }
}
