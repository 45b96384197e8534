//! Tests of exported files, checked with the programs that read them.
#![expect(clippy::unwrap_used, reason = "helpers of tests too say what they expect with unwrap")]
mod boundaries;
mod damaged;
mod recorded;
mod redaction;
mod spreadsheets;
mod support;
mod training;
