//! Reading files in processes of their own, where a file that is made to do harm does it to nobody
//! else: the pool that starts them, and what runs in them.
mod child;
mod confine;
mod pool;
mod queue;
mod reply;

use serde::{Deserialize, Serialize};

pub use child::run;
pub use pool::{PictureReading, Program, Readers, ResourceLimits};

use crate::extract::Limits;
use crate::extract::pictures::Ocr;

/// What a worker is told, as its one argument. The file itself is its standard input.
#[derive(Serialize, Deserialize)]
struct Job {
    extension: String,
    limits: Limits,
    /// The most memory it may take, in bytes.
    memory: u64,
    /// How long it may take, but for pictures.
    seconds: u64,
    /// Whether pictures are read, and how long that may take beside.
    ocr: Ocr,
    /// How long all of it may take.
    total_seconds: u64,
    /// The process that waits for the answer.
    parent: u32,
}

/// What a worker begins a line of its complaints with that names what confines it less than it might.
const LACKS: &str = "this kernel lacks: ";

/// The lines of text that both ends of the pipe know.
mod said {
    use super::Job;
    use crate::extract::extract_error::ExtractError;

    pub fn too_slow(job: &Job) -> ExtractError {
        ExtractError::refused(format!(
            "takes longer than the {} seconds allowed to be read (CARREL_PARSE_TIMEOUT).",
            job.seconds
        ))
    }

    pub fn too_big(job: &Job) -> ExtractError {
        ExtractError::refused(format!(
            "takes more than the {} bytes of memory allowed to be read (CARREL_PARSE_MEMORY).",
            job.memory
        ))
    }

    pub fn crashed() -> ExtractError {
        ExtractError::refused(
            "cannot be read: it is damaged, or made in a way that is not understood.",
        )
    }
}
