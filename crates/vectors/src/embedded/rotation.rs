//! A pseudorandom rotation, which spreads the values of a vector evenly over its dimensions.
use pulp::{Arch, Simd, WithSimd};

/// The number of rounds. Each flips random signs and applies a transform.
const ROUNDS: u64 = 2;

/// The rotation for one number of dimensions. It is the same in every process.
pub struct Rotation {
    /// The signs of each round.
    signs: Vec<Vec<f32>>,
    /// The largest power of two that is at most the number of dimensions.
    width: usize,
}

impl Rotation {
    pub fn new(dimensions: usize) -> Self {
        let sign = |round: u64, at: usize| {
            let bits = mixed(round << 32 | at as u64);
            if bits & 1 == 0 { 1.0 } else { -1.0 }
        };
        let signs = (0..ROUNDS).map(|round| (0..dimensions).map(|at| sign(round, at)).collect());
        Self { signs: signs.collect(), width: 1 << dimensions.max(1).ilog2() }
    }

    /// Rotates a vector. Its length and its angles to other rotated vectors do not change.
    pub fn apply(&self, values: &mut [f32]) {
        Arch::new().dispatch(Apply { rotation: self, values });
    }
}

/// A rotation that is compiled for each instruction set.
struct Apply<'a> {
    rotation: &'a Rotation,
    values: &'a mut [f32],
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Rotation { signs, width } = self.rotation;
        let scale = 1.0 / (*width as f32).sqrt();
        let length = self.values.len();
        for signs in signs {
            for (value, sign) in self.values.iter_mut().zip(signs) {
                *value *= sign;
            }
            // Applies the transform to the first and the last `width` values. These overlap, so two
            // rounds mix all dimensions.
            transform(&mut self.values[..*width], scale);
            if *width < length {
                transform(&mut self.values[length - width..], scale);
            }
        }
    }
}

/// The Walsh-Hadamard transform, scaled to preserve lengths.
#[inline(always)]
fn transform(values: &mut [f32], scale: f32) {
    let mut width = 1;
    while width < values.len() {
        for block in values.chunks_exact_mut(2 * width) {
            let (left, right) = block.split_at_mut(width);
            for (a, b) in left.iter_mut().zip(right) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        width *= 2;
    }
    for value in values {
        *value *= scale;
    }
}

/// The finalizer of SplitMix64, in which each input bit affects all output bits.
fn mixed(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_angles_are_preserved_and_values_are_spread() {
        for dimensions in [1, 2, 3, 64, 100, 384, 768] {
            let rotation = Rotation::new(dimensions);
            let mut one = vec![0.0f32; dimensions];
            one[dimensions / 2] = 1.0;
            let mut other: Vec<f32> = (0..dimensions).map(|at| (at as f32).sin()).collect();
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            let (length, product) = (dot(&other, &other), dot(&one, &other));
            rotation.apply(&mut one);
            rotation.apply(&mut other);
            assert!((dot(&one, &one) - 1.0).abs() < 1e-4, "{dimensions}");
            assert!((dot(&other, &other) - length).abs() < 1e-3 * length.max(1.0), "{dimensions}");
            assert!((dot(&one, &other) - product).abs() < 1e-3, "{dimensions}");
            let largest = one.iter().fold(0f32, |largest, value| largest.max(value.abs()));
            assert!(dimensions < 64 || largest < 0.5, "{dimensions}: {largest}");
        }
    }
}
