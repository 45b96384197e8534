//! Finds boxes around connected groups of text pixels.

/// Lowest value of a text pixel.
const MARKED: f32 = 0.3;
/// Lowest mean value of a box's pixels.
const SURE: f32 = 0.5;
/// The marks cover the middle of letters, so boxes are enlarged by this factor of area to
/// circumference.
const LARGER: f32 = 1.6;
/// Most boxes of an image.
const LIMIT: usize = 4_000;
/// Ratio of length to height above which a box determines the direction of its line.
const LONG: f32 = 3.0;

/// The network's output per pixel, row by row, from 0 to 1.
pub struct Marks<'a> {
    pub width: usize,
    pub height: usize,
    pub marks: &'a [f32],
}

/// A line of text, as a box that may be rotated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextBox {
    pub middle: (f32, f32),
    /// Unit vector along the longer side; to the right, or down if the line is rather vertical.
    pub direction: (f32, f32),
    /// Half of its length along the direction, and half of its height.
    pub reach: (f32, f32),
}

impl TextBox {
    pub fn scaled(self, x: f32, y: f32) -> Self {
        let Self { middle, direction, reach } = self;
        // Both factors are nearly equal, because sizes are only rounded.
        let scale = (x * y).sqrt();
        Self {
            middle: (middle.0 * x, middle.1 * y),
            direction,
            reach: (reach.0 * scale, reach.1 * scale),
        }
    }

    /// Returns the direction in radians, from -π/4 (rising) to 3π/4.
    pub fn angle(&self) -> f32 {
        self.direction.1.atan2(self.direction.0)
    }

    pub fn is_long(&self) -> bool {
        self.reach.0 > LONG * self.reach.1
    }

    pub fn is_upright(&self) -> bool {
        self.direction.1.abs() > self.direction.0.abs()
    }
}

/// Returns the boxes of all groups of text pixels.
pub fn find(marks: &Marks<'_>) -> Vec<TextBox> {
    let mut visited: Vec<bool> = marks.marks.iter().map(|mark| *mark <= MARKED).collect();
    let mut boxes = Vec::new();
    let mut group = Vec::new();
    for start in 0..visited.len() {
        if visited[start] {
            continue;
        }
        collect(marks, &mut visited, start, &mut group);
        if boxes.len() < LIMIT {
            boxes.extend(boxed(marks, &group));
        }
    }
    boxes
}

/// Collects the connected text pixels around `start` and marks them as seen.
fn collect(marks: &Marks<'_>, visited: &mut [bool], start: usize, group: &mut Vec<usize>) {
    group.clear();
    group.push(start);
    visited[start] = true;
    let mut next = 0;
    while let Some(&at) = group.get(next) {
        next += 1;
        let (x, y) = (at % marks.width, at / marks.width);
        for near_y in y.saturating_sub(1)..(y + 2).min(marks.height) {
            for near_x in x.saturating_sub(1)..(x + 2).min(marks.width) {
                let neighbour = near_y * marks.width + near_x;
                if !std::mem::replace(&mut visited[neighbour], true) {
                    group.push(neighbour);
                }
            }
        }
    }
}

fn boxed(marks: &Marks<'_>, group: &[usize]) -> Option<TextBox> {
    let count = group.len() as f32;
    let sure = group.iter().map(|at| marks.marks[*at]).sum::<f32>() / count;
    if group.len() < 6 || sure < SURE {
        return None;
    }
    let place = |at: &usize| ((at % marks.width) as f32 + 0.5, (at / marks.width) as f32 + 0.5);
    let sum = group.iter().map(place).fold((0.0, 0.0), |sum, at| (sum.0 + at.0, sum.1 + at.1));
    let middle = (sum.0 / count, sum.1 / count);
    let direction_of_box = direction(group.iter().map(place), middle);
    let (mut low, mut high) = ((f32::MAX, f32::MAX), (f32::MIN, f32::MIN));
    for (x, y) in group.iter().map(place) {
        let (x, y) = (x - middle.0, y - middle.1);
        let (u, v) = (
            x * direction_of_box.0 + y * direction_of_box.1,
            y * direction_of_box.0 - x * direction_of_box.1,
        );
        (low, high) = ((low.0.min(u), low.1.min(v)), (high.0.max(u), high.1.max(v)));
    }
    let (length, height) = (high.0 - low.0 + 1.0, high.1 - low.1 + 1.0);
    let more = LARGER * length * height / (2.0 * (length + height));
    let (u, v) = ((low.0 + high.0) / 2.0, (low.1 + high.1) / 2.0);
    Some(TextBox {
        middle: (
            middle.0 + u * direction_of_box.0 - v * direction_of_box.1,
            middle.1 + u * direction_of_box.1 + v * direction_of_box.0,
        ),
        direction: direction_of_box,
        reach: (length / 2.0 + more, height / 2.0 + more),
    })
}

