//! What reads pictures and recordings: as a worker is told, and once it has opened it.
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde::{Deserialize, Serialize};

use super::pictures::tesseract::{Runner, Tesseract};
use super::pictures::{Ocr, Pictures};
use super::recordings::{Listening, Recordings};

/// The models that read what is no text, as a worker is told.
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

/// ReadingModels whose files are open.
pub(crate) struct Opened {
    pub pictures: Pictures,
    pub recordings: Recordings,
}

impl Opened {
    /// The milliseconds that the models take are added to `spent`. `run` makes what runs Tesseract.
    pub fn of(
        models: &ReadingModels,
        spent: Arc<AtomicU64>,
        run: impl FnOnce(&Tesseract) -> io::Result<Runner>,
    ) -> Self {
        let pictures = Pictures::open(&models.ocr, Arc::clone(&spent), run);
        Self { pictures, recordings: Recordings::open(&models.listening, spent) }
    }
}
