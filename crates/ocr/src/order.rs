//! The orientation of a page: the direction of its lines, and their skew.
use crate::boxes::TextBox;

/// Smallest skew of a crooked line, in radians.
const LEAST: f32 = 0.003;

/// True if most of the text is upright, as on a page that was scanned sideways.
pub fn is_sideways(boxes: &[TextBox]) -> bool {
    let length = |is_upright: bool| {
        let long = boxes.iter().filter(|line| line.is_long() && line.is_upright() == is_upright);
        long.map(|line| line.reach.0).sum::<f32>()
    };
    length(true) > length(false)
}

/// Returns the most informative boxes: the longest in the page's direction.
pub fn longest(boxes: &[TextBox], is_sideways: bool, count: usize) -> Vec<TextBox> {
    let mut long: Vec<_> =
        boxes.iter().filter(|line| line.is_upright() == is_sideways).copied().collect();
    long.sort_by(|one, other| other.reach.0.total_cmp(&one.reach.0));
    long.truncate(count);
    long
}

/// Returns the direction of most lines, weighted by length, as a unit vector.
pub fn direction(boxes: &[TextBox], is_sideways: bool) -> (f32, f32) {
    let straight: f32 = if is_sideways { std::f32::consts::FRAC_PI_2 } else { 0.0 };
    let long = boxes.iter().filter(|line| line.is_long() && line.is_upright() == is_sideways);
    let mut angles: Vec<(f32, f32)> = long.map(|line| (line.angle(), line.reach.0)).collect();
    angles.sort_by(|one, other| one.0.total_cmp(&other.0));
    let middle = angles.iter().map(|(_, length)| length).sum::<f32>() / 2.0;
    let mut passed = 0.0;
    let median = angles.iter().find(|(_, length)| {
        passed += length;
        passed >= middle
    });
    let angle = median.map_or(straight, |(angle, _)| *angle);
    let angle = if (angle - straight).abs() < LEAST { straight } else { angle };
    (angle.cos(), angle.sin())
}

/// Returns the box as it is read on a page whose lines run in `direction`. A long line keeps its own
/// direction; other boxes take the page's.
pub fn as_read(line: &TextBox, direction: (f32, f32)) -> TextBox {
    let across = (-direction.1, direction.0);
    let dot = |one: (f32, f32), other: (f32, f32)| one.0 * other.0 + one.1 * other.1;
    let (with, against) = (dot(line.direction, direction), dot(line.direction, across));
    let sign = |value: f32| if value < 0.0 { -1.0 } else { 1.0 };
    let times = |by: f32, of: (f32, f32)| (by * of.0, by * of.1);
    let is_along = with.abs() >= against.abs();
    let own = match is_along {
        true => times(sign(with), line.direction),
        false => times(sign(against), line.direction),
    };
    // A single letter may be higher than wide; a column of letters is much higher.
    let is_column = !is_along && line.reach.0 > 1.5 * line.reach.1;
    match (is_along, is_column) {
        (true, _) if line.is_long() => TextBox { direction: own, ..*line },
        (true, _) => TextBox { direction, ..*line },
        (false, true) => TextBox { direction: own, ..*line },
        (false, false) => TextBox { direction, reach: (line.reach.1, line.reach.0), ..*line },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(x: f32, y: f32, angle: f32, length: f32) -> TextBox {
        TextBox { middle: (x, y), direction: (angle.cos(), angle.sin()), reach: (length, 5.0) }
    }

    #[test]
    fn the_direction_of_a_page_is_the_one_of_its_lines() {
        let lines =
            [line(50.0, 10.0, 0.03, 50.0), line(50.0, 30.0, 0.03, 45.0), line(5.0, 5.0, 0.5, 20.0)];
        assert!(!is_sideways(&lines));
        assert!((direction(&lines, false).1 - 0.03f32.sin()).abs() < 1e-6);
        let upright: Vec<_> =
            lines.iter().map(|l| line(l.middle.0, 1.0, 1.57 - l.angle(), 50.0)).collect();
        assert!(is_sideways(&upright) && direction(&upright, true).1 > 0.99);
        assert_eq!(direction(&[], false), (1.0, 0.0));
    }

    #[test]
    fn boxes_are_read_in_the_direction_of_the_page() {
        let upside_down = as_read(&line(0.0, 0.0, 0.02, 50.0), (-1.0, 0.0));
        assert!(upside_down.direction.0 < -0.99 && upside_down.reach == (50.0, 5.0));
        // A letter that is higher than wide is still read from the left.
        let letter = TextBox { middle: (0.0, 0.0), direction: (0.0, 1.0), reach: (6.0, 5.0) };
        assert_eq!(as_read(&letter, (1.0, 0.0)).reach, (5.0, 6.0));
        let column = as_read(&TextBox { reach: (60.0, 5.0), ..letter }, (1.0, 0.0));
        assert_eq!(column.direction, (0.0, 1.0));
    }
}
