//! The model that reads pictures: its files, and whether they are there.
use std::path::Path;

use carrel_ocr::{DETECTOR, DICTIONARY, RECOGNIZER};

pub use carrel_ocr::OcrFile;

/// By this name it is fetched, and its directory is called.
pub const NAME: &str = "ocr";

pub const FILES: [OcrFile; 3] = [DETECTOR, RECOGNIZER, DICTIONARY];

/// Whether all files are there with the sizes they should have. Their content was checked when they were
/// fetched.
pub fn is_complete(directory: &Path) -> bool {
    FILES.iter().all(|file| {
        directory.join(file.name).metadata().is_ok_and(|found| found.len() == file.size)
    })
}
