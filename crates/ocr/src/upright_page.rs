//! The picture of an upright page, and the ruled lines on it.

/// Distances, in pixels, at which a ruled line differs from what is on both sides of it.
const BESIDE: [isize; 2] = [3, 5];
/// Least difference in brightness.
const CONTRAST: i16 = 36;
/// Longest interruption of a ruled line, in pixels, such as where it crosses another one.
const GAP: usize = 6;
/// Most ruled lines of a page in one direction; the rest are left out.
const MAX_RULES: usize = 1_000;

/// The brightness of an upright page.
pub struct UprightPage {
    pub width: usize,
    pub height: usize,
    /// Row by row.
    pub values: Vec<u8>,
    /// The length of a pixel in pixels of the positions of lines.
    pub pixel: f32,
}

/// A ruled line at a position, and its two ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    pub at: f32,
    pub from: f32,
    pub to: f32,
}

impl UprightPage {
    /// Returns the vertical or horizontal ruled lines of at least a length, in pixels of the
    /// positions of lines.
    pub fn rules(&self, is_vertical: bool, shortest: f32) -> Vec<Rule> {
        let (across, along) = match is_vertical {
            true => (self.width, self.height),
            false => (self.height, self.width),
        };
        let value = |at: isize, along: usize| {
            let at = at.clamp(0, across as isize - 1) as usize;
            let (x, y) = if is_vertical { (at, along) } else { (along, at) };
            i16::from(self.values[y * self.width + x])
        };
        let is_thin = |at: isize, along: usize| {
            let own = value(at, along);
            let differs = |sign: i16, way: isize| {
                BESIDE.iter().any(|by| sign * (value(at + way * by, along) - own) > CONTRAST)
            };
            [1, -1].into_iter().any(|sign| differs(sign, 1) && differs(sign, -1))
        };
        let mut rules: Vec<Rule> = Vec::new();
        for at in 0..across {
            let mut run: Option<(usize, usize)> = None;
            for position in 0..=along {
                if position < along && is_thin(at as isize, position) {
                    run = Some((run.map_or(position, |run| run.0), position));
                } else if let Some((from, to)) =
                    run.filter(|run| position == along || position - run.1 > GAP)
                {
                    if (to - from) as f32 * self.pixel >= shortest {
                        add(&mut rules, self.rule(at, from, to), 3.0 * self.pixel);
                    }
                    run = None;
                }
            }
        }
        rules
    }

    /// Returns a ruled line, with ends as far as it may be interrupted.
    fn rule(&self, at: usize, from: usize, to: usize) -> Rule {
        let end = GAP as f32 * self.pixel;
        let place = |at: usize| at as f32 * self.pixel;
        Rule { at: place(at), from: place(from) - end, to: place(to) + end }
    }
}

/// Adds a ruled line, or extends the one that it is a part of.
fn add(rules: &mut Vec<Rule>, new: Rule, thickness: f32) {
    let has_room = rules.len() < MAX_RULES;
    let same = rules.iter_mut().find(|rule| {
        (rule.at - new.at).abs() <= thickness && rule.from <= new.to && new.from <= rule.to
    });
    match same {
        Some(rule) => {
            *rule = Rule { at: new.at, from: rule.from.min(new.from), to: rule.to.max(new.to) };
        }
        None if has_room => rules.push(new),
        None => {}
    }
}

/// White pages for tests.
#[cfg(test)]
pub mod testing {
    use super::UprightPage;

    /// A white page with ruled lines at these positions, from edge to edge.
    pub fn page(columns: &[usize], rows: &[usize]) -> UprightPage {
        let (width, height) = (300, 200);
        let is_ruled = |at: usize| {
            let (x, y) = (at % width, at / width);
            let on = |rules: &[usize], at: usize| {
                rules.iter().any(|rule| (*rule..rule + 2).contains(&at))
            };
            on(columns, x) || on(rows, y)
        };
        let values = (0..width * height).map(|at| if is_ruled(at) { 20 } else { 250 }).collect();
        UprightPage { width, height, values, pixel: 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::page;
    use super::{MAX_RULES, UprightPage};

    #[test]
    fn a_page_full_of_lines_is_bounded() {
        let (width, height) = (16 * MAX_RULES + 160, 40);
        let values = (0..width * height).map(|at| if at % width % 16 == 8 { 0 } else { 255 });
        let page = UprightPage { width, height, values: values.collect(), pixel: 1.0 };
        assert_eq!(page.rules(true, 20.0).len(), MAX_RULES);
    }

    #[test]
    fn ruled_lines_may_be_light_and_interrupted() {
        let mut dark = page(&[10, 150], &[100]);
        dark.values.iter_mut().for_each(|value| *value = 255 - *value);
        for y in 60..64 {
            dark.values[y * 300 + 10..y * 300 + 12].fill(5);
        }
        let found = dark.rules(true, 150.0);
        assert_eq!(found.iter().map(|rule| rule.at as usize).collect::<Vec<_>>(), [11, 151]);
        assert!(dark.rules(false, 400.0).is_empty());
    }
}
