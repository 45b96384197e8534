//! Ranges of chunk ids, split until each contains no more chunks than a store counts or returns at
//! once.

/// The chunk ids above the first number, up to and including the second.
pub(crate) type Span = (i64, i64);

/// The first split point. Most chunk ids are small, so splitting starts at the lower end.
const FIRST_CUT: i64 = 1 << 16;

/// The spans that still have to be processed.
pub(crate) struct Spans(Vec<Span>);

impl Spans {
    /// A single span with all chunks.
    pub fn all() -> Self {
        Self(vec![(0, i64::MAX)])
    }

    pub fn next(&mut self) -> Option<Span> {
        self.0.pop()
    }

    /// Replaces a span by its two halves. Returns false if it cannot be split.
    pub fn cut(&mut self, (after, upto): Span) -> bool {
        if upto - after < 2 {
            return false;
        }
        let middle = match upto {
            i64::MAX => after.saturating_mul(4).clamp(FIRST_CUT, i64::MAX - 1),
            _ => after + (upto - after) / 2,
        };
        self.0.push((middle, upto));
        self.0.push((after, middle));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_split_until_each_contains_few_chunks() {
        let chunks: Vec<i64> = (1..3_000).chain((1 << 40)..(1 << 40) + 500).collect();
        let of = |(after, upto): Span| {
            chunks.iter().copied().filter(move |chunk| *chunk > after && *chunk <= upto)
        };
        let (mut spans, mut found, mut looks) = (Spans::all(), Vec::new(), 0);
        while let Some(span) = spans.next() {
            looks += 1;
            if of(span).count() > 100 {
                assert!(spans.cut(span));
                continue;
            }
            found.extend(of(span));
        }
        assert_eq!(found, chunks);
        assert!(looks < 250, "{looks}");
        assert!(!spans.cut((4, 5)), "one chunk has no parts");
    }
}
