//! OCR: decodes image files, detects lines of text, and reads them.
//!
//! [`pages`] decodes a file, [`Engine`] reads a [`Picture`], [`thumbnail`] makes a small copy. The models are PP-OCRv6 (small) in the
//! format of `rten`: one marks the pixels that belong to text, the other reads one line at a time.
//! Both are loaded from bytes, so that an engine can run in a process that may not open files.
mod boxes;
mod canvas;
mod columns;
mod decode;
mod detect;
mod engine;
mod grid;
mod languages;
mod level;
mod order;
mod picture;
mod recognize;
mod rules;
mod thumbnail;
mod upright_page;

pub use canvas::Canvas;
pub use columns::columns;
pub use decode::{DecodeError, MAX_POINTS, Pages, pages};
pub use engine::{Engine, Legibility, OcrError, RecognizedText, TextLine};
pub use languages::Languages;
pub use picture::Picture;
pub use thumbnail::thumbnail;

/// A model file, identified by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OcrFile {
    pub name: &'static str,
    /// Size in bytes.
    pub size: u64,
    /// Lower-case hexadecimal.
    pub sha256: &'static str,
}

pub const DETECTOR: OcrFile = OcrFile {
    name: "PP-OCRv6_det_small.rten",
    size: 9_974_656,
    sha256: "57c5778be784d7aace438a4ea1926864a7b5fd3d49c8e577799f8a83e8dcb022",
};
pub const RECOGNIZER: OcrFile = OcrFile {
    name: "PP-OCRv6_rec_small.rten",
    size: 21_207_832,
    sha256: "b6eef947901c5ff0bf6ee62d8b46f58b1423666f0ae0c87b2f42127502925f8f",
};
pub const DICTIONARY: OcrFile = OcrFile {
    name: "ppocrv6_dict.txt",
    size: 74_947,
    sha256: "b5f2bfe2bdd9448429e3e82b51c789775d9b42f2403d082b00662eb77e401c5d",
};
