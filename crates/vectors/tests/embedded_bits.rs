//! The tests of the embedded index again, with codes of two bits a dimension.
#![expect(dead_code, reason = "others use the rest of the support")]
#[path = "embedded.rs"]
mod embedded;

// Modules of the support name each other from the root.
use embedded::support;
