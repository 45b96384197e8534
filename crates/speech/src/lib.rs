//! Speech: decodes recordings, transcribes them, and speaks texts.
//!
//! [`audio`] decodes files, [`whisper`] transcribes, [`speaking`] synthesizes speech.
pub mod activity;
pub mod audio;
pub mod directory;
pub mod speaking;
pub mod whisper;
