//! Speech synthesis, sentence by sentence.
//!
//! [`NativeSynthesizer`] is the adapter. Piper voices run in this process and get their phonemes
//! from the program `espeak-ng`, which also speaks itself if no Piper voice is installed.
mod encode;
mod espeak;
mod native;
mod piper;
mod sentences;

pub use native::{NativeSynthesizer, Options};

/// Sample rate of the output.
pub const SPOKEN_RATE: u32 = 24_000;
