//! Parses the response of a reranker and orders the scores by text.
use serde_json::Value;

use crate::{json, refusal};

/// Why a response is unusable.
#[derive(Debug, PartialEq)]
pub(super) enum Wrong {
    /// The provider reported an error with status 200.
    Reported(String),
    Reply(String),
}

/// Returns one score for each of `texts` texts; `None` for texts that the response omits.
pub(super) fn read(content: &[u8], texts: usize) -> Result<Vec<Option<f32>>, Wrong> {
    let reply = json::parse(content)
        .map_err(|error| Wrong::Reply(format!("its answer is not the JSON expected: {error}")))?;
    // The list is called `results` or `data`, or it is the whole response.
    let items = [&reply["results"], &reply["data"], &reply].into_iter().find_map(Value::as_array);
    let Some(items) = items else {
        return Err(match refusal::reported_in(&reply) {
            Some(message) => Wrong::Reported(message),
            None => Wrong::Reply("its answer contains no results".into()),
        });
    };
    let mut scores = vec![None; texts];
    for item in items {
        let place = item["index"].as_u64().and_then(|place| usize::try_from(place).ok());
        let place = place.ok_or_else(|| Wrong::Reply("a result has no index".into()))?;
        let Some(slot) = scores.get_mut(place) else {
            return Err(Wrong::Reply("it returned a result for a text that was not sent".into()));
        };
        if slot.is_some() {
            return Err(Wrong::Reply("it returned two results for the same text".into()));
        }
        let score = [&item["relevance_score"], &item["score"]].into_iter().find_map(Value::as_f64);
        let score = score.map(|score| score as f32).filter(|score| score.is_finite());
        *slot = Some(score.ok_or_else(|| Wrong::Reply("a result has no score".into()))?);
    }
    if texts > 0 && items.is_empty() {
        return Err(Wrong::Reply("its answer contains no results".into()));
    }
    Ok(scores)
}

/// Maps scores to the range from 0 to 1 and keeps their order. Some servers return the raw scores of
/// their model, which exceed this range.
pub(super) fn to_shares(scores: &mut [Option<f32>]) {
    if scores.iter().flatten().all(|score| (0.0..=1.0).contains(score)) {
        return;
    }
    for score in scores.iter_mut().flatten() {
        *score = 1.0 / (1.0 + (-*score).exp());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_in_each_form_and_put_in_the_order_of_the_texts() {
        let expected = Ok(vec![Some(0.25), None, Some(0.5)]);
        for content in [
            r#"{"id":"x","results":[{"index":2,"relevance_score":0.5},{"index":0,"relevance_score":0.25}],"meta":{}}"#,
            r#"{"model":"m","results":[{"index":0,"relevance_score":0.25,"document":{"text":"a"}},{"index":2,"relevance_score":0.5}]}"#,
            r#"{"object":"list","data":[{"index":0,"relevance_score":0.25},{"index":2,"relevance_score":0.5}]}"#,
            r#"[{"index":2,"score":0.5},{"index":0,"score":0.25,"text":null}]"#,
        ] {
            assert_eq!(read(content.as_bytes(), 3), expected, "{content}");
        }
    }

    #[test]
    fn invalid_responses_are_described() {
        for (content, words) in [
            (r#"{"results":[{"index":7,"relevance_score":1}]}"#, "not sent"),
            (r#"{"results":[{"index":-1,"relevance_score":1}]}"#, "no index"),
            (r#"{"results":[{"relevance_score":1}]}"#, "no index"),
            (r#"[{"index":0,"score":1},{"index":0,"score":1}]"#, "two results"),
            (r#"[{"index":0,"score":"high"}]"#, "no score"),
            (r#"[{"index":0,"score":1e300}]"#, "no score"),
            (r#"{"results":[]}"#, "no results"),
            (r"{}", "no results"),
            ("[1,2]", "no index"),
            ("{", "not the JSON expected"),
        ] {
            let Err(Wrong::Reply(reason)) = read(content.as_bytes(), 2) else {
                panic!("{content}")
            };
            assert!(reason.contains(words), "{content}: {reason}");
        }
        let reported = read(br#"{"error":"no such model","error_type":"Backend"}"#, 2);
        assert_eq!(reported, Err(Wrong::Reported("no such model".into())));
    }

    #[test]
    fn scores_of_any_range_become_0_to_1_in_the_same_order() {
        let mut shares = [Some(0.9), None, Some(0.0)];
        to_shares(&mut shares);
        assert_eq!(shares, [Some(0.9), None, Some(0.0)]);
        let mut logits = [Some(-9.0), Some(4.0), None, Some(0.5), Some(-1e30)];
        to_shares(&mut logits);
        let of = |place: usize| logits[place].unwrap();
        assert!(of(1) > of(3) && of(3) > of(0) && of(0) >= of(4), "{logits:?}");
        assert!(logits.iter().flatten().all(|score| (0.0..=1.0).contains(score)));
    }
}
