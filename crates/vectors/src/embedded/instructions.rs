//! The instructions for work on bits.
use pulp::{Arch, Simd, WithSimd, bytemuck};

#[cfg(target_arch = "x86_64")]
pulp::simd_type! {
    /// AVX-512 with an instruction that counts the ones of a vector's values.
    struct Counting {
        bmi1: "bmi1",
        bmi2: "bmi2",
        lzcnt: "lzcnt",
        popcnt: "popcnt",
        avx512f: "avx512f",
        avx512bw: "avx512bw",
        avx512dq: "avx512dq",
        avx512vl: "avx512vl",
        avx512vpopcntdq: "avx512vpopcntdq",
    }
}

/// Runs `op`, which mostly counts ones, compiled for the best instructions that the processor
/// supports.
pub fn dispatch_counting<Op: WithSimd>(op: Op) -> Op::Output {
    #[cfg(target_arch = "x86_64")]
    if let (Some(counting), Some(simd)) = (Counting::try_new(), pulp::x86::V4::try_new()) {
        return counting.vectorize(
            #[inline(always)]
            || op.with_simd(simd),
        );
    }
    Arch::new().dispatch(op)
}

/// Counts the ones of each value.
///
/// Always inlined, so that it is compiled for the instruction set of its caller. Compilers recognize
/// this loop.
#[inline(always)]
pub fn ones<S: Simd>(_simd: S, mut values: S::u64s) -> S::u64s {
    for value in bytemuck::cast_slice_mut::<_, u64>(std::slice::from_mut(&mut values)) {
        *value = u64::from(value.count_ones());
    }
    values
}
