//! Local voices: every format and every refusal.
//!
//! `espeak-ng` must be installed. The Piper voice is the one next to `CARREL_MODEL_DIR`, where
//! `carrel model fetch piper` installs it. Without it the tests that need it are skipped and say
//! so.
#![expect(clippy::unwrap_used, reason = "tests say what they expect with `unwrap`, helpers too")]

use std::env;
use std::io::Cursor;
use std::path::PathBuf;
use std::time::Duration;

use carrel_domain::Error;
use carrel_domain::speech::{AudioFormat, SpeechRequest, SpeechSynthesizer, Speed};
use carrel_speech::audio::{RATE, Sound};
use carrel_speech::directory;
use carrel_speech::speaking::{NativeSynthesizer, Options, SPOKEN_RATE};
use futures_util::StreamExt;

const TEXT: &str = "Good morning. The meeting begins at nine, in the large room.";

fn synthesizer(directory: PathBuf) -> NativeSynthesizer {
    let release_after = Some(Duration::from_secs(2));
    NativeSynthesizer::new(Options { directory, voice: None, threads: 2, release_after })
}

fn request(format: AudioFormat) -> SpeechRequest {
    let text = TEXT.to_owned();
    SpeechRequest { text, voice: None, format, speed: Speed::default(), instructions: None }
}

fn piper() -> Option<PathBuf> {
    let model_directory = env::var_os("CARREL_MODEL_DIR").map(PathBuf::from);
    let path =
        model_directory.map(|model_directory| model_directory.with_file_name(directory::PIPER));
    let found = path.filter(|path| path.join(directory::PIPER_FILES[1].name).exists());
    if found.is_none() {
        eprintln!("skipped: no voice beside CARREL_MODEL_DIR (carrel model fetch piper)");
    }
    found
}

async fn pieces(synthesizer: &NativeSynthesizer, request: SpeechRequest) -> Vec<Vec<u8>> {
    let audio = synthesizer.speak(request).await.unwrap().audio;
    audio.map(Result::unwrap).collect().await
}

/// Returns the length in seconds and the loudness.
fn measured(bytes: Vec<u8>) -> (f64, f32) {
    let length = bytes.len() as u64;
    let mut sound = Sound::open(Cursor::new(bytes), length).unwrap();
    let mut samples = Vec::new();
    while let Some(part) = sound.next_samples().unwrap() {
        samples.extend(part);
    }
    let power = samples.iter().map(|x| x * x).sum::<f32>() / samples.len() as f32;
    (samples.len() as f64 / RATE as f64, power.sqrt())
}

async fn every_format_is_sound(synthesizer: &NativeSynthesizer) {
    let pcm = pieces(synthesizer, request(AudioFormat::Pcm)).await;
    // A piece for each sentence.
    assert_eq!(pcm.len(), 2);
    let expected = pcm.concat().len() as f64 / 2.0 / f64::from(SPOKEN_RATE);
    assert!((2.5..8.0).contains(&expected), "{expected}");
    for format in synthesizer.formats() {
        if format != AudioFormat::Pcm {
            let (seconds, loudness) = measured(pieces(synthesizer, request(format)).await.concat());
            // Random noise makes a Piper voice a little faster or slower each time.
            assert!((seconds / expected - 1.0).abs() < 0.15, "{format:?}: {seconds} {expected}");
            assert!(loudness > 0.01, "{format:?}: {loudness}");
        }
    }
}

#[tokio::test]
async fn without_a_voice_espeak_speaks_in_every_format() {
    let synthesizer = synthesizer("/nowhere".into());
    assert_eq!(synthesizer.name().model, "espeak-ng");
    every_format_is_sound(&synthesizer).await;
    let voices = synthesizer.voices().await.unwrap();
    assert!(voices.iter().any(|voice| voice.id == "espeak-ng/de"), "{voices:?}");
}

#[tokio::test]
async fn a_piper_voice_speaks_and_is_unloaded_when_idle() {
    let Some(directory) = piper() else { return };
    let synthesizer = synthesizer(directory);
    assert_eq!(synthesizer.name().model, "piper");
    every_format_is_sound(&synthesizer).await;
    assert!(synthesizer.is_loaded());
    let voices = synthesizer.voices().await.unwrap();
    assert_eq!(
        (voices[0].id.as_str(), &voices[0].languages[..]),
        ("en_US-joe-medium", &["en-US".to_owned()][..])
    );
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if !synthesizer.is_loaded() {
            return;
        }
    }
    panic!("the voice was not unloaded");
}

#[tokio::test]
async fn speed_changes_the_length() {
    let synthesizer = synthesizer("/nowhere".into());
    let spoken = async |speed: f64| {
        let speed = Speed::new(speed).unwrap();
        pieces(&synthesizer, SpeechRequest { speed, ..request(AudioFormat::Pcm) })
            .await
            .concat()
            .len()
    };
    let (slow, fast) = (spoken(0.7).await, spoken(1.8).await);
    assert!(slow > fast * 3 / 2, "{slow} {fast}");
}

#[tokio::test]
async fn an_unsupported_request_is_refused_with_its_field() {
    let synthesizer = synthesizer("/nowhere".into());
    for voice in ["nobody", "espeak-ng/xx-nowhere", "../../etc/passwd", "espeak-ng/../x", ""] {
        let request = SpeechRequest { voice: Some(voice.into()), ..request(AudioFormat::Wav) };
        let Err(Error::Invalid { field, .. }) = synthesizer.speak(request).await else {
            panic!("the unknown voice {voice} was accepted");
        };
        assert_eq!(field, "voice");
    }
    let Err(Error::Invalid { field, .. }) = synthesizer.speak(request(AudioFormat::Aac)).await
    else {
        panic!("there is no encoder for AAC");
    };
    assert_eq!(field, "response_format");
    // Clients of OpenAI's protocol must name a voice.
    let usual = SpeechRequest { voice: Some("alloy".into()), ..request(AudioFormat::Wav) };
    assert!(synthesizer.speak(usual).await.is_ok());
}

#[tokio::test]
async fn an_empty_text_is_an_empty_recording_and_a_text_is_never_parsed_as_options() {
    let synthesizer = synthesizer("/nowhere".into());
    let silent = SpeechRequest { text: " … \n".into(), ..request(AudioFormat::Wav) };
    assert_eq!(pieces(&synthesizer, silent).await.concat().len(), 44);
    let text = "--version -f /etc/passwd".to_owned();
    let (seconds, _) = measured(
        pieces(&synthesizer, SpeechRequest { text, ..request(AudioFormat::Wav) }).await.concat(),
    );
    assert!(seconds > 1.0);
}
