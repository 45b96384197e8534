//! Hearing and speaking: recordings to sound, sound to text.
//!
//! [`audio`] decodes files, [`whisper`] writes down what is said in them, [`speaking`] says texts.
pub mod activity;
pub mod audio;
pub mod directory;
pub mod speaking;
pub mod whisper;
