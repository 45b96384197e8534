//! Names and files of the transcription models and voices.
use std::fs::File;
use std::io;
use std::path::Path;

use crate::whisper::Files;

/// A model file, identified by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpeechFile {
    pub name: &'static str,
    /// Size in bytes.
    pub size: u64,
    /// Lower-case hexadecimal.
    pub sha256: &'static str,
}

/// The names of models and of their directories, the most accurate first.
pub const WHISPER_MODELS: [&str; 6] = [
    "whisper-small",
    "whisper-base",
    "whisper-tiny",
    "whisper-small.en",
    "whisper-base.en",
    "whisper-tiny.en",
];

/// The name of the model with the files [`WHISPER_BASE_FILES`].
pub const WHISPER_BASE: &str = "whisper-base";
/// Whisper (base, multilingual) in half precision, in the format of faster-whisper, with the
/// weights in two parts.
pub const WHISPER_BASE_FILES: [SpeechFile; 4] = [
    SpeechFile {
        name: "config.json",
        size: 2_309,
        sha256: "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    },
    SpeechFile {
        name: "vocabulary.json",
        size: 1_068_101,
        sha256: "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766",
    },
    SpeechFile {
        name: "model.bin.part2",
        size: 50_845_767,
        sha256: "77277146d912bddd6bd8eb22c9651ae8af74b31ef91f87caeb6901976fa444c3",
    },
    SpeechFile {
        name: "model.bin.part1",
        size: 94_371_840,
        sha256: "fc3e0949de91a510f08aa220f3e52c4c8f6201f0f377116d1af4cf9ec8cc4872",
    },
];

/// The name under which a Piper voice is fetched, and of the directory of voices.
pub const PIPER: &str = "piper";
/// An American voice, trained on recordings in the public domain.
pub const PIPER_FILES: [SpeechFile; 2] = [
    SpeechFile {
        name: "en_US-joe-medium.onnx.json",
        size: 4_794,
        sha256: "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
    },
    SpeechFile {
        name: "en_US-joe-medium.onnx",
        size: 63_201_294,
        sha256: "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
    },
];

/// File names of the weights: of faster-whisper in one file or in parts, and of transformers.
const WEIGHTS: [&[&str]; 3] =
    [&["model.bin"], &["model.bin.part1", "model.bin.part2"], &["model.safetensors"]];
const VOCABULARIES: [&str; 2] = ["vocabulary.json", "tokenizer.json"];
const CONFIG: &str = "config.json";

/// Returns the names of a model's files in a directory, or the first missing one.
pub fn files(directory: &Path) -> Result<Vec<&'static str>, &'static str> {
    let has = |name: &&str| directory.join(name).is_file();
    let weights = WEIGHTS.iter().find(|names| names.iter().all(has)).ok_or("model.bin")?;
    let vocabulary = VOCABULARIES.iter().find(|name| has(name)).ok_or(VOCABULARIES[0])?;
    let config = Some(&CONFIG).filter(|name| has(name)).ok_or(CONFIG)?;
    Ok(weights.iter().chain([vocabulary, config]).copied().collect())
}

/// Whether a directory has all files of a model. Their digests were checked when they were fetched.
pub fn is_complete(directory: &Path) -> bool {
    let parts = WHISPER_BASE_FILES.iter().filter(|file| file.name.contains(".part"));
    let is_cut = |file: &SpeechFile| {
        let found = directory.join(file.name).metadata();
        found.is_ok_and(|found| found.len() != file.size)
    };
    files(directory).is_ok() && !parts.into_iter().any(is_cut)
}

/// Opens the files of a model.
pub fn open(directory: &Path) -> io::Result<Files> {
    let missing =
        |name| io::Error::new(io::ErrorKind::NotFound, format!("it lacks the file {name}"));
    let names = files(directory).map_err(missing)?;
    let (weights, rest) = names.split_at(names.len() - 2);
    let open = |name: &&str| File::open(directory.join(name));
    Ok(Files {
        weights: weights.iter().map(open).collect::<io::Result<_>>()?,
        vocabulary: open(&rest[0])?,
        config: open(&rest[1])?,
    })
}
