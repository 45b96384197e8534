//! Tests of exported files, checked with the programs that read them.
#![expect(clippy::unwrap_used, reason = "test helpers use unwrap as an assertion")]
mod boundaries;
mod damaged;
mod recorded;
mod redaction;
mod spreadsheets;
mod support;
mod training;
