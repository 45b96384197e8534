//! Tests of counting recordings and of choosing voices and formats.
use carrel_domain::speech::SpeechSegment;
use futures_util::stream;

use super::*;

fn segment(end: f64) -> Result<TranscriptPart> {
    Ok(TranscriptPart::Segment(SpeechSegment { end, ..SpeechSegment::default() }))
}

async fn seconds(parts: Vec<Result<TranscriptPart>>, length: u64) -> (u32, usize) {
    let (sender, mut receiver) = mpsc::channel(16);
    let progress = forward(Box::pin(stream::iter(parts)), &sender).await;
    drop(sender);
    let mut count = 0;
    while receiver.recv().await.is_some() {
        count += 1;
    }
    (progress.seconds(length), count)
}

#[tokio::test]
async fn a_recording_counts_by_its_length_or_the_part_transcribed() {
    let recording = || Ok(TranscriptPart::Recording { language: None, duration: 90.2 });
    assert_eq!(seconds(vec![recording(), segment(61.0)], 100).await, (91, 2));
    assert_eq!(seconds(vec![segment(3.5), Ok(TranscriptPart::Progress(7.1))], 100).await, (8, 2));
    // Parts after a failure are not processed, and the total length is unknown.
    let failure = || Err(Error::unavailable("the test", "it fails"));
    assert_eq!(
        seconds(vec![recording(), segment(4.0), failure(), segment(50.0)], 100).await,
        (4, 3)
    );
    assert_eq!(seconds(vec![], 32_001).await, (17, 0), "by its bytes");
    assert_eq!(seconds(vec![failure()], 32_001).await, (0, 1));
}

#[tokio::test]
async fn dropping_the_receiver_cancels_the_work() {
    let (sender, receiver) = mpsc::channel(1);
    drop(receiver);
    let endless = stream::iter(vec![segment(5.0)]).chain(stream::pending());
    let progress = forward(Box::pin(endless), &sender).await;
    assert!(!progress.is_complete);
}

#[test]
fn openai_voices_map_to_the_default_of_other_providers() {
    for (provider, requested, expected) in [
        ("openai", "alloy", Some("alloy")),
        ("kokoro", "alloy", Some("alloy")),
        ("native", "alloy", None),
        ("elevenlabs", "nova", None),
        ("native", "en_US-joe-medium", Some("en_US-joe-medium")),
        ("openai", "default", None),
        ("openai", " ", None),
    ] {
        let name = SpeechModelName { provider: provider.into(), model: "m".into() };
        assert_eq!(
            voice(Some(requested.into()), &name).as_deref(),
            expected,
            "{provider} {requested}"
        );
    }
}

#[test]
fn a_second_of_silence_is_a_valid_file() {
    let file = second_of_silence().unwrap();
    assert_eq!(file.as_file().metadata().unwrap().len(), 48_044);
}
