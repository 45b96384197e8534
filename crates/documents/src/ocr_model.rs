//! The files of the OCR model.
use std::path::Path;

use carrel_ocr::{DETECTOR, DICTIONARY, RECOGNIZER};

pub use carrel_ocr::OcrFile;

/// The name of the model and of its directory.
pub const NAME: &str = "ocr";

pub const FILES: [OcrFile; 3] = [DETECTOR, RECOGNIZER, DICTIONARY];

/// Whether all files exist with the expected sizes. Their digests were checked when they were
/// fetched.
pub fn is_complete(directory: &Path) -> bool {
    FILES.iter().all(|file| {
        directory.join(file.name).metadata().is_ok_and(|found| found.len() == file.size)
    })
}
