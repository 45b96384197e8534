//! Decodes the same sentence in every supported format, and refuses other files.
#![expect(clippy::unwrap_used, reason = "tests say what they expect with `unwrap`, helpers too")]

use std::fs;
use std::io::Cursor;
use std::path::Path;

use carrel_speech::audio::{AudioError, RATE, Sound};

const FORMATS: [&str; 9] = [
    "talk.wav",
    "talk.flac",
    "talk.mp3",
    "talk.opus",
    "talk.webm",
    "talk.ogg",
    "talk.m4a",
    "talk.mkv",
    "film.mp4",
];

fn recording(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/recordings");
    fs::read(folder.join(name)).unwrap()
}

/// Returns all samples and whether the file was truncated.
fn decode(content: &[u8]) -> Result<(Vec<f32>, bool), AudioError> {
    let mut sound = Sound::open(Cursor::new(content), content.len() as u64)?;
    let mut samples = Vec::new();
    while let Some(part) = sound.next_samples()? {
        samples.extend(part);
    }
    Ok((samples, sound.is_cut()))
}

/// Returns the loudness of every tenth of a second.
fn loudness(samples: &[f32]) -> Vec<f32> {
    let power = |part: &[f32]| part.iter().map(|x| x * x).sum::<f32>() / part.len() as f32;
    samples.chunks(RATE / 10).map(|part| power(part).sqrt()).collect()
}

#[test]
fn every_format_sounds_alike() {
    let (reference, _) = decode(&recording("talk.wav")).unwrap();
    let expected = loudness(&reference);
    for name in FORMATS {
        let (samples, is_cut) = decode(&recording(name)).unwrap();
        assert!(!is_cut, "{name}");
        let seconds = samples.len() as f64 / RATE as f64;
        assert!((5.5..5.8).contains(&seconds), "{name}: {seconds}");
        assert!(samples.iter().all(|sample| (-1.0..=1.0).contains(sample)), "{name}");
        let found = loudness(&samples);
        let pairs = || expected.iter().zip(&found);
        let product: f32 = pairs().map(|(a, b)| a * b).sum();
        let norm = |values: &[f32]| values.iter().map(|x| x * x).sum::<f32>().sqrt();
        let similarity = product / (norm(&expected) * norm(&found));
        assert!(similarity > 0.9, "{name}: {similarity}");
    }
}

#[test]
fn the_content_and_not_the_name_determines_the_format() {
    for (content, error) in [
        (Vec::new(), AudioError::Empty),
        (b"no recording at all, but a text of some length".repeat(50), AudioError::Unknown),
        (vec![0; 100_000], AudioError::Unknown),
    ] {
        assert_eq!(decode(&content).unwrap_err(), error);
    }
}

#[test]
fn a_truncated_file_is_decoded_up_to_its_end() {
    for name in FORMATS {
        let whole = recording(name);
        let first_half = &whole[..whole.len() / 2];
        match decode(first_half) {
            Ok((samples, _)) => {
                let seconds = samples.len() as f64 / RATE as f64;
                assert!((0.5..5.7).contains(&seconds), "{name}: {seconds}");
            }
            // The index of these formats is at the end of the file.
            Err(error) => {
                let has_table = ["m4a", "mp4", "webm", "mkv"].iter().any(|end| name.ends_with(end));
                assert!(has_table, "{name}: {error}");
            }
        }
    }
}

#[test]
fn damage_never_causes_a_panic() {
    let mut state = 7_u32;
    for name in FORMATS {
        let whole = recording(name);
        for _ in 0..20 {
            let mut damaged = whole.clone();
            for _ in 0..40 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = state as usize % damaged.len();
                damaged[at] = (state >> 16) as u8;
            }
            let _ = decode(&damaged);
        }
    }
}

#[test]
fn a_header_that_claims_days_of_audio_is_refused_at_once() {
    let mut wav = recording("talk.wav");
    // 1 sample per second and 4 GB of samples.
    wav[24..28].copy_from_slice(&1_u32.to_le_bytes());
    assert!(decode(&wav).is_err());
}
