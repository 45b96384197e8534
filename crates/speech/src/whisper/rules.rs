//! Rules for the next token: tokens that never appear, and the order of times.
use super::vocabulary::{SpecialTokens, TokenId};

/// The latest time of a window's first word, in steps of 20 ms.
const LATEST_FIRST_TIME: u32 = 50;
const NEVER: f32 = f32::NEG_INFINITY;

pub struct Rules<'m> {
    pub marks: &'m SpecialTokens,
    /// Text tokens that never appear in a transcript, such as musical symbols.
    pub suppressed: &'m [TokenId],
}

impl Rules<'_> {
    /// Forbids every token that must not follow `tokens`, in the likelihoods of the next token.
    pub fn apply(&self, tokens: &[TokenId], next: &mut [f32]) {
        let marks = self.marks;
        for token in self.suppressed.iter().chain(&marks.never()) {
            forbid(next, *token);
        }
        marks.languages().for_each(|token| forbid(next, token));
        forbid(next, marks.no_times);
        let (text, times) = next.split_at_mut(marks.first_time as usize);
        let is_time = |back: usize| {
            tokens.len().checked_sub(back).is_some_and(|at| marks.is_time(tokens[at]))
        };
        if tokens.is_empty() {
            // A window begins with an early time.
            text.fill(NEVER);
            times[LATEST_FIRST_TIME as usize + 1..].fill(NEVER);
            return;
        }
        if is_time(1) {
            match tokens.len() < 2 || is_time(2) {
                // Text follows the second time of a pair and the first time of the window.
                true => times.fill(NEVER),
                // The end of a segment is followed by the start of the next one, or by the end
                // mark.
                false => text[..marks.end as usize].fill(NEVER),
            }
        }
        if let Some(last) = tokens.iter().rev().find(|token| marks.is_time(**token)) {
            // Times never decrease, and a segment is never empty.
            let is_end = is_time(1) && !is_time(2) && tokens.len() > 1;
            let first = last - marks.first_time + u32::from(!is_end);
            times[..(first as usize).min(1501)].fill(NEVER);
        }
        prefer_times(text, times);
    }
}

/// If all times together are likelier than every other token, the next token must be a time.
fn prefer_times(text: &mut [f32], times: &[f32]) {
    let latest = times.iter().copied().fold(NEVER, f32::max);
    if latest == NEVER {
        return;
    }
    let sum: f32 = times.iter().map(|value| (value - latest).exp()).sum();
    let any_time = latest + sum.ln();
    if text.iter().all(|&value| value < any_time) {
        text.fill(NEVER);
    }
}

fn forbid(next: &mut [f32], token: TokenId) {
    if let Some(value) = next.get_mut(token as usize) {
        *value = NEVER;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 51_865;

    fn allowed(
        tokens: &[TokenId],
        next: impl Fn(&SpecialTokens) -> Vec<(TokenId, f32)>,
    ) -> Vec<TokenId> {
        let marks = SpecialTokens::new(SIZE);
        let rules = Rules { marks: &marks, suppressed: &[7] };
        let mut values = vec![-10.0; SIZE];
        for (token, value) in next(&marks) {
            values[token as usize] = value;
        }
        rules.apply(tokens, &mut values);
        (0..SIZE as u32).filter(|token| values[*token as usize] > NEVER).collect()
    }

    #[test]
    fn a_window_begins_with_an_early_time() {
        let first = SpecialTokens::new(SIZE).first_time;
        assert_eq!(allowed(&[], |_| Vec::new()), (first..=first + 50).collect::<Vec<_>>());
    }

    #[test]
    fn text_follows_the_first_time_and_ends_with_a_later_one() {
        let marks = SpecialTokens::new(SIZE);
        let likely = |_: &SpecialTokens| vec![(400, 5.0)];
        let next = allowed(&[marks.first_time], likely);
        assert!(next.contains(&400) && !next.contains(&7) && next.contains(&marks.end));
        assert!(next.iter().all(|token| !marks.is_time(*token)));
        let next = allowed(&[marks.first_time, 400], likely);
        assert!(next.contains(&marks.end) && !next.contains(&marks.first_time));
        assert!(next.contains(&(marks.first_time + 1)));
    }

    #[test]
    fn the_end_of_a_segment_is_followed_by_a_beginning_or_the_end() {
        let marks = SpecialTokens::new(SIZE);
        let tokens = [marks.first_time, 400, marks.first_time + 60];
        let next = allowed(&tokens, |marks| vec![(marks.end, 20.0)]);
        assert!(next.contains(&marks.end) && next.contains(&(marks.first_time + 60)));
        assert!(!next.contains(&400) && !next.contains(&(marks.first_time + 59)));
    }

    #[test]
    fn times_together_outweigh_one_word() {
        let marks = SpecialTokens::new(SIZE);
        let next = allowed(&[marks.first_time, 400], |_| vec![(500, -9.0)]);
        assert!(next.iter().all(|token| marks.is_time(*token)), "1,500 times of e^-10 each");
    }
}
