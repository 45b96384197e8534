//! The instruction sets that tests compare.
use super::Instructions;

/// Returns all instruction sets that this processor supports.
pub fn all_instructions() -> Vec<Instructions> {
    let mut all = vec![Instructions::detect(), Instructions::Baseline];
    #[cfg(target_arch = "x86_64")]
    {
        all.extend(pulp::x86::V3::try_new().map(Instructions::Avx2));
        all.extend(pulp::x86::V2::try_new().map(Instructions::Sse4));
    }
    all
}
