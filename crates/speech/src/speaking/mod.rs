//! Speaking: text to sound, sentence by sentence.
//!
//! [`NativeSynthesizer`] is the adapter. Voices of Piper run in this process; `espeak-ng`, which is a program of its own,
//! tells them the sounds of words, and speaks itself where there is no other voice.
mod encode;
mod espeak;
mod native;
mod piper;
mod sentences;

pub use native::{NativeSynthesizer, Options};

/// Samples in a second of what is spoken.
pub const SPOKEN_RATE: u32 = 24_000;
