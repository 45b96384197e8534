//! Products with every instruction set.
use super::testing::all_instructions;
use super::*;

struct Multiply<'a> {
    left: &'a [f32],
    depth: usize,
    panels: &'a [PanelRow],
    out: &'a mut [f32],
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let left = Rows { values: self.left, width: 48 };
        multiply(simd, left, self.depth, self.panels, self.out, (100, 3));
    }
}

#[test]
fn a_product_of_any_height_is_added_at_its_column() {
    let value = |row: usize, column: usize| ((row * 31 + column * 17) % 23) as f32 - 11.0;
    for instructions in all_instructions() {
        for (rows, depth) in (0..30).flat_map(|rows| [(rows, 1), (rows, 48)]) {
            let left: Vec<f32> =
                (0..rows).flat_map(|row| (0..48).map(move |k| value(row, k))).collect();
            let panels: Vec<PanelRow> = (0..4)
                .flat_map(|panel| (0..depth).map(move |k| (panel, k)))
                .map(|(panel, k)| std::array::from_fn(|column| value(k, panel * PANEL + column)))
                .collect();
            let mut out = vec![1.0; 100 * rows];
            instructions.run(Multiply { left: &left, depth, panels: &panels, out: &mut out });
            for (row, out) in out.chunks(100).enumerate() {
                for (column, &found) in out.iter().enumerate() {
                    let sum =
                        |column| (0..depth).map(|k| value(row, k) * value(k, column)).sum::<f32>();
                    let inside = (3..67).contains(&column);
                    // Small integers, for which every order of summation gives the same result.
                    let expected = if inside { 1.0 + sum(column - 3) } else { 1.0 };
                    assert_eq!(found, expected, "{instructions:?} {rows} x {depth}");
                }
            }
        }
    }
}
