//! Compares products of codes with products of their weights, with every instruction set.
use pulp::WithSimd;

use super::*;
use crate::kernel::testing::all_instructions;

struct Product<'a> {
    panels: &'a Panels,
    left: Rows<'a>,
    out: &'a mut [f32],
    width: usize,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { panels, left, out, width } = self;
        if left.values.len() == left.width {
            panels.multiply_row(simd, left.values, out, &mut Vec::new());
        } else {
            panels.multiply(simd, left, out, (width, 0), &mut Vec::new());
        }
    }
}

/// Whole numbers up to 127, the largest in every block, so that rounding to 8 bits is exact.
fn weights(rows: usize, depth: usize) -> Vec<f32> {
    let value = |row: usize, k: usize| ((row * 37 + k * 11) % 255) as f32 - 127.0;
    let cell = |row, k: usize| if k.is_multiple_of(BLOCK) { 127.0 } else { value(row, k) };
    (0..rows).flat_map(|row| (0..depth).map(move |k| cell(row, k))).collect()
}

#[test]
fn codes_and_their_weights_give_equal_products() {
    let (columns, depth) = (96, 64);
    let values = weights(columns, depth);
    let exact = Panels::pack(&Matrix::Full(values.clone()), depth).unwrap();
    let coded = Panels::pack(&Matrix::rounded(&values), depth).unwrap();
    for instructions in all_instructions() {
        for rows in [1, 2, 5, 13] {
            let left: Vec<f32> = (0..rows * depth).map(|at| (at % 7) as f32 - 3.0).collect();
            let left = Rows { values: &left, width: depth };
            let product = |panels: &Panels| {
                let mut out = vec![1.0; rows * columns];
                instructions.run(Product { panels, left, out: &mut out, width: columns });
                out
            };
            assert_eq!(product(&exact), product(&coded), "{instructions:?} {rows}");
        }
    }
}

#[test]
fn a_row_is_read_back() {
    let values = weights(32, 64);
    for matrix in [Matrix::Full(values.clone()), Matrix::rounded(&values)] {
        let panels = Panels::pack(&matrix, 64).unwrap();
        for (index, expected) in values.chunks(64).enumerate() {
            let mut row = vec![0.0; 64];
            panels.row(index, &mut row);
            assert_eq!(row, expected, "{index}");
        }
    }
}
