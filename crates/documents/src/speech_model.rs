//! The models that transcribe recordings: their names, their files, and whether they are there.
pub use carrel_speech::directory::{
    ModelFile, WHISPER_BASE, WHISPER_BASE_FILES, WHISPER_MODELS, is_complete,
};
