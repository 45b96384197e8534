//! The rotation of queries and keys by their positions, for models with rotary positions.
use crate::architecture::{Architecture, Positions};

/// Rotates the query and the key of each row by its position in the text and the length of the
/// text, if the architecture requires it. `positions` contains the position and the length of the
/// text of each row.
///
/// The two halves of a head are the coordinates of its points. Angles are rounded as in the
/// reference implementation.
pub fn rotate(
    architecture: &Architecture,
    positions: impl Iterator<Item = (usize, usize)>,
    attention: &mut [f32],
) {
    let Positions::Rotary { base, trained, scaling } = architecture.positions else { return };
    let (width, head) = (architecture.hidden, architecture.head());
    let mut frequencies = (0, Vec::new());
    let mut angles = vec![(0.0, 0.0); head / 2];
    for ((position, length), row) in positions.zip(attention.chunks_mut(3 * width)) {
        let length = length.max(trained);
        if frequencies.0 != length {
            let stretch = scaling * length as f32 / trained as f32 - (scaling - 1.0);
            let base = base * stretch.powf(head as f32 / (head as f32 - 2.0));
            let frequency = |pair: usize| 1.0 / base.powf((2 * pair) as f32 / head as f32);
            frequencies = (length, (0..head / 2).map(frequency).collect::<Vec<f32>>());
        }
        for (angle, frequency) in angles.iter_mut().zip(&frequencies.1) {
            *angle = (position as f32 * frequency).sin_cos();
        }
        for head in row[..2 * width].chunks_mut(head) {
            let (first, second) = head.split_at_mut(angles.len());
            for ((x, y), (sin, cos)) in first.iter_mut().zip(second).zip(&angles) {
                (*x, *y) = (*x * cos - *y * sin, *y * cos + *x * sin);
            }
        }
    }
}
