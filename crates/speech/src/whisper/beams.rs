//! Beam search for the likeliest text of a window.
use super::attempt::log_sum;
use super::decoder::Decoder;
use super::rules::Rules;
use super::vocabulary::TokenId;

/// Number of beams.
const BEAMS: usize = 5;

/// A text and its log probability.
#[derive(Clone, Debug)]
struct Beam {
    tokens: Vec<TokenId>,
    sum: f32,
}

impl Beam {
    /// Returns the log probability per token, so that short texts are not preferred.
    fn score(&self) -> f32 {
        self.sum / (self.tokens.len() + 1) as f32
    }
}

/// A candidate for the next token of a beam.
struct Continuation {
    parent: usize,
    token: TokenId,
    sum: f32,
}

/// Searches from the only text of `decoder`, up to the end mark. `next` holds the likelihoods of
/// its next token. Returns the tokens and their mean log probability.
pub fn search(
    decoder: &mut Decoder<'_>,
    rules: &Rules<'_>,
    next: Vec<f32>,
    most: usize,
) -> (Vec<TokenId>, f32) {
    let mut beams = vec![Beam { tokens: Vec::new(), sum: 0.0 }];
    let mut likelihoods = vec![next];
    let mut ended: Vec<Beam> = Vec::new();
    loop {
        let mut candidates = Vec::new();
        for ((parent, beam), next) in beams.iter().enumerate().zip(&mut likelihoods) {
            rules.apply(&beam.tokens, next);
            let all = log_sum(decoder.instructions(), next);
            // One more than the number of beams, because one candidate may be the end mark.
            for (token, value) in likeliest(next, BEAMS + 1) {
                candidates.push(Continuation { parent, token, sum: beam.sum + value - all });
            }
        }
        candidates.sort_by(|one, other| other.sum.total_cmp(&one.sum));
        let mut chosen: Vec<Continuation> = Vec::new();
        for candidate in candidates {
            if chosen.len() == BEAMS || ended.len() == BEAMS {
                break;
            }
            if candidate.token == rules.marks.end {
                let tokens = beams[candidate.parent].tokens.clone();
                ended.push(Beam { tokens, sum: candidate.sum });
            } else {
                chosen.push(candidate);
            }
        }
        let length = beams[0].tokens.len() + 1;
        let extended = |Continuation { parent, token, sum }: &Continuation| {
            let mut tokens = beams[*parent].tokens.clone();
            tokens.push(*token);
            Beam { tokens, sum: *sum }
        };
        let following: Vec<Beam> = chosen.iter().map(extended).collect();
        if ended.len() == BEAMS || following.is_empty() || length >= most {
            if ended.is_empty() {
                ended = following;
            }
            break;
        }
        beams = following;
        let parents: Vec<_> = chosen.iter().map(|chosen| chosen.parent).collect();
        let tokens: Vec<_> = chosen.iter().map(|chosen| chosen.token).collect();
        decoder.branch(&parents, &tokens);
        likelihoods = decoder.likelihoods(0..tokens.len());
    }
    let best = ended.into_iter().max_by(|one, other| one.score().total_cmp(&other.score()));
    best.map(|best| (best.score(), best.tokens))
        .map_or((Vec::new(), 0.0), |(score, tokens)| (tokens, score))
}

/// Returns the likeliest tokens that are not forbidden, in order.
fn likeliest(values: &[f32], count: usize) -> Vec<(TokenId, f32)> {
    let mut best: Vec<(TokenId, f32)> = Vec::with_capacity(count + 1);
    for (token, &value) in (0..).zip(values) {
        let is_full = best.len() == count;
        if value == f32::NEG_INFINITY
            || (is_full && best.last().is_some_and(|last| value <= last.1))
        {
            continue;
        }
        let at = best.partition_point(|known| known.1 >= value);
        best.insert(at, (token, value));
        best.truncate(count);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_tokens_come_in_order_without_the_forbidden() {
        let values = [1.0, f32::NEG_INFINITY, 5.0, 3.0, 4.0, f32::NEG_INFINITY];
        assert_eq!(likeliest(&values, 3), [(2, 5.0), (4, 4.0), (3, 3.0)]);
        assert_eq!(likeliest(&values[..2], 3), [(0, 1.0)]);
    }
}
