//! The models that read pictures and recordings.
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde::{Deserialize, Serialize};

use super::pictures::tesseract::{Runner, Tesseract};
use super::pictures::{Ocr, Pictures};
use super::recordings::{Listening, Recordings};

/// The models for pictures and recordings, as sent to a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadingModels {
    pub ocr: Ocr,
    pub listening: Listening,
}

impl ReadingModels {
    pub fn none() -> Self {
        Self { ocr: Ocr::NoModel, listening: Listening::NoModel }
    }
}

/// The models with their files opened.
pub(crate) struct Opened {
    pub pictures: Pictures,
    pub recordings: Recordings,
}

impl Opened {
    /// Opens the models. They add the milliseconds they take to `spent`. `run` creates the runner
    /// for Tesseract.
    pub fn of(
        models: &ReadingModels,
        spent: Arc<AtomicU64>,
        run: impl FnOnce(&Tesseract) -> io::Result<Runner>,
    ) -> Self {
        let pictures = Pictures::open(&models.ocr, Arc::clone(&spent), run);
        Self { pictures, recordings: Recordings::open(&models.listening, spent) }
    }
}
