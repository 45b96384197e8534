//! Reads files in separate processes, so a hostile file harms nothing else: the pool that starts
//! them, and the code that runs in them.
mod checkpoint;
mod child;
mod confine;
mod picture_reading;
mod pool;
mod queue;
mod recording;
mod reply;
mod transcriber;
mod transcript;

use carrel_domain::document::Extracted;
use carrel_domain::original::PageImage;
use serde::{Deserialize, Serialize};

pub use checkpoint::Checkpoints;
pub use child::run;
pub use picture_reading::{OcrEngine, PictureReading};
pub use pool::{Program, Readers, RecordingReading, ResourceLimits};
pub use transcriber::NativeTranscriber;
use transcript::TranscriptionOptions;

use crate::extract::{Limits, ReadingModels};

/// The job of a worker, passed as its only argument. Its standard input is the file.
#[derive(Serialize, Deserialize)]
struct Job {
    extension: String,
    limits: Limits,
    /// Memory limit, in bytes.
    memory: u64,
    /// The time limit without pictures and recordings.
    seconds: u64,
    /// How pictures and recordings are read, with their additional time limits.
    models: ReadingModels,
    /// The time limit for everything.
    total_seconds: u64,
    /// The limit of CPU time for everything, over all threads.
    processor_seconds: u64,
    /// The task for the file.
    work: Work,
    /// The process that waits for the answer.
    parent: u32,
}

#[derive(Serialize, Deserialize)]
enum Work {
    /// Read the documents in the file.
    Read,
    /// Draw a page of the PDF file.
    DrawPage(u32),
    /// Re-encode the image file with sides of at most this many pixels.
    Thumbnail(u32),
    /// Transcribe the recording with these options.
    Transcribe(TranscriptionOptions),
}

/// The output of a worker.
#[derive(Clone, Debug, PartialEq)]
enum Output {
    Documents(Vec<Extracted>),
    Page(PageImage),
}

/// The prefix of a worker's error line that names missing confinement.
const LACKS: &str = "this kernel lacks: ";

/// The messages that both ends of the pipe use.
mod failures {
    use super::Job;
    use crate::extract::extract_error::ExtractError;

    pub fn too_slow(job: &Job) -> ExtractError {
        ExtractError::unreadable(format!(
            "takes longer than the {} seconds allowed to be read (CARREL_PARSE_TIMEOUT).",
            job.seconds
        ))
    }

    pub fn too_big(job: &Job) -> ExtractError {
        ExtractError::unreadable(format!(
            "takes more than the {} bytes of memory allowed to be read (CARREL_PARSE_MEMORY).",
            job.memory
        ))
    }

    pub fn crashed() -> ExtractError {
        ExtractError::unreadable("cannot be read: it is damaged, or has an unsupported structure.")
    }
}
