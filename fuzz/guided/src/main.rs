//! The target that `CARREL_FUZZ_TARGET` names, as libFuzzer runs it.
#![no_main]

use std::sync::LazyLock;

use fuzz::TARGETS;

static RULE: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("CARREL_FUZZ_TARGET").unwrap_or_default();
    let target = TARGETS.iter().find(|target| target.name == name);
    target.unwrap_or_else(|| panic!("CARREL_FUZZ_TARGET names no target: `{name}`")).run
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| RULE(bytes));
