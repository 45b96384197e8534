//! Parses responses of embedding services and orders the vectors by text.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use crate::{json, refusal};

/// Why a response is unusable.
#[derive(Debug, PartialEq)]
pub(super) enum Wrong {
    /// The provider reported an error with status 200.
    Reported(String),
    Reply(String),
}

/// The response that most services send, parsed without a tree of JSON values.
#[derive(Deserialize)]
struct CommonReply {
    data: Vec<CommonItem>,
}

#[derive(Deserialize)]
struct CommonItem {
    index: Option<usize>,
    embedding: Vec<f32>,
}

/// Returns one vector for each of `texts` texts.
pub(super) fn read(content: &[u8], texts: usize) -> Result<Vec<Vec<f32>>, Wrong> {
    if let Ok(CommonReply { data }) = serde_json::from_slice(content) {
        return in_order(data.into_iter().map(|item| (item.index, Ok(item.embedding))), texts);
    }
    let reply = json::parse(content).map_err(|error| {
        // Python writes these values into JSON, which has no such numbers.
        let text = String::from_utf8_lossy(content);
        let named = ["NaN", "Infinity"].into_iter().find(|name| text.contains(name));
        Wrong::Reply(match named {
            Some(name) => format!("it returned a vector with {name}"),
            None => format!("its answer is not the JSON expected: {error}"),
        })
    })?;
    let items = reply["data"].as_array().or_else(|| reply.as_array());
    let Some(items) = items else {
        return Err(match refusal::reported_in(&reply) {
            Some(message) => Wrong::Reported(message),
            None => Wrong::Reply("its answer contains no vectors".into()),
        });
    };
    let items = items.iter().map(|item| {
        let index = item["index"].as_u64().map(|index| index as usize);
        (index, vector(&item["embedding"]))
    });
    in_order(items, texts)
}

/// Orders vectors by the index of their text. Those without one are in order.
fn in_order(
    items: impl ExactSizeIterator<Item = (Option<usize>, Result<Vec<f32>, String>)>,
    texts: usize,
) -> Result<Vec<Vec<f32>>, Wrong> {
    if items.len() != texts {
        return Err(Wrong::Reply(format!("it returned {} vectors for {texts} texts", items.len())));
    }
    let mut vectors = vec![None; texts];
    for (position, (index, vector)) in items.enumerate() {
        let position = index.unwrap_or(position);
        let Some(slot) = vectors.get_mut(position) else {
            return Err(Wrong::Reply("it returned a vector for a text that was not sent".into()));
        };
        if slot.is_some() {
            return Err(Wrong::Reply("it returned two vectors for the same text".into()));
        }
        *slot = Some(vector.map_err(|what| {
            Wrong::Reply(format!("vector {} of {texts} contains {what}", position + 1))
        })?);
    }
    Ok(vectors.into_iter().flatten().collect())
}

/// Parses an array of numbers, or their bytes in base64, which some servers send unasked.
fn vector(value: &Value) -> Result<Vec<f32>, String> {
    match value {
        Value::Array(numbers) => numbers
            .iter()
            .map(|number| match number.as_f64() {
                Some(number) => Ok(number as f32),
                None => Err(refusal::shortened(&format!("{number}, which is not a number"))),
            })
            .collect(),
        Value::String(text) => {
            let bytes = STANDARD.decode(text).map_err(|_| "text that is not base64".to_owned())?;
            let (numbers, rest) = bytes.as_chunks();
            match rest.is_empty() {
                true => Ok(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect()),
                false => Err("an incomplete number".into()),
            }
        }
        _ => Err("no numbers".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_responses_are_described() {
        for (content, words) in [
            (r#"{"data":[{"embedding":[1.0,NaN]}]}"#, "with NaN"),
            (r#"{"data":[{"embedding":[1.0,-Infinity]}]}"#, "with Infinity"),
            (r#"{"data":[{"embedding":[1.0,null]}]}"#, "vector 1 of 1 contains null"),
            (r#"{"data":[{"embedding":["x"]}]}"#, "which is not a number"),
            (r#"{"data":[{}]}"#, "contains no numbers"),
            (r#"{"data":[]}"#, "it returned 0 vectors for 1 texts"),
            (r#"{"data":[{"index":7,"embedding":[1]}]}"#, "not sent"),
            (r#"{}"#, "no vectors"),
            ("{", "not the JSON expected"),
        ] {
            let Err(Wrong::Reply(reason)) = read(content.as_bytes(), 1) else {
                panic!("{content}")
            };
            assert!(reason.contains(words), "{content}: {reason}");
        }
        let reported = read(br#"{"error":"no such model"}"#, 1);
        assert_eq!(reported, Err(Wrong::Reported("no such model".into())));
    }

    #[test]
    fn vectors_are_in_the_order_of_their_texts() {
        let content =
            br#"{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":"AACAPw=="}]}"#;
        assert_eq!(read(content, 2), Ok(vec![vec![1.0], vec![2.0]]));
        let numbers = br#"{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1]}]}"#;
        assert_eq!(read(numbers, 2), Ok(vec![vec![1.0], vec![2.0]]));
    }
}
