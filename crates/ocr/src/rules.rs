//! Removes ruled lines from the picture of a line of text. The network reads the border of a cell as
//! a bracket or a digit.

/// Number of color channels.
const CHANNELS: usize = 3;
/// Least difference of a ruled line from the background, as a share of the largest in the picture.
const CONTRAST: f32 = 0.15;
/// Least difference that counts, where colors go from -1 to 1.
const LEAST_CONTRAST: f32 = 0.15;
/// Share of the height that a ruled line covers at least: it may end at the corner of a table.
const COVERED: f32 = 0.8;
/// Width of the thickest line, as a share of the picture's height.
const THICKEST: f32 = 0.2;

/// Replaces vertical lines that reach an edge by the background. `values` holds a plane of
/// `width` × `height` values for each color, from -1 to 1.
pub fn remove(values: &mut [f32], width: usize, height: usize) {
    let plane = width * height;
    let background: [f32; CHANNELS] =
        std::array::from_fn(|channel| median(&values[channel * plane..(channel + 1) * plane]));
    let differences: Vec<f32> = (0..plane)
        .map(|at| {
            let of = |channel: usize| (values[channel * plane + at] - background[channel]).abs();
            (0..CHANNELS).map(of).fold(0.0, f32::max)
        })
        .collect();
    let largest = differences.iter().copied().fold(0.0, f32::max);
    let least = (CONTRAST * largest).max(LEAST_CONTRAST);
    let is_ruled = |x: usize| {
        let is_marked = |y: usize| differences[y * width + x] > least;
        let marked = (0..height).filter(|y| is_marked(*y)).count();
        // Letters, brackets and bars leave a margin above and below.
        let reaches_edge = height > 1
            && (is_marked(0) && is_marked(1) || is_marked(height - 1) && is_marked(height - 2));
        reaches_edge && marked as f32 >= COVERED * height as f32
    };
    let ruled: Vec<bool> = (0..width).map(is_ruled).collect();
    let mut start = 0;
    for columns in ruled.chunk_by(|one, other| one == other) {
        let end = start + columns.len();
        if columns[0] && columns.len() as f32 <= THICKEST * height as f32 {
            // Beside a line are pixels that it covers in part.
            clear(
                values,
                background,
                (width, height),
                start.saturating_sub(1)..(end + 1).min(width),
            );
        }
        start = end;
    }
}

fn clear(
    values: &mut [f32],
    background: [f32; CHANNELS],
    (width, height): (usize, usize),
    columns: std::ops::Range<usize>,
) {
    for (channel, color) in background.into_iter().enumerate() {
        for y in 0..height {
            let row = (channel * height + y) * width;
            values[row + columns.start..row + columns.end].fill(color);
        }
    }
}

fn median(values: &[f32]) -> f32 {
    let mut values = values.to_vec();
    let middle = values.len() / 2;
    match values.is_empty() {
        true => 0.0,
        false => *values.select_nth_unstable_by(middle, f32::total_cmp).1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws dark rectangles (columns, rows) on white paper.
    fn drawn(rectangles: &[(std::ops::Range<usize>, std::ops::Range<usize>)]) -> Vec<f32> {
        let mut values = vec![1.0; CHANNELS * 60 * 48];
        for (columns, rows) in rectangles {
            for channel in 0..CHANNELS {
                for y in rows.clone() {
                    let row = (channel * 48 + y) * 60;
                    values[row + columns.start..row + columns.end].fill(-0.8);
                }
            }
        }
        values
    }

    fn is_changed(rectangles: &[(std::ops::Range<usize>, std::ops::Range<usize>)]) -> bool {
        let mut values = drawn(rectangles);
        remove(&mut values, 60, 48);
        values != drawn(rectangles)
    }

    #[test]
    fn borders_of_cells_are_removed_and_letters_are_not() {
        let letter = (20..24, 9..39);
        let mut values = drawn(&[(2..4, 0..48), letter.clone()]);
        remove(&mut values, 60, 48);
        assert_eq!(values, drawn(std::slice::from_ref(&letter)));
        assert!(!is_changed(&[letter, (40..43, 4..46)]), "a bar is text");
        assert!(is_changed(&[(40..42, 7..48)]), "the corner of a table");
        assert!(!is_changed(&[(30..60, 0..48)]), "a dark area is no line");
        assert!(!is_changed(&[]));
    }

    #[test]
    fn empty_pictures_are_left_alone() {
        remove(&mut [], 0, 48);
        remove(&mut [], 0, 0);
    }
}
