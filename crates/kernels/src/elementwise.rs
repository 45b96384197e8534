//! Vectorized operations on rows between the matrix products: softmax, GELU, layer norm.
use pulp::Simd;

use crate::kernel::{PanelRow, mul_add};

#[cfg(test)]
mod tests;

/// Returns `e` to the power of each lane. Lanes are at most 0; values below -87 count as -87.
///
/// The error is a few units in the last place: a power of two from the exponent bits, times a
/// polynomial for the rest.
#[inline(always)]
fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // Adding 1.5 * 2^23 leaves the nearest integer in the low bits.
    let rounder = simd.splat_f32s(12_582_912.0);
    let x = simd.max_f32s(x, simd.splat_f32s(-87.0));
    let shifted = mul_add(simd, x, simd.splat_f32s(std::f32::consts::LOG2_E), rounder);
    let power = simd.sub_f32s(shifted, rounder);
    // ln 2 is split in two, so that the first product is exact.
    let rest = mul_add(simd, power, simd.splat_f32s(-0.693_359_4), x);
    let rest = mul_add(simd, power, simd.splat_f32s(2.121_944_4e-4), rest);
    // The Taylor series is sufficient for |rest| <= ln 2 / 2: the first omitted term is 1.2e-7 of
    // the result.
    let mut sum = simd.splat_f32s(1.0 / 720.0);
    for coefficient in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = mul_add(simd, sum, rest, simd.splat_f32s(coefficient));
    }
    let bits = simd.transmute_u32s_f32s(shifted);
    let exponent = simd.wrapping_dyn_shl_u32s(bits, simd.splat_u32s(23));
    let two = simd.add_u32s(exponent, simd.splat_u32s(127 << 23));
    simd.mul_f32s(sum, simd.transmute_f32s_u32s(two))
}

/// Returns `x * P(X <= x)` for a standard normal X, with an error of at most 1.5e-7 |x|.
///
/// The complementary error function is formula 7.1.26 of Abramowitz and Stegun.
#[inline(always)]
fn gelu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let size = simd.abs_f32s(x);
    let scaled =
        simd.mul_f32s(size, simd.splat_f32s(0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2));
    let one = simd.splat_f32s(1.0);
    let t = simd.div_f32s(one, simd.add_f32s(one, scaled));
    let mut sum = simd.splat_f32s(1.061_405_4);
    for coefficient in [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6] {
        sum = mul_add(simd, sum, t, simd.splat_f32s(coefficient));
    }
    let square = simd.mul_f32s(simd.mul_f32s(x, x), simd.splat_f32s(-0.5));
    let complement = simd.mul_f32s(simd.mul_f32s(sum, t), exp(simd, square));
    let half = simd.mul_f32s(simd.mul_f32s(size, simd.splat_f32s(0.5)), complement);
    simd.sub_f32s(simd.max_f32s(x, simd.splat_f32s(0.0)), half)
}

/// Applies GELU to every element. In this module, the lengths of rows are multiples of
/// [`crate::kernel::PANEL`].
#[inline(always)]
pub fn gelu_all<S: Simd>(simd: S, values: &mut [f32]) {
    for value in S::as_mut_simd_f32s(values).0 {
        *value = gelu(simd, *value);
    }
}

/// Multiplies every element by `g / (1 + e^-g)`, the SiLU of its counterpart in `gates`.
#[inline(always)]
pub fn gate_by_silu<S: Simd>(simd: S, values: &mut [f32], gates: &[f32]) {
    let (values, gates) = (S::as_mut_simd_f32s(values).0, S::as_simd_f32s(gates).0);
    let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
    for (value, &gate) in values.iter_mut().zip(gates) {
        // The exponential accepts numbers up to 0: with p = e^-|g|, the sigmoid is 1/(1+p) or
        // p/(1+p).
        let power = exp(simd, simd.sub_f32s(zero, simd.abs_f32s(gate)));
        let positive = simd.less_than_f32s(zero, gate);
        let above = simd.select_f32s(positive, one, power);
        let sigmoid = simd.div_f32s(above, simd.add_f32s(one, power));
        *value = simd.mul_f32s(*value, simd.mul_f32s(gate, sigmoid));
    }
}

/// Replaces each score by `e` to the power of its difference from the maximum. Returns the sum of
/// the results.
///
/// Only the first `length` scores count. The rest of their last line is overwritten.
#[inline(always)]
pub fn softmax_unscaled<S: Simd>(simd: S, scores: &mut [f32], length: usize) -> f32 {
    let whole = length.next_multiple_of(size_of::<PanelRow>() / size_of::<f32>()).min(scores.len());
    // Far below every score, so that the exponential is practically zero.
    scores[length..whole].fill(-1e30);
    let scores = S::as_mut_simd_f32s(&mut scores[..whole]).0;
    let mut greatest = simd.splat_f32s(-1e30);
    for value in scores.iter() {
        greatest = simd.max_f32s(greatest, *value);
    }
    let greatest = simd.splat_f32s(simd.reduce_max_f32s(greatest));
    let mut sum = simd.splat_f32s(0.0);
    for value in scores.iter_mut() {
        *value = exp(simd, simd.sub_f32s(*value, greatest));
        sum = simd.add_f32s(sum, *value);
    }
    simd.reduce_sum_f32s(sum)
}

/// Parameters of layer norm: rows are scaled to mean 0 and variance 1, then multiplied by `scale`
/// and shifted by `shift`, which are as wide as a row.
pub struct Norm {
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
    /// Added to the variance before its square root is taken.
    pub epsilon: f32,
}

/// Normalizes one row.
#[inline(always)]
pub fn layer_norm<S: Simd>(simd: S, row: &mut [f32], norm: &Norm) {
    let Norm { scale, shift, epsilon } = norm;
    let width = row.len() as f32;
    let row = S::as_mut_simd_f32s(row).0;
    let (scale, shift) = (S::as_simd_f32s(scale).0, S::as_simd_f32s(shift).0);
    let mut sum = simd.splat_f32s(0.0);
    for value in row.iter() {
        sum = simd.add_f32s(sum, *value);
    }
    let mean = simd.splat_f32s(simd.reduce_sum_f32s(sum) / width);
    let mut squares = simd.splat_f32s(0.0);
    for value in row.iter() {
        let difference = simd.sub_f32s(*value, mean);
        squares = mul_add(simd, difference, difference, squares);
    }
    let variance = simd.reduce_sum_f32s(squares) / width;
    let factor = simd.splat_f32s(1.0 / (variance + epsilon).sqrt());
    for ((value, &scale), &shift) in row.iter_mut().zip(scale).zip(shift) {
        let normal = simd.mul_f32s(simd.sub_f32s(*value, mean), factor);
        *value = mul_add(simd, normal, scale, shift);
    }
}

/// Adds `other` to `row`.
#[inline(always)]
pub fn add<S: Simd>(simd: S, row: &mut [f32], other: &[f32]) {
    let (row, other) = (S::as_mut_simd_f32s(row).0, S::as_simd_f32s(other).0);
    for (value, &other) in row.iter_mut().zip(other) {
        *value = simd.add_f32s(*value, other);
    }
}

/// Multiplies every element by `factor`.
#[inline(always)]
pub fn scale<S: Simd>(simd: S, values: &mut [f32], factor: f32) {
    let (head, tail) = S::as_mut_simd_f32s(values);
    for value in head {
        *value = simd.mul_f32s(*value, simd.splat_f32s(factor));
    }
    for value in tail {
        *value *= factor;
    }
}
