//! Transcription and speech synthesis over HTTP, against servers on real sockets.
mod hearing;
mod speaking;
