//! Parses the transcripts of different providers.
use carrel_domain::speech::{SegmentScores, SpeechSegment, SpokenWord, Transcript};
use serde_json::Value;

/// Parses a response of `audio/transcriptions`, with or without times; `None` without text.
pub(super) fn parse_openai(answer: &Value) -> Option<Transcript> {
    let text = answer["text"].as_str()?;
    let usage = seconds(&answer["usage"]["seconds"]);
    let duration = seconds(&answer["duration"]).or(usage).unwrap_or_default();
    let mut segments: Vec<_> = list(&answer["segments"]).filter_map(openai_segment).collect();
    if segments.is_empty() && !text.trim().is_empty() {
        let text = text.to_owned();
        segments.push(SpeechSegment { end: duration, text, ..SpeechSegment::default() });
    }
    distribute(list(&answer["words"]).filter_map(|word| spoken(word, "word")), &mut segments);
    Some(Transcript { language: text_of(&answer["language"]), duration, segments })
}

fn openai_segment(segment: &Value) -> Option<SpeechSegment> {
    let number = |name: &str| segment[name].as_f64().filter(|number| number.is_finite());
    let score = |name: &str| number(name).unwrap_or_default() as f32;
    let tokens = list(&segment["tokens"]).filter_map(|token| token.as_u64()?.try_into().ok());
    let scores = number("avg_logprob").map(|_| SegmentScores {
        tokens: tokens.collect(),
        temperature: score("temperature"),
        average_log_probability: score("avg_logprob"),
        compression_ratio: score("compression_ratio"),
        no_speech_probability: score("no_speech_prob"),
    });
    let start = seconds(&segment["start"])?;
    Some(SpeechSegment {
        start,
        end: seconds(&segment["end"])?.max(start),
        text: segment["text"].as_str()?.to_owned(),
        // Some servers put the words here instead of beside the segments.
        words: list(&segment["words"]).filter_map(|word| spoken(word, "word")).collect(),
        scores,
    })
}

/// Parses a response of Deepgram's `listen`; `None` without text.
pub(super) fn parse_deepgram(answer: &Value) -> Option<Transcript> {
    let channel = &answer["results"]["channels"][0];
    let text = channel["alternatives"][0]["transcript"].as_str()?;
    let duration = seconds(&answer["metadata"]["duration"]).unwrap_or_default();
    let utterances = list(&answer["results"]["utterances"]).filter_map(|utterance| {
        let start = seconds(&utterance["start"])?;
        let words = list(&utterance["words"]);
        Some(SpeechSegment {
            start,
            end: seconds(&utterance["end"])?.max(start),
            text: format!(" {}", utterance["transcript"].as_str()?),
            words: words.filter_map(|word| spoken(word, "punctuated_word")).collect(),
            scores: None,
        })
    });
    let mut segments: Vec<_> = utterances.collect();
    if segments.is_empty() && !text.trim().is_empty() {
        let words = list(&channel["alternatives"][0]["words"]);
        segments.push(SpeechSegment {
            end: duration,
            text: text.to_owned(),
            words: words.filter_map(|word| spoken(word, "punctuated_word")).collect(),
            ..SpeechSegment::default()
        });
    }
    Some(Transcript { language: text_of(&channel["detected_language"]), duration, segments })
}

/// Assigns each word to the segment in which it begins.
fn distribute(words: impl Iterator<Item = SpokenWord>, segments: &mut [SpeechSegment]) {
    for word in words {
        let after = segments.partition_point(|segment| segment.start <= word.start);
        if let Some(segment) = segments.get_mut(after.saturating_sub(1)) {
            segment.words.push(word);
        }
    }
}

/// Parses a word, with its punctuation if the field `name` exists.
fn spoken(word: &Value, name: &str) -> Option<SpokenWord> {
    let text = word[name].as_str().or_else(|| word["word"].as_str())?;
    let start = seconds(&word["start"])?;
    Some(SpokenWord { text: text.to_owned(), start, end: seconds(&word["end"])?.max(start) })
}

/// Parses a time in seconds, which some providers send as text.
fn seconds(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    number.filter(|number| number.is_finite() && *number >= 0.0)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text_of(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
