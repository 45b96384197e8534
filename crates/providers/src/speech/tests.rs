//! Hearing and speaking over HTTP against servers on real sockets.
mod hearing;
mod speaking;
