//! Transcripts as subtitles: SubRip and WebVTT.
use std::fmt::Write;

use carrel_domain::speech::SpeechSegment;

/// Formats a time. `mark` precedes the milliseconds: a comma in SubRip, a dot in WebVTT.
fn time(seconds: f64, mark: char) -> String {
    let milliseconds = (seconds * 1000.0).round() as u64;
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}{mark}{rest:03}", seconds % 60)
}

/// Returns the text on one line, without the arrow that marks a time.
fn words(segment: &SpeechSegment) -> String {
    let words = segment.text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.replace("-->", "→")
}

pub(super) fn srt(segments: &[SpeechSegment]) -> String {
    let mut srt = String::new();
    for (number, segment) in segments.iter().enumerate() {
        let (start, end) = (time(segment.start, ','), time(segment.end, ','));
        let words = words(segment);
        // Writing to a string does not fail.
        let _ = write!(srt, "{}\n{start} --> {end}\n{words}\n\n", number + 1);
    }
    srt
}

pub(super) fn vtt(segments: &[SpeechSegment]) -> String {
    let mut vtt = "WEBVTT\n\n".to_owned();
    for segment in segments {
        let (start, end) = (time(segment.start, '.'), time(segment.end, '.'));
        let words = words(segment).replace('&', "&amp;").replace('<', "&lt;");
        let _ = write!(vtt, "{start} --> {end}\n{words}\n\n");
    }
    vtt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_texts_are_written_as_players_read_them() {
        let segment = |start, end, text: &str| SpeechSegment {
            start,
            end,
            text: text.to_owned(),
            ..SpeechSegment::default()
        };
        let segments = [segment(0.0, 1.5, " One\n & <two>"), segment(3_661.25, 3_725.0, "a --> b")];
        let expected = "1\n00:00:00,000 --> 00:00:01,500\nOne & <two>\n\n\
            2\n01:01:01,250 --> 01:02:05,000\na → b\n\n";
        assert_eq!(srt(&segments), expected);
        let expected = "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nOne &amp; &lt;two>\n\n\
            01:01:01.250 --> 01:02:05.000\na → b\n\n";
        assert_eq!(vtt(&segments), expected);
    }
}
