//! Transcription and speech synthesis over HTTP, against servers on real sockets.
mod synthesizer;
mod transcriber;
