//! Embeddings that depend on the words of a text: texts with shared words are near each other.
use std::time::Duration;

use actix_web::HttpResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::error;

const DIMENSIONS: u64 = 64;
const MAX_DIMENSIONS: u64 = 4096;

/// The delay of the slow model.
const SLOW: Duration = Duration::from_millis(100);
/// The text that a picky model refuses.
const UNSPEAKABLE: &str = "unspeakable";

pub(super) async fn respond(body: &Value) -> HttpResponse {
    let texts: Vec<&str> = match &body["input"] {
        Value::String(text) => vec![text],
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    match body["model"].as_str().unwrap_or_default() {
        "slow" => tokio::time::sleep(SLOW).await,
        "picky" if texts.iter().any(|text| text.contains(UNSPEAKABLE)) => {
            return error(400, "that is not to be said");
        }
        model => {
            let status = model.strip_prefix("fail-").and_then(|status| status.parse().ok());
            if let Some(status @ 400..=599) = status {
                return error(status, "the test wants it so");
            }
        }
    }
    let dimensions = body["dimensions"].as_u64().unwrap_or(DIMENSIONS);
    if texts.is_empty() || !(1..=MAX_DIMENSIONS).contains(&dimensions) {
        return error(400, "input: a text or a list of texts is needed, of 1 to 4096 dimensions");
    }
    let item = |(index, text): (usize, &&str)| {
        let vector = vector(text, dimensions as usize);
        let embedding = if body["encoding_format"] == "base64" {
            let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
            json!(STANDARD.encode(bytes))
        } else {
            json!(vector)
        };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    };
    let data: Vec<_> = texts.iter().enumerate().map(item).collect();
    let tokens: usize = texts.iter().map(|text| text.split_whitespace().count()).sum();
    HttpResponse::Ok().json(json!({
        "object": "list", "model": body["model"], "data": data,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }))
}

/// Returns the normalised sum of one pseudo-random vector for each word.
pub fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let lower = text.to_lowercase();
    let mut words: Vec<_> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    if words.is_empty() {
        words.push("");
    }
    let mut sum = vec![0f64; dimensions];
    for word in words {
        let mut state = hash(word);
        for value in &mut sum {
            *value += next(&mut state);
        }
    }
    let length = sum.iter().map(|value| value * value).sum::<f64>().sqrt();
    sum.iter().map(|value| (value / length) as f32).collect()
}

/// Returns the 64-bit FNV-1a hash.
fn hash(word: &str) -> u64 {
    word.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Returns the next number of SplitMix64, from -1 to 1.
fn next(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    (mixed >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_shared_words_are_nearer() {
        let cosine = |a: &str, b: &str| -> f32 {
            vector(a, 64).iter().zip(vector(b, 64)).map(|(a, b)| a * b).sum()
        };
        assert!((cosine("The key", "the KEY!") - 1.0).abs() < 1e-5);
        assert!(
            cosine("where is the key", "the key is here") > cosine("where is the key", "dogs bark")
        );
    }
}
