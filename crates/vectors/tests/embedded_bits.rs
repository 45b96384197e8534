//! Runs the tests of the embedded index with two-bit codes.
#![expect(dead_code, reason = "other tests use the rest of the support module")]
#[path = "embedded.rs"]
mod embedded;

// Modules of the support module refer to each other from the crate root.
use embedded::support;