/// Returns the principal direction of the pixels, or a horizontal one if the group is hardly longer
/// than high.
fn direction(points: impl Iterator<Item = (f32, f32)>, middle: (f32, f32)) -> (f32, f32) {
    let (mut xx, mut xy, mut yy) = (0.0f64, 0.0f64, 0.0f64);
    for (x, y) in points {
        let (x, y) = (f64::from(x - middle.0), f64::from(y - middle.1));
        (xx, xy, yy) = (xx + x * x, xy + x * y, yy + y * y);
    }
    let spread = ((xx - yy).powi(2) + 4.0 * xy * xy).sqrt();
    let (long, short) = ((xx + yy + spread) / 2.0, (xx + yy - spread) / 2.0);
    if long < f64::from(LONG * LONG) / 2.0 * short.max(1e-9) {
        return if yy > 2.25 * xx { (0.0, 1.0) } else { (1.0, 0.0) };
    }
    let angle = 0.5 * (2.0 * xy).atan2(xx - yy);
    let (x, y) = (angle.cos() as f32, angle.sin() as f32);
    // To the right if rather horizontal, otherwise down.
    if x.abs() >= y.abs() && x < 0.0 || x.abs() < y.abs() && y < 0.0 { (-x, -y) } else { (x, y) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(width: usize, height: usize, is_text: impl Fn(f32, f32) -> bool) -> Vec<TextBox> {
        let point = |at: usize| is_text((at % width) as f32 + 0.5, (at / width) as f32 + 0.5);
        let marks: Vec<f32> =
            (0..width * height).map(|at| if point(at) { 0.9 } else { 0.0 }).collect();
        find(&Marks { width, height, marks: &marks })
    }

    #[test]
    fn each_line_has_a_box_that_is_larger_than_its_marks() {
        let boxes = marked(100, 40, |x, y| {
            (10.0..90.0).contains(&x) && ((8.0..14.0).contains(&y) || (24.0..30.0).contains(&y))
        });
        assert_eq!(boxes.len(), 2);
        let first = boxes[0];
        assert!((first.middle.0 - 50.0).abs() < 0.1 && (first.middle.1 - 11.0).abs() < 0.1);
        assert!(first.reach.0 > 43.0 && (6.0..8.0).contains(&first.reach.1), "{first:?}");
        assert!(first.is_long() && !first.is_upright());
    }

    #[test]
    fn a_turned_line_has_a_turned_box() {
        let slope = 0.1f32;
        let boxes = marked(200, 80, |x, y| {
            (20.0..180.0).contains(&x) && (y - 20.0 - slope * x).abs() < 4.0
        });
        assert_eq!(boxes.len(), 1);
        assert!((boxes[0].angle() - slope.atan()).abs() < 0.01, "{boxes:?}");
        let boxes = marked(40, 200, |x, y| (15.0..22.0).contains(&x) && (20.0..180.0).contains(&y));
        assert!(boxes[0].is_upright() && boxes[0].direction.1 > 0.99, "{boxes:?}");
    }

    #[test]
    fn specks_are_nothing() {
        assert!(marked(50, 50, |x, y| x < 2.0 && y < 2.0).is_empty());
        assert!(find(&Marks { width: 0, height: 0, marks: &[] }).is_empty());
    }
}
