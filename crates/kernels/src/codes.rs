//! Weights as 8-bit codes, packed four to a word. Products either expand them to floats first or
//! multiply them directly.
use pulp::{Simd, WithSimd};

use crate::kernel::{PANEL, PanelRow, mul_add};
use crate::panels::BLOCK;

/// The number of codes in a word: one column at consecutive depths. Each code is stored with an
/// offset of 128.
pub const PER_WORD: usize = 4;
/// One line of a panel of words: 16 columns at [`PER_WORD`] depths.
pub type CodeWords = [u32; PANEL];

/// Extracts the 8 bits at `shift` from each word and converts them to the signed codes.
#[inline(always)]
fn codes<S: Simd>(simd: S, words: S::u32s, shift: u32) -> S::f32s {
    let shifted = simd.wrapping_dyn_shr_u32s(words, simd.splat_u32s(shift));
    let byte = simd.and_u32s(shifted, simd.splat_u32s(255));
    // A byte ORed into the low mantissa bits of 2^23 adds its value.
    let bits = simd.or_u32s(byte, simd.splat_u32s(0x4b00_0000));
    simd.sub_f32s(simd.transmute_f32s_u32s(bits), simd.splat_f32s(8_388_608.0 + 128.0))
}

/// The product of one row. Each code is used once, so no expanded weights are written to memory.
pub struct Single<'a> {
    pub words: &'a [CodeWords],
    pub scales: &'a [PanelRow],
    pub depth: usize,
    pub left: &'a [f32],
    pub out: &'a mut [f32],
}

impl WithSimd for Single<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.multiply::<S, 1>(simd),
            8 => self.multiply::<S, 2>(simd),
            _ => self.multiply::<S, 4>(simd),
        }
    }
}

impl Single<'_> {
    /// Multiplies two panels at a time, so that their sums do not wait for each other. `VECTORS` is
    /// the number of vectors in a line.
    #[inline(always)]
    fn multiply<S: Simd, const VECTORS: usize>(self, simd: S) {
        let Self { words, scales, depth, left, out } = self;
        let (panel, blocks) = (depth / PER_WORD, depth / BLOCK);
        let left = left[..depth].as_chunks::<PER_WORD>().0;
        let pairs = words.chunks_exact(2 * panel).zip(scales.chunks_exact(2 * blocks));
        for ((words, scales), out) in pairs.zip(out.chunks_exact_mut(2 * PANEL)) {
            let (words, scales) = (words.split_at(panel), scales.split_at(blocks));
            let mut totals = [[simd.splat_f32s(0.0); VECTORS]; 2];
            for block in 0..blocks {
                let mut sums = [[simd.splat_f32s(0.0); VECTORS]; 2];
                let within = block * (BLOCK / PER_WORD)..(block + 1) * (BLOCK / PER_WORD);
                for (at, left) in within.clone().zip(&left[within]) {
                    let one = S::as_simd_u32s(&words.0[at]).0;
                    let other = S::as_simd_u32s(&words.1[at]).0;
                    for (shift, &factor) in [0, 8, 16, 24].into_iter().zip(left) {
                        let factor = simd.splat_f32s(factor);
                        for vector in 0..VECTORS {
                            let (one, other) = (one[vector], other[vector]);
                            let sum = &mut sums[0][vector];
                            *sum = mul_add(simd, codes(simd, one, shift), factor, *sum);
                            let sum = &mut sums[1][vector];
                            *sum = mul_add(simd, codes(simd, other, shift), factor, *sum);
                        }
                    }
                }
                for (which, scales) in [scales.0, scales.1].into_iter().enumerate() {
                    let scales = S::as_simd_f32s(&scales[block]).0;
                    for vector in 0..VECTORS {
                        let total = &mut totals[which][vector];
                        *total = mul_add(simd, sums[which][vector], scales[vector], *total);
                    }
                }
            }
            let out = S::as_mut_simd_f32s(out).0;
            for (out, total) in out.iter_mut().zip(totals.as_flattened()) {
                *out = simd.add_f32s(*out, *total);
            }
        }
    }
}

/// Expands codes to the weights that they represent.
pub struct Expand<'a> {
    pub words: &'a [CodeWords],
    pub scales: &'a [PanelRow],
    pub lines: &'a mut [PanelRow],
}

impl WithSimd for Expand<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let blocks = self.words.chunks_exact(BLOCK / PER_WORD);
        let blocks = blocks.zip(self.lines.chunks_exact_mut(BLOCK)).zip(self.scales);
        for ((words, lines), scale) in blocks {
            let scale = S::as_simd_f32s(scale).0;
            for (words, lines) in words.iter().zip(lines.as_chunks_mut::<PER_WORD>().0) {
                let words = S::as_simd_u32s(words).0;
                for (shift, line) in [0, 8, 16, 24].into_iter().zip(lines) {
                    let line = S::as_mut_simd_f32s(line).0;
                    for ((value, &words), &scale) in line.iter_mut().zip(words).zip(scale) {
                        *value = simd.mul_f32s(codes(simd, words, shift), scale);
                    }
                }
            }
        }
    }
}
