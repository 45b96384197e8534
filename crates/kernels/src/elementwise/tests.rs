//! Compares the vectorized functions with exact results.
use pulp::WithSimd;

use super::*;
use crate::kernel::testing::all_instructions;

struct Gelu<'a>(&'a mut [[f32; 16]]);

impl WithSimd for Gelu<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        gelu_all(simd, self.0.as_flattened_mut());
    }
}

struct Softmax<'a>(&'a mut [f32], usize);

impl WithSimd for Softmax<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        softmax_unscaled(simd, self.0, self.1)
    }
}

/// Returns the probability that a standard normal variable is at most `x`, by numerical integration
/// from 0.
fn normal_probability(x: f64) -> f64 {
    let steps = 2000;
    let width = x / f64::from(steps);
    let density = |x: f64| (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let middle = |step: i32| density((f64::from(step) + 0.5) * width);
    0.5 + (0..steps).map(middle).sum::<f64>() * width
}

#[test]
fn gelu_is_exact_to_a_few_units_in_the_seventh_place() {
    let inputs: Vec<[f32; 16]> = (-100..100)
        .map(|row| std::array::from_fn(|k| row as f32 / 10.0 + k as f32 / 160.0))
        .collect();
    for instructions in all_instructions() {
        let mut outputs = inputs.clone();
        instructions.run(Gelu(&mut outputs));
        for (&x, &found) in inputs.as_flattened().iter().zip(outputs.as_flattened()) {
            let expected = f64::from(x) * normal_probability(f64::from(x));
            let error = (f64::from(found) - expected).abs();
            assert!(error <= 3e-7 * f64::from(x.abs().max(1.0)), "{instructions:?} {x}: {found}");
        }
    }
}

#[test]
fn gelu_of_the_largest_numbers_is_finite() {
    for instructions in all_instructions() {
        let mut values = [[f32::MAX; 16], [f32::MIN; 16], [1e10; 16], [-1e10; 16]];
        instructions.run(Gelu(&mut values));
        assert_eq!(values[0], [f32::MAX; 16]);
        assert!(values.as_flattened().iter().all(|value| value.is_finite()));
    }
}

#[test]
fn softmax_includes_only_the_first_scores() {
    for instructions in all_instructions() {
        for length in 1..64 {
            let scores: Vec<f32> =
                (0..64).map(|index| ((index * 7) % 13) as f32 * 3.0 - 20.0).collect();
            let mut found = scores.clone();
            let sum = instructions.run(Softmax(&mut found, length));
            let exact = |index: usize| f64::from(scores[index]).exp();
            let total: f64 = (0..length).map(exact).sum();
            for (index, &value) in found[..length].iter().enumerate() {
                let error = (f64::from(value / sum) - exact(index) / total).abs();
                assert!(error < 1e-6, "{instructions:?} {length}");
            }
        }
    }
}
